"""Durable storage: one row of JSON in SQLite for each record, read at the start only.

``put`` and ``delete`` queue a change; one writer task writes all queued changes in one
transaction. The server responds after ``flush``: the changes of a request are in the
database (WAL) before the client receives the response. Without a directory, the store
writes nothing.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import aiosqlite

from ... import wire
from .records import Record

# aiosqlite logs each statement with its values at the level DEBUG, and the rows contain
# environments and passwords.
logging.getLogger("aiosqlite").setLevel(logging.INFO)

_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    kind TEXT NOT NULL, uuid TEXT NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (kind, uuid)
) WITHOUT ROWID
"""

Row = Record | dict[str, Any] | None
Rows = Mapping[tuple[str, str], Row]


async def write_rows(db: aiosqlite.Connection, rows: Rows) -> None:
    """Write and delete rows in one transaction."""
    written = [
        (kind, key, wire.dumps(row.as_json() if isinstance(row, Record) else row))
        for (kind, key), row in rows.items()
        if row is not None
    ]
    deleted = [key for key, row in rows.items() if row is None]
    try:
        if written:
            await db.executemany(
                "INSERT OR REPLACE INTO objects VALUES (?, ?, ?)", written
            )
        if deleted:
            await db.executemany(
                "DELETE FROM objects WHERE kind = ? AND uuid = ?", deleted
            )
        await db.commit()
    except sqlite3.Error:
        await db.rollback()
        raise


class Store:
    """Rows in a database file.

    Args:
        directory: The directory of the database; without a directory, the store keeps
            nothing.
        lock_timeout: Seconds to wait for another server to release the database.
        write: The function that writes one batch of rows, for tests.
    """

    def __init__(
        self,
        directory: Path | None = None,
        *,
        lock_timeout: float = 0.0,
        write: Callable[[aiosqlite.Connection, Rows], Awaitable[None]] = write_rows,
    ) -> None:
        self.write = write
        self._directory = directory
        self._lock_timeout = lock_timeout
        self._db: aiosqlite.Connection | None = None
        self._dirty: dict[tuple[str, str], Row] = {}
        #: Why the database cannot be written at the moment; None while it can.
        self.failing: str | None = None
        #: The numbers of queued and of written changes since the start.
        self._queued = self._written = 0
        self._wanted = asyncio.Event()
        self._progress: asyncio.Future[None] | None = None
        self._closing = False
        self._writer: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Open the database, and create the directory and the database if necessary.

        Raises:
            OSError: The directory cannot be used, or another server uses the directory.
        """
        if self._directory is None:
            return
        await asyncio.to_thread(
            self._directory.mkdir, mode=0o700, parents=True, exist_ok=True
        )
        try:
            db = await aiosqlite.connect(
                self._directory / "aiodockercloud.sqlite3", timeout=self._lock_timeout
            )
        except sqlite3.Error as error:
            raise self._unusable(error) from error
        try:
            # Only one server may use the directory: a second one fails here.
            await db.execute("PRAGMA locking_mode = EXCLUSIVE")
            await db.execute("PRAGMA journal_mode = WAL")
            await db.execute("PRAGMA synchronous = NORMAL")
            async with db.execute("PRAGMA user_version") as cursor:
                row = await cursor.fetchone()
            version = row[0] if row else 0
            if version > _SCHEMA_VERSION:
                raise OSError(
                    f"{self._directory} was written by a newer aiodockercloud"
                )
            await db.execute(_SCHEMA)
            await db.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
            await db.commit()
        except BaseException as error:
            await db.close()
            if isinstance(error, sqlite3.Error):
                raise self._unusable(error) from error
            raise
        self._db = db
        self._writer = asyncio.create_task(self._write(db), name="store-writer")

    def _unusable(self, error: sqlite3.Error) -> OSError:
        locked = "locked" in str(error)
        why = "another server is using it" if locked else str(error)
        return OSError(f"cannot use {self._directory}: {why}")

    async def load(self) -> AsyncIterator[tuple[str, str, dict[str, Any]]]:
        """Yield all rows as (kind, key, body)."""
        if self._db is None:
            return
        async with self._db.execute("SELECT kind, uuid, body FROM objects") as rows:
            async for kind, key, body in rows:
                yield kind, key, wire.loads(body)

    @property
    def waiting(self) -> int:
        """The number of changed rows that are not in the database yet."""
        return len(self._dirty)

    def put(self, record: Record) -> None:
        """Queue a new or changed record."""
        self.put_row(record.kind, record.uuid, record)

    def delete(self, record: Record) -> None:
        """Queue the deletion of a record."""
        self.put_row(record.kind, record.uuid, None)

    def put_row(self, kind: str, key: str, row: Row) -> None:
        """Queue a row of any kind; ``None`` deletes the row."""
        if self._db is not None:
            self._dirty[kind, key] = row
            self._queued += 1
            self._wanted.set()

    async def flush(self) -> None:
        """Return when all changes queued before the call are in the database.

        Raises:
            OSError: The changes could not be written.
        """
        target = self._queued
        while self._written < target:
            if self._progress is None:
                self._progress = asyncio.get_running_loop().create_future()
            if self._writer is None:
                raise OSError("the database is closed")
            if self._dirty:
                # After a failure, the writer waits for this before the next attempt.
                self._wanted.set()
            await asyncio.shield(self._progress)

    async def close(self) -> None:
        """Write the queued changes and close the database. Safe to repeat.

        Raises:
            OSError: The changes could not be written; the database is closed.
        """
        self._closing = True
        self._wanted.set()
        try:
            if self._writer is not None:
                await self._writer
        finally:
            self._writer = None
            db, self._db = self._db, None
            if db is not None:
                await db.close()

    async def _write(self, db: aiosqlite.Connection) -> None:
        while self._dirty or not self._closing:
            await self._wanted.wait()
            self._wanted.clear()
            dirty, self._dirty = self._dirty, {}
            queued = self._queued
            failure: OSError | None = None
            try:
                await self.write(db, dirty)
            except Exception as error:
                # Any exception: without a writer, every flush would wait forever.
                self._dirty = dirty | self._dirty
                failure = OSError(f"the database cannot be written: {error}")
                failure.__cause__ = error
            else:
                self._written = queued
            self.failing = None if failure is None else str(failure)
            progress, self._progress = self._progress, None
            if progress is not None and not progress.done():
                if failure is None:
                    progress.set_result(None)
                else:
                    progress.set_exception(failure)
            if failure is not None and self._closing:
                raise failure
