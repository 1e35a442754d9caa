"""Many services at once, in a process of its own that has to end clean."""

from __future__ import annotations

import asyncio
import json
import sys

#: Prints what there was and what is left as one line of JSON.
SCRIPT = """
import asyncio, json, os, sys
from collections import Counter

from aiodockercloud import DockerCloud
from aiodockercloud.server import Embedded, running

COUNT = 200


def files():
    try:
        return len(os.listdir("/proc/self/fd"))
    except OSError:
        return 0


async def bring_up(cloud, number):
    service = await cloud.services.create(
        image="dockercloud/hello-world" if number % 2 else "acme/unknown",
        name=f"web-{number}",
        container_ports=[{"inner_port": 80, "published": True}],
    )
    await cloud.actions.wait(await cloud.services.start(service), timeout=90)


async def main():
    async with (
        running(Embedded(nodes=3)) as server,
        DockerCloud(server.url, user=server.user, apikey=server.apikey) as cloud,
    ):
        async with asyncio.timeout(100):
            await asyncio.gather(*(bring_up(cloud, n) for n in range(COUNT)))
            services = await cloud.services.list()
            actions = await cloud.actions.list()
    return {
        "services": Counter(s["state"] for s in services),
        "running": sum(s["running_num_containers"] for s in services),
        "actions": Counter(a["state"] for a in actions),
    }


async def measured():
    before = files()
    found = await main()
    left = asyncio.all_tasks() - {asyncio.current_task()}
    found["tasks"] = [task.get_name() for task in left]
    found["files"] = files() - before
    return found


print(json.dumps(asyncio.run(measured())))
"""


async def test_200_services_at_once_end_running_and_leave_nothing() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-X", "dev", "-W", "error", "-c", SCRIPT),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(120):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()

    # Development mode also reports every slow step of the event loop.
    lines = [x for x in err.decode().splitlines() if not x.startswith("Executing <")]
    assert lines == []
    assert process.returncode == 0
    assert json.loads(out) == {
        "services": {"Running": 200},
        "running": 200,
        "actions": {"Success": 400},
        "tasks": [],
        "files": 0,
    }
