"""Backups of a store, and the restore of a backup."""

from __future__ import annotations

from pathlib import Path

import pytest

from aiodockercloud.server.state import maintenance
from aiodockercloud.server.state.database import FILE
from aiodockercloud.server.state.store import Store
from tests.support.databases import CANARY, ROWS, keys, read, rights, write


async def test_backup_of_a_running_store_is_restored(tmp_path: Path) -> None:
    store = Store(tmp_path / "data")
    await store.open()
    for row in ROWS:
        store.put_row(*row)
    await store.flush()
    await store.backup(tmp_path / "copy")
    store.put_row("thing", "later", {})
    await store.close()
    assert rights(tmp_path / "copy") == 0o600
    assert CANARY.encode() not in (tmp_path / "copy").read_bytes()

    directory = tmp_path / "data"
    former = maintenance.restore(tmp_path / "copy", directory, keys(directory))

    assert await read(directory) == ROWS
    assert former is not None
    former.rename(directory / FILE)
    assert len(await read(directory)) == 3


async def test_restore_replaces_a_damaged_database(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    await write(directory)
    (tmp_path / "copy").write_bytes((directory / FILE).read_bytes())
    (directory / FILE).write_bytes(b"damaged")

    former = maintenance.restore(tmp_path / "copy", directory, keys(directory))

    assert former is not None
    assert former.read_bytes() == b"damaged"
    assert await read(directory) == ROWS


async def test_restore_while_a_server_runs_changes_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "data")
    await store.open()
    await store.backup(tmp_path / "copy")
    with pytest.raises(OSError, match="another server is using it"):
        maintenance.restore(
            tmp_path / "copy", tmp_path / "data", keys(tmp_path / "data")
        )
    store.put_row("thing", "a", {})
    await store.close()

    assert await read(tmp_path / "data") == [("thing", "a", {})]


async def test_restore_without_the_key_of_the_backup_is_refused(tmp_path: Path) -> None:
    await write(tmp_path / "data")
    new = tmp_path / "new"

    with pytest.raises(OSError, match="is missing; nothing was changed"):
        maintenance.restore(tmp_path / "data" / FILE, new, keys(new))
    assert not new.exists()


async def test_restore_of_a_damaged_backup_is_refused(tmp_path: Path) -> None:
    await write(tmp_path / "data")
    (tmp_path / "copy").write_bytes(b"not a database")

    with pytest.raises(OSError, match="copy: file is not a database"):
        maintenance.restore(
            tmp_path / "copy", tmp_path / "data", keys(tmp_path / "data")
        )
    assert await read(tmp_path / "data") == ROWS
