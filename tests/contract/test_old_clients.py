"""A day's work of the official clients, unmodified, against our server."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from aiodockercloud.server import Embedded, Server
from aiodockercloud.server.engines import ContainerSpec
from tests.support import legacy
from tests.support.realfiles import STACKFILES

#: For a script's whole day; its own waits are shorter.
TIME_LIMIT = 120.0


class Slow(Embedded):
    """An engine on which the containers of one image never come up."""

    async def create(self, spec: ContainerSpec) -> None:
        if spec.image.startswith("acme/stuck:"):
            await asyncio.get_running_loop().create_future()
        await super().create(spec)


@pytest.fixture
def engine() -> Embedded:
    return Slow()


@pytest.fixture
def environment(server: Server, tmp_path: Path) -> dict[str, str]:
    return legacy.environment(server, tmp_path)


async def test_sdk_unmodified_does_a_days_work(environment: dict[str, str]) -> None:
    lines = await legacy.run("sdk_day.py", env=environment, seconds=TIME_LIMIT)

    assert "ok saw_events" in lines


@pytest.mark.parametrize(
    "part",
    ["services", "containers", "stacks", "found_stacks", "nodes", "odds_and_ends"],
)
async def test_command_line_unmodified_does_a_days_work(
    environment: dict[str, str], part: str
) -> None:
    if STACKFILES.is_dir():
        environment["STACK_FILES"] = str(STACKFILES)

    lines = await legacy.run("cli_day.py", part, env=environment, seconds=TIME_LIMIT)

    assert f"ok {part}" in lines


async def test_tutums_clients_unmodified_do_a_days_work(
    server: Server, tmp_path: Path
) -> None:
    environment = legacy.tutum_environment(server, tmp_path)

    lines = await legacy.run("tutum_day.py", env=environment, seconds=TIME_LIMIT)

    assert "ok saw_events" in lines


async def test_tutums_command_line_unmodified_does_a_days_work(
    server: Server, tmp_path: Path
) -> None:
    environment = legacy.tutum_environment(server, tmp_path)

    lines = await legacy.run("tutum_cli_day.py", env=environment, seconds=TIME_LIMIT)

    assert "ok end" in lines
