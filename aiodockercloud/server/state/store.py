"""Durable storage: one encrypted row in SQLite for each record, read at the start only.

``put`` and ``delete`` queue a change; one writer task writes all queued changes in one
transaction. The server responds after ``flush``: the changes of a request are in the
database (WAL) before the client receives the response. Without a directory, the store
writes nothing.

While the database cannot be written, ``failing`` has the reason, and the server refuses
writes before anything changes. The changes of requests that were in progress at the
moment of the failure are reverted, so a refused request is never carried out.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import aiosqlite

from ... import wire
from ...wire.signal import Signal
from ..settings import Storage
from . import database
from .files import MINE, is_read_only
from .records import Record
from .vault import SecretKeys, Vault

log: logging.Logger = logging.getLogger(__name__)

Row = Record | Mapping[str, Any] | None
#: (kind, key) → the body as JSON; None for a deleted row.
Rows = Mapping[tuple[str, str], bytes | None]
#: Bytes of the largest row. SQLite's limit is higher, and a row grows by a third when
#: it is encrypted.
_LARGEST = 256 * 2**20
#: An update instead of a replacement, which would delete the row and its key first.
_UPSERT = (
    "INSERT INTO objects VALUES (?, ?, ?)"
    " ON CONFLICT (kind, uuid) DO UPDATE SET body = excluded.body"
)


async def write_rows(db: aiosqlite.Connection, vault: Vault, rows: Rows) -> None:
    """Write and delete rows in one transaction."""
    written = (
        # Encrypted in the thread of the database, which consumes the generator.
        (kind, vault.name(kind, key), vault.seal(kind, key, body))
        for (kind, key), body in rows.items()
        if body is not None
    )
    deleted = [
        (kind, vault.name(kind, key))
        for (kind, key), body in rows.items()
        if body is None
    ]
    try:
        await db.executemany(_UPSERT, written)
        if deleted:
            await db.executemany(
                "DELETE FROM objects WHERE kind = ? AND uuid = ?", deleted
            )
        await db.commit()
    except Exception:
        await db.rollback()
        raise


@dataclass(slots=True, eq=False)
class Request:
    """The request in progress to which the changes of a task belong.

    Attributes:
        reverted: Why the changes of the request were reverted, or an empty text.
    """

    reverted: str = ""


class _Change(NamedTuple):
    """A change of a request that is not in the database yet."""

    number: int
    request: Request
    kind: str
    key: str
    before: bytes | None
    after: bytes | None


#: Receives kind, key, and the bodies before and after a change that is reverted.
Revert = Callable[[str, str, Any, Any], None]


class Store:
    """Rows in a database file.

    Args:
        directory: The directory of the database; without a directory, the store keeps
            nothing.
        lock_timeout: Seconds to wait for another server to release the database.
        retry: Seconds between two attempts to write after a failure.
        settings: The secret key, and what a commit waits for.
        write: The function that writes one batch of rows, for tests.

    Attributes:
        failing: Why the database cannot be written; None while it can.
        revert: Called with each change of a request that was not written.
    """

    def __init__(
        self,
        directory: Path | None = None,
        *,
        lock_timeout: float = 0.0,
        retry: float = 1.0,
        settings: Storage | None = None,
        write: Callable[
            [aiosqlite.Connection, Vault, Rows], Awaitable[None]
        ] = write_rows,
    ) -> None:
        self.write = write
        self.failing: str | None = None
        self.revert: Revert = lambda *_: None
        self._directory = directory
        self._lock_timeout = lock_timeout
        self._retry = retry
        self._settings = settings or Storage()
        self._db: aiosqlite.Connection | None = None
        #: The copy that is read when the directory cannot be written.
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        self._vault: Vault | None = None
        self._dirty: dict[tuple[str, str], bytes | None] = {}
        #: The last body of each row, to which a refused request goes back.
        self._bodies: dict[tuple[str, str], bytes] = {}
        #: The changes of requests that are not written yet, in their order.
        self._changes: deque[_Change] = deque()
        self._requests: dict[asyncio.Task[Any], Request] = {}
        #: The numbers of queued and of written changes since the start.
        self._queued = self._written = 0
        self._wanted = asyncio.Event()
        #: Sent after each attempt of the writer, and why the last attempt failed.
        self._attempted = Signal()
        self._failure: OSError | None = None
        self._closing = False
        self._writer: asyncio.Task[None] | None = None
        #: A transaction of the writer, or a backup, is in progress.
        self._busy = asyncio.Lock()

    @property
    def durable(self) -> bool:
        """Whether the store has a directory."""
        return self._directory is not None

    # --- start and end --------------------------------------------------------------

    async def open(self) -> None:
        """Open the database, and create the directory and the database if necessary.

        A directory that cannot be written is served for reading.

        Raises:
            OSError: The directory cannot be used, or another server uses the directory.
        """
        if self._directory is None:
            return
        settings, directory = self._settings, self._directory
        keys = SecretKeys(
            directory, text=settings.secret_key, file=settings.secret_key_file
        )
        read_only = await asyncio.to_thread(is_read_only, directory)
        if read_only and (directory / database.FILE).exists():
            self.failing = f"the data directory {directory} is read-only"
            self._copy = tempfile.TemporaryDirectory(prefix="aiodockercloud-")
            directory = Path(self._copy.name)
        try:
            if self._copy is not None:
                keys = await asyncio.to_thread(
                    database.copy, self._directory, directory, keys
                )
            self._vault = await asyncio.to_thread(
                database.prepare, directory, keys, lock_timeout=self._lock_timeout
            )
            self._db = await self._connect(directory / database.FILE)
        except BaseException:
            self._remove_copy()
            raise
        if self._copy is None:
            self._writer = asyncio.create_task(
                self._write(self._db, self._vault), name="store-writer"
            )

    async def _connect(self, path: Path) -> aiosqlite.Connection:
        with database.database_errors(path):
            db = await aiosqlite.connect(path, timeout=self._lock_timeout)
            try:
                level = "FULL" if self._settings.fsync else "NORMAL"
                for statement in (
                    # Only one server may use the directory: a second one fails here.
                    "PRAGMA locking_mode = EXCLUSIVE",
                    "PRAGMA journal_mode = WAL",
                    f"PRAGMA synchronous = {level}",
                    "SELECT count(*) FROM objects",
                ):
                    await db.execute_fetchall(statement)
            except BaseException:
                await db.close()
                raise
        return db

    def _remove_copy(self) -> None:
        if self._copy is not None:
            self._copy.cleanup()

    async def load(self) -> AsyncIterator[tuple[str, str, dict[str, Any]]]:
        """Yield all rows as (kind, key, body).

        Raises:
            OSError: A row is damaged.
        """
        if self._db is None or self._vault is None or self._directory is None:
            return
        with database.database_errors(self._directory / database.FILE):
            async with self._db.execute("SELECT kind, uuid, body FROM objects") as rows:
                async for kind, name, sealed in rows:
                    key, body = self._vault.open(kind, name, sealed)
                    self._bodies[kind, key] = body
                    yield kind, key, wire.loads(body)

    @property
    def waiting(self) -> int:
        """The number of changed rows that are not in the database yet."""
        return len(self._dirty)

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
            self._remove_copy()

    async def backup(self, file: Path) -> None:
        """Write a consistent copy of the database to a new file.

        The rows stay encrypted with the secret key, which the copy does not contain.

        Raises:
            OSError: The store has no directory, or the file cannot be written.
        """
        if self._db is None:
            raise OSError("the server has no data directory, so no backup exists")
        await asyncio.to_thread(file.touch, mode=MINE, exist_ok=False)
        with database.database_errors(file):
            async with self._busy:
                await self._db.execute("VACUUM INTO ?", (str(file),))

    # --- changes --------------------------------------------------------------------

    @contextmanager
    def request(self) -> Iterator[Request]:
        """Let the changes of this task belong to one request.

        When the changes cannot be written, all of them are reverted.
        """
        task = asyncio.current_task()
        assert task is not None
        request = self._requests[task] = Request()
        try:
            yield request
        finally:
            del self._requests[task]

    def put(self, record: Record) -> None:
        """Queue a new or changed record."""
        self.put_row(record.kind, record.uuid, record)

    def delete(self, record: Record) -> None:
        """Queue the deletion of a record."""
        self.put_row(record.kind, record.uuid, None)

    def put_row(self, kind: str, key: str, row: Row) -> None:
        """Queue a row of any kind; ``None`` deletes the row.

        The row is converted to JSON here, so that a row that JSON cannot contain fails
        where it was made, and never in the writer.

        Raises:
            TypeError: JSON has no such row.
            OSError: The changes of the request of this task were reverted.
        """
        if self._writer is None:
            return
        body = None if row is None else _body(kind, key, row)
        before = self._bodies.get((kind, key))
        if self._requests and (request := self._request()) is not None:
            if request.reverted:
                raise OSError(request.reverted)
            number = self._queued + 1
            self._changes.append(_Change(number, request, kind, key, before, body))
        self._queue(kind, key, body)

    def _request(self) -> Request | None:
        task = asyncio.current_task()
        return None if task is None else self._requests.get(task)

    def _queue(self, kind: str, key: str, body: bytes | None) -> None:
        if body is None:
            self._bodies.pop((kind, key), None)
        else:
            self._bodies[kind, key] = body
        self._dirty[kind, key] = body
        self._queued += 1
        self._wanted.set()

    async def flush(self) -> None:
        """Return when all changes queued before the call are in the database.

        Raises:
            OSError: The changes could not be written.
        """
        if self._copy is not None and self.failing:
            raise OSError(self.failing)
        request = self._request()
        target = self._queued
        while self._written < target:
            if self._writer is None:
                raise OSError("the database is closed")
            if self._dirty:
                # After a failure, the writer waits for this before the next attempt.
                self._wanted.set()
            await self._attempted.next()
            if self._failure is not None:
                raise self._failure
        if request is not None and request.reverted:
            raise OSError(request.reverted)

    # --- the writer -----------------------------------------------------------------

    async def _write(self, db: aiosqlite.Connection, vault: Vault) -> None:
        while self._dirty or not self._closing:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._retry if self.failing else None):
                    await self._wanted.wait()
            self._wanted.clear()
            dirty, self._dirty = self._dirty, {}
            queued = self._queued
            try:
                async with self._busy:
                    await self.write(db, vault, dirty)
            except Exception as error:
                # Any exception: without a writer, every flush would wait forever.
                self._dirty = dirty | self._dirty
                self._failure = OSError(f"the database cannot be written: {error}")
                self._failure.__cause__ = error
                self.failing = str(self._failure)
                self._revert_requests()
            else:
                self._failure = self.failing = None
                self._written = queued
                while self._changes and self._changes[0].number <= queued:
                    self._changes.popleft()
            self._attempted.send()
            if self._failure is not None and self._closing:
                raise self._failure

    def _revert_requests(self) -> None:
        """Revert the changes of all requests in progress, the last one first.

        The changes that the server made by itself, such as the states that an engine
        has reported, are facts: they stay queued.
        """
        changes, self._changes = self._changes, deque()
        for change in reversed(changes):
            change.request.reverted = self.failing or ""
        for _, _, kind, key, before, after in reversed(changes):
            self._queue(kind, key, before)
            try:
                self.revert(kind, key, _loads(before), _loads(after))
            except Exception:  # the writer must go on
                log.exception("a change of the %s could not be reverted", kind)


def _loads(body: bytes | None) -> Any:
    return None if body is None else wire.loads(body)


def _body(kind: str, key: str, row: Record | Mapping[str, Any]) -> bytes:
    body = wire.dumps(row.as_json() if isinstance(row, Record) else row)
    if len(body) > _LARGEST:
        raise TypeError(f"the {kind} {key} has {len(body)} bytes, which is too much")
    return body
