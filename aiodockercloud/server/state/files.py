"""Files that only the user of the server may read, whatever the umask."""

from __future__ import annotations

import errno
import logging
import os
import stat
import tempfile
from pathlib import Path

log: logging.Logger = logging.getLogger(__name__)

#: The rights of every file: reading and writing by the owner.
MINE = 0o600


def warn(text: str) -> None:
    """Log a warning about rights of files."""
    log.warning("%s", text)


def make_directory(directory: Path) -> None:
    """Create a directory for its owner only, or check the one that exists.

    In a directory with the sticky bit, other users can add files, but cannot replace
    those of the server.

    Raises:
        OSError: The directory cannot be used, or all users may write to the directory.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError:
        raise OSError(f"cannot use {directory}: it is not a directory") from None
    mode = directory.stat().st_mode
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        raise OSError(
            f"cannot use {directory}: all users may write to the directory;"
            f" chmod 700 {directory}"
        )
    if mode & 0o077:
        warn(f"other users may enter the data directory: chmod 700 {directory}")


def check_owner(file: Path) -> os.stat_result:
    """Return the status of a file that no other user has made.

    Raises:
        OSError: The file belongs to another user than the server's and the superuser.
    """
    status = file.stat()
    if status.st_uid not in (0, os.geteuid()):
        raise OSError(f"cannot use {file}: the file belongs to another user")
    return status


def protect(file: Path) -> None:
    """Take the rights of other users on a file away, if the file exists."""
    try:
        if stat.S_IMODE(check_owner(file).st_mode) & ~MINE:
            file.chmod(MINE)
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EROFS):
            raise
        warn(f"other users have rights on {file}: {error.strerror}")


def replace_file(file: Path, content: bytes) -> None:
    """Write a file so that a crash leaves the old or the new content."""
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(descriptor, "wb") as opened:  # mkstemp: for the owner only
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_directory(file.parent)


def sync_directory(directory: Path) -> None:
    """Make names of files in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_read_only(directory: Path) -> bool:
    """Return whether nothing can be written to an existing directory.

    The attempt decides: a superuser may write against the rights, but not to a file
    system that is mounted for reading.
    """
    if not directory.is_dir():
        return False
    try:
        descriptor, name = tempfile.mkstemp(dir=directory, prefix=".writable.")
    except OSError as error:
        return error.errno in (errno.EROFS, errno.EACCES, errno.EPERM)
    os.close(descriptor)
    Path(name).unlink()
    return False
