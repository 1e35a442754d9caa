"""``trigger``: URLs that redeploy or scale a service."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import typer

from ...exceptions import NonUniqueIdentifier, ObjectNotFound
from ...types import TriggerFields
from .. import completion
from ..columns import services, short
from ..frame import Cli, command, group
from ..names import service_of, stacks_of
from ..options import argument, option
from ..output import Columns, note
from ..values import at_least, checked

__all__ = ["add_to"]

_Service = Annotated[
    str, argument(metavar="SERVICE", autocompletion=completion.names("service"))
]
_Trigger = Annotated[str, argument(metavar="TRIGGER", help="name, or uuid")]

_TRIGGERS: Columns = {
    "NAME": lambda one: one["name"],
    "OPERATION": lambda one: one["operation"],
    "SIGNED": lambda one: "yes" if one.get("signed") else "no",
    "UUID": lambda one: short(one["uuid"]),
    "URL": lambda one: one["url"],
}


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    trigger = group("trigger", "List, create, remove and call triggers of a service.")
    command(trigger, "ls")(list_triggers)
    command(trigger, "create", examples=_CREATE)(create_trigger)
    command(trigger, "rm")(remove_trigger)
    command(trigger, "call", examples=_CALL)(call_trigger)
    app.add_typer(trigger)


async def list_triggers(cli: Cli, name: _Service) -> None:
    """List the triggers of a service, with their URLs, which are secrets."""
    listed = await cli.cloud.triggers.list(await service_of(cli.cloud, name))
    cli.output.rows([_whole(cli, one) for one in listed], _TRIGGERS)


_CREATE = """
    aiodockercloud trigger create web
    aiodockercloud trigger create web --name more --operation SCALEUP
"""


async def create_trigger(
    cli: Cli,
    name: _Service,
    trigger_name: Annotated[
        str | None, option("--name", metavar="NAME", help="name of the trigger")
    ] = None,
    operation: Annotated[
        Literal["REDEPLOY", "SCALEUP"],
        option("--operation", help="what a call does (default: REDEPLOY)"),
    ] = "REDEPLOY",
    secret: Annotated[
        str | None,
        option(
            "--secret",
            metavar="TEXT",
            help="secret with which callers sign calls",
        ),
    ] = None,
) -> None:
    """Create a trigger of a service, and print its URL, which is a secret."""
    service = await service_of(cli.cloud, name)
    fields: TriggerFields = {"operation": operation}
    if trigger_name:
        fields["name"] = trigger_name
    if secret:
        fields["secret"] = secret
    created = await cli.cloud.triggers.create(service, **fields)
    cli.output.rows([_whole(cli, created)], _TRIGGERS)


async def remove_trigger(cli: Cli, name: _Service, trigger: _Trigger) -> None:
    """Remove a trigger, which makes its URL invalid."""
    service = await service_of(cli.cloud, name)
    await cli.cloud.triggers.delete(service, await _find(cli, service, trigger))


_CALL = """
    aiodockercloud trigger call web redeploy
    aiodockercloud trigger call web more --containers 2
"""


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not JSON: {error}") from None


async def call_trigger(
    cli: Cli,
    name: _Service,
    trigger: _Trigger,
    containers: Annotated[
        Any,
        option(
            "--containers",
            metavar="N",
            parser=at_least(1),
            help="how many SCALEUP adds (default: 1)",
        ),
    ] = None,
    body: Annotated[
        Any,
        option(
            "--body",
            metavar="JSON",
            parser=checked(str, _json),
            help="value for the containers of a redeploy",
        ),
    ] = None,
) -> None:
    """Call a trigger, and wait until the service has changed."""
    service = await service_of(cli.cloud, name)
    found = await _find(cli, service, trigger)
    called = await cli.cloud.triggers.call(service, found, containers, body=body)
    with cli.output.waiting(f"trigger {found['name']} …"):
        await cli.cloud.actions.wait(called)
    if reason := called.get("ignored"):
        note(f"the service has not changed: {reason}")
    changed = await cli.cloud.services.inspect(service)
    cli.output.rows([changed], services(await stacks_of(cli.cloud, [changed])))


async def _find(
    cli: Cli, service: Mapping[str, Any], identifier: str
) -> Mapping[str, Any]:
    """Return the trigger with a name, or whose uuid begins with a text.

    Raises:
        ObjectNotFound: No trigger matches.
        NonUniqueIdentifier: Several triggers match.
    """
    listed = await cli.cloud.triggers.list(service)
    found = [one for one in listed if one["name"] == identifier]
    found = found or [
        one for one in listed if identifier and one["uuid"].startswith(identifier)
    ]
    if not found:
        known = ", ".join(one["name"] for one in listed) or "none"
        raise ObjectNotFound(
            f"{service['name']} has no trigger {identifier!r}; its triggers: {known}"
        )
    if len(found) > 1:
        uuids = ", ".join(one["uuid"] for one in found)
        raise NonUniqueIdentifier(f"{identifier!r} is the name of several: {uuids}")
    return found[0]


def _whole(cli: Cli, trigger: Mapping[str, Any]) -> dict[str, Any]:
    """Return a trigger with its whole URL instead of the path on the server."""
    return {**trigger, "url": f"{cli.cloud.rest_url}{trigger['url']}"}
