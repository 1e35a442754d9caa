"""Containers (``cloud.containers``): the processes behind a service.

Source: Docker Cloud API reference, "Containers".
"""

from __future__ import annotations

import asyncio
import builtins
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Literal, Unpack

from aiohttp import ClientWebSocketResponse

from ..transport.log_stream import LogStream, Since
from ..transport.settings import DEFAULT_LIMITS, DEFAULT_TIMINGS, Limits, Timings
from ..transport.stream import Stream
from ..types import Container, ContainerFilters, ExecFrame, ExecResult
from ..wire.exec import END_OF_INPUT
from .managed import WAIT_TIMEOUT, Managed, Reference

__all__ = ["Containers", "Exec"]

#: Characters of input in one message; longer input is sent as several messages.
PIECE = 16_384


class Exec(Stream[ExecFrame]):
    """A command that runs in a container: a stream of its output, with its input.

    Attributes:
        exit_code: The exit code of the command when the stream has ended; ``None``
            before the end, and with servers that report no exit code, as the hosted
            server.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[ClientWebSocketResponse[Any]]],
        *,
        timings: Timings = DEFAULT_TIMINGS,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        super().__init__(connect, timings=timings, limits=limits)
        self.exit_code: int | None = None

    async def write(self, text: str) -> None:
        r"""Send text to the input of the command; ``"\x04"`` ends the input.

        Returns when the whole text is sent. While the command does not read its input,
        sending waits as soon as a window of data (``aiodockercloud.wire.window``) is
        under way.

        Args:
            text: The text, of any length.

        Raises:
            StreamClosed: The command has ended, or the connection was lost.

        Source:
            Docker Cloud API reference, "Execute command inside a container".
        """
        for start in range(0, len(text), PIECE):
            await self._send(text[start : start + PIECE])

    def _control(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "exit":
            self.exit_code = frame.get("exit_code")
        else:
            super()._control(frame)

    def _not_an_object(self, data: str | bytes) -> dict[str, Any]:
        """Return text that is not JSON as output, as the official client does."""
        text = data if isinstance(data, str) else data.decode("utf-8", "replace")
        return {"streamType": "stdout", "output": text}


class Containers(Managed[Container]):
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
    stack_filter = "service__stack__name"

    async def list(
        self, **filters: Unpack[ContainerFilters]
    ) -> builtins.list[Container]:
        return await super().list(**filters)

    def iterate(self, **filters: Unpack[ContainerFilters]) -> AsyncIterator[Container]:
        return super().iterate(**filters)

    async def start(self, container: Reference) -> Container:
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

    async def stop(self, container: Reference) -> Container:
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
    ) -> Container:
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

    def logs(
        self,
        container: Reference,
        *,
        tail: int | None = None,
        follow: bool = True,
        since: Since | None = None,
        until: Literal["stopped"] | None = None,
        reconnect: bool = True,
    ) -> LogStream:
        """Read the log of a container as a stream.

        No request is sent before the stream is entered or iterated.

        Args:
            container: The container.
            tail: The number of past lines at the beginning. By default all lines since
                *since*; with *until*, all lines; or else the server's default of 300.
            follow: Whether the stream continues with new lines until the container is
                terminated. Otherwise the stream ends after the past lines.
            since: The time of the oldest line to read: a ``datetime`` with a time
                zone, seconds since 1970, or a time stamp as at the beginning of a line.
            until: ``"stopped"`` ends the stream as soon as the container has stopped
                and all lines have been received, as for a job. By default, and as in
                the hosted API, a followed log ends when the container is terminated.
            reconnect: Whether the stream connects again when the connection is lost.

        Returns:
            A stream of lines as dicts, as :meth:`Services.logs` returns, but without
            ``source``.

        Raises:
            ValueError: *since* is not a point in time or lies before 1970, or *until*
                is another text or given without *follow*.
            TypeError: *since* has another type.
            NotSupported: The server does not know *until*; raised when the stream is
                entered or iterated.
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
            reconnect=reconnect,
        )

    def exec(self, container: Reference, command: str | Sequence[str]) -> Exec:
        """Run a command in a container, with its output as a stream.

        The command starts when the stream is entered or iterated.

        Args:
            container: A running container.
            command: A command line, which the server splits into words as a shell
                does, or a sequence of words, which the client quotes.

        Returns:
            A stream of ``{"streamType": "stdout" | "stderr", "output": str}``, with
            the method ``write()`` for the input and, at the end, ``exit_code``.

        Raises:
            OperationNotAllowed: The container is not ``"Running"``. Errors of the
                server and of the connection are raised when the stream is entered or
                iterated.
            BadRequest: The command line cannot be split into words.
            ObjectNotFound: The container does not exist.

        Source:
            Docker Cloud API reference, "Execute command inside a container".
        """
        line = command if isinstance(command, str) else shlex.join(command)
        cloud = self.cloud
        path = self._path(container, "exec", stream=True)
        stream = Exec(
            partial(cloud.stream, path, params={"command": line}),
            timings=cloud.timings,
            limits=cloud.limits,
        )
        cloud.streams.add(stream)
        return stream

    async def run(
        self,
        container: Reference,
        command: str | Sequence[str],
        *,
        stdin: str | None = None,
        timeout: float | None = WAIT_TIMEOUT,  # noqa: ASYNC109 - finite by default
    ) -> ExecResult:
        """Run a command in a container to its end, and return its output.

        Args:
            container: A running container.
            command: The command, as for :meth:`exec`.
            stdin: The whole input, which is followed by the end of input. By default,
                no input is sent, and the input stays open.
            timeout: Seconds that the command may run; ``None`` sets no limit.

        Returns:
            ``{"stdout": str, "stderr": str, "exit_code": int | None}``; ``exit_code``
            is ``None`` when the server reports no exit code.

        Raises:
            TimeoutError: *timeout* is over; the connection is closed.
            StreamClosed: The connection was lost before the end of the command.
            OperationNotAllowed: The container is not ``"Running"``.
            BadRequest: The command line cannot be split into words.
            ObjectNotFound: The container does not exist.

        Source:
            Docker Cloud API reference, "Execute command inside a container".
        """
        output: dict[str, list[str]] = {"stdout": [], "stderr": []}
        async with asyncio.timeout(timeout), self.exec(container, command) as process:
            if stdin is not None:
                for text in filter(None, (stdin, END_OF_INPUT)):
                    await process.write(text)
            async for frame in process:
                kind = frame.get("streamType") or "stdout"
                output[kind].append(frame.get("output", ""))
        return {
            "stdout": "".join(output["stdout"]),
            "stderr": "".join(output["stderr"]),
            "exit_code": process.exit_code,
        }
