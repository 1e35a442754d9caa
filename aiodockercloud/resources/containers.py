"""Containers (``cloud.containers``): the processes behind a service.

Source: Docker Cloud API reference, "Containers".
"""

from __future__ import annotations

import asyncio
import builtins
import shlex
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import ClassVar, Literal, Unpack, overload

from .. import types
from ..transport.log_stream import LogStream, Since, Tail
from ..wire.exec import BASE64, END_OF_INPUT
from .addresses import Address, address_of
from .answers import reading
from .exec import Exec, ExecBytes
from .filters import Filters
from .managed import WAIT_TIMEOUT, Managed, Reference

__all__ = ["Containers"]


class Containers(Managed["types.Container", "types.ContainerState"]):
    """Containers: ``cloud.containers``.

    The first argument is a container: its dict, its ``resource_uri`` or its uuid.

    A method returns the container in the state of the second column; when the operation
    has succeeded, the container is in the state of the last column. :meth:`wait` and
    ``cloud.actions.wait`` follow the operation to its end. In any other state than the
    allowed ones, the method raises ``OperationNotAllowed`` (422), whose message lists
    the operations that the current state allows.

    ============  ===========  =================================  ============
    method        meanwhile    allowed states                     at the end
    ============  ===========  =================================  ============
    ``start``     Starting     Stopped                            Running
    ``stop``      Stopping     Running                            Stopped
    ``redeploy``  Terminating  Running, Stopped                   Terminated
    ``delete``    Terminating  Running, Stopped                   Terminated
    ============  ===========  =================================  ============

    A ``redeploy`` replaces the container by a new one with a new uuid. A ``delete``
    decreases the ``target_num_containers`` of the service by one. ``exec`` and ``run``
    need a container that is ``"Running"``.

    ``memory`` and ``memory_swap`` are in MB, dates are RFC 2822 text in UTC.

    Source: Docker Cloud API reference, "Containers", "Container States".
    """

    kind = "container"
    filters: ClassVar[Filters | None] = Filters("ContainerFilters", "Container")
    stack_filter: ClassVar[str | None] = "service__stack__name"

    async def list(
        self, **filters: Unpack[types.ContainerFilters]
    ) -> builtins.list[types.Container]:
        return await super().list(**filters)

    def iterate(
        self, **filters: Unpack[types.ContainerFilters]
    ) -> AsyncIterator[types.Container]:
        return super().iterate(**filters)

    async def start(self, container: Reference) -> types.Container:
        """Start a stopped container.

        Args:
            container: The container.

        Returns:
            The container's dict, usually in the state ``"Starting"``. At the end, the
            container is ``"Running"``.

        Raises:
            OperationNotAllowed: The container's state does not allow the operation; see
                the table of the class.
            ObjectNotFound: The container does not exist.

        Source:
            Docker Cloud API reference, "Start a container".
        """
        return await self._operate(container, "start")

    async def stop(self, container: Reference) -> types.Container:
        """Stop a running container.

        Args:
            container: The container.

        Returns:
            The container's dict, usually in the state ``"Stopping"``. At the end, the
            container is ``"Stopped"``.

        Raises:
            OperationNotAllowed: The container's state does not allow the operation; see
                the table of the class.
            ObjectNotFound: The container does not exist.

        Source:
            Docker Cloud API reference, "Stop a container".
        """
        return await self._operate(container, "stop")

    async def redeploy(
        self, container: Reference, *, reuse_volumes: bool = True
    ) -> types.Container:
        """Replace a container by a new one with the same name and a new uuid.

        Args:
            container: The container.
            reuse_volumes: Whether the new container uses the volumes of the replaced
                one.

        Returns:
            The dict of the replaced container, usually in the state
            ``"Terminating"``. At the end, that container is ``"Terminated"`` and the
            new one is ``"Running"``.

        Raises:
            OperationNotAllowed: The container's state does not allow the operation; see
                the table of the class.
            ObjectNotFound: The container does not exist.

        Source:
            Docker Cloud API reference, "Redeploy a container".
        """
        params = {"reuse_volumes": reuse_volumes}
        return await self._operate(container, "redeploy", params=params)

    async def address(
        self,
        container: Reference,
        port: int,
        protocol: Literal["tcp", "udp"] = "tcp",
    ) -> Address:
        """Return where a published port of a container answers.

        The host is the container's ``public_dns``, by default the address of its node.
        The host of the server takes its place when that name does not resolve here, or
        is a loopback address of another machine. No connection is opened.

        ::

            address = await cloud.containers.address(container, 80)
            async with session.get(f"http://{address}/") as response:
                ...

        Args:
            container: The container.
            port: The port in the container.
            protocol: The protocol of the port.

        Returns:
            The host and the port; the text of the address is ``host:port``.

        Raises:
            ObjectNotFound: The container does not exist, or does not publish the port
                at present; the message lists the published ports.
            TypeError: *port* is not an int.

        Source:
            Docker Cloud API reference, "Containers", ``container_ports`` and
            ``public_dns``.
        """
        if not isinstance(port, int):
            raise TypeError(f"port: must be an int, not {type(port).__name__}")
        found = await self.inspect(container)
        with reading("container"):
            return await address_of(found, port, protocol, self.cloud.rest_url)

    def logs(
        self,
        container: Reference,
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
    ) -> LogStream[types.LogLine]:
        """Read the log of a container as a stream.

        No request is sent before the stream is entered or iterated.

        Args:
            container: The container.
            tail: The number of past lines at the beginning, or ``"all"``. By default
                all lines since *since*; with *until*, all lines; or else the server's
                default of 300.
            follow: Whether the stream continues with new lines until the container is
                terminated. Otherwise the stream ends after the past lines.
            since: The time of the oldest line to read: a ``datetime`` with a time
                zone, seconds since 1970, or a time stamp as at the beginning of a line.
            until: ``"stopped"`` ends the stream as soon as the container has stopped
                and all lines have been received, as for a job. By default, and as in
                the hosted API, a followed log ends when the container is terminated.
            stdout: Whether the standard output is read; see ``services.logs``.
            stderr: Whether the standard error is read.
            timestamps: Whether ``log`` begins with the time stamp of the engine.
            details: Whether lines have the key ``details``; see ``services.logs``.
            reconnect: Whether the stream connects again when the connection is lost.

        Returns:
            A stream of lines as dicts, as :meth:`Services.logs` returns, but without
            ``source``.

        Raises:
            ValueError: *since* is not a point in time or lies before 1970, or *until*
                is another text or given without *follow*, or *tail* is another text, or
                neither *stdout* nor *stderr* is true.
            TypeError: *since* has another type.
            NotSupported: The server does not know an option, or its engine has no
                *details*; raised when the stream is entered or iterated.
            ObjectNotFound: The container does not exist. Errors of the server and of
                the connection are raised when the stream is entered or iterated.

        Source:
            Docker Cloud API reference, "Get the logs of a container".
        """
        return self.read_logs(
            container,
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

    @overload
    def exec(
        self,
        container: Reference,
        command: str | Sequence[str],
        *,
        text: Literal[True] = ...,
    ) -> Exec: ...

    @overload
    def exec(
        self,
        container: Reference,
        command: str | Sequence[str],
        *,
        text: Literal[False],
    ) -> ExecBytes: ...

    def exec(
        self,
        container: Reference,
        command: str | Sequence[str],
        *,
        text: bool = True,
    ) -> Exec | ExecBytes:
        r"""Run a command in a container, with its output as a stream.

        The command starts when the stream is entered or iterated.

        Args:
            container: A running container.
            command: A command line, which the server splits into words as a shell
                does, or a sequence of words, which the client quotes. As with
                ``docker exec``, the first word is the program, and no shell reads the
                others: ``["sh", "-c", "echo hi | wc -c"]`` has a pipe.
            text: Whether input and output are text. Bytes of the output that are not
                UTF-8 become U+FFFD then, and the character ``\x04`` ends the input.
                Otherwise input and output are ``bytes``, which pass unchanged.

        Returns:
            A stream of ``{"streamType": "stdout" | "stderr", "output": str}``, with
            the methods ``write()`` and ``end_input()`` for the input and, at the end,
            ``exit_code``. Without *text*, ``output`` is ``bytes``.

        Raises:
            NotSupported: Without *text*, the server has no such encoding, as the hosted
                server; raised when the stream is entered or iterated.
            OperationNotAllowed: The container is not ``"Running"``. Errors of the
                server and of the connection are raised when the stream is entered or
                iterated.
            BadRequest: The command line cannot be split into words.
            ObjectNotFound: The container does not exist.
            ValueError: *command* is empty.
            TypeError: *command* is neither a text nor a sequence of texts.

        Source:
            Docker Cloud API reference, "Execute command inside a container".
        """
        line = _command_line(command)
        cloud = self.cloud
        path = self._path(container, "exec", stream=True)
        params = {"command": line} | ({} if text else {"encoding": BASE64})
        connect = partial(cloud.stream, path, params=params, pings=False)
        kind = Exec if text else ExecBytes
        stream = kind(connect, timings=cloud.timings, limits=cloud.limits)
        cloud.streams.add(stream)
        return stream

    @overload
    async def run(
        self,
        container: Reference,
        command: str | Sequence[str],
        *,
        stdin: str | None = ...,
        timeout: float | None = ...,  # noqa: ASYNC109
    ) -> types.ExecResult: ...

    @overload
    async def run(
        self,
        container: Reference,
        command: str | Sequence[str],
        *,
        stdin: bytes,
        timeout: float | None = ...,  # noqa: ASYNC109
    ) -> types.ExecBytesResult: ...

    async def run(
        self,
        container: Reference,
        command: str | Sequence[str],
        *,
        stdin: str | bytes | None = None,
        timeout: float | None = WAIT_TIMEOUT,  # noqa: ASYNC109 - finite by default
    ) -> types.ExecResult | types.ExecBytesResult:
        r"""Run a command in a container to its end, and return its output.

        Args:
            container: A running container.
            command: The command, as for :meth:`exec`.
            stdin: The whole input, which is followed by the end of input. The client
                sends the input while it receives the output, so that the input may
                have any length. Text is sent as UTF-8. By default, no input is sent,
                and the input stays open.
            timeout: Seconds that the command may run, 600 by default; ``None`` sets no
                limit.

        Returns:
            ``{"stdout": str, "stderr": str, "exit_code": int | None}``; ``exit_code``
            is ``None`` when the server reports no exit code. ``stdout`` and ``stderr``
            are ``bytes`` when *stdin* is ``bytes``, even if empty; in text, bytes that
            are not UTF-8 become U+FFFD.

        Raises:
            TypeError: *stdin* or *command* has another type.
            ValueError: *stdin* is text with a surrogate, which has no bytes, or
                *command* is empty.
            NotSupported: *stdin* is ``bytes`` or has the character ``\x04``, which
                ends the input in text, and the server has no input as bytes, as the
                hosted server.
            TimeoutError: *timeout* is over; the connection is closed.
            OutputTooLarge: The output is larger than ``limits.output_bytes`` (64 MiB);
                the connection is closed. :meth:`exec` has no such bound.
            StreamClosed: The connection was lost before the end of the command.
            OperationNotAllowed: The container is not ``"Running"``.
            BadRequest: The command line cannot be split into words.
            ObjectNotFound: The container does not exist.

        Source:
            Docker Cloud API reference, "Execute command inside a container".
        """
        if stdin is not None and not isinstance(stdin, str | bytes):
            raise TypeError("stdin: must be str or bytes")
        limit = asyncio.timeout(timeout)
        try:
            async with limit:
                return await self._run(container, command, stdin)
        except TimeoutError as exc:
            if not limit.expired():
                raise
            raise TimeoutError(f"the command still ran after {timeout:g} s") from exc

    async def _run(
        self,
        container: Reference,
        command: str | Sequence[str],
        stdin: str | bytes | None,
    ) -> types.ExecResult | types.ExecBytesResult:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        if isinstance(stdin, str | None) and END_OF_INPUT not in (stdin or ""):
            async with self.exec(container, command) as process:
                return await process.communicate(stdin)
        async with self.exec(container, command, text=False) as raw:
            result = await raw.communicate(data)
        if isinstance(stdin, bytes):
            return result
        return {
            "stdout": result["stdout"].decode("utf-8", "replace"),
            "stderr": result["stderr"].decode("utf-8", "replace"),
            "exit_code": result["exit_code"],
        }


def _command_line(command: str | Sequence[str]) -> str:
    """Return a command as one line, which the server splits into words."""
    if isinstance(command, str):
        line = command
    elif isinstance(command, Sequence) and all(isinstance(w, str) for w in command):
        line = shlex.join(command)
    else:
        raise TypeError("command: must be a text or a sequence of texts")
    if not line.strip():
        raise ValueError('command: must not be empty; "sh" is a shell')
    return line
