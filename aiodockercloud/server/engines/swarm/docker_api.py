"""aiodocker with its traps covered: one Engine, commands apart from streams.

- Without ``DOCKER_HOST`` or a url, a context of ``~/.docker`` decides; where aiodocker
  lets it win over ``DOCKER_HOST``, we do not.
- Its default client waits for ever: commands have a timeout here.
- Abandoned streams of ``services.logs`` keep their connection (aiodocker 0.27), and a
  pool has 100 of them: streams are read here, closed always, on a client without that
  limit.
- ``services.update`` sends the image only: the whole spec is posted here.
- A stale version is answered with 500 "update out of sequence".
  https://github.com/moby/swarmkit/issues/1379
- Following the log of a service does not end when that is removed: the caller closes.
  https://github.com/moby/moby/issues/36626
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import os
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import aiohttp
from aiodocker import Docker, DockerError

from ....wire import redact
from ....wire.images import ImageName
from .. import EngineError, EngineUnavailable

T = TypeVar("T")

log = logging.getLogger(__name__)

#: Seconds that any one answer may take. Without a leader there is none for 30.
TIMEOUT = 15.0
#: Seconds without a word after which a stream is opened anew: of a connection that
#: something on the way has dropped, nobody tells.
QUIET = 600.0
#: Tries of a change that others' changes overtake, and the first pause between them.
_TRIES, _PAUSE = 20, 0.02
#: aiodocker's status for an Engine that it cannot connect to.
_NO_ANSWER = 900
#: How a manager says that it cannot reach a majority of the others.
_LEADERLESS = (
    "does not have a leader",
    "lost leader status",
    "code = DeadlineExceeded",
    "code = Unavailable",
)


class DockerProblem(EngineError):
    """The Engine answered with an error; its words, its HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Api:
    """One Docker Engine.

    Args:
        url: ``unix://``, ``tcp://`` or ``ssh://``; without one, as the environment
            says. TLS for ``tcp://`` as ``DOCKER_TLS_VERIFY`` and ``DOCKER_CERT_PATH``
            say.

    Raises:
        EngineError: There is no such Engine to be found.
    """

    def __init__(self, url: str | None = None) -> None:
        url = url or os.environ.get("DOCKER_HOST")
        #: aiodocker (0.27) closes an ssh connection both ways when one way ends.
        self.ends_both_ways = bool(url and url.startswith("ssh://"))
        self._commands = _client(url, aiohttp.ClientTimeout(total=TIMEOUT))
        self.streams = _client(url, aiohttp.ClientTimeout(connect=TIMEOUT))
        # The connector is aiodocker's, for its TLS and ssh: this is the way to lift
        # its limit. Every log that is followed is a connection.
        self.streams.connector._limit = 0

    async def close(self) -> None:
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
        """One request; the JSON of the answer.

        Raises:
            DockerProblem: The Engine answered with an error.
            EngineUnavailable: It does not answer, or has no leader, for the moment.
        """
        return await in_time(
            lambda: self._commands._query_json(
                path,
                method,
                params=dict(params) if params else None,
                data=data,
                headers=headers,
            )
        )

    async def update(
        self,
        path: str,
        change: Callable[[dict[str, Any]], dict[str, Any] | None],
        *,
        auth: Mapping[str, str] | None = None,
    ) -> None:
        """Read, change and write a spec as a whole, again when somebody was faster.

        Args:
            path: ``services/<id>`` or ``nodes/<id>``.
            change: Makes the new spec; None when there is nothing to change.
            auth: Of ``registry_auth``, for a service; empty: that of its last change.
        """
        pause = _PAUSE
        # A spec that is read does not tell the credentials it was written with.
        keep = {} if auth or path.startswith("nodes/") else {"registryAuthFrom": "spec"}
        for attempt in range(_TRIES):
            found = await self.call("GET", path)
            spec = change(found["Spec"])
            if spec is None:
                return
            version = found["Version"]["Index"]
            try:
                await self.call(
                    "POST",
                    f"{path}/update",
                    params={"version": version, **keep},
                    data=spec,
                    headers=auth,
                )
                return
            except DockerProblem as problem:
                overtaken = "update out of sequence" in str(problem)
                if not overtaken or attempt == _TRIES - 1:
                    raise
            await asyncio.sleep(pause)
            pause = min(2 * pause, 1.0)

    @asynccontextmanager
    async def stream(
        self, path: str, params: Mapping[str, Any], *, silence: float | None = None
    ) -> AsyncGenerator[aiohttp.ClientResponse, None]:
        """An answer read bit by bit, closed with the block.

        Args:
            silence: Seconds without a word that end reading with ``TimeoutError``.
        """
        limits = aiohttp.ClientTimeout(connect=TIMEOUT, sock_read=silence)
        response = await in_time(
            lambda: self.streams._do_query(
                path, "GET", params=dict(params), timeout=limits
            )
        )
        try:
            yield response
        finally:
            response.close()

    async def events(self, heard: Callable[[], None]) -> None:
        """Call *heard* after events, as long as it takes; returns when cut off."""
        async with self.stream("events", {}, silence=QUIET) as response:
            heard()
            while await response.content.readany():
                heard()


def _client(url: str | None, timeout: aiohttp.ClientTimeout) -> Docker:
    where = f"Docker Engine at {redact(url)}" if url else "Docker's context"
    try:
        return Docker(url=url, timeout=timeout)
    except AssertionError:
        raise EngineError(
            "no Docker Engine found: set DOCKER_HOST, or give the address of a manager"
        ) from None
    except DockerError as error:  # ssh:// without the package for it
        raise EngineError(f"{where}: {error.message}") from error
    except ValueError as error:
        raise EngineError(f"{where}: {error}") from error
    except OSError as error:
        raise EngineError(
            f"{where}: ca.pem, cert.pem and key.pem in DOCKER_CERT_PATH cannot be"
            f" used: {error}"
        ) from error


async def in_time(ask: Callable[[], Awaitable[T]]) -> T:
    """The result, with aiodocker's ways of failing told apart."""
    try:
        async with asyncio.timeout(TIMEOUT + 1):
            return await ask()
    except TimeoutError as error:
        raise EngineUnavailable(
            f"Docker has not answered within {TIMEOUT:.0f} s; try again later"
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


#: What Docker calls Docker Hub where it keeps credentials.
_HUB_AUTH = "https://index.docker.io/v1/"


def registry_auth(image: str, credentials: tuple[str, str] | None) -> dict[str, str]:
    """The header that lets nodes pull an image."""
    if credentials is None:
        return {}
    name = ImageName.parse(image)
    user, password = credentials
    auth = {
        "username": user,
        "password": password,
        "serveraddress": _HUB_AUTH if name.on_hub else name.host,
    }
    encoded = base64.urlsafe_b64encode(json.dumps(auth).encode()).decode()
    return {"X-Registry-Auth": encoded}


async def frames(
    response: aiohttp.ClientResponse,
) -> AsyncGenerator[tuple[int, bytes], None]:
    """The frames of a log: 1 stdout, 2 stderr, 3 a word of the Engine."""
    while True:
        try:
            head = await response.content.readexactly(8)
            kind, size = struct.unpack(">BxxxL", head)
            yield kind, await response.content.readexactly(size)
        except asyncio.IncompleteReadError:
            return
