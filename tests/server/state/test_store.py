"""Durable storage: flushed changes survive a crash, and failures are reported."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiosqlite
import pytest

from aiodockercloud.server.state.records import Stack
from aiodockercloud.server.state.store import Rows, Store, write_rows
from aiodockercloud.server.state.vault import SecretKeys, Vault

FILE = "aiodockercloud.sqlite3"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = Store(tmp_path / "data")
    await store.open()
    yield store
    await store.close()


def on_disk(tmp_path: Path) -> dict[str, bytes]:
    """Return the rows that a process would load after a crash at this moment.

    The directory is copied, because the open store holds a lock on the original.
    """
    copy = tmp_path / "crashed"
    copy.mkdir(exist_ok=True)
    for old in copy.iterdir():
        old.unlink()
    for path in (tmp_path / "data").iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    db = sqlite3.connect(copy / FILE)
    try:
        (vault,) = SecretKeys(copy).read()
        rows = db.execute("SELECT kind, uuid, body FROM objects").fetchall()
        return dict(vault.open(*row) for row in rows)
    finally:
        db.close()


async def rows(store: Store) -> list[tuple[str, str, dict[str, Any]]]:
    return sorted([row async for row in store.load()], key=lambda row: (row[0], row[1]))


class Failing:
    """Lets the writes of a store fail while ``on`` is true."""

    def __init__(self, store: Store, error: Exception) -> None:
        self.on = True
        self.failed = asyncio.Event()
        self._error = error
        store.write = self._write

    async def _write(self, db: aiosqlite.Connection, vault: Vault, rows: Rows) -> None:
        if self.on:
            self.failed.set()
            raise self._error
        await write_rows(db, vault, rows)


# --- durability ---------------------------------------------------------------------


async def test_flush_of_a_change_survives_a_crash(store: Store, tmp_path: Path) -> None:
    store.put_row("account", "alice", {"user": "alice"})

    await store.flush()

    assert on_disk(tmp_path) == {"alice": b'{"user":"alice"}'}


async def test_rows_are_not_logged(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    store.put_row("service", "web", {"container_envvars": "Canary-7f3a"})
    await store.flush()

    assert "Canary-7f3a" not in caplog.text


async def test_flush_by_many_callers_writes_the_change_of_each(
    store: Store, tmp_path: Path
) -> None:
    async def change(number: int) -> bool:
        store.put_row("thing", str(number), {"n": number})
        await store.flush()
        return str(number) in on_disk(tmp_path)

    async with asyncio.timeout(30):
        assert all(await asyncio.gather(*(change(n) for n in range(20))))


async def test_flush_during_a_write_waits_for_the_next_one(
    store: Store, tmp_path: Path
) -> None:
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def slow(db: aiosqlite.Connection, vault: Vault, rows: Rows) -> None:
        entered.set()
        await go_on.wait()
        await write_rows(db, vault, rows)

    store.write = slow
    store.put_row("thing", "first", {})
    first = asyncio.create_task(store.flush())
    async with asyncio.timeout(60):
        await entered.wait()
        store.put_row("thing", "second", {})
        second = asyncio.create_task(store.flush())
        go_on.set()
        await asyncio.gather(first, second)
    assert set(on_disk(tmp_path)) == {"first", "second"}


async def test_flush_without_a_queued_change_returns_immediately(store: Store) -> None:
    async with asyncio.timeout(60):
        await store.flush()
        store.put_row("thing", "a", {})
        await store.flush()
        await store.flush()


async def test_flush_cancelled_by_one_caller_continues_for_the_others(
    store: Store, tmp_path: Path
) -> None:
    store.put_row("thing", "a", {})
    cancelled, stays = (asyncio.create_task(store.flush()) for _ in range(2))
    await asyncio.sleep(0)
    cancelled.cancel()
    async with asyncio.timeout(60):
        await stays
        with pytest.raises(asyncio.CancelledError):
            await cancelled
    assert set(on_disk(tmp_path)) == {"a"}


async def test_close_writes_queued_changes(tmp_path: Path) -> None:
    store = Store(tmp_path / "data")
    await store.open()
    store.put_row("thing", "a", {"x": 1})
    await store.close()
    await store.close()

    again = Store(tmp_path / "data")
    await again.open()
    try:
        assert await rows(again) == [("thing", "a", {"x": 1})]
    finally:
        await again.close()


async def test_open_again_loads_changes_and_deletions(tmp_path: Path) -> None:
    stack = Stack(namespace="alice", name="shop", nickname="Shöp ☃")
    deleted = Stack(namespace="alice", name="deleted", nickname="")
    store = Store(tmp_path / "data")
    await store.open()
    store.put(stack)
    store.put(deleted)
    await store.flush()
    stack.state = "Running"
    store.put(stack)
    store.delete(deleted)
    await store.flush()
    await store.close()

    again = Store(tmp_path / "data")
    await again.open()
    try:
        assert await rows(again) == [("stack", stack.uuid, stack.as_json())]
        (_, _, body) = (await rows(again))[0]
        assert Stack(**body) == stack
    finally:
        await again.close()


async def test_put_then_delete_before_a_write_leaves_no_row(store: Store) -> None:
    store.put_row("thing", "a", {})
    store.put_row("thing", "a", None)
    store.put_row("thing", "b", None)
    store.put_row("thing", "b", {"back": True})

    await store.flush()

    assert await rows(store) == [("thing", "b", {"back": True})]


async def test_load_keeps_kinds_with_the_same_key_apart(store: Store) -> None:
    store.put_row("account", "x", {"kind": "account"})
    store.put_row("stack", "x", {"kind": "stack"})
    store.put_row("stack", "'; DROP TABLE objects; --", {})
    await store.flush()

    assert [(kind, key) for kind, key, _ in await rows(store)] == [
        ("account", "x"),
        ("stack", "'; DROP TABLE objects; --"),
        ("stack", "x"),
    ]


# --- the directory ------------------------------------------------------------------


async def test_open_creates_the_directory_for_its_owner_only(tmp_path: Path) -> None:
    store = Store(tmp_path / "deep" / "data")
    await store.open()
    await store.close()

    assert (tmp_path / "deep" / "data").stat().st_mode & 0o777 == 0o700


async def test_open_by_a_second_server_fails(store: Store, tmp_path: Path) -> None:
    second = Store(tmp_path / "data", lock_timeout=0.01)

    with pytest.raises(OSError, match="another server is using it"):
        await second.open()

    await second.close()
    store.put_row("thing", "a", {})
    await store.flush()
    assert set(on_disk(tmp_path)) == {"a"}


async def test_open_after_a_close_succeeds(tmp_path: Path) -> None:
    for _ in range(2):
        store = Store(tmp_path / "data")
        await store.open()
        await store.close()


async def test_open_of_a_file_that_is_no_database_fails(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("this is a poem, not a database " * 40)

    with pytest.raises(OSError, match="cannot use"):
        await Store(tmp_path).open()


async def test_open_of_a_newer_schema_fails(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / FILE)
    db.execute("PRAGMA user_version = 99")
    db.close()

    with pytest.raises(OSError, match="newer aiodockercloud"):
        await Store(tmp_path).open()


async def test_open_of_a_path_that_is_a_file_fails(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")

    with pytest.raises(OSError, match="data"):
        await Store(tmp_path / "data").open()


async def test_store_without_a_directory_writes_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store()
    await store.open()
    store.put_row("thing", "a", {})
    async with asyncio.timeout(60):
        await store.flush()
    assert await rows(store) == []
    await store.close()

    assert not any(os.scandir(tmp_path))


# --- failures -----------------------------------------------------------------------

FAILURES = [
    sqlite3.OperationalError("disk I/O error"),
    TypeError("cannot be made into JSON"),
]


@pytest.mark.parametrize("error", FAILURES, ids=["sqlite", "json"])
async def test_flush_of_a_failing_write_raises_and_keeps_all_changes(
    store: Store,
    tmp_path: Path,
    error: Exception,
) -> None:
    failing = Failing(store, error)
    store.put_row("thing", "a", {"version": 1})
    store.put_row("thing", "b", {})
    async with asyncio.timeout(60):
        with pytest.raises(OSError, match=str(error)):
            await store.flush()
        store.put_row("thing", "a", {"version": 2})
        with pytest.raises(OSError, match=str(error)):
            await store.flush()

        failing.on = False
        await store.flush()

    assert on_disk(tmp_path) == {"a": b'{"version":2}', "b": b"{}"}


async def test_flush_after_a_failure_without_a_waiting_caller_tries_again(
    store: Store, tmp_path: Path
) -> None:
    failing = Failing(store, sqlite3.OperationalError("disk full"))
    store.put_row("thing", "a", {})
    async with asyncio.timeout(60):
        await failing.failed.wait()
        with pytest.raises(OSError, match="disk full"):
            await store.flush()
        failing.on = False
        await store.flush()
    assert set(on_disk(tmp_path)) == {"a"}


async def test_put_of_a_row_that_is_no_json_raises_and_the_store_continues(
    store: Store,
) -> None:
    with pytest.raises(TypeError):
        store.put_row("thing", "a", {"text": "\ud800"})
    async with asyncio.timeout(60):
        await store.flush()
        store.put_row("thing", "a", {"text": "good"})
        await store.flush()
    assert await rows(store) == [("thing", "a", {"text": "good"})]


async def test_close_with_a_failing_write_raises_and_closes(tmp_path: Path) -> None:
    store = Store(tmp_path / "data")
    await store.open()
    failing = Failing(store, sqlite3.OperationalError("disk full"))
    store.put_row("thing", "a", {})
    async with asyncio.timeout(60):
        with pytest.raises(OSError, match="disk full"):
            await store.close()
        with pytest.raises(OSError, match="closed"):
            await store.flush()

    failing.on = False
    again = Store(tmp_path / "data")
    await again.open()
    assert await rows(again) == []
    await again.close()
