"""``up``: a stack file, deployed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from operator import itemgetter
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.live import Live

from ... import stackfile
from ...exceptions import DockerCloudError
from ...resources.managed import WAIT_TIMEOUT
from ..columns import services
from ..frame import Cli, command
from ..options import argument, option
from ..stackfiles import nearest
from ..tables import progress_console, table
from ..values import checked, seconds

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "up", examples=_UP)(up)


_UP = """
    aiodockercloud up
    aiodockercloud up shop/docker-cloud.yml --name shop
    aiodockercloud up --prune --timeout 30m
"""


async def up(
    cli: Cli,
    file: Annotated[
        Path | None,
        argument(metavar="[STACKFILE]", help="by default that of the folder"),
    ] = None,
    name: Annotated[
        str | None,
        option(
            "--name",
            metavar="NAME",
            help="name of the stack (default: that of the Compose file or folder)",
        ),
    ] = None,
    prune: Annotated[
        bool,
        option("--prune", help="terminate services that the file does not have"),
    ] = False,
    new_volumes: Annotated[
        bool, option("--new-volumes", help="give redeployed containers empty volumes")
    ] = False,
    timeout: Annotated[  # noqa: ASYNC109 - an option of the user
        Any,
        option(
            "--timeout",
            metavar="TIME",
            parser=checked(str, seconds),
            help="time to wait at most, as 30, 5m or 1h (default: 10m)",
        ),
    ] = WAIT_TIMEOUT,
) -> None:
    """Deploy a stack file, and wait until each service runs or has done its work.

    Without STACKFILE, the file is docker-cloud.yml, tutum.yml, docker-compose.yml or
    compose.yaml of this folder or of the nearest folder above. A stack of the name is
    updated and redeployed. When a service fails, the reason and its last lines are
    printed.
    """
    path = file or nearest()
    stack_name = name or (await asyncio.to_thread(stackfile.load, path)).name
    async with _watched(cli, stack_name):
        stack = await cli.cloud.stacks.deploy(
            path,
            name,
            prune=prune,
            reuse_volumes=not new_volumes,
            timeout=timeout,
        )
    listed = await cli.cloud.services.list(
        stack=stack["resource_uri"], terminated=False
    )
    listed = sorted(listed, key=itemgetter("name"))
    cli.output.rows(listed, services({stack["resource_uri"]: stack}))


@asynccontextmanager
async def _watched(cli: Cli, stack: str) -> AsyncIterator[None]:
    """Show the services of a stack on a terminal while the block runs."""
    console = progress_console()
    if console is None:
        yield
        return
    with Live(console=console, transient=True, auto_refresh=False) as live:
        watcher = asyncio.create_task(_watch(cli, stack, live))
        try:
            yield
        finally:
            watcher.cancel()
            await asyncio.wait([watcher])


async def _watch(cli: Cli, stack: str, live: Live) -> None:
    """Show the services of a stack, again after each event.

    Only the deployment reports errors: without events there is nothing to show.
    """
    try:
        async with cli.cloud.events.subscribe(type=["service", "container"]) as events:
            async for _ in events:
                listed = await cli.cloud.services.list(
                    stack__name=stack, terminated=False
                )
                live.update(table(listed, services({})), refresh=True)
    except DockerCloudError:
        return
