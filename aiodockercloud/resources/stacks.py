"""Stacks (``cloud.stacks``): services that are deployed together.

Source: Docker Cloud API reference, "Stacks".
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Unpack

from .. import stackfile
from ..exceptions import BadRequest, WaitFailed
from ..transport.session import Transport
from ..types import Container, Service, Stack, StackFields
from ..wire import states
from ..wire.service_fields import EVERY_NODE, OFF
from .actions import Actions
from .containers import Containers
from .managed import POLL, WAIT_TIMEOUT, Managed, Reference
from .services import Services
from .waiting import action_uri, until
from .watch import ChangeFeed

__all__ = ["Stacks"]


class Stacks(Managed[Stack]):
    """The first argument is a stack's dict, its ``resource_uri`` or its uuid."""

    kind = "stack"

    def __init__(
        self,
        cloud: Transport,
        feed: ChangeFeed,
        services: Services,
        containers: Containers,
        actions: Actions,
    ) -> None:
        super().__init__(cloud, feed)
        self._services = services
        self._containers = containers
        self._actions = actions

    async def create(self, **fields: Unpack[StackFields]) -> Stack:
        """Define a stack and its services; ``name`` is required.

        Args:
            fields: ``services`` is a list of dicts with the fields of
                ``services.create`` or the keys of a stack file, and a ``name`` each.

        Returns:
            The stack, ``"Not running"``.
        """
        return await self._create(fields)

    async def update(self, stack: Reference, **fields: Unpack[StackFields]) -> Stack:
        """Change the definition; the containers follow at the next ``redeploy``.

        ``services`` is the whole new set: services left out are terminated.
        """
        return await self._update(stack, fields)

    async def start(self, stack: Reference) -> Stack:
        """Start all services."""
        return await self._operate(stack, "start")

    async def stop(self, stack: Reference) -> Stack:
        """Stop all services."""
        return await self._operate(stack, "stop")

    async def redeploy(self, stack: Reference, *, reuse_volumes: bool = True) -> Stack:
        """Replace all containers by new ones made from the current definitions.

        Args:
            stack: The stack.
            reuse_volumes: Whether the new containers get the old ones' volumes.
        """
        params = {"reuse_volumes": reuse_volumes}
        return await self._operate(stack, "redeploy", params=params)

    async def export(self, stack: Reference) -> dict[str, Any]:
        """The stack as a stack file has it: ``{service: {"image": …, …}}``."""
        return await self.cloud.request("GET", self._path(stack, "export"))

    async def deploy(
        self,
        path: str | Path,
        name: str | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        reuse_volumes: bool = True,
        timeout: float | None = WAIT_TIMEOUT,  # noqa: ASYNC109 - finite by default
        poll: float = POLL,
    ) -> Stack:
        """Bring a stack file to life: create or update the stack, start it, wait.

        A stack of that name that is not terminated is updated and redeployed.

        Args:
            path: The stack file.
            name: The stack's name; by default that of the file's directory.
            environ: Values for ``${VARIABLES}`` in the file; by default the process's.
            reuse_volumes: Whether redeployed containers keep their volumes.
            timeout: Seconds it may take; ``None`` for ever.
            poll: Seconds between looks without an event.

        Returns:
            The stack, with every service running or, where all its containers ended
            with exit code 0, done.

        Raises:
            StackFileError: The file is wrong.
            BadRequest: The server's engine cannot do what the file wants; the message
                names the file, the service and the key.
            WaitFailed: A service did not come up; the message names it, its containers
                and their exit codes.
            TimeoutError: The time was up.
        """
        file = await asyncio.to_thread(stackfile.load, path, environ=environ)
        name = name or file.name
        try:
            # One event stream for both waits.
            async with asyncio.timeout(timeout) as limit, self._feed.subscribe():
                try:
                    stack = await self._apply(name, file.services, reuse_volumes)
                except BadRequest as exc:
                    # The server knows the service and the key, not the file.
                    exc.message = f"{path}: {exc.message}"
                    raise
                if action_uri(stack):
                    await self._actions.wait(stack, timeout=None, poll=poll)
                return await until(
                    self, self._feed, stack, self._settled, seconds=None, poll=poll
                )
        except TimeoutError as exc:
            if not limit.expired():
                raise
            raise TimeoutError(f"stack {name} was not up in {timeout:g} s") from exc

    async def _apply(
        self, name: str, services: list[dict[str, Any]], reuse_volumes: bool
    ) -> Stack:
        live = [
            stack
            for stack in await self.list(name=name)
            if stack.get("name") == name
            and stack.get("state") not in (states.TERMINATING, states.TERMINATED)
        ]
        if not live:
            return await self.start(await self.create(name=name, services=services))
        stack = await self.update(live[0], services=services)
        return await self.redeploy(stack, reuse_volumes=reuse_volumes)

    async def _settled(self, stack: Stack) -> Stack | None:
        """The stack once every service has come up; one-off containers may have ended
        well."""
        state = stack.get("state")
        if state == states.RUNNING:
            return stack
        if state in states.TRANSITIONAL_STATES:
            return None
        if state == states.TERMINATED:
            raise WaitFailed(f"stack {stack['name']} is Terminated")
        troubles = []
        for uri in stack.get("services", ()):
            service = await self._services.inspect(uri)
            if service.get("state") in states.TRANSITIONAL_STATES:
                return None
            if service.get("state") not in (states.RUNNING, states.TERMINATED):
                troubles += await self._troubles(service)
        if troubles:
            raise WaitFailed(f"stack {stack['name']} is {state}: {'; '.join(troubles)}")
        return stack

    async def _troubles(self, service: Service) -> list[str]:
        """What keeps a service from running that has not simply done its work."""
        containers = [
            await self._containers.inspect(uri) for uri in service.get("containers", ())
        ]
        # Containers that ended well may have been removed by autodestroy.
        bad = [one for one in containers if not _well(one)]
        if not bad and (containers or _may_be_empty(service)):
            return []
        seen = ", ".join(
            f"{one['name']} {one.get('state')} (exit code {one.get('exit_code')})"
            for one in bad
        )
        return [
            f"service {service['name']} is {service.get('state')}, {seen or 'empty'}"
        ]


def _may_be_empty(service: Service) -> bool:
    """Whether a service without containers is as its definition wants it."""
    everywhere = service.get("deployment_strategy") == EVERY_NODE
    none_wanted = service.get("target_num_containers") == 0 and not everywhere
    return none_wanted or service.get("autodestroy", OFF) != OFF


def _well(container: Container) -> bool:
    if container.get("state") in (states.RUNNING, states.STARTING):
        return True
    return container.get("exit_code") == 0
