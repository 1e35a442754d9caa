"""Containers (``cloud.containers``): the processes behind a service.

Source: Docker Cloud API reference, "Containers".
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from aiohttp import ClientWebSocketResponse

from ..transport.log_stream import LogStream, Since
from ..transport.settings import DEFAULT_LIMITS, DEFAULT_TIMINGS, Limits, Timings
from ..transport.stream import Stream
from ..types import Container, ExecFrame, ExecResult
from ..wire.exec import END_OF_INPUT
from .managed import WAIT_TIMEOUT, Managed, Reference

__all__ = ["Containers", "Exec"]

#: Characters of input in one message; more are sent as several.
PIECE = 16_384


class Exec(Stream[ExecFrame]):
    """A command running in a container: its output is read, its input written.

    Attributes:
        exit_code: The command's exit code once the stream has ended. ``None`` before
            that, and with servers that tell none, as the hosted one did.
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
        """Send *text* to the command's input; ``"\\x04"`` ends the input.

        It returns when all of it is on its way; a command that does not read its input
        makes it wait once a window (``aiodockercloud.window``) is full.

        Raises:
            StreamClosed: The command is over.
        """
        for start in range(0, len(text), PIECE):
            await self._send(text[start : start + PIECE])

    def _control(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "exit":
            self.exit_code = frame.get("exit_code")
        else:
            super()._control(frame)

    def _not_an_object(self, data: str | bytes) -> dict[str, Any]:
        """Bare text is output, too, as the official command line takes it."""
        text = data if isinstance(data, str) else data.decode("utf-8", "replace")
        return {"streamType": "stdout", "output": text}


class Containers(Managed[Container]):
    """The first argument is a container's dict, its ``resource_uri`` or its uuid."""

    kind = "container"
    stack_filter = "service__stack__name"

    async def start(self, container: Reference) -> Container:
        """Start a stopped container."""
        return await self._operate(container, "start")

    async def stop(self, container: Reference) -> Container:
        """Stop a running container."""
        return await self._operate(container, "stop")

    async def redeploy(
        self, container: Reference, *, reuse_volumes: bool = True
    ) -> Container:
        """Replace the container by a new one of the same name; its uuid is new, too.

        Args:
            container: The container.
            reuse_volumes: Whether the new container gets the old one's volumes.
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
        reconnect: bool = True,
    ) -> LogStream:
        """The container's log, until it is terminated; see :meth:`Services.logs`, only
        without ``source``."""
        return self.read_logs(
            container, tail=tail, follow=follow, since=since, reconnect=reconnect
        )

    def exec(self, container: Reference, command: str | Sequence[str]) -> Exec:
        """Run a command in the container.

        Args:
            container: A running container.
            command: A command line, sent as it stands and split as a shell does, or
                its words, which are quoted.

        Returns:
            A stream of ``{"streamType": "stdout" | "stderr", "output": str}``, with
            ``write()`` for the input and, at the end, ``exit_code``.
        """
        line = command if isinstance(command, str) else shlex.join(command)
        cloud = self.cloud
        path = self._path(container, "exec", stream=True)
        return Exec(
            partial(cloud.stream, path, params={"command": line}),
            timings=cloud.timings,
            limits=cloud.limits,
        )

    async def run(
        self,
        container: Reference,
        command: str | Sequence[str],
        *,
        stdin: str | None = None,
        timeout: float | None = WAIT_TIMEOUT,  # noqa: ASYNC109 - finite by default
    ) -> ExecResult:
        """Run a command to its end and return all that it wrote.

        Args:
            container: A running container.
            command: As for :meth:`exec`.
            stdin: The whole input; its end is sent after it.
            timeout: Seconds it may take; ``None`` for ever.

        Returns:
            ``{"stdout": str, "stderr": str, "exit_code": int | None}``.

        Raises:
            TimeoutError: It took longer; the connection is closed.
            StreamClosed: The connection was lost before the end.
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
