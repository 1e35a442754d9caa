"""The database file: created, checked, migrated and decrypted before a server uses it.

A database that cannot be used stays as it is: the file is opened for reading first.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from . import schema
from .files import make_directory, protect, sync_directory
from .vault import Damaged, SecretKeys, Vault

FILE = "aiodockercloud.sqlite3"
_LOG = "-wal"
#: What SQLite writes beside the database.
BESIDE = (_LOG, "-shm", "-journal")


def prepare(directory: Path, keys: SecretKeys, *, lock_timeout: float = 0.0) -> Vault:
    """Make the database of a directory ready, and return what decrypts its rows.

    Creates the directory, the database and the key file if necessary. Clear rows of
    older versions, and rows of an older key, are encrypted with the first key.

    Raises:
        OSError: The directory, the database or the key cannot be used.
    """
    make_directory(directory)
    path = directory / FILE
    for suffix in ("", *BESIDE):
        protect(directory / f"{FILE}{suffix}")
    if not path.exists():
        if (directory / f"{FILE}{_LOG}").exists():
            raise _damaged(path, f"only {FILE}{_LOG} exists")
        return _create(path, keys.create()[0])
    version = inspect(path, lock_timeout=lock_timeout)
    vaults = keys.create() if version < schema.ENCRYPTED else keys.read()
    with database_errors(path), closing(_connect(path, lock_timeout)) as db:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        if version >= schema.ENCRYPTED:
            old = _fitting(path, schema.fingerprint(db), vaults, keys)
            if old is not vaults[0]:
                schema.change_key(db, old, vaults[0])
        schema.migrate(db, vaults[0])
        with suppress(sqlite3.OperationalError):  # a full disk: later will do
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return vaults[0]


def inspect(path: Path, *, lock_timeout: float = 0.0) -> int:
    """Return the version of a database after a check, without changing the file.

    Raises:
        OSError: The file is damaged, newer than this program, or in use.
    """
    if path.stat().st_size == 0:
        raise _damaged(path, "the file is empty")
    with database_errors(path):
        try:
            with closing(_connect(_read_only(path), lock_timeout)) as db:
                return _inspect(path, db)
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise
        # A reader needs space for its index of the log; the only user does not.
        with closing(_connect(path, lock_timeout)) as db:
            db.execute("PRAGMA locking_mode = EXCLUSIVE")
            return _inspect(path, db)


def _inspect(path: Path, db: sqlite3.Connection) -> int:
    version = schema.version(db)
    if version > schema.VERSION:
        raise OSError(f"{path} was written by a newer aiodockercloud")
    if version < 1:
        raise _damaged(path, "the file is no database of a server")
    if (found := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
        raise _damaged(path, str(found).splitlines()[-1])
    db.execute("SELECT kind, uuid, body FROM objects LIMIT 1").fetchone()
    return version


def _read_only(path: Path) -> str:
    return f"{path.absolute().as_uri()}?mode=ro"


def check_rows(path: Path, keys: SecretKeys) -> None:
    """Check that every row of a database that no server uses can be decrypted.

    Raises:
        OSError: A row cannot be decrypted, or the key is another one.
    """
    with database_errors(path), closing(_connect(_read_only(path), 0.0)) as db:
        vault = _fitting(path, schema.fingerprint(db), keys.read(), keys)
        for kind, name, body in db.execute("SELECT kind, uuid, body FROM objects"):
            vault.open(kind, name, body)


def close_log(path: Path) -> None:
    """Move what the log of a database contains into the database, if that is possible.

    Raises:
        OSError: A server uses the database.
    """
    try:
        with closing(_connect(path, 0.0)) as db:
            db.execute("PRAGMA locking_mode = EXCLUSIVE")
            db.execute("BEGIN EXCLUSIVE")
            db.execute("COMMIT")
    except sqlite3.Error as error:
        if "locked" in str(error):  # otherwise the file is damaged
            with database_errors(path):
                raise


def _fitting(path: Path, wanted: str, vaults: list[Vault], keys: SecretKeys) -> Vault:
    """Return the key with which a database is encrypted.

    Raises:
        OSError: The key is missing or another one.
    """
    if not vaults:
        raise OSError(
            f"cannot use {path}: its rows are encrypted, and the secret key in"
            f" {keys.place} is missing; nothing was changed"
        )
    for vault in vaults:
        if vault.fingerprint == wanted:
            return vault
    raise OSError(
        f"cannot use {path}: its rows are encrypted with another secret key than the"
        f" one in {keys.place}; nothing was changed"
    )


def copy(source: Path, target: Path, keys: SecretKeys) -> SecretKeys:
    """Copy the database of a directory that cannot be written to another directory.

    Returns:
        The keys of the copy: new ones for a database whose rows are clear.
    """
    for suffix in ("", _LOG):
        if (file := source / f"{FILE}{suffix}").exists():
            shutil.copyfile(file, target / file.name)
    encrypted = inspect(target / FILE) >= schema.ENCRYPTED
    return keys if encrypted else SecretKeys(target)


def _create(path: Path, vault: Vault) -> Vault:
    """Create a database, complete or not at all."""
    new = path.with_name(f"{FILE}.new")
    new.unlink(missing_ok=True)
    os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    protect(new)
    with database_errors(path), closing(_connect(new, 0.0)) as db:
        schema.migrate(db, vault)
    new.rename(path)
    sync_directory(path.parent)
    return vault


def _connect(path: Path | str, lock_timeout: float) -> sqlite3.Connection:
    uri = isinstance(path, str)
    return sqlite3.connect(path, timeout=lock_timeout, isolation_level=None, uri=uri)


@contextmanager
def database_errors(path: Path) -> Iterator[None]:
    """Raise errors of SQLite and of damaged rows as errors of the file, in one line."""
    try:
        yield
    except Damaged as error:
        raise _damaged(path, str(error)) from error
    except sqlite3.Error as error:
        if "locked" in str(error):
            raise OSError(
                f"cannot use {path.parent}: another server is using it"
            ) from error
        if type(error) is sqlite3.DatabaseError or "no such" in str(error):
            raise _damaged(path, str(error)) from error
        raise OSError(f"cannot use {path.parent}: {error}") from error


def _damaged(path: Path, why: str) -> OSError:
    return OSError(
        f"cannot use {path}: {why}. Nothing was changed: restore a backup, or move the"
        " file away to begin without state"
    )
