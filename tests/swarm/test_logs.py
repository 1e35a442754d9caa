"""Logs of a real Swarm that continue after lost connections."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from aiodockercloud import DockerCloud, Timings
from aiodockercloud.wire import loglines
from tests.support import swarms
from tests.support.flows import client_of
from tests.support.proxies import proxy
from tests.support.swarms import PATIENCE

pytestmark = swarms.need(1)


async def test_follow_over_cuts_has_every_line_once_and_in_order() -> None:
    timings = Timings(first_pause=0.01)
    counts = "i=0; while true; do echo $i; i=$((i+1)); sleep 0.01; done"
    async with (
        swarms.server() as server,
        proxy(server.url) as way,
        client_of(server) as cloud,
        DockerCloud(
            way.url, user=server.user, apikey=server.apikey, timings=timings
        ) as far,
    ):
        service = await swarms.run(
            cloud,
            image=swarms.IMAGE,
            target_num_containers=2,
            run_command=swarms.sh(counts),
        )
        found: defaultdict[str, list[int]] = defaultdict(list)
        async with (
            asyncio.timeout(PATIENCE),
            far.services.logs(service, since=0) as stream,
        ):
            while stream.reconnects < 5 or min(map(len, found.values())) < 200:
                line = await anext(stream)
                assert "missed" not in line
                numbers = found[line["source"]]
                numbers.append(int(loglines.log_text(line)))
                if len(numbers) % 50 == 0:
                    way.cut()

    assert len(found) == 2
    for numbers in found.values():
        assert numbers == list(range(len(numbers)))


async def test_outputs_and_details_of_lines() -> None:
    script = "echo one; echo two >&2; echo three; sleep 1000"
    async with swarms.server() as server, client_of(server) as cloud:
        service = await swarms.run(
            cloud, image=swarms.IMAGE, run_command=swarms.sh(script)
        )
        async with (
            asyncio.timeout(PATIENCE),
            cloud.services.logs(service, stderr=False, details=True) as stream,
        ):
            followed = [await anext(stream) for _ in range(2)]
        async with (
            asyncio.timeout(PATIENCE),
            cloud.services.logs(
                service, stderr=False, tail=1, follow=False, timestamps=False
            ) as stream,
        ):
            last = [line async for line in stream]

    assert [loglines.log_text(line) for line in followed] == ["one", "three"]
    assert all("com.docker.swarm.task.id" in line["details"] for line in followed)
    assert [line["log"] for line in last] == ["three\n"]
    assert "details" not in last[0]
