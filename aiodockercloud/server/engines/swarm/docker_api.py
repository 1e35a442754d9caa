"""One Docker Engine through aiodocker, commands apart from streams.

How this module differs from plain aiodocker (0.27), and why:

- Without ``DOCKER_HOST`` and without a URL, the current context of ``~/.docker``
  applies. ``DOCKER_HOST`` always wins here; in aiodocker the context may win.
- The default client of aiodocker waits for ever: commands have a timeout here.
- An abandoned ``services.logs`` stream keeps its connection, and a pool has 100
  connections. Streams are read here, always closed, by a client without this limit.
- The decoder is ``json``: orjson, where installed, takes a fifth of the time.
- ``services.update`` sends only the image: this module posts the whole spec.
- The Engine answers a stale version with 500 "update out of sequence".
  https://github.com/moby/swarmkit/issues/1379
- A followed log of a service does not end when the service is removed: the caller
  closes the stream.
  https://github.com/moby/moby/issues/36626
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from http import HTTPStatus
from typing import Any, TypeVar

import aiohttp
from aiodocker import Docker, DockerError

from ....redaction import redact_text
from ....wire import redact
from ....wire import registry_auth as registry_header
from ....wire.bodies import dumps, loads
from ....wire.images import ImageName
from .. import EngineError, EngineUnavailable
from .settings import SwarmSettings

T = TypeVar("T")
Json = Mapping[str, Any]

log: logging.Logger = logging.getLogger(__name__)

#: aiodocker's status when no connection to the Engine is possible.
_NO_ANSWER = 900
#: The longest pause between two attempts to change a spec, in seconds.
_LONGEST_UPDATE_PAUSE = 1.0
#: Parts of the messages of a manager that cannot reach a majority of the managers.
_LEADERLESS = (
    "does not have a leader",
    "lost leader status",
    "code = DeadlineExceeded",
    "code = Unavailable",
)


class DockerProblem(EngineError):
    """The Engine answered with an error: its message and its HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

    @property
    def not_found(self) -> bool:
        """Whether the object of the request does not exist."""
        return self.status == HTTPStatus.NOT_FOUND

    @property
    def conflict(self) -> bool:
        """Whether the name is taken, or the object is in use."""
        return self.status == HTTPStatus.CONFLICT

    @property
    def overtaken(self) -> bool:
        """Whether another client has changed the spec since the spec was read."""
        return "update out of sequence" in str(self)


@contextmanager
def ignoring_not_found() -> Iterator[None]:
    """Suppress the error of a request for an object that no longer exists."""
    try:
        yield
    except DockerProblem as problem:
        if not problem.not_found:
            raise


