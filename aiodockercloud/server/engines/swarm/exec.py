"""A command in a container on whatever node, through the Engine of that node.

Source: Docker Engine API, "ContainerExec", "ExecStart" and "ExecInspect".
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import logging
import secrets
import ssl
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Literal

import aiohttp
from aiodocker.execs import Exec
from aiodocker.stream import Stream

from ....wire.exec import END_OF_INPUT
from .. import EngineError
from .docker_api import Api, in_time

log = logging.getLogger(__name__)

_STREAMS: Mapping[int, Literal["stdout", "stderr"]] = {1: "stdout", 2: "stderr"}
#: Marks the command and all that it starts: closing an exec ends nothing by itself.
_MARK = "AIODOCKERCLOUD_EXEC"
_KILL = (
    "for p in /proc/[0-9]*; do"
    ' grep -q "$1" "$p/environ" 2>/dev/null && kill -9 "${p#/proc/}"; done'
)
#: Pauses until the exit code is known, after the end of the output.
_PAUSES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)


class Session:
    """A running command; made by ``start_command``."""

    def __init__(
        self, api: Api, container: str, mark: str, exec: Exec, stream: Stream
    ) -> None:
        self.exit_code: int | None = None
        self._api = api
        self._container = container
        self._mark = mark
        self._exec = exec
        self._stream = stream
        self._done = self._closed = self._fed = False

    async def output(
        self,
    ) -> AsyncGenerator[tuple[Literal["stdout", "stderr"], str], None]:
        decoders = {n: codecs.getincrementaldecoder("utf-8")("replace") for n in (1, 2)}
        # A closed stream is not read: its queue never says that it has ended.
        while not self._closed:
            try:
                message = await self._stream.read_out()
            except aiohttp.ClientError:
                break
            if message is None:
                break
            number = 2 if message.stream == 2 else 1
            if text := decoders[number].decode(message.data):
                yield _STREAMS[number], text
        for number, decoder in decoders.items():
            if text := decoder.decode(b"", True):
                yield _STREAMS[number], text
        if not self._closed:
            self.exit_code = await self._ended()
            self._done = self.exit_code is not None

    async def _ended(self) -> int | None:
        for pause in _PAUSES:
            await asyncio.sleep(pause)
            found = await in_time(self._exec.inspect)
            if not found["Running"] and found["ExitCode"] is not None:
                return int(found["ExitCode"])
        return None

    async def write(self, data: str) -> None:
        """More input; a ``\\x04`` ends it, also inside a text."""
        if self._closed or self._fed:
            return
        text, end, _ = data.partition(END_OF_INPUT)
        self._fed = bool(end)
        with contextlib.suppress(aiohttp.ClientError, ConnectionError, AssertionError):
            if text:
                await self._stream.write_in(text.encode())
            if end and not self._api.ends_both_ways:
                self._end_input()
            elif end:
                log.warning("a command was not told of the end of its input: over ssh")

    def _end_input(self) -> None:
        """Close the half that is written; aiodocker (0.27) has no method for it."""
        response = self._stream._resp
        assert response is not None
        assert response.connection is not None
        transport = response.connection.transport
        if transport is not None and transport.can_write_eof():
            transport.write_eof()
        elif transport is not None:
            _end_of_tls(transport)

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if not self._done:
            await self._kill()
        with contextlib.suppress(AssertionError):  # the connection has gone already
            await self._stream.close()

    async def _kill(self) -> None:
        """End what the command started. An image without a shell has only the end of
        its input to notice."""
        data = {
            "Cmd": ["sh", "-c", _KILL, "sh", f"{_MARK}={self._mark}"],
            "User": "0",
        }
        with contextlib.suppress(EngineError):
            made = await self._api.call(
                "POST", f"containers/{self._container}/exec", data=data
            )
            await self._api.call(
                "POST", f"exec/{made['Id']}/start", data={"Detach": True}
            )


def _end_of_tls(transport: asyncio.Transport) -> None:
    """Say over TLS that nothing more comes, and go on reading: the protocol knows that,
    asyncio (Python 3.14) closes both ways only."""
    protocol: Any = getattr(transport, "_ssl_protocol", None)
    if protocol is not None:
        with contextlib.suppress(ssl.SSLError):  # that the other side has not ended yet
            protocol._sslobj.unwrap()
        protocol._process_outgoing()


async def start_command(api: Api, container: str, command: Sequence[str]) -> Session:
    """Start a command.

    Raises:
        EngineError: The container is not running.
        EngineUnavailable: The node's Engine does not answer.
    """
    mark = secrets.token_hex(16)
    data: dict[str, Any] = {
        "Cmd": list(command),
        "AttachStdin": True,
        "AttachStdout": True,
        "AttachStderr": True,
        "Env": [f"{_MARK}={mark}"],
    }
    made = await api.call("POST", f"containers/{container}/exec", data=data)
    exec = Exec(api.streams, made["Id"], tty=False)
    stream = exec.start(detach=False)
    await in_time(stream._init)
    return Session(api, container, mark, exec, stream)
