"""The settings of the embedded engine: its times and its bounds."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import sys

import pytest

from aiodockercloud.server.engines import EngineError
from aiodockercloud.server.engines.embedded import (
    Container,
    Embedded,
    EmbeddedSettings,
    ManualClock,
)
from tests.support.watches import watched


def test_settings_are_frozen() -> None:
    settings = EmbeddedSettings()

    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.stop_grace = 1  # type: ignore[misc]  # which the test is about


async def test_stop_grace_bounds_the_end_of_a_function(clock: ManualClock) -> None:
    settings = EmbeddedSettings(stop_grace=2)
    async with watched(Embedded(clock=clock, settings=settings)) as watch:

        @watch.engine.image("acme/server")
        async def server(container: Container) -> None:
            await container.wait_stopped()
            await container.sleep(3)

        id = await watch.create("acme/server")
        await clock.advance(0)
        async with asyncio.TaskGroup() as group:
            group.create_task(watch.engine.stop_container(id))
            await clock.advance(2)

        assert watch.states(id) == [("running", None), ("stopped", 137)]


async def test_restart_pauses_follow_the_settings(clock: ManualClock) -> None:
    settings = EmbeddedSettings(
        first_restart_pause=1, longest_restart_pause=4, good_run=5
    )
    began: list[float] = []
    async with watched(Embedded(clock=clock, settings=settings)) as watch:

        @watch.engine.image("acme/job")
        async def job(container: Container) -> None:
            began.append(clock.monotonic())
            await container.sleep(5 if len(began) == 5 else 0)

        await watch.create("acme/job", autorestart="ALWAYS")
        await clock.advance(30)

    pauses = [round(b - a, 3) for a, b in itertools.pairwise(began)]
    assert pauses[:6] == [1, 2, 4, 4, 5 + 1, 2]


async def test_log_bounds_follow_the_settings(clock: ManualClock) -> None:
    settings = EmbeddedSettings(
        kept_log_lines=3, kept_removed_log_lines=5, longest_log_line=2
    )
    async with watched(Embedded(clock=clock, settings=settings)) as watch:

        @watch.engine.image("acme/job")
        async def job(container: Container) -> None:
            container.print("abcdefg")

        first = await watch.create("acme/job")
        second = await watch.create("acme/job")
        await clock.advance(0)
        assert await watch.log(first) == ["cd", "ef", "g"]

        await watch.engine.remove_container(first, volumes=())
        assert await watch.log(first) == ["cd", "ef", "g"]
        await watch.engine.remove_container(second, volumes=())
        assert await watch.log(second) == ["cd", "ef", "g"]
        with pytest.raises(EngineError, match=first):
            await watch.log(first)


@pytest.mark.parametrize("character", ["x", "é", "€", "😀"])
async def test_log_is_bounded_in_bytes(clock: ManualClock, character: str) -> None:
    settings = EmbeddedSettings(kept_log_bytes=100_000, kept_removed_log_bytes=150_000)
    text = character * 1_000
    async with watched(Embedded(clock=clock, settings=settings)) as watch:

        @watch.engine.image("acme/job")
        async def job(container: Container) -> None:
            for number in range(200):
                container.print(f"{number:03}{text}")

        ids = [await watch.create("acme/job") for _ in range(2)]
        await clock.advance(0)
        kept = await watch.log(ids[0])
        most = 100_000 // sys.getsizeof(kept[0])
        assert len(kept) == most
        assert kept[-1] == f"199{text}"
        tail = watch.engine.logs(ids[0], tail=150, follow=False)
        assert [line.text async for line in tail] == kept

        for id in ids:
            await watch.engine.remove_container(id, volumes=())
        with pytest.raises(EngineError, match=ids[0]):
            await watch.log(ids[0])
        assert await watch.log(ids[1]) == kept


async def test_line_larger_than_the_log_is_kept_in_its_last_piece(
    clock: ManualClock,
) -> None:
    settings = EmbeddedSettings(kept_log_bytes=10, longest_log_line=1_000)
    async with watched(Embedded(clock=clock, settings=settings)) as watch:

        @watch.engine.image("acme/job")
        async def job(container: Container) -> None:
            container.print("a" * 5_000 + "b" * 1_000)

        id = await watch.create("acme/job")
        await clock.advance(0)

        assert await watch.log(id) == ["b" * 1_000]


async def test_output_bound_makes_an_exec_command_wait(clock: ManualClock) -> None:
    settings = EmbeddedSettings(exec_output_chunks=2)
    async with watched(Embedded(clock=clock, settings=settings)) as watch:
        id = await watch.create("nginx")
        session = await watch.engine.exec(id, ["sh", "-c", "seq 3; date +%s"])
        await clock.advance(0)
        before = clock.time_ns() // 10**9
        await clock.advance(60)

        async with asyncio.timeout(60):
            output = [data.decode() async for _, data in session.output()]

    assert output == ["1\n", "2\n", "3\n", f"{before + 60}\n"]


async def test_containers_beyond_the_bound_are_refused() -> None:
    async with watched(Embedded(settings=EmbeddedSettings(most_containers=1))) as watch:
        first = await watch.create("nginx")
        with pytest.raises(EngineError, match="no free address"):
            await watch.create("nginx")

        await watch.engine.remove_container(first, volumes=())
        second = await watch.create("nginx")

        assert watch.last(second).state == "running"
