"""What is done to a data directory while no server uses it: restore, and a new key."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from . import database, schema
from .files import MINE, make_directory, protect, sync_directory
from .vault import SecretKeys


def restore(backup: Path, directory: Path, keys: SecretKeys) -> Path | None:
    """Make a backup the database of a data directory.

    Everything is checked first. The database that the directory had is kept under
    another name.

    Args:
        backup: The file of ``aiodockercloud backup``.
        directory: The data directory, created if necessary.
        keys: The secret keys of the server that made the backup.

    Returns:
        The former database; None if the directory had none.

    Raises:
        OSError: The backup is damaged, the secret key does not fit, or a server uses
            the directory. Nothing was changed.
    """
    encrypted = database.inspect(backup) >= schema.ENCRYPTED
    if encrypted:
        database.check_rows(backup, keys)
    make_directory(directory)
    path = directory / database.FILE
    if path.exists():
        database.close_log(path)
    new = path.with_name(f"{database.FILE}.new")
    new.unlink(missing_ok=True)
    new.touch(mode=MINE)
    protect(new)
    with backup.open("rb") as source, new.open("wb") as target:
        shutil.copyfileobj(source, target)
        target.flush()
        os.fsync(target.fileno())
    former = _set_aside(path) if path.exists() else None
    new.rename(path)
    sync_directory(directory)
    return former


def _set_aside(path: Path) -> Path:
    """Rename a database and what SQLite wrote beside it."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    former = path.with_name(f"{path.name}.before-{stamp}")
    for suffix in ("", *database.BESIDE):
        file = path.with_name(f"{path.name}{suffix}")
        if file.exists():
            file.rename(former.with_name(f"{former.name}{suffix}"))
    return former


def change_key(directory: Path, keys: SecretKeys) -> None:
    """Encrypt a database with a new secret key, and forget the old ones.

    A crash in between loses nothing: until the end, the file has both keys.

    Raises:
        OSError: A server uses the directory, the directory has no database, or the key
            comes from the environment.
    """
    if keys.in_environment:
        raise OSError(
            f"the key is in {keys.place}: put a new key and a space before the key,"
            " and restart the server"
        )
    path = directory / database.FILE
    if not path.exists():
        raise OSError(f"{directory} has no database")
    database.inspect(path)
    # Fails before the file changes if a server uses the directory.
    database.prepare(directory, keys)
    keys.write(keys.words())
    database.prepare(directory, keys)
    keys.keep_first()