class Api:
    """One Docker Engine.

    Args:
        url: ``unix://``, ``tcp://`` or ``ssh://``. By default ``DOCKER_HOST``, then the
            current context. ``DOCKER_TLS_VERIFY`` and ``DOCKER_CERT_PATH`` determine
            the TLS of ``tcp://``.
        settings: Timeouts and limits of the engine.

    Raises:
        EngineError: No Engine is configured, or the configuration cannot be used.
    """

    def __init__(
        self, url: str | None = None, settings: SwarmSettings | None = None
    ) -> None:
        self.settings: SwarmSettings = settings or SwarmSettings()
        url = url or os.environ.get("DOCKER_HOST")
        timeout = self.settings.request_timeout
        #: Whether one end of a connection closes both: over ssh in aiodocker (0.27).
        self.ends_both_ways: bool = bool(url and url.startswith("ssh://"))
        self._commands = _client(url, aiohttp.ClientTimeout(total=timeout))
        self.streams: Any = _client(url, aiohttp.ClientTimeout(connect=timeout))
        #: The address of the Engine, which aiodocker may have found by itself.
        self.address: str = redact_text(self._commands._connection_info)
        # Each followed log is a connection. aiodocker creates the connector, for TLS
        # and ssh, and has no parameter for the limit.
        self.streams.connector._limit = 0

    async def close(self) -> None:
        """Close all connections."""
        await self._commands.close()
        await self.streams.close()

    async def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Send one request and return the JSON of the response.

        Raises:
            DockerProblem: The Engine answered with an error.
            EngineUnavailable: The Engine does not respond, or its Swarm has no leader.
        """
        return await self.in_time(
            partial(self._json, method, path, params, data, headers)
        )

    async def _json(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None,
        data: Any,
        headers: Mapping[str, str] | None,
    ) -> Any:
        """Send one request; return its JSON, None without a body.

        aiodocker's own decoder takes most of the time of a look at a large Swarm.
        """
        async with self._commands._query(
            path,
            method,
            params=dict(params) if params else None,
            data=None if data is None else dumps(data),
            headers=headers,
        ) as response:
            body = await response.read()
            return loads(body) if body else None

    async def update(
        self,
        path: str,
        change: Callable[[dict[str, Any]], dict[str, Any] | None],
        *,
        auth: Mapping[str, str] | None = None,
        found: Json | None = None,
    ) -> Json | None:
        """Read, change and write a whole spec, again when another client was faster.

        Args:
            path: ``services/<id>`` or ``nodes/<id>``.
            change: Returns the new spec, or None when nothing has to change.
            auth: The result of ``registry_auth``, for a service. Empty: the credentials
                of the last change stay.
            found: The object if the caller has just read it: for the first attempt.

        Returns:
            The answer of the Engine, ``None`` without a change.

        Raises:
            DockerProblem: The Engine answered with an error, or other clients were
                faster each time.
            EngineUnavailable: The Engine does not respond, or its Swarm has no leader.
        """
        attempts = self.settings.update_attempts
        pause = self.settings.update_pause
        # The spec in a response contains no credentials.
        keep = {} if auth or path.startswith("nodes/") else {"registryAuthFrom": "spec"}
        for attempt in range(attempts):
            current: Json = found or await self.call("GET", path)
            spec = change(current["Spec"])
            if spec is None:
                return None
            version = current["Version"]["Index"]
            try:
                answer: Json | None = await self.call(
                    "POST",
                    f"{path}/update",
                    params={"version": version, **keep},
                    data=spec,
                    headers=auth,
                )
                return answer
            except DockerProblem as problem:
                if not problem.overtaken or attempt == attempts - 1:
                    raise
            found = None
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_UPDATE_PAUSE)
        return None

    @asynccontextmanager
    async def stream(
        self, path: str, params: Mapping[str, Any], *, silence: float | None = None
    ) -> AsyncGenerator[aiohttp.ClientResponse, None]:
        """Open a response that is read piece by piece; the block's end closes it.

        Args:
            path: The path below the API version.
            params: The query.
            silence: Seconds without data after which a read raises ``TimeoutError``.
        """
        limits = aiohttp.ClientTimeout(
            connect=self.settings.request_timeout, sock_read=silence
        )
        response = await self.in_time(
            lambda: self.streams._do_query(
                path, "GET", params=dict(params), timeout=limits
            )
        )
        try:
            yield response
        finally:
            response.close()

    async def events(
        self, on_start: Callable[[], None], on_event: Callable[[Json], None]
    ) -> None:
        """Call *on_start*, then *on_event* with each event, until the stream ends."""
        async with self.stream("events", {}, silence=self.settings.quiet) as response:
            on_start()
            async for line in response.content:
                on_event(json.loads(line))

    async def in_time(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Return the result of a request, with one exception for each kind of failure.

        Raises:
            DockerProblem: The Engine answered with an error.
            EngineUnavailable: The Engine does not respond, or its Swarm has no leader.
        """
        timeout = self.settings.request_timeout
        try:
            async with asyncio.timeout(timeout + 1):
                return await ask()
        except TimeoutError as error:
            raise EngineUnavailable(
                f"Docker has not answered within {timeout:.0f} s; try again later"
            ) from error
        except DockerError as error:
            if error.status == _NO_ANSWER:
                raise EngineUnavailable(
                    "Docker cannot be reached; try again later"
                ) from error
            if any(words in error.message for words in _LEADERLESS):
                raise EngineUnavailable(
                    "the Swarm has no leader: too few of its managers are up; try again"
                    " later"
                ) from error
            raise DockerProblem(error.status, error.message) from error
        except aiohttp.ClientError as error:
            raise EngineUnavailable(
                "the connection to Docker broke; try again later"
            ) from error


def _client(url: str | None, timeout: aiohttp.ClientTimeout) -> Docker:
    where = f"Docker Engine at {redact(url)}" if url else "Docker's context"
    try:
        return Docker(url=url, timeout=timeout)
    except AssertionError:
        raise EngineError(
            "no Docker Engine found: set DOCKER_HOST, or give the address of a manager"
        ) from None
    except DockerError as error:  # ssh:// without its package
        raise EngineError(f"{where}: {error.message}") from error
    except ValueError as error:
        raise EngineError(f"{where}: {error}") from error
    except OSError as error:
        raise EngineError(
            f"{where}: ca.pem, cert.pem and key.pem in DOCKER_CERT_PATH cannot be"
            f" used: {error}"
        ) from error


#: The name of Docker Hub in Docker's stored credentials.
_HUB_AUTH = "https://index.docker.io/v1/"


def registry_auth(image: str, credentials: tuple[str, str] | None) -> dict[str, str]:
    """Return the header with the credentials for an image; empty without any."""
    if credentials is None:
        return {}
    name = ImageName.parse(image)
    user, password = credentials
    token = user == registry_header.TOKEN_USER
    secret = {"identitytoken": password}
    auth = secret if token else {"username": user, "password": password}
    auth["serveraddress"] = _HUB_AUTH if name.on_hub else name.host
    return {registry_header.HEADER: registry_header.encode(auth)}


async def frames(
    response: aiohttp.ClientResponse,
) -> AsyncGenerator[tuple[int, bytes], None]:
    """Yield the frames of a log: 1 is stdout, 2 stderr, 3 a message of the Engine."""
    while True:
        try:
            head = await response.content.readexactly(8)
            kind, size = struct.unpack(">BxxxL", head)
            yield kind, await response.content.readexactly(size)
        except asyncio.IncompleteReadError:
            return
