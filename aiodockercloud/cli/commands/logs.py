"""``logs``: the lines of services, stacks and containers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import typer

from .. import completion
from ..frame import Cli, command
from ..names import Found, find_all
from ..options import argument, option
from ..output import Form
from ..printing import LogPrinter
from ..values import checked, duration

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "logs", examples=_LOGS)(logs)


_LOGS = """
    aiodockercloud logs web
    aiodockercloud logs -f --tail 10 web worker
    aiodockercloud logs -f stack/shop
    aiodockercloud logs --since 10m web-1
"""


def _tail(text: str) -> int | str:
    if text == "all":
        return text
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{text!r} is not a number of lines, and not all")
    return int(text)


def _since(text: str) -> str | float:
    """Return a time stamp, or the seconds since 1970 of a duration before now."""
    try:
        return time.time() - duration(text)
    except ValueError:
        return text


async def logs(
    cli: Cli,
    names: Annotated[
        list[str],
        argument(
            metavar="NAME...",
            help="services, stacks or containers",
            autocompletion=completion.names(),
        ),
    ],
    follow: Annotated[
        bool, option("--follow", "-f", help="continue with new lines")
    ] = False,
    tail: Annotated[
        Any,
        option(
            "--tail",
            "-n",
            metavar="N",
            parser=checked(str, _tail),
            help="past lines, or all (default: 300, with --since all)",
        ),
    ] = None,
    since: Annotated[
        Any,
        option(
            "--since",
            metavar="TIME",
            parser=checked(str, _since),
            help="time of the oldest line: a duration such as 10m, or a time stamp",
        ),
    ] = None,
    timestamps: Annotated[
        bool, option("--timestamps", "-t", help="print the time of each line")
    ] = False,
    prefix: Annotated[
        bool,
        option("--prefix/--no-prefix", help="print the name of the container"),
    ] = True,
) -> None:
    """Print the logs of services, stacks and containers.

    Lines of standard error go to standard error. With --output json, each line is an
    object; otherwise lines are text, on a terminal and off one.
    """
    found = await find_all(cli.cloud, names)
    single = len(found) == 1 and found[0].kind == "container"
    printer = LogPrinter(
        prefix=prefix and not single,
        stamps=timestamps,
        as_json=cli.output.form is Form.JSON,
    )
    options = {"tail": tail, "follow": follow, "since": since}
    streams = list(_streams(cli, found, options))
    if not follow:
        for name, stream in streams:
            await _print(name, stream, printer)
        return
    async with asyncio.TaskGroup() as group:
        for name, stream in streams:
            group.create_task(_print(name, stream, printer))


def _streams(
    cli: Cli, found: Sequence[Found], options: Mapping[str, Any]
) -> Iterator[tuple[str, Any]]:
    """Yield the streams: one for all services, and one for each other object.

    Each has the name of its container; the name is empty where each line has one.
    """
    if services := [one.object for one in found if one.kind == "service"]:
        yield "", cli.cloud.logs(services, **options)
    for one in found:
        if one.kind != "service":
            name = one.object["name"] if one.kind == "container" else ""
            yield name, one.api.logs(one.object, **options)


async def _print(name: str, stream: Any, printer: LogPrinter) -> None:
    async with stream as lines:
        async for line in lines:
            printer.print({"source": name, **line} if name else line)
