"""A command in a container on any node, through the Engine of that node.

Source: Docker Engine API, "ContainerExec", "ExecStart" and "ExecInspect".
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import ssl
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Literal

import aiohttp
from aiodocker.execs import Exec
from aiodocker.stream import Stream

from .. import EngineError
from .docker_api import Api

log: logging.Logger = logging.getLogger(__name__)

_STREAMS: Mapping[int, Literal["stdout", "stderr"]] = {1: "stdout", 2: "stderr"}
#: Errors of writing to a command that has ended.
_ENDED = (aiohttp.ClientError, ConnectionError, AssertionError)
#: Variable that marks the processes of a command: closing an exec ends no process.
_MARK = "AIODOCKERCLOUD_EXEC"
_KILL = (
    "for p in /proc/[0-9]*; do"
    ' grep -q "$1" "$p/environ" 2>/dev/null && kill -9 "${p#/proc/}"; done'
)


class Session:
    """A command that ``start_command`` has started."""

    def __init__(
        self, api: Api, container: str, mark: str, exec: Exec, stream: Stream
    ) -> None:
        self.exit_code: int | None = None
        self._api = api
        self._container = container
        self._mark = mark
        self._exec = exec
        self._stream = stream
        self._done = self._closed = self._input_ended = False

    async def output(
        self,
    ) -> AsyncGenerator[tuple[Literal["stdout", "stderr"], bytes], None]:
        """Yield the output; set ``exit_code`` at the end."""
        # The queue of a closed stream never ends: no read after closing.
        while not self._closed:
            try:
                message = await self._stream.read_out()
            except aiohttp.ClientError:
                break
            if message is None:
                break
            yield _STREAMS.get(message.stream, "stdout"), message.data
        if not self._closed:
            self.exit_code = await self._wait_for_exit_code()
            self._done = self.exit_code is not None

    async def _wait_for_exit_code(self) -> int | None:
        """Return the exit code, which the Engine knows soon after the output's end."""
        for pause in self._api.settings.exit_code_pauses:
            await asyncio.sleep(pause)
            found = await self._api.in_time(self._exec.inspect)
            if not found["Running"] and found["ExitCode"] is not None:
                return int(found["ExitCode"])
        return None

    async def write(self, data: bytes) -> None:
        """Send input to the command."""
        if self._closed or self._input_ended:
            return
        with contextlib.suppress(*_ENDED):
            await self._stream.write_in(data)

    async def end_input(self) -> None:
        """End the input of the command, if the connection allows that."""
        if self._closed or self._input_ended:
            return
        self._input_ended = True
        if self._api.ends_both_ways:
            log.warning("the input of a command was not ended: not possible over ssh")
            return
        with contextlib.suppress(*_ENDED):
            self._close_output()

    def _close_output(self) -> None:
        """Close the connection's writing half: aiodocker (0.27) has no such method."""
        response = self._stream._resp
        assert response is not None
        assert response.connection is not None
        transport = response.connection.transport
        if transport is not None and transport.can_write_eof():
            transport.write_eof()
        elif transport is not None:
            _end_tls_output(transport)

    async def close(self) -> None:
        """Close the connection, and kill the command if it still runs."""
        if self._closed:
            return
        self._closed = True
        if not self._done:
            await self._kill()
        with contextlib.suppress(AssertionError):  # closed by the Engine
            await self._stream.close()

    async def _kill(self) -> None:
        """Kill the processes of the command.

        Without a shell in the image, the command sees only the end of its input.
        """
        data = {
            "Cmd": ["sh", "-c", _KILL, "sh", f"{_MARK}={self._mark}"],
            "User": "0",
        }
        with contextlib.suppress(EngineError):
            created = await self._api.call(
                "POST", f"containers/{self._container}/exec", data=data
            )
            await self._api.call(
                "POST", f"exec/{created['Id']}/start", data={"Detach": True}
            )


def _end_tls_output(transport: asyncio.Transport) -> None:
    """Send the end of the output over TLS, and continue to read.

    The TLS protocol allows this; asyncio (Python 3.14) can only close both directions.
    """
    protocol: Any = getattr(transport, "_ssl_protocol", None)
    if protocol is not None:
        with contextlib.suppress(ssl.SSLError):  # the other side has not ended yet
            protocol._sslobj.unwrap()
        protocol._process_outgoing()


async def start_command(api: Api, container: str, command: Sequence[str]) -> Session:
    """Start a command in a container.

    Args:
        api: The Engine of the container's node.
        container: Docker's id of the container.
        command: The command and its arguments.

    Raises:
        EngineError: The container is not running.
        EngineUnavailable: The node's Engine does not respond.
    """
    mark = secrets.token_hex(16)
    data: dict[str, Any] = {
        "Cmd": list(command),
        "AttachStdin": True,
        "AttachStdout": True,
        "AttachStderr": True,
        "Env": [f"{_MARK}={mark}"],
    }
    created = await api.call("POST", f"containers/{container}/exec", data=data)
    exec = Exec(api.streams, created["Id"], tty=False)
    stream = exec.start(detach=False)
    await api.in_time(stream._init)
    return Session(api, container, mark, exec, stream)
