"""``ps``, ``inspect``, ``node`` and ``action``: what exists, and what has happened."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from operator import itemgetter
from typing import Annotated, Any

import typer

from ...loglines import log_text
from ...wire import states
from .. import completion
from ..columns import ACTIONS, BY_KIND, NODES, services
from ..frame import Cli, command, group
from ..names import RUNNABLE, find, find_all
from ..options import argument, option
from ..output import write
from ..values import at_least

__all__ = ["add_to"]

_Names = Annotated[
    list[str] | None,
    argument(metavar="[NAME]...", autocompletion=completion.names("service", "stack")),
]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "ps", examples=_PS)(ps)
    command(app, "inspect", examples=_INSPECT)(inspect)
    node = group("node", "List the nodes.")
    command(node, "ls")(list_nodes)
    action = group("action", "List actions, read their logs, cancel and retry them.")
    command(action, "ls", examples=_ACTION_LS)(list_actions)
    command(action, "logs", examples=_ACTION_LOGS)(action_logs)
    command(action, "cancel")(cancel_action)
    command(action, "retry")(retry_action)
    app.add_typer(node)
    app.add_typer(action)


_PS = """
    aiodockercloud ps
    aiodockercloud ps shop
    aiodockercloud ps --containers web
    aiodockercloud ps --output json | jq -r .name
"""


async def ps(
    cli: Cli,
    names: _Names = None,
    containers: Annotated[
        bool, option("--containers", "-c", help="list containers instead of services")
    ] = False,
    stacks: Annotated[
        bool, option("--stacks", "-s", help="list stacks instead of services")
    ] = False,
    everything: Annotated[
        bool, option("--all", "-a", help="list terminated objects as well")
    ] = False,
) -> None:
    """List services: all of them, or those of the named services and stacks."""
    if containers and stacks:
        raise typer.BadParameter("--containers and --stacks exclude each other")
    cloud = cli.cloud
    terminated = None if everything else False
    if stacks:
        rows = await cloud.stacks.list(terminated=terminated)
        wanted = [(await find(cloud, one, ["stack"])).object for one in names or ()]
        cli.output.rows(wanted or rows, BY_KIND["stack"])
        return
    known = {one["resource_uri"]: one for one in await cloud.stacks.list()}
    found: list[Mapping[str, Any]] = []
    if not names:
        found += await cloud.services.list(terminated=terminated)
    for one in await find_all(cloud, names or (), ["service", "stack"]):
        if one.kind == "service":
            found.append(one.object)
        else:
            found += await cloud.services.list(
                stack=one.object["resource_uri"], terminated=terminated
            )
    if not containers:
        cli.output.rows(sorted(found, key=itemgetter("name")), services(known))
        return
    uris = [one["resource_uri"] for one in found]
    listed: list[Mapping[str, Any]] = []
    if not names:
        listed += await cloud.containers.list(terminated=terminated)
    elif uris:
        listed += await cloud.containers.list(service=uris, terminated=terminated)
    cli.output.rows(sorted(listed, key=itemgetter("name")), BY_KIND["container"])


_INSPECT = """
    aiodockercloud inspect web
    aiodockercloud inspect web-1 | jq .private_ip
    aiodockercloud inspect stack/shop
"""


async def inspect(
    cli: Cli,
    names: Annotated[
        list[str], argument(metavar="NAME...", autocompletion=completion.names())
    ],
) -> None:
    """Print services, stacks, containers, nodes or actions with all their fields."""
    kinds = (*RUNNABLE, "node", "nodecluster", "action")
    for one in await find_all(cli.cloud, names, kinds):
        cli.output.whole(one.object)


async def list_nodes(
    cli: Cli,
    everything: Annotated[
        bool, option("--all", "-a", help="list terminated nodes as well")
    ] = False,
) -> None:
    """List the nodes."""
    nodes = [
        one
        for one in await cli.cloud.nodes.list()
        if everything or one["state"] != states.TERMINATED
    ]
    cli.output.rows(nodes, NODES)


_ACTION_LS = """
    aiodockercloud action ls --last 5
    aiodockercloud action ls web
"""


async def list_actions(
    cli: Cli,
    name: Annotated[
        str | None, argument(metavar="[NAME]", autocompletion=completion.names())
    ] = None,
    last: Annotated[
        Any,
        option(
            "--last",
            "-n",
            metavar="N",
            parser=at_least(1),
            help="how many (default: 25)",
        ),
    ] = 25,
) -> None:
    """List the last actions: all of them, or those on one object."""
    filters: dict[str, Any] = {}
    if name is not None:
        kinds = (*RUNNABLE, "node", "nodecluster")
        filters["object"] = (await find(cli.cloud, name, kinds)).object["resource_uri"]
    found = []
    async for one in cli.cloud.actions.iterate(**filters, limit=min(last, 100)):
        found.append(one)
        if len(found) == last:
            break
    cli.output.rows(islice(found, last), ACTIONS)


_Action = Annotated[
    str, argument(metavar="ACTION", help="uuid, or its first characters")
]

_ACTION_LOGS = """
    aiodockercloud action logs 7eaf7fff
    aiodockercloud action logs -f 7eaf7fff
"""


async def action_logs(
    cli: Cli,
    action: _Action,
    follow: Annotated[
        bool, option("--follow", "-f", help="continue until the action ends")
    ] = False,
) -> None:
    """Print the log of an action."""
    found = (await find(cli.cloud, action, ["action"])).object
    async with cli.cloud.actions.logs(found, tail="all", follow=follow) as lines:
        async for line in lines:
            write(f"{log_text(line)}\n")


async def cancel_action(cli: Cli, action: _Action) -> None:
    """Cancel an action that is pending or in progress."""
    found = (await find(cli.cloud, action, ["action"])).object
    cli.output.rows([await cli.cloud.actions.cancel(found)], ACTIONS)


async def retry_action(cli: Cli, action: _Action) -> None:
    """Start the operation of an action that has ended again."""
    found = (await find(cli.cloud, action, ["action"])).object
    cli.output.rows([await cli.cloud.actions.retry(found)], ACTIONS)
