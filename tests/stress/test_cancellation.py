"""Cancelled at any moment, the client leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
import subprocess

import pytest

from aiodockercloud import ConnectError, DockerCloud
from aiodockercloud.server import Server
from tests.support.facts import PATIENCE, ROOT, ended_except, tasks, until
from tests.support.programs import PYTHON, environment, quiet

PROGRAM = [*PYTHON, "-m", "tests.support.cancelling"]
#: Seconds after which the program counts as hanging; a single run takes less than ten.
LIMIT = 120.0


def test_1000_random_cancellations_leave_no_task_socket_or_warning() -> None:
    ended = subprocess.run(
        [*PROGRAM, "1", "1000"],
        capture_output=True,
        encoding="utf-8",
        timeout=LIMIT,
        env=environment(),
        cwd=ROOT,
        check=False,
    )

    assert quiet(ended.stderr) == ""
    *outcomes, left, nothing = ended.stdout.splitlines()
    assert (left, nothing) == ("left:", "nothing")
    assert ended.returncode == 0
    # Some operations were still running when they were cancelled.
    assert all("cancelled" in line for line in outcomes)
    assert len(outcomes) >= 20


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("steps", range(1, 6))
async def test_close_that_is_cancelled_closes_all_the_same(
    server: Server, steps: int, times: int
) -> None:
    asyncio.get_running_loop().set_debug(
        True
    )  # in debug mode, aiohttp reports unclosed connections
    before = tasks()
    cloud = DockerCloud(server.url, user=server.user, apikey=server.apikey)
    async with asyncio.timeout(PATIENCE):
        streams = [cloud.events.subscribe() for _ in range(3)]
        for stream in streams:
            await stream.__aenter__()
        closing = asyncio.create_task(cloud.close())
        for step in range(steps + times):
            if step >= steps:
                closing.cancel()
            await asyncio.sleep(0)
        await asyncio.wait([closing])
        session = cloud.session
        assert session is not None
        assert session.closed
        await ended_except(before)
    del streams, stream, session, cloud, closing
    gc.collect()  # what is left open would warn, and warnings are errors


async def test_close_ends_a_request_whose_answer_is_being_read(
    server: Server, live: DockerCloud
) -> None:
    with server.faults.stall(when="body"):
        reading = asyncio.create_task(live.services.list())
        async with asyncio.timeout(PATIENCE):
            # The first half of the answer is there.
            await until(lambda: bool(live._reading))
            await live.close()
            with pytest.raises((ConnectError, RuntimeError)):
                await reading


async def test_stream_whose_close_is_cancelled_closes_all_the_same(
    server: Server, live: DockerCloud
) -> None:
    asyncio.get_running_loop().set_debug(True)
    await live.services.list()
    before = tasks()
    async with asyncio.timeout(PATIENCE):
        for steps in (1, 2, 3):
            stream = live.events.subscribe()
            await stream.__aenter__()
            closing = asyncio.create_task(stream.close())
            for _ in range(steps):
                await asyncio.sleep(0)
                closing.cancel()
            await asyncio.wait([closing])
            await ended_except(before)
    del stream, closing
    gc.collect()
