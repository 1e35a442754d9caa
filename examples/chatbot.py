"""A bot that runs services: text in, messages out, on a server in this process.

    python examples/chatbot.py            # a short conversation
    python examples/chatbot.py --stdin    # your commands, one on each line

Copy ``handle`` into your bot; the function does not depend on the source of the text. A
real bot creates one ``DockerCloud()`` at its start, calls ``handle(cloud, text)`` for
each message (any number at the same time) and sends each answer at once.
"""

from __future__ import annotations

import argparse
import asyncio
import inspect
import shlex
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from aiodockercloud import (
    ApiError,
    DockerCloud,
    DockerCloudError,
    NonUniqueIdentifier,
    ObjectNotFound,
)
from aiodockercloud.loglines import log_text
from aiodockercloud.server import running
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
    try:
        name, *words = shlex.split(text) or ["help"]
        function = COMMANDS[name.lower()]
        inspect.signature(function).bind(cloud, *words)
    except KeyError:
        yield f"I do not know how to {name}. Try: help"
        return
    except (TypeError, ValueError) as error:
        yield f"I did not get that: {error}. Try: help"
        return
    try:
        async with aclosing(function(cloud, *words)) as answers:
            async for answer in answers:
                yield answer
    except (ObjectNotFound, NonUniqueIdentifier) as error:
        yield f"Which one? {getattr(error, 'message', error)}"
    except ApiError as error:
        yield f"That did not work: {error.message}"
    except (DockerCloudError, ValueError) as error:
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
    service = await cloud.services.create(
        name=name, image=image, target_num_containers=number(count)
    )
    yield f"deploying {name}…"
    started = await cloud.services.start(service)
    yield brief(await cloud.services.wait(started, "Running", timeout=PATIENCE))


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
    services = await cloud.services.list()
    alive = [service for service in services if service["state"] != "Terminated"]
    for service in alive:
        yield brief(service)
    if not alive:
        yield "nothing is there"


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
    if not service["containers"]:
        raise ValueError(f"{name} has no container")
    first = service["containers"][0]
    result = await cloud.containers.run(first, words, timeout=PATIENCE)
    yield f"{result['stdout']}{result['stderr']}".strip() or "(it said nothing)"
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
    yield f"{name} is gone"


@command
async def help(cloud: DockerCloud) -> Answers:
    """help"""
    yield "I know: " + ", ".join(str(known.__doc__) for known in COMMANDS.values())


# --- running it here ----------------------------------------------------------------

CONVERSATION = """\
help
deploy web dockercloud/hello-world 2
status
scale web 3
run web hostname
logs wbe
launch web
scale web many
stop web
scale web 4 now
remove web
status"""


async def conversation() -> AsyncGenerator[str, None]:
    for text in CONVERSATION.splitlines():
        print(f"> {text}")
        yield text


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


async def main(texts: AsyncGenerator[str, None]) -> None:
    async with (
        running() as server,
        DockerCloud(server.url, user=server.user, apikey=server.apikey) as cloud,
        aclosing(texts),
    ):
        async for text in texts:
            async for answer in handle(cloud, text):
                print(answer, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Talk to a bot that runs services.")
    parser.add_argument("--stdin", action="store_true", help="say it yourself")
    try:
        asyncio.run(main(typed() if parser.parse_args().stdin else conversation()))
    except KeyboardInterrupt:
        print("bye; everything is down")
