"""Stacks (``cloud.stacks``): services that are deployed together.

Source: Docker Cloud API reference, "Stacks".
"""

from __future__ import annotations

import asyncio
import builtins
import logging
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Unpack

from .. import types, wire
from ..exceptions import BadRequest, DockerCloudError, WaitFailed
from ..transport.log_stream import Since, Tail
from ..transport.session import Transport
from ..wire import states
from .actions import Actions
from .containers import Containers
from .failures import last_output, may_be_empty, succeeded
from .filters import Filters
from .forms import stack_fields
from .managed import POLL, WAIT_TIMEOUT, Managed, Reference
from .merged_logs import MergedLogStream, ServiceLists
from .services import Services
from .waiting import action_uri, until
from .watch import ChangeFeed

__all__ = ["Stacks"]

log: logging.Logger = logging.getLogger("aiodockercloud.stackfile")


class Stacks(Managed["types.Stack", "types.StackState"]):
    """Stacks: ``cloud.stacks``.

    The first argument is a stack: its dict, its ``resource_uri`` or its uuid.

    A method returns the stack in the state of the second column; when the operation
    has succeeded, the stack is in the state of the last column. :meth:`wait` and
    ``cloud.actions.wait`` follow the operation to its end. In any other state than the
    allowed ones, the method raises ``OperationNotAllowed`` (422), whose message lists
    the operations that the current state allows.

    ============  ===========  =================================  ============
    method        meanwhile    allowed states                     at the end
    ============  ===========  =================================  ============
    ``start``     Starting     Not running, Stopped,              Running
                               Partly running
    ``stop``      Stopping     Running, Partly running            Stopped
    ``redeploy``  Redeploying  Not running, Running,              Running
                               Partly running, Stopped
    ``delete``    Terminating  Not running, Running,              Terminated
                               Partly running, Stopped
    ============  ===========  =================================  ============

    An operation is carried out on each service of the stack whose state allows the
    operation. A ``redeploy`` of a stack that is ``"Not running"`` is its first start:
    its state is ``"Starting"`` meanwhile. When an operation fails or is canceled, the
    state follows from the services.

    Source: Docker Cloud API reference, "Stacks", "Stack states".
    """

    kind = "stack"
    filters: ClassVar[Filters | None] = Filters("StackFilters", "Stack")

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

    async def list(
        self, **filters: Unpack[types.StackFilters]
    ) -> builtins.list[types.Stack]:
        return await super().list(**filters)

    def iterate(
        self, **filters: Unpack[types.StackFilters]
    ) -> AsyncIterator[types.Stack]:
        return super().iterate(**filters)

    async def create(self, **fields: Unpack[types.StackFields]) -> types.Stack:
        """Create a stack and its services without starting them.

        Args:
            **fields: The fields of the stack. ``name`` is required. ``services`` is a
                list of dicts, each with a ``name`` and the fields of
                ``services.create`` or the keys of a stack file.

        Returns:
            The stack's dict, in the state ``"Not running"``. :meth:`start` creates the
            containers.

        Raises:
            BadRequest: A field is missing, unknown or invalid; the message names the
                service and the field.
            ConflictError: Another stack has the name.

        Source:
            Docker Cloud API reference, "Create a new stack".
        """
        return await self._create(stack_fields(fields))

    async def update(
        self,
        stack: Reference,
        *,
        prune: bool = False,
        version: int | None = None,
        **fields: Unpack[types.StackChanges],
    ) -> types.Stack:
        """Change the definition of a stack.

        Existing containers stay unchanged until :meth:`redeploy` replaces them, and new
        services are not started.

        Args:
            stack: The stack.
            prune: Whether the services that ``services`` leaves out are terminated,
                together with their volumes. By default these services stay.
            version: The version that the change is for, as ``stack["version"]``: the
                stack that was read, before its services were read. The change is
                refused when the stack or one of its services has changed since. By
                default, the change is for any version.
            **fields: The fields to change. ``services`` changes the services of these
                names and adds new services.

        Returns:
            The stack's dict.

        Raises:
            BadRequest: A field is unknown, invalid or cannot be changed (``name``);
                the message names the service and the field.
            VersionConflict: The stack does not have the *version*; nothing was changed.
            OperationNotAllowed: An operation on the stack is under way, or the stack is
                ``"Terminated"``.
            ObjectNotFound: The stack does not exist.

        Source:
            Docker Cloud API reference, "Update an existing stack".
        """
        body, params = stack_fields(fields), {"prune": prune or None}
        return await self._update(stack, body, version=version, params=params)

    async def start(self, stack: Reference) -> types.Stack:
        """Start all services of a stack, each after the services it links to.

        Args:
            stack: The stack.

        Returns:
            The stack's dict, usually in the state ``"Starting"``. At the end, the
            stack is ``"Running"``.

        Raises:
            OperationNotAllowed: The stack's state does not allow the operation; see
                the table of the class.
            ObjectNotFound: The stack does not exist.

        Source:
            Docker Cloud API reference, "Start a stack".
        """
        return await self._operate(stack, "start")

    async def stop(self, stack: Reference) -> types.Stack:
        """Stop all services of a stack, each before the services it links to.

        Args:
            stack: The stack.

        Returns:
            The stack's dict, usually in the state ``"Stopping"``. At the end, the stack
            is ``"Stopped"``.

        Raises:
            OperationNotAllowed: The stack's state does not allow the operation; see
                the table of the class.
            ObjectNotFound: The stack does not exist.

        Source:
            Docker Cloud API reference, "Stop a stack".
        """
        return await self._operate(stack, "stop")

    async def redeploy(
        self, stack: Reference, *, reuse_volumes: bool = True
    ) -> types.Stack:
        """Replace all containers by new ones with the current definitions.

        Args:
            stack: The stack.
            reuse_volumes: Whether the new containers use the volumes of the containers
                that they replace.

        Returns:
            The stack's dict, usually in the state ``"Redeploying"``. At the end, the
            stack is ``"Running"`` and its containers have new uuids.

        Raises:
            OperationNotAllowed: The stack's state does not allow the operation; see
                the table of the class.
            ObjectNotFound: The stack does not exist.

        Source:
            Docker Cloud API reference, "Redeploy a stack".
        """
        params = {"reuse_volumes": reuse_volumes}
        return await self._operate(stack, "redeploy", params=params)

    def logs(
        self,
        stack: Reference,
        *,
        tail: Tail | None = None,
        follow: bool = True,
        since: Since | None = None,
        until: Literal["stopped"] | None = None,
        stdout: bool = True,
        stderr: bool = True,
        timestamps: bool = True,
        details: bool = False,
        reconnect: bool = True,
    ) -> MergedLogStream:
        """Read the logs of all services of a stack as one stream.

        No request is sent before the stream is entered or iterated.

        Args:
            stack: The stack.
            tail: The number of past lines of each service; see ``services.logs``.
            follow: Whether new lines follow, those of new services included, until the
                stack is terminated. Past lines alone are in the order of their stamps.
            since: The time of the oldest line; see ``services.logs``.
            until: ``"stopped"`` ends the stream when nothing of the services runs any
                more; services that are added meanwhile are not read then.
            stdout: Whether the standard output is read; see ``services.logs``.
            stderr: Whether the standard error is read.
            timestamps: Whether ``log`` begins with the time stamp of the engine.
            details: Whether lines have the key ``details``; see ``services.logs``.
            reconnect: Whether the stream connects again when a connection is lost.

        Returns:
            A stream of lines as dicts, as ``cloud.logs`` returns.

        Raises:
            ValueError, TypeError: An option is invalid; see ``services.logs``.
            ObjectNotFound: The stack does not exist. Errors of the server and of the
                connection are raised when the stream is entered or iterated.

        Source:
            aiodockercloud's client, which merges the logs of services.
        """
        changing = follow and until is None
        return MergedLogStream(
            self._services,
            lambda: self._service_lists(stack, changing),
            tail=tail,
            follow=follow,
            since=since,
            until=until,
            stdout=stdout,
            stderr=stderr,
            timestamps=timestamps,
            details=details,
            reconnect=reconnect,
        )

    async def _service_lists(self, stack: Reference, changing: bool) -> ServiceLists:
        """Yield the services of a stack; if *changing*, again after each change."""
        found = await self.inspect(stack)
        uri = found["resource_uri"]
        yield await self._services.list(stack=uri, terminated=False)
        if not changing:
            return
        async with self._feed.subscribe(self.target(uri).pk) as changes:
            while found["state"] != states.TERMINATED:
                await changes.wait(POLL)
                try:
                    found = await self.inspect(uri)
                    yield await self._services.list(stack=uri, terminated=False)
                except DockerCloudError as error:
                    if not wire.is_transient(error):
                        raise

    async def export(self, stack: Reference) -> dict[str, Any]:
        """Return a stack in the form of a stack file.

        Args:
            stack: The stack.

        Returns:
            The services by their names, each with the keys of a stack file:
            ``{"web": {"image": str, …}, …}``.

        Raises:
            ObjectNotFound: The stack does not exist.

        Source:
            Docker Cloud API reference, "Export an existing stack".
        """
        return await self.cloud.request("GET", self._path(stack, "export"))

    async def deploy(
        self,
        path: str | Path,
        name: str | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        reuse_volumes: bool = True,
        prune: bool = False,
        timeout: float | None = WAIT_TIMEOUT,  # noqa: ASYNC109 - finite by default
        poll: float = POLL,
    ) -> types.Stack:
        """Deploy a stack file or a Compose file: create or update, start, and wait.

        An existing stack of the name that is not terminated is updated and redeployed.
        A variable that is not set is an empty text and a warning in the log; when the
        value of the key is wrong without the variable, the error names the variable.
        A key of a Compose file without which the containers run as before is a warning
        in the log; any other key that stack files cannot express is an error.

        Args:
            path: The path of the stack file or the Compose file.
            name: The name of the stack; by default the ``name`` of a Compose file, or
                the name of the file's directory.
            environ: Values for ``${VARIABLES}``; by default the process's environment.
            reuse_volumes: Whether redeployed containers keep their volumes.
            prune: Whether services of an existing stack that the file leaves out are
                terminated, together with their volumes. By default these services stay.
            timeout: Seconds that the deployment may take; ``None`` sets no limit.
            poll: Seconds between two inspections without an event.

        Returns:
            The stack's dict. Each service is running, or has done its work: all its
            containers ended with exit code 0.

        Raises:
            StackFileError: The file is invalid.
            BadRequest: The server refused a value, for example because its engine does
                not support the key. The message names the file, the service, the key,
                and the variables that are not set.
            OperationNotAllowed: An operation on the existing stack is under way.
            WaitFailed: The action failed, or a service did not start; the message names
                the service, its containers, their exit codes and the last lines of one.
            TimeoutError: *timeout* is over.

        Source:
            The operations that this method combines: Docker Cloud API reference,
            "Create a new stack", "Update an existing stack", "Start a stack" and
            "Redeploy a stack".
        """
        # Here, because only a deployment reads stack files.
        from .. import stackfile  # noqa: PLC0415

        file = await asyncio.to_thread(stackfile.load, path, environ=environ, name=name)
        for warning in file.warnings:
            log.warning("%s", warning)
        name = name or file.name
        limit = asyncio.timeout(timeout)
        try:
            # Both waits share one event stream.
            async with limit, self._feed.subscribe():
                try:
                    stack = await self._apply(name, file.services, reuse_volumes, prune)
                except BadRequest as exc:
                    # The server names the service and the key, but not the file.
                    exc.message = "; ".join([f"{path}: {exc.message}", *file.unset])
                    raise
                if action_uri(stack):
                    await self._actions.wait(stack, timeout=None, poll=poll)
                return await until(
                    self, self._feed, stack, self._settled, seconds=None, poll=poll
                )
        except TimeoutError as exc:
            if not limit.expired():
                raise
            raise TimeoutError(
                f"stack {name} was not deployed within {timeout:g} s"
            ) from exc

    async def _apply(
        self, name: str, services: builtins.list[Any], reuse_volumes: bool, prune: bool
    ) -> types.Stack:
        live = [
            stack
            for stack in await self.list(name=name)
            if stack.get("name") == name
            and stack.get("state") not in (states.TERMINATING, states.TERMINATED)
        ]
        if not live:
            created = await self.create(name=name, services=services)
            return self.checked(await self.start(self.checked(created)))
        stack = self.checked(live[0])
        await self.update(stack, services=services, prune=prune)
        return self.checked(await self.redeploy(stack, reuse_volumes=reuse_volumes))

    async def _settled(self, stack: types.Stack) -> types.Stack | None:
        """Return the stack when each service runs or has done its work, else None.

        Raises:
            WaitFailed: A service rests in another state.
        """
        if (state := stack.get("state")) == states.RUNNING:
            return stack
        if state in states.TRANSITIONAL_STATES:
            return None
        if state == states.TERMINATED:
            raise WaitFailed(f"stack {stack['name']} is Terminated")
        problems = []
        for uri in stack.get("services", ()):
            service = await self._services.inspect(uri)
            if service.get("state") in states.TRANSITIONAL_STATES:
                return None
            if service.get("state") not in (states.RUNNING, states.TERMINATED):
                problems += await self._problems(service)
        if problems:
            raise WaitFailed(f"stack {stack['name']} is {state}: {'; '.join(problems)}")
        return stack

    async def _problems(self, service: types.Service) -> builtins.list[str]:
        """Return why a service does not run; empty when it has done its work."""
        containers = [
            await self._containers.inspect(uri) for uri in service.get("containers", ())
        ]
        # Autodestroy may have removed containers that ended with exit code 0.
        failed = [one for one in containers if not succeeded(one)]
        if not failed and (containers or may_be_empty(service)):
            return []
        details = ", ".join(
            f"{one['name']} {one.get('state')} (exit code {one.get('exit_code')})"
            for one in failed
        )
        lines = await last_output(self._containers, failed)
        return [
            f"service {service['name']} is {service.get('state')},"
            f" {details or 'without containers'}",
            *([lines] if lines else []),
        ]
