"""Helpers of the flow tests: raw requests, and an engine that waits for the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import IO, Any

import aiohttp
from yarl import URL

from aiodockercloud import DockerCloud, Limits, Timings, wire
from aiodockercloud.server import Embedded, Server
from aiodockercloud.server.engines import ContainerSpec
from aiodockercloud.transport.settings import DEFAULT_LIMITS, DEFAULT_TIMINGS
from aiodockercloud.types import Container, Event, ObjectEvent, Service, ServiceFields
from tests.support.facts import IDLE, PATIENCE


class Gated(Embedded):
    """An engine that creates containers only while ``gate`` is set."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.gate = asyncio.Event()
        #: Names of the requested containers, in the order of the requests.
        self.asked: list[str] = []
        self.knocked = asyncio.Event()

    async def create(self, spec: ContainerSpec) -> None:
        self.asked.append(spec.name)
        self.knocked.set()
        await self.gate.wait()
        await super().create(spec)


@dataclass(frozen=True)
class Answer:
    """A response with its whole body."""

    status: int
    reason: str | None
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the parsed body."""
        return wire.loads(self.body)

    @property
    def error(self) -> str:
        """The message of an error response, whose body has no other key."""
        body = self.json()
        assert list(body) == ["error"]
        assert self.headers["Content-Type"] == "application/json"
        return str(body["error"])


class Raw:
    """Sends requests unchanged: no added slash, no quoting, no added content type."""

    def __init__(self, server: Server, session: aiohttp.ClientSession) -> None:
        assert server.apikey is not None
        self.url = server.url
        self.auth = wire.basic_auth(server.user, server.apikey)
        self._session = session

    async def __call__(
        self,
        method: str,
        path: str,
        body: bytes | str | IO[bytes] | None = None,
        *,
        auth: str | None = "",
        **headers: str,
    ) -> Answer:
        """Send a request and return the response.

        Args:
            method: The HTTP method.
            path: The path with the query.
            body: The body.
            auth: Replaces the valid ``Authorization``; None sends no such header.
            **headers: Further headers, with ``_`` instead of ``-``.
        """
        async with (
            asyncio.timeout(PATIENCE),
            self._session.request(
                method,
                URL(self.url + path, encoded=True),
                data=body,
                headers=self._headers(auth, headers),
                skip_auto_headers=["Content-Type", "Accept"],
                allow_redirects=False,
            ) as response,
        ):
            return Answer(
                response.status,
                response.reason,
                dict(response.headers),
                await response.read(),
            )

    async def upgrade(
        self, path: str, *, auth: str | None = "", **headers: str
    ) -> aiohttp.ClientWebSocketResponse[bool]:
        """Open a websocket, without a subprotocol."""
        return await self._session.ws_connect(
            URL(self.url + path, encoded=True), headers=self._headers(auth, headers)
        )

    async def frames(self, path: str, *, auth: str | None = "") -> list[Any]:
        """Return all frames of a stream that the server closes with 1000."""
        async with asyncio.timeout(PATIENCE), await self.upgrade(path, auth=auth) as ws:
            found = [message.json() async for message in ws]
            assert ws.close_code == 1000
        return found

    def _headers(self, auth: str | None, more: Mapping[str, str]) -> dict[str, str]:
        headers = {key.replace("_", "-"): value for key, value in more.items()}
        if auth is not None:
            headers["Authorization"] = auth or self.auth
        return headers


@asynccontextmanager
async def client_of(
    server: Server,
    *,
    dialect: wire.Dialect = wire.DOCKER_CLOUD,
    timings: Timings = DEFAULT_TIMINGS,
    limits: Limits = DEFAULT_LIMITS,
) -> AsyncIterator[DockerCloud]:
    """Yield a client of a server, without retries."""
    async with DockerCloud(
        server.url,
        user=server.user,
        apikey=server.apikey,
        dialect=dialect,
        retry=None,
        timings=timings,
        limits=limits,
    ) as cloud:
        yield cloud


async def done(cloud: DockerCloud, *answers: Any) -> None:
    """Wait until the actions of changing calls have succeeded."""
    for answer in answers:
        await cloud.actions.wait(answer, timeout=PATIENCE)


async def run(cloud: DockerCloud, **fields: Any) -> Service:
    """Create and start a service; return the service after the end of the action."""
    definition: ServiceFields = {"image": IDLE, **fields}  # type: ignore[typeddict-item]  # any field
    service = await cloud.services.create(**definition)
    await done(cloud, await cloud.services.start(service))
    return await cloud.services.inspect(service)


async def containers(cloud: DockerCloud, service: Service) -> list[Container]:
    """Return the live containers of a service, in their order."""
    service = await cloud.services.inspect(service)
    return [await cloud.containers.inspect(uri) for uri in service["containers"]]


def counts(service: Service) -> tuple[int, int, int, int]:
    """Return the target and the current, running and stopped numbers of containers."""
    return (
        service["target_num_containers"],
        service["current_num_containers"],
        service["running_num_containers"],
        service["stopped_num_containers"],
    )


async def environment(cloud: DockerCloud, container: Any) -> dict[str, str]:
    """Return the environment of a command in a container."""
    result = await cloud.containers.run(container, "printenv", timeout=PATIENCE)
    pairs = (line.partition("=") for line in result["stdout"].splitlines())
    return {key: value for key, _, value in pairs}


def change(event: Event) -> ObjectEvent:
    """Return an event that is no gap."""
    assert event["type"] != "gap"
    return event


async def collect(
    events: AsyncIterator[Event], uri: str, *states: str
) -> list[ObjectEvent]:
    """Return the events up to the change of the object *uri* to one of *states*."""
    found = []
    async with asyncio.timeout(PATIENCE):
        async for item in events:
            event = change(item)
            found.append(event)
            if event["resource_uri"] == uri and event["state"] in states:
                return found
    raise AssertionError(f"the stream ended before {uri} was {' or '.join(states)}")
