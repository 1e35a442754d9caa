"""A session with the unmodified official command line on a real Swarm."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aiodockercloud.server import Server
from aiodockercloud.server.engines.swarm.docker_api import Api
from tests.support import legacy, swarms

pytestmark = swarms.need(3)

#: Seconds for the whole session, and for each wait.
TIME_LIMIT, WAIT = 150.0, 60
#: The image names of the session. The nodes have the one image under one name.
IMAGES = ("busybox", "dockercloud/hello-world", "tutum/hello-world")


@pytest.fixture
async def images() -> AsyncIterator[None]:
    """Give the image of the nodes other names."""
    engines = [Api(url) for url in swarms.node_engines().values()]
    try:
        for engine in engines:
            for image in IMAGES:
                await engine.call(
                    "POST",
                    f"images/{swarms.IMAGE}/tag",
                    params={"repo": image, "tag": "latest"},
                )
        yield
    finally:
        for engine in engines:
            for image in IMAGES:
                await engine.call("DELETE", f"images/{image}:latest")
            await engine.close()


@pytest.fixture
async def server(images: None) -> AsyncIterator[Server]:
    async with swarms.server() as server:
        yield server


async def test_command_line_unmodified_does_a_days_work_on_swarm(
    server: Server, tmp_path: Path
) -> None:
    """Run a short session: all parts together take minutes on a Swarm."""
    environment = legacy.environment(server, tmp_path)
    environment["WAIT"] = str(WAIT)

    lines = await legacy.run(
        "cli_day.py", "in_short", env=environment, seconds=TIME_LIMIT
    )

    assert "ok in_short" in lines
