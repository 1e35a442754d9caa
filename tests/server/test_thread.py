"""A server in a thread, for programs without an event loop or with several."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from aiodockercloud import ConnectError, DockerCloud
from aiodockercloud.server import Embedded, ThreadServer, running_in_thread
from aiodockercloud.server.engines.embedded import Container
from aiodockercloud.types import Service
from tests.support.facts import PATIENCE, ROOT


async def run_once(server: ThreadServer, image: str) -> Service:
    """Create a service with one container and wait until the service has stopped."""
    async with DockerCloud(server.url, user=server.user, apikey=server.apikey) as cloud:
        service = await cloud.services.start(await cloud.services.create(image=image))
        return await cloud.services.wait(service, state="Stopped", timeout=PATIENCE)


def test_program_with_loops_of_its_own_is_answered() -> None:
    engine = Embedded()
    threads = set()

    @engine.image("acme/job")
    async def job(container: Container) -> None:
        threads.add(threading.current_thread())

    with running_in_thread(engine, user="jane") as server:
        first = asyncio.run(run_once(server, "acme/job"))
        second = asyncio.run(run_once(server, "acme/job"))

    assert server.user == "jane"
    assert first["uuid"] != second["uuid"]
    [thread] = threads
    assert thread is not threading.current_thread()
    assert not thread.is_alive()


def test_subprocess_is_answered() -> None:
    program = (
        "import asyncio\n"
        "from aiodockercloud import DockerCloud\n"
        "async def main():\n"
        "    async with DockerCloud() as cloud:\n"
        "        print(await cloud.services.list())\n"
        "asyncio.run(main())\n"
    )
    with running_in_thread() as server:
        found = subprocess.run(
            [sys.executable, "-c", program],
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "DOCKERCLOUD_REST_HOST": server.url,
                "DOCKERCLOUD_USER": server.user,
                "DOCKERCLOUD_APIKEY": server.apikey or "",
            },
            stdout=subprocess.PIPE,
            check=True,
            timeout=PATIENCE,
        )

    assert found.stdout == b"[]\n"


async def test_server_ends_with_the_block() -> None:
    with running_in_thread() as server:
        client = DockerCloud(
            server.url, user=server.user, apikey=server.apikey, retry=None
        )
        async with client:
            assert await client.services.list() == []
    async with DockerCloud(server.url, user="a", apikey="b", retry=None) as client:
        with pytest.raises(ConnectError):
            await client.services.list()


def test_functions_are_called_in_the_thread_of_the_server() -> None:
    async def name() -> str:
        await asyncio.sleep(0)
        return threading.current_thread().name

    with running_in_thread() as server:
        here = server.call(threading.current_thread).name
        assert server.call(name) == here
        assert here == "aiodockercloud server"
        rule = server.call(server.faults.throttle, 0, times=1)
        asyncio.run(run_once(server, "busybox"))
        assert rule.hits == 1
        with pytest.raises(ZeroDivisionError):
            server.call(divmod, 1, 0)


def test_server_that_cannot_start_raises_in_the_thread_of_the_caller(
    tmp_path: Path,
) -> None:
    file = tmp_path / "file"
    file.write_text("")

    with pytest.raises(OSError, match="file"), running_in_thread(data_dir=file):
        pass
    with pytest.raises(ValueError, match="99999"), running_in_thread(port=99999):
        pass


def test_exception_of_the_block_is_raised_after_the_end_of_the_server() -> None:
    before = threading.active_count()

    with pytest.raises(ZeroDivisionError), running_in_thread():
        _ = 1 / 0

    assert threading.active_count() == before
