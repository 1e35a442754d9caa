"""From a stack file to running containers and back, on a server in this process.

    python examples/quickstart.py [--engine swarm] [--image IMAGE] [STACKFILE]

The program starts a server on the embedded engine, or on the Docker Swarm that
DOCKER_HOST names. Then the program deploys the stack file, prints events, scales a
service, follows its log, runs a command in a container, and redeploys, stops and
terminates everything. Ctrl-C removes everything and ends the program.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
from collections import Counter
from pathlib import Path

import yaml

from aiodockercloud import (
    DockerCloud,
    DockerCloudError,
    NotSupported,
    StackFileError,
    log_text,
)
from aiodockercloud.server import Embedded, running
from aiodockercloud.server.engines import EngineError
from aiodockercloud.server.engines.swarm import Swarm
from aiodockercloud.stackfile import StackFile, load
from aiodockercloud.types import Service, Stack

DEFAULT = Path(__file__).with_name("docker-cloud.yml")


def say(text: str) -> None:
    print(f"==> {text}", flush=True)


def engine_for(file: StackFile) -> Embedded:
    """Return an embedded engine with nodes for the stack.

    The nodes have all tags of the stack. There is one node for each container that
    needs the same host port, and one more node for scaling.
    """
    tags: set[str] = set()
    wanted: Counter[tuple[int, str]] = Counter()
    for service in file.services:
        tags |= {tag["name"] for tag in service.get("tags", ())}
        for port in service.get("container_ports", ()):
            if port["outer_port"] is not None:
                count = service.get("target_num_containers", 1)
                wanted[port["outer_port"], port["protocol"]] += count
    nodes = max([1, *wanted.values()]) + 1
    return Embedded(nodes=[sorted(tags)] * nodes)


async def stand_ins(cloud: DockerCloud, file: StackFile) -> list[Stack]:
    """Create stacks with the services of other stacks to which the file refers."""
    own = {service["name"] for service in file.services}
    missing: dict[str, set[str]] = {}
    for service in file.services:
        references = [
            link["to_service"] for link in service.get("linked_to_service", ())
        ]
        references += [b["volumes_from"] for b in service.get("bindings", ())
                       if b.get("volumes_from")]  # fmt: skip
        for reference in references:
            name, dot, stack = reference.partition(".")
            if dot and reference not in own:
                missing.setdefault(stack, set()).add(name)
    made = []
    for stack_name, names in missing.items():
        say(f"standing in for stack {stack_name}: {', '.join(sorted(names))}")
        services = [{"name": name, "image": "stand-in"} for name in sorted(names)]
        stack = await cloud.stacks.create(name=stack_name, services=services)
        await cloud.actions.wait(await cloud.stacks.start(stack))
        made.append(stack)
    return made


async def show_events(cloud: DockerCloud, ready: asyncio.Event) -> None:
    names: dict[str, str] = {}
    async with cloud.events.subscribe() as events:
        ready.set()
        async for event in events:
            if event["type"] == "gap":
                continue  # events of a lost connection
            uri = event["resource_uri"]
            if uri not in names:
                found = await cloud.request("GET", uri)
                key = "action" if event["type"] == "action" else "name"
                names[uri] = found.get(key) or found["uuid"][:8]
            name = names[uri]
            print(
                f"    {event['type']:9} {event['action']:6} {name:30} {event['state']}"
            )


async def follow_logs(cloud: DockerCloud, service: Service, count: int = 5) -> None:
    """Print the first lines of the log; stop after a second without lines."""
    async with cloud.services.logs(service, tail=10) as lines:
        try:
            async with asyncio.timeout(1):
                async for line in lines:
                    print(f"    {line['source']} | {log_text(line)}")
                    count -= 1
                    if not count:
                        return
        except TimeoutError:
            print("    (no more for now)")


def may_scale(service: Service) -> bool:
    """Return whether a node has room for one more container.

    A container that shares volumes runs on the node of these volumes, where its host
    port is already taken.
    """
    fixed = any(port["outer_port"] for port in service["container_ports"])
    shares = any(binding["volumes_from"] for binding in service["bindings"])
    return service["deployment_strategy"] != "EVERY_NODE" and not (fixed and shares)


async def tour(cloud: DockerCloud, path: Path, file: StackFile) -> None:
    others = await stand_ins(cloud, file)
    say(f"deploying {path}: {len(file.services)} services")
    stack = await cloud.stacks.deploy(path, name=file.name)
    say(f"stack {stack['name']} is {stack['state']}")
    services = [await cloud.services.inspect(uri) for uri in stack["services"]]
    for service in services:
        print(f"    {service['name']:30} {service['state']:15} {service['image_name']}")

    alive = await cloud.services.list(stack=stack, state="Running")
    if not alive:
        say("nothing runs on here: all containers have done their work")
    else:
        service = next(filter(may_scale, alive), alive[0])
        if may_scale(service):
            target = service["current_num_containers"] + 1
            say(f"scaling {service['name']} to {target}")
            await cloud.actions.wait(await cloud.services.scale(service, target))
            service = await cloud.services.inspect(service)
            print(f"    {service['running_num_containers']} containers are running")

        say(f"following the logs of {service['name']}")
        await follow_logs(cloud, service)

        container = (await cloud.services.containers(service))[-1]
        say("running a command in one of its containers")
        try:
            result = await cloud.containers.run(
                container, ["sh", "-c", "echo this is $DOCKERCLOUD_CONTAINER_HOSTNAME"]
            )
            print(f"    {result['stdout'].strip()} (exit code {result['exit_code']})")
        except NotSupported as error:
            print(f"    ({error.message})")

        say(f"redeploying {service['name']}")
        await cloud.actions.wait(await cloud.services.redeploy(service))

        say("stopping the stack")
        await cloud.actions.wait(await cloud.stacks.stop(stack))

    say("terminating it")
    for each in [stack, *others]:
        await cloud.actions.wait(await cloud.stacks.delete(each))
    left = [c["name"] for c in await cloud.containers.list(terminated=False)]
    say(f"done; containers left: {', '.join(left) or 'none'}")


def with_image(path: Path, image: str, folder: str) -> Path:
    """Return a copy of the stack file in which every service has the image *image*."""
    services = yaml.safe_load(path.read_text())
    for service in services.values():
        service["image"] = image
    copy = Path(folder) / path.absolute().parent.name / path.name
    copy.parent.mkdir()
    copy.write_text(yaml.safe_dump(services, sort_keys=False))
    return copy


async def main(path: Path, engine: str) -> None:
    file = await asyncio.to_thread(load, path)
    async with running(Swarm() if engine == "swarm" else engine_for(file)) as server:
        say(f"a cloud on the {engine} engine is ready on {server.url}")
        async with DockerCloud(
            server.url, user=server.user, apikey=server.apikey
        ) as cloud:
            ready = asyncio.Event()
            events = asyncio.create_task(show_events(cloud, ready))
            try:
                await ready.wait()
                await tour(cloud, path, file)
            finally:
                events.cancel()
                await asyncio.gather(events, return_exceptions=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="See the whole life of a stack.")
    parser.add_argument("stackfile", nargs="?", type=Path, default=DEFAULT)
    parser.add_argument("--engine", choices=["embedded", "swarm"], default="embedded")
    parser.add_argument("--image", help="use this one for every service")
    return parser.parse_args()


def show_notes() -> None:
    """Print the warnings about stack files, which the client logs."""
    notes = logging.StreamHandler(sys.stdout)
    notes.setFormatter(logging.Formatter("==> note: %(message)s"))
    logging.getLogger("aiodockercloud.stackfile").addHandler(notes)


if __name__ == "__main__":
    given = arguments()
    show_notes()
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = given.stackfile
            if given.image:
                path = with_image(path, given.image, folder)
            asyncio.run(main(path, given.engine))
    except StackFileError as error:
        sys.exit(f"not a stack file that can be deployed: {error}")
    except (DockerCloudError, EngineError) as error:
        sys.exit(f"failed: {error}")
    except KeyboardInterrupt:
        say("interrupted; everything is down")
