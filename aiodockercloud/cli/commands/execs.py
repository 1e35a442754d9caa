"""``exec``: a command in a running container."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from ...exceptions import OperationNotAllowed, StreamClosed
from ...wire import states
from .. import completion
from ..frame import Cli, command
from ..names import find
from ..options import argument, option
from ..typed import chunks

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "exec", examples=_EXEC, verbatim=True)(execute)


_EXEC = """
    aiodockercloud exec web-1 -- ls -l /
    aiodockercloud exec web -- sh -c 'echo $HOSTNAME'
    aiodockercloud exec -i db -- psql < dump.sql
    aiodockercloud exec web-1 -- sh
"""


async def execute(
    cli: Cli,
    name: Annotated[
        str,
        argument(
            metavar="NAME",
            help="a container, or a service for its first one",
            autocompletion=completion.names("service", "container"),
        ),
    ],
    words: Annotated[list[str], argument(metavar="-- COMMAND...")],
    interactive: Annotated[
        bool | None,
        option(
            "--interactive/--no-interactive",
            "-i/-I",
            help="pass the input on (default: on a terminal)",
        ),
    ] = None,
) -> int:
    """Run a command in a container, and end with the command's status.

    On a terminal, and with -i, what you type or pipe is the input of the command.
    Ctrl-D ends the input, Ctrl-C the command. The container has no terminal of its own:
    lines are sent as they are entered.
    """
    line = words[1:] if words[0] == "--" else words
    if not line:
        raise typer.BadParameter("the command is missing, after --")
    container = await _container(cli, name)
    async with cli.cloud.containers.exec(container, line, text=False) as process:
        sends = sys.stdin.isatty() if interactive is None else interactive
        sender = asyncio.create_task(_send(process)) if sends else None
        try:
            async for frame in process:
                file = sys.stderr if frame["streamType"] == "stderr" else sys.stdout
                file.buffer.write(frame["output"])
                file.flush()
        finally:
            if sender is not None:
                sender.cancel()
                await asyncio.wait([sender])
    return process.exit_code or 0


async def _send(process: Any) -> None:
    """Send the input of this process to the command."""
    try:
        async for data in chunks(sys.stdin.fileno()):
            await process.write(data)
        await process.end_input()
    except StreamClosed:
        return  # the command has ended; its output ends as well, with the reason


async def _container(cli: Cli, name: str) -> Mapping[str, Any]:
    """Return a container, or the first running one of a service.

    Raises:
        OperationNotAllowed: The service has no running container.
    """
    found = await find(cli.cloud, name, ["container", "service"])
    if found.kind == "container":
        return found.object
    for one in await cli.cloud.services.containers(found.object):
        if one["state"] == states.RUNNING:
            return one
    raise OperationNotAllowed(
        f"the service {found.object['name']} is {found.object['state']} and has no"
        " running container"
    )
