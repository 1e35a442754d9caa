"""A chat-ops bot: text in, messages out.

    aiodockercloud serve                  # prints the address and, once, a key
    export DOCKERCLOUD_REST_HOST=http://127.0.0.1:8008
    export DOCKERCLOUD_USER=admin DOCKERCLOUD_APIKEY=…
    python examples/chatbot.py            # one command on each line; try: help

Copy ``handle`` into your bot; the function does not depend on the source of the text. A
real bot creates one ``DockerCloud()`` at its start, calls ``handle(cloud, text)`` for
each message (any number at the same time) and sends each answer at once.
"""

from __future__ import annotations

import asyncio
import inspect
import shlex
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from aiodockercloud import (
    DockerCloud,
    DockerCloudError,
    NonUniqueIdentifier,
    ObjectNotFound,
    log_text,
)
from aiodockercloud.types import Service

#: Seconds after which the bot reports that an operation has not ended.
PATIENCE = 60.0

Answers = AsyncGenerator[str, None]
COMMANDS: dict[str, Callable[..., Answers]] = {}


def command(function: Callable[..., Answers]) -> Callable[..., Answers]:
    """Register a function as a command.

    The docstring of the function is the help; the arguments are the words after the
    name.
    """
    COMMANDS[function.__name__] = function
    return function


async def handle(cloud: DockerCloud, text: str) -> Answers:
    """Execute the command in *text*, and yield answers and errors."""
    name = ""
    try:
        name, *words = shlex.split(text) or ["help"]
        function = COMMANDS[name.lower()]
        inspect.signature(function).bind(cloud, *words)
    except KeyError as unknown:
        yield f"I do not know how to {unknown.args[0]}. Try: help"
        return
    except (TypeError, ValueError) as error:
        yield f"I did not get that: {error}. Try: help"
        return
    try:
        async with aclosing(function(cloud, *words)) as answers:
            async for answer in answers:
                yield answer
    except (ObjectNotFound, NonUniqueIdentifier) as error:
        yield f"Which one? {error.message}"
    except DockerCloudError as error:
        yield f"That did not work: {error.message}"
    except ValueError as error:
        yield f"That did not work: {error}"
    except TimeoutError:
        yield f"I gave up after {PATIENCE:g} seconds; {name} may still be under way."


def number(text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"{text!r} is not a number")
    return int(text)


def brief(service: Service) -> str:
    up, wanted = service["running_num_containers"], service["target_num_containers"]
    return f"{service['name']} is {service['state']}, {up} of {wanted} running"


# --- the commands -------------------------------------------------------------------


@command
async def deploy(
    cloud: DockerCloud, name: str, image: str, count: str = "1"
) -> Answers:
    """deploy NAME IMAGE [COUNT]"""
    containers = number(count)
    yield f"deploying {name}…"
    yield brief(
        await cloud.services.run(
            name=name, image=image, target_num_containers=containers, timeout=PATIENCE
        )
    )


@command
async def scale(cloud: DockerCloud, name: str, count: str) -> Answers:
    """scale NAME COUNT"""
    service = await cloud.services.find(name)
    scaling = await cloud.services.scale(service, number(count))
    await cloud.actions.wait(scaling, timeout=PATIENCE)
    yield brief(await cloud.services.inspect(service))


@command
async def status(cloud: DockerCloud, name: str | None = None) -> Answers:
    """status [NAME]"""
    if name is not None:
        yield brief(await cloud.services.find(name))
        return
    services = await cloud.services.list(terminated=False)
    for service in services:
        yield brief(service)
    if not services:
        yield "there are no services"


@command
async def logs(cloud: DockerCloud, name: str, lines: str = "5") -> Answers:
    """logs NAME [LINES]"""
    service = await cloud.services.find(name)
    async with cloud.services.logs(service, tail=number(lines), follow=False) as log:
        async for line in log:
            yield f"{line['source']} | {log_text(line)}"


@command
async def run(cloud: DockerCloud, name: str, *words: str) -> Answers:
    """run NAME COMMAND…"""
    service = await cloud.services.find(name)
    containers = await cloud.services.containers(service)
    if not containers:
        raise ValueError(f"{name} has no container")
    result = await cloud.containers.run(containers[0], words, timeout=PATIENCE)
    yield f"{result['stdout']}{result['stderr']}".strip() or "(no output)"
    if result["exit_code"]:
        yield f"exit code {result['exit_code']}"


@command
async def stop(cloud: DockerCloud, name: str) -> Answers:
    """stop NAME"""
    stopping = await cloud.services.stop(await cloud.services.find(name))
    yield brief(await cloud.services.wait(stopping, "Stopped", timeout=PATIENCE))


@command
async def remove(cloud: DockerCloud, name: str) -> Answers:
    """remove NAME"""
    service = await cloud.services.find(name)
    deleted = await cloud.services.delete(service)
    await cloud.services.wait(deleted, "Terminated", timeout=PATIENCE)
    yield f"{name} is removed"


@command
async def help(cloud: DockerCloud) -> Answers:
    """help"""
    yield "I know: " + ", ".join(str(known.__doc__) for known in COMMANDS.values())


# --- running it here ----------------------------------------------------------------


async def typed() -> AsyncGenerator[str, None]:
    """Yield the lines of standard input without blocking the event loop."""
    reader = asyncio.StreamReader()
    try:
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
        )
    except ValueError:  # standard input is a file, whose lines can be read at once
        for text in sys.stdin:
            yield text
        return
    try:
        while line := await reader.readline():
            yield line.decode()
    finally:
        transport.close()


async def main() -> None:
    async with DockerCloud() as cloud, aclosing(typed()) as texts:
        async for text in texts:
            async for answer in handle(cloud, text):
                print(answer, flush=True)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
