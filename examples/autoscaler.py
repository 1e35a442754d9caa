"""An autoscaler: one worker for every few containers of another service.

    aiodockercloud serve                  # prints the address and, once, a key
    export DOCKERCLOUD_REST_HOST=http://127.0.0.1:8008
    export DOCKERCLOUD_USER=admin DOCKERCLOUD_APIKEY=…
    python examples/autoscaler.py web worker --per 2

Nothing is polled: events report each change of the two services. The stream of events
begins with the current state and reports it again whenever events were missed, so the
number of workers is right after a lost connection, too. Ctrl-C ends the autoscaler.
"""

from __future__ import annotations

import argparse
import asyncio
import math

from aiodockercloud import DockerCloud, OperationNotAllowed


async def adapt(cloud: DockerCloud, load: str, workers: str, per: int) -> None:
    """Scale the workers to the running containers of the service *load*."""
    busy, service = await asyncio.gather(
        cloud.services.inspect(load), cloud.services.inspect(workers)
    )
    wanted = max(1, math.ceil(busy["running_num_containers"] / per))
    if wanted == service["target_num_containers"]:
        return
    try:
        await cloud.services.scale(service, wanted)
    except OperationNotAllowed:
        return  # under way already; its end is an event, too
    print(f"{service['name']}: {wanted} containers", flush=True)


async def main(load_name: str, workers_name: str, per: int) -> None:
    async with DockerCloud() as cloud:
        load = (await cloud.services.find(load_name))["resource_uri"]
        workers = (await cloud.services.find(workers_name))["resource_uri"]
        watched = {load, workers}
        async with cloud.events.snapshot(type="service") as events:
            async for event in events:
                # Other types report the whole state: at the start, and after a gap.
                if event["type"] != "service" or event["resource_uri"] in watched:
                    await adapt(cloud, load, workers, per)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Scale a service with another one.")
    parser.add_argument("load", help="the service whose containers count")
    parser.add_argument("workers", help="the service to scale")
    parser.add_argument("--per", type=int, default=2, help="containers for each worker")
    given = parser.parse_args()
    try:
        asyncio.run(main(given.load, given.workers, given.per))
    except KeyboardInterrupt:
        pass
