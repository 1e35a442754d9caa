"""The pytest plugin's report of open sessions and streams, in separate runs."""

from __future__ import annotations

import re

import pytest

from tests.support.pluginruns import importable, run

__all__ = ["importable"]

pytest_plugins = ["pytester"]

LEAVING = """\
import asyncio
import pytest
from aiodockercloud import DockerCloud

async def test_leaves_nothing(dockercloud):
    async with dockercloud.events.subscribe():
        await dockercloud.services.list()
    async with DockerCloud() as own, own.events.subscribe():
        await own.services.list()
    DockerCloud()  # never used
    DockerCloud("http://127.0.0.1:1")  # never used

async def test_leaves_a_stream(dockercloud):
    await dockercloud.events.subscribe().__aenter__()  # here

async def test_leaves_a_log(dockercloud):
    service = await dockercloud.services.create(image="acme/web")
    await open_log(dockercloud, service)

async def open_log(cloud, service):
    await cloud.services.logs(service).__aenter__()  # here

@pytest.mark.usefixtures("dockercloud_server")
async def test_leaves_a_session():
    cloud = DockerCloud()  # here
    await cloud.services.list()

@pytest.mark.usefixtures("dockercloud_server")
async def test_leaves_a_stream_of_its_own_session():
    cloud = DockerCloud()  # here
    await cloud.events.subscribe().__aenter__()  # here

@pytest.fixture
async def events(dockercloud_server):
    async with DockerCloud() as own, own.events.subscribe() as events:
        yield events

async def test_leaves_a_stream_that_a_fixture_closes(events, dockercloud):
    await dockercloud.services.create(image="acme/web")
    await anext(events)

async def test_leaves_a_stream_of_a_task(dockercloud):
    await asyncio.gather(dockercloud.events.subscribe().__aenter__())

async def test_leaves_a_stream_that_is_cut(dockercloud, dockercloud_faults):
    stream = dockercloud.events.subscribe(reconnect=False)
    await stream.__aenter__()
    dockercloud_faults.cut_streams()
    with pytest.raises(Exception):
        await anext(stream)
"""


def test_stream_or_session_left_open_is_an_error(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_leaving=LEAVING)
    here = [n for n, line in enumerate(LEAVING.splitlines(), 1) if "# here" in line]

    found = run(pytester)

    found.assert_outcomes(passed=8, errors=5)
    assert found.ret == pytest.ExitCode.TESTS_FAILED
    found.stdout.fnmatch_lines("*the stream /api/*/events/, opened in the background")
    left = re.findall(
        r"^  the (\w+) .*, opened at test_leaving\.py:(\d+), in (\w+)$",
        found.stdout.str(),
        re.MULTILINE,
    )
    stream, log, session, own_session, own_stream = map(str, here)
    both = "test_leaves_a_stream_of_its_own_session"
    assert left == [
        ("stream", stream, "test_leaves_a_stream"),
        ("stream", log, "open_log"),
        ("session", session, "test_leaves_a_session"),
        ("stream", own_stream, both),
        ("session", own_session, both),
    ]
