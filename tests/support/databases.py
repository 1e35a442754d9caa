"""Files of a store: rows to write, what the file contains, and its rights."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

from aiodockercloud.server.settings import Storage
from aiodockercloud.server.state.store import Store
from aiodockercloud.server.state.vault import SecretKeys

CANARY = "CANARY-s3cret"
ROWS: list[tuple[str, str, dict[str, Any]]] = [
    ("trigger", f"{CANARY}-uuid", {"uuid": f"{CANARY}-uuid"}),
    ("service", "web", {"definition": {"container_envvars": [CANARY]}}),
]


def keys(directory: Path, **kinds: Any) -> SecretKeys:
    return SecretKeys(directory, **kinds)


async def write(directory: Path, **settings: Any) -> None:
    store = Store(directory, settings=Storage(**settings))
    await store.open()
    for row in ROWS:
        store.put_row(*row)
    await store.close()


async def read(directory: Path, **settings: Any) -> list[Any]:
    store = Store(directory, settings=Storage(**settings))
    await store.open()
    try:
        return sorted([row async for row in store.load()], reverse=True)
    finally:
        await store.close()


def rights(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
