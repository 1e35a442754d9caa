"""The tables of the database, and the migrations from each older version.

``objects`` has one row for each record, account, key and stored response. Since version
2, ``uuid`` is a keyed hash and ``body`` is encrypted, see :mod:`.vault`, and ``secret``
has the fingerprint of the key. In version 1, the rows were clear. In version 2, each
row was a Fernet token; since version 3, rows are written with AES-GCM, both are read,
and the table has its rows in the order of their creation.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ... import wire
from .vault import Vault

_COLUMNS = (
    "(kind TEXT NOT NULL, uuid TEXT NOT NULL, body BLOB NOT NULL,"
    " PRIMARY KEY (kind, uuid)) WITHOUT ROWID"
)


def _create(db: sqlite3.Connection, _: Vault) -> None:
    db.execute(f"CREATE TABLE objects {_COLUMNS}")


def _encrypt(db: sqlite3.Connection, vault: Vault) -> None:
    db.execute(f"CREATE TABLE encrypted {_COLUMNS}")
    db.execute("CREATE TABLE secret (fingerprint TEXT NOT NULL)")
    db.execute("INSERT INTO secret VALUES (?)", (vault.fingerprint,))

    def encrypted() -> Iterator[tuple[str, str, bytes]]:
        for kind, key, body in db.execute("SELECT kind, uuid, body FROM objects"):
            try:
                wire.loads(body)
            except ValueError as error:
                raise sqlite3.DatabaseError(
                    f"a row of the kind {kind} is not JSON: {error}"
                ) from None
            data = body if isinstance(body, bytes) else body.encode()
            yield kind, vault.name(kind, key), vault.seal(kind, key, data)

    db.executemany("INSERT INTO encrypted VALUES (?, ?, ?)", encrypted())
    db.execute("DROP TABLE objects")
    db.execute("ALTER TABLE encrypted RENAME TO objects")


def _append(db: sqlite3.Connection, _: Vault) -> None:
    """Keep the rows in the order of their creation, and their keys in an index.

    A new row, whose key is random, then changes the last page and a page of the small
    index, instead of splitting pages of large rows all over the file.
    """
    db.execute(
        "CREATE TABLE appended (kind TEXT NOT NULL, uuid TEXT NOT NULL, body BLOB NOT"
        " NULL, PRIMARY KEY (kind, uuid))"
    )
    db.execute("INSERT INTO appended SELECT kind, uuid, body FROM objects")
    db.execute("DROP TABLE objects")
    db.execute("ALTER TABLE appended RENAME TO objects")


#: The function at index n takes a database from version n to version n + 1.
MIGRATIONS: tuple[Callable[[sqlite3.Connection, Vault], None], ...] = (
    _create,
    _encrypt,
    _append,
)
VERSION = len(MIGRATIONS)
#: The first version with encrypted rows.
ENCRYPTED = 2


def version(db: sqlite3.Connection) -> int:
    """Return the version of the database; 0 for a new one."""
    found: int = db.execute("PRAGMA user_version").fetchone()[0]
    return found


def migrate(db: sqlite3.Connection, vault: Vault) -> None:
    """Bring the database to the newest version, each step in one transaction.

    The connection must be in autocommit mode.
    """
    # The pages of clear rows are overwritten, instead of left unused in the file.
    db.execute("PRAGMA secure_delete = ON")
    for number in range(version(db), VERSION):
        with _transaction(db):
            MIGRATIONS[number](db, vault)
            db.execute(f"PRAGMA user_version = {number + 1}")


def fingerprint(db: sqlite3.Connection) -> str:
    """Return the fingerprint of the key with which the rows are encrypted."""
    found: str = db.execute("SELECT fingerprint FROM secret").fetchone()[0]
    return found


def change_key(db: sqlite3.Connection, old: Vault, new: Vault) -> None:
    """Encrypt all rows with another key, in one transaction.

    Raises:
        Damaged: A row cannot be decrypted; nothing was changed.
    """
    rows = db.execute("SELECT kind, uuid, body FROM objects").fetchall()

    def changed() -> Iterator[tuple[str, str, bytes]]:
        for kind, name, body in rows:
            key, clear = old.open(kind, name, body)
            yield kind, new.name(kind, key), new.seal(kind, key, clear)

    db.execute("PRAGMA secure_delete = ON")
    with _transaction(db):
        db.execute("DELETE FROM objects")
        db.executemany("INSERT INTO objects VALUES (?, ?, ?)", changed())
        db.execute("UPDATE secret SET fingerprint = ?", (new.fingerprint,))


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
