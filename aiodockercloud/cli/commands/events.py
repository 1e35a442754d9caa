"""``events`` and ``top``: changes as they happen."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from ...exceptions import ObjectNotFound
from ...wire import states
from .. import completion
from ..columns import EVENTS, services
from ..frame import Cli, command
from ..names import RUNNABLE, find_all
from ..options import argument, option
from ..output import note, write
from ..tables import table

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "events", examples=_EVENTS)(events)
    command(app, "top")(top)


_EVENTS = """
    aiodockercloud events
    aiodockercloud events --type service web
    aiodockercloud events --output json | jq -r .state
"""

#: The widths of the columns of events, which are printed one by one.
_WIDTHS = (32, 12, 8, 10, 16)


async def events(
    cli: Cli,
    names: Annotated[
        list[str] | None,
        argument(
            metavar="[NAME]...",
            help="services, stacks, containers or nodes",
            autocompletion=completion.names(),
        ),
    ] = None,
    types: Annotated[
        list[str] | None,
        option(
            "--type",
            metavar="TYPE",
            help="service, container, stack, node, nodecluster or action; may be given"
            " several times",
        ),
    ] = None,
    since: Annotated[
        str | None,
        option("--since", metavar="ID", help="id of the event to continue after"),
    ] = None,
) -> None:
    """Print the changes of all objects, or of the named ones, until Ctrl-C."""
    kinds = (*RUNNABLE, "node", "nodecluster")
    found = await find_all(cli.cloud, names or (), kinds)
    stream = cli.cloud.events.subscribe(
        type=types or None,  # type: ignore[arg-type]  # the client checks the words
        object=[one.object for one in found] or None,
        since=since,
    )
    if not cli.output.is_json:
        write(_row(tuple(EVENTS)))
    async with stream as changes:
        async for event in changes:
            if cli.output.is_json:
                cli.output.line(event)
            elif event["type"] == "gap":
                note("some events were lost")
            else:
                cells = [column(event) for column in EVENTS.values()]
                write(_row(tuple("" if one is None else str(one) for one in cells)))


def _row(cells: tuple[str, ...]) -> str:
    widths = (*_WIDTHS, 0)
    padded = (one.ljust(width) for one, width in zip(cells, widths, strict=True))
    return "  ".join(padded).rstrip() + "\n"


async def top(
    cli: Cli,
    once: Annotated[
        bool, option("--once", help="print the services once (default: off a terminal)")
    ] = False,
) -> None:
    """Show the services, and their changes as they happen, until Ctrl-C."""
    console = Console()
    board = _Board(cli)
    async with cli.cloud.events.snapshot(
        type=["stack", "service", "container"]
    ) as changes:
        if once or cli.output.is_json or not console.is_terminal:
            board.take(await anext(changes))
            cli.output.rows(board.listed, services(board.stacks))
            return
        with Live(console=console, screen=True, auto_refresh=False) as live:
            async for item in changes:
                board.take(item)
                await board.refresh()
                live.update(board.drawn(), refresh=True)


class _Board:
    """The services and stacks that ``top`` shows, by their URIs."""

    def __init__(self, cli: Cli) -> None:
        self._cloud = cli.cloud
        self.stacks: dict[str, Mapping[str, Any]] = {}
        self._services: dict[str, Mapping[str, Any]] = {}
        #: Changed objects, which must be read before they are shown.
        self._changed: set[str] = set()

    @property
    def listed(self) -> list[Mapping[str, Any]]:
        """The services, by name."""
        return sorted(self._services.values(), key=lambda one: str(one["name"]))

    def take(self, item: Mapping[str, Any]) -> None:
        """Note the objects or the change that an item of the stream has."""
        if "objects" in item:
            self.stacks = _of_kind("stack", item["objects"])
            self._services = _of_kind("service", item["objects"])
            self._changed.clear()
            return
        self._changed |= {
            uri
            for uri in (item["resource_uri"], *item["parents"])
            if "/service/" in uri or "/stack/" in uri
        }

    async def refresh(self) -> None:
        """Read the changed objects, and remove those that are terminated."""
        changed, self._changed = sorted(self._changed), set()
        await asyncio.gather(*map(self._read, changed))

    async def _read(self, uri: str) -> None:
        kept: dict[str, Mapping[str, Any]]
        api: Any
        if "/service/" in uri:
            kept, api = self._services, self._cloud.services
        else:
            kept, api = self.stacks, self._cloud.stacks
        kept.pop(uri, None)
        with suppress(ObjectNotFound):
            found = await api.inspect(uri)
            if found["state"] != states.TERMINATED:
                kept[uri] = found

    def drawn(self) -> Group:
        """Return what the terminal shows."""
        running = sum(int(one["running_num_containers"]) for one in self.listed)
        head = f"{len(self._services)} services, {running} running containers"
        return Group(
            Text(f"{head} on {self._cloud.rest_url}   Ctrl-C ends", "dim"),
            table(self.listed, services(self.stacks)),
        )


def _of_kind(kind: str, objects: list[Any]) -> dict[str, Mapping[str, Any]]:
    return {
        one["resource_uri"]: one
        for one in objects
        if f"/{kind}/" in one["resource_uri"]
    }
