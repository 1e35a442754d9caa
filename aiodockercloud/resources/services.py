"""Services (``cloud.services``): a number of containers of one image.

Source: Docker Cloud API reference, "Services".
"""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterator
from typing import ClassVar, Literal, Unpack, overload

from .. import types, wire
from ..transport.log_stream import LogStream, Since, Tail
from ..wire import states
from ..wire.service_words import ALWAYS, OFF
from .answers import reading
from .filters import Filters
from .forms import api_fields
from .managed import WAIT_TIMEOUT, Readable, Reference
from .registry_auth import AuthFrom, auth_params, registry_headers
from .run_result import result_of
from .service_operations import ServiceOperations

__all__ = ["Services"]


class Services(ServiceOperations):
    """Services: ``cloud.services``.

    The first argument is a service: its dict, its ``resource_uri`` or its uuid.

    An operation changes the state of the service in two steps: the method returns the
    service in the state of the second column, and when the operation has succeeded,
    the service is in the state of the last column. :meth:`wait` and
    ``cloud.actions.wait`` follow the operation to its end. In any other state than the
    allowed ones, the method raises ``OperationNotAllowed`` (422), whose message lists
    the operations that the current state allows.

    ============  ===========  =================================  ============
    method        meanwhile    allowed states                     at the end
    ============  ===========  =================================  ============
    ``start``     Starting     Not running, Stopped,              Running
                               Partly running
    ``stop``      Stopping     Running, Partly running            Stopped
    ``scale``     Scaling      Not running, Running,              see below
                               Partly running, Stopped
    ``redeploy``  Redeploying  Not running, Running,              Running
                               Partly running, Stopped
    ``rollback``  Redeploying  Not running, Running,              Running
                               Partly running, Stopped
    ``delete``    Terminating  Not running, Running,              Terminated
                               Partly running, Stopped
    ============  ===========  =================================  ============

    A ``redeploy`` of a service that is ``"Not running"`` is its first start: its state
    is ``"Starting"`` meanwhile. ``scale`` creates running containers and does not start
    stopped ones; the state at the end follows from the containers. Without containers,
    a service is ``"Not running"``. When an operation fails or is canceled, the state
    follows from the containers, too. ``delete`` is not allowed either while another
    service uses the volumes of the service.

    A ``redeploy`` or ``rollback`` of a service that was deployed before, and a
    ``start`` of a changed definition, fail when a container with ``autorestart``
    ``"OFF"`` exits at once with another exit code than 0; the action's log has the
    exit codes and the containers' last lines. A :meth:`rollback` then restores the
    version before. The first start of a one-off job succeeds with any exit code.

    ``memory`` and ``memory_swap`` are in MB, dates are RFC 2822 text in UTC.

    Source: Docker Cloud API reference, "Services", "Service states". ``rollback``, and
    the states in which a first ``redeploy`` and ``scale`` are allowed, are
    aiodockercloud's.
    """

    kind = "service"
    filters: ClassVar[Filters | None] = Filters("ServiceFilters", "Service")
    stack_filter: ClassVar[str | None] = "stack__name"

    async def list(
        self, **filters: Unpack[types.ServiceFilters]
    ) -> builtins.list[types.Service]:
        return await super().list(**filters)

    def iterate(
        self, **filters: Unpack[types.ServiceFilters]
    ) -> AsyncIterator[types.Service]:
        return super().iterate(**filters)

    async def create(
        self,
        *,
        stack: Reference | None = None,
        registry_auth: types.RegistryAuth | None = None,
        **fields: Unpack[types.ServiceFields],
    ) -> types.Service:
        """Create a service without starting it.

        Args:
            stack: The stack of the service: its dict, its ``resource_uri`` or its uuid.
                By default the service is outside of all stacks.
            registry_auth: The credentials for the registry of the image:
                ``{"username": …, "password": …}`` or ``{"identitytoken": …}``. The
                server keeps the credentials for the service, and they take precedence
                over those of ``cloud.repositories``. No answer contains them.
            **fields: The fields of the service. ``image`` is required; ``name`` is by
                default the image's name. Ports, variables, links and volumes may be
                given as docker writes them: ``container_ports=["8080:80"]``,
                ``container_envvars={"A": "1"}``.

        Returns:
            The service's dict, in the state ``"Not running"``. :meth:`start` creates
            its containers.

        Raises:
            BadRequest: A field is missing, unknown or invalid, the stack does not
                exist, or a read-only field has a value; the message names the field
                and the allowed values, or the field to write instead.
            ConflictError: Another service of the stack, or outside of all stacks, has
                the name.
            OperationNotAllowed: An operation on the stack runs, or the stack is
                ``"Terminated"``.
            ValueError: *registry_auth* has an unknown key or is incomplete.
            TypeError: *registry_auth* is no dict, or a value is no text.

        Source:
            Docker Cloud API reference, "Create a new service"; ``stack`` in the
            requests of real clients, and ``X-Registry-Auth`` of the Docker Engine.
        """
        body = api_fields(fields)
        if stack is not None:
            key = wire.target_of("stack", stack).key
            body["stack"] = wire.path("stack", *key, dialect=self.cloud.dialect)
        return await self._create(body, headers=registry_headers(registry_auth))

    @overload
    async def run(
        self,
        *,
        stack: Reference | None = None,
        until: None = None,
        registry_auth: types.RegistryAuth | None = None,
        timeout: float | None = WAIT_TIMEOUT,  # noqa: ASYNC109 - as below
        **fields: Unpack[types.ServiceFields],
    ) -> types.Service: ...

    @overload
    async def run(
        self,
        *,
        stack: Reference | None = None,
        until: Literal["stopped"],
        registry_auth: types.RegistryAuth | None = None,
        timeout: float | None = WAIT_TIMEOUT,  # noqa: ASYNC109 - as below
        **fields: Unpack[types.ServiceFields],
    ) -> types.RunResult: ...

    async def run(
        self,
        *,
        stack: Reference | None = None,
        until: Literal["stopped"] | None = None,
        registry_auth: types.RegistryAuth | None = None,
        timeout: float | None = WAIT_TIMEOUT,  # noqa: ASYNC109 - finite by default
        **fields: Unpack[types.ServiceFields],
    ) -> types.Service | types.RunResult:
        """Create a service, start it, and wait until it runs or has ended.

        The service stays, also after an error and after its end; :meth:`delete` removes
        the service. :func:`aiodockercloud.batch.run_jobs` runs many jobs and removes
        their services.

        Args:
            stack: The stack of the service, as for :meth:`create`.
            until: ``"stopped"`` waits until all containers have ended, as for a job,
                and reads their output. By default the wait ends when the service is
                ``"Running"``, and a container that ends before that is an error.
            registry_auth: The credentials for the registry, as for :meth:`create`.
            timeout: Seconds to wait at most; ``None`` waits without a limit.
            **fields: The fields of the service, as for :meth:`create`.

        Returns:
            The service's dict, in the state ``"Running"``. With *until*, the result of
            the job: ``{"stdout": str, "stderr": str, "exit_code": int | None,
            "service": {…}}``; an exit code other than 0 is not an error.

        Raises:
            WaitFailed: The service cannot become ``"Running"``, or could not be
                started; the message has the uuid of the service or of its action, and
                the exit codes and the last lines of the containers, or those of the
                action's log.
            TimeoutError: *timeout* is over; the message has the uuid and the state.
            OutputTooLarge: The output is larger than ``limits.output_bytes``.
            ValueError: *until* is another text, or given with an ``autorestart`` of
                ``"ALWAYS"``, which has no end, or with an ``autodestroy``, which
                would remove the output.
            BadRequest: A field is missing, unknown or invalid, as for :meth:`create`.
            ConflictError: Another service has the name.
            OperationNotAllowed: An operation on the stack runs.

        Source:
            The operations that this method combines: Docker Cloud API reference,
            "Create a new service", "Start a service" and "Get the logs of a service".
        """
        if until not in (None, "stopped"):
            raise ValueError(f"until must be 'stopped' or None, not {until!r}")
        if until and fields.get("autorestart") == ALWAYS:
            raise ValueError("autorestart: a job that is always restarted has no end")
        if until and fields.get("autodestroy", OFF) != OFF:
            raise ValueError("autodestroy: would remove the output before it is read")
        created = await self.create(stack=stack, registry_auth=registry_auth, **fields)
        started = self.checked(await self.start(self.checked(created)))
        goal: types.ServiceState = states.STOPPED if until else states.RUNNING
        service = await self.wait(started, goal, timeout=timeout)
        if until is None:
            return service
        log = self.logs(service, until=until)
        most = self.cloud.limits.output_bytes
        containers = await self.containers(service)
        with reading("log"):
            return await result_of(service, containers, log, most)

    async def containers(self, service: Reference) -> builtins.list[types.Container]:
        """Return the containers of a service.

        Args:
            service: The service.

        Returns:
            The containers as dicts, in the order of their numbers (``web-1``,
            ``web-2``). Terminated containers are left out.

        Raises:
            ObjectNotFound: The service does not exist.

        Source:
            Docker Cloud API reference, "Get an existing service", "List all
            containers".
        """
        found = await self.inspect(service)
        listed = await Readable[types.Container](self.cloud, "container").list(
            service=self.checked(found).get("resource_uri")
        )
        with reading("service"):
            by_uri = {container["resource_uri"]: container for container in listed}
            # One may have been created or terminated between the two requests.
            return [by_uri[uri] for uri in found["containers"] if uri in by_uri]

    async def update(
        self,
        service: Reference,
        *,
        version: int | None = None,
        registry_auth: types.RegistryAuth | None = None,
        registry_auth_from: AuthFrom | None = None,
        **fields: Unpack[types.ServiceChanges],
    ) -> types.Service:
        """Change the definition of a service.

        Existing containers stay unchanged until :meth:`redeploy` replaces them.
        ``target_num_containers`` takes effect with :meth:`scale`.

        Args:
            service: The service.
            version: The version that the change is for, as ``service["version"]``: the
                service that was read. The change is refused when the service has
                another version. By default, the change is for any version.
            registry_auth: New credentials for the registry of the image, as for
                :meth:`create`; an empty dict removes those of the service.
            registry_auth_from: ``"previous-spec"`` restores the credentials that the
                service had before the last *registry_auth*. By default (``"spec"``),
                the service keeps its credentials.
            **fields: The fields to change, in the forms of :meth:`create`. A list such
                as ``container_envvars`` replaces the whole list; other fields keep
                their values.

        Returns:
            The service's dict, in an unchanged state. ``synchronized`` is ``False``
            while the containers differ from the definition.

        Raises:
            BadRequest: A field is unknown, invalid or cannot be changed (``name``), or
                a read-only field (``image_name``) has a new value; the message names
                the field, and the field to write instead.
            VersionConflict: The service does not have the *version*; nothing was
                changed.
            OperationNotAllowed: The service is ``"Terminating"`` or ``"Terminated"``.
            ObjectNotFound: The service does not exist.
            ValueError: *registry_auth* has an unknown key or is incomplete.
            TypeError: *registry_auth* is no dict, or a value is no text.

        Source:
            Docker Cloud API reference, "Update an existing service".
        """
        return await self._update(
            service,
            api_fields(fields),
            version=version,
            params=auth_params(registry_auth_from),
            headers=registry_headers(registry_auth),
        )

    def logs(
        self,
        service: Reference,
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
    ) -> LogStream[types.ServiceLogLine]:
        r"""Read the logs of all containers of a service as one stream.

        No request is sent before the stream is entered or iterated. While several
        containers have new lines, the lines of the containers alternate.

        Args:
            service: The service.
            tail: The number of past lines at the beginning, with *follow* for each
                container, or ``"all"``. By default all lines since *since*; with
                *until*, all lines; or else the server's default of 300.
            follow: Whether the stream continues with new lines until the service is
                terminated. Otherwise the stream ends after the past lines, which are
                in the order of their time stamps.
            since: The time of the oldest line to read: a ``datetime`` with a time
                zone, seconds since 1970, or a time stamp as at the beginning of a line.
            until: ``"stopped"`` ends the stream as soon as no container runs or is
                about to run and all lines have been received, as for a job. The stream
                of a service that is ``"Not running"`` ends at once, therefore
                :meth:`start` the service first. By default, and as in the hosted API,
                a followed log ends when the service is terminated.
            stdout: Whether lines of the standard output are read.
            stderr: Whether lines of the standard error are read. *tail* counts the
                lines of the outputs that are read.
            timestamps: Whether ``log`` begins with the time stamp of the engine.
            details: Whether lines have the key ``details``: names and values from the
                engine, such as the ids of node and task, and the labels and variables
                that the log driver adds. The embedded engine has no details.
            reconnect: Whether the stream connects again when the connection is lost
                and continues with the next line; see
                :class:`~aiodockercloud.transport.log_stream.LogStream`. Otherwise a
                lost connection raises ``StreamClosed``.

        Returns:
            A stream of lines as dicts, for example
            ``{"log": "2016-05-04T12:00:00.123456789Z text\n", "source": "web-1",
            "streamType": "stdout", "timestamp": 1462363200}``; ``timestamp`` is in
            seconds since 1970. A line with the key ``missed`` stands for lines that are
            lost: their number, or ``None`` when the number is unknown. Of the pieces of
            a long line, all but the last have the key ``partial``.

        Raises:
            ValueError: *since* is not a point in time or lies before 1970, or *until*
                is another text or given without *follow*, or *tail* is another text, or
                neither *stdout* nor *stderr* is true.
            TypeError: *since* has another type.
            NotSupported: The server does not know an option, or its engine has no
                *details*; raised when the stream is entered or iterated.
            ObjectNotFound: The service does not exist. Errors of the server and of the
                connection are raised when the stream is entered or iterated.

        Source:
            Docker Cloud API reference, "Get the logs of a service".
        """
        return self.read_logs(
            service,
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
