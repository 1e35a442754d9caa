"""``start``, ``stop``, ``redeploy``, ``scale``, ``rollback`` and ``rm``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Annotated, Any

import typer

from ...resources.managed import WAIT_TIMEOUT
from .. import completion
from ..columns import BY_KIND, services
from ..frame import Cli, command
from ..names import RUNNABLE, Found, find_all, service_of, stacks_of
from ..options import argument, option
from ..values import at_least, checked, seconds

__all__ = ["add_to"]

_Names = Annotated[
    list[str],
    argument(
        metavar="NAME...",
        help="services, stacks or containers",
        autocompletion=completion.names(),
    ),
]
_Service = Annotated[
    str, argument(metavar="SERVICE", autocompletion=completion.names("service"))
]
_Detach = Annotated[
    bool, option("--detach", "-d", help="return while the operation goes on")
]
_Timeout = Annotated[
    Any,
    option(
        "--timeout",
        metavar="TIME",
        parser=checked(str, seconds),
        help="time to wait at most, as 30, 5m or 1h (default: 10m)",
    ),
]
_NewVolumes = Annotated[
    bool,
    option("--new-volumes", help="give the new containers new, empty volumes"),
]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "scale", examples="aiodockercloud scale web 3")(scale)
    command(app, "redeploy", examples=_REDEPLOY)(redeploy)
    command(app, "rollback", examples="aiodockercloud rollback web")(rollback)
    command(app, "start", examples="aiodockercloud start web")(start)
    command(app, "stop", examples="aiodockercloud stop web stack/shop")(stop)
    command(app, "rm", examples=_RM)(remove)


async def scale(
    cli: Cli,
    name: _Service,
    containers: Annotated[Any, argument(metavar="NUMBER", parser=at_least(0))],
    detach: _Detach = False,
    timeout: _Timeout = WAIT_TIMEOUT,  # noqa: ASYNC109 - an option of the user
) -> None:
    """Create or remove containers of a service until there are NUMBER."""
    found = Found("service", cli.cloud.services, await service_of(cli.cloud, name))
    operation = partial(cli.cloud.services.scale, containers=containers)
    await _carry_out(cli, [found], lambda _: operation, detach, timeout)


_REDEPLOY = """
    aiodockercloud redeploy web
    aiodockercloud redeploy shop --new-volumes
    aiodockercloud redeploy web --dry-run
"""


async def redeploy(
    cli: Cli,
    names: _Names,
    new_volumes: _NewVolumes = False,
    dry_run: Annotated[
        bool, option("--dry-run", help="print the plan for services, change nothing")
    ] = False,
    detach: _Detach = False,
    timeout: _Timeout = WAIT_TIMEOUT,  # noqa: ASYNC109 - an option of the user
) -> None:
    """Replace the containers by new ones with the current definition."""
    if dry_run:
        for name in names:
            service = await service_of(cli.cloud, name)
            plan = await cli.cloud.services.redeploy(
                service, reuse_volumes=not new_volumes, dry_run=True
            )
            cli.output.whole({"service": service["name"], **plan})
        return
    await _carry_out(
        cli,
        await find_all(cli.cloud, names),
        lambda one: partial(one.api.redeploy, reuse_volumes=not new_volumes),
        detach,
        timeout,
    )


async def rollback(
    cli: Cli,
    name: _Service,
    detach: _Detach = False,
    timeout: _Timeout = WAIT_TIMEOUT,  # noqa: ASYNC109 - an option of the user
) -> None:
    """Return a service to the definition before, and redeploy."""
    found = Found("service", cli.cloud.services, await service_of(cli.cloud, name))
    await _carry_out(cli, [found], lambda one: one.api.rollback, detach, timeout)


async def start(
    cli: Cli,
    names: _Names,
    detach: _Detach = False,
    timeout: _Timeout = WAIT_TIMEOUT,  # noqa: ASYNC109 - an option of the user
) -> None:
    """Start services, stacks or containers."""
    found = await find_all(cli.cloud, names)
    await _carry_out(cli, found, lambda one: one.api.start, detach, timeout)


async def stop(
    cli: Cli,
    names: _Names,
    detach: _Detach = False,
    timeout: _Timeout = WAIT_TIMEOUT,  # noqa: ASYNC109 - an option of the user
) -> None:
    """Stop services, stacks or containers."""
    found = await find_all(cli.cloud, names)
    await _carry_out(cli, found, lambda one: one.api.stop, detach, timeout)


_RM = """
    aiodockercloud rm web
    aiodockercloud rm stack/shop
    aiodockercloud rm node/7eaf7fff
"""


async def remove(
    cli: Cli,
    names: _Names,
    detach: _Detach = False,
    timeout: _Timeout = WAIT_TIMEOUT,  # noqa: ASYNC109 - an option of the user
) -> None:
    """Terminate services, stacks or containers, with their volumes, or nodes."""
    kinds = (*RUNNABLE, "node", "nodecluster")
    found = await find_all(cli.cloud, names, kinds)
    await _carry_out(cli, found, lambda one: one.api.delete, detach, timeout)


async def _carry_out(
    cli: Cli,
    found: list[Found],
    operation: Callable[[Found], Callable[[Mapping[str, Any]], Awaitable[Any]]],
    detach: bool,
    seconds: float,
) -> None:
    """Start an operation on each object, wait for its end, and print the object.

    Raises:
        WaitFailed: The operation failed; the message has the reason.
        TimeoutError: The operation did not end in time, and goes on.
    """
    changed = {one: await operation(one)(one.object) for one in found}
    try:
        if not detach:
            for one, thing in changed.items():
                changed[one] = await _ended(cli, one, thing, seconds)
    finally:
        await _print(cli, changed)


async def _ended(
    cli: Cli, found: Found, changed: Mapping[str, Any], seconds: float
) -> Mapping[str, Any]:
    """Wait for the end of an operation, and return the object as it is then."""
    if not changed.get("dockercloud_action_uri"):
        return changed
    with cli.output.waiting(f"{found.title}: {changed.get('state')} …"):
        await cli.cloud.actions.wait(changed, timeout=seconds)
    ended: Mapping[str, Any] = await found.api.inspect(changed)
    return ended


async def _print(cli: Cli, changed: Mapping[Found, Mapping[str, Any]]) -> None:
    """Print the objects, a table for each kind."""
    for kind in dict.fromkeys(one.kind for one in changed):
        rows = [thing for one, thing in changed.items() if one.kind == kind]
        if kind == "service":
            stacks = {} if cli.output.is_json else await stacks_of(cli.cloud, rows)
            cli.output.rows(rows, services(stacks))
        else:
            cli.output.rows(rows, BY_KIND[kind])
