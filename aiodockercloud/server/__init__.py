"""The Docker Cloud API, self-hosted: on an embedded engine or on Docker Swarm.

::

    async with aiodockercloud.server.running() as server:
        cloud = DockerCloud(server.url, user=server.user, apikey=server.apikey)
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from aiohttp import web

from .api.app import make_app
from .control.control_plane import ControlPlane
from .engines import Engine
from .engines.embedded import Embedded
from .faults import Faults
from .settings import Settings
from .state.store import Store

__all__ = ["Embedded", "Faults", "Server", "Settings", "make_app", "running"]

#: The user of a server that was given none.
DEFAULT_USER = "admin"


@dataclass(frozen=True)
class Server:
    """A running server and how to reach it. ``apikey`` is None when it was made at an
    earlier start: only its hash was kept."""

    url: str
    user: str
    apikey: str | None = field(repr=False)
    cloud: ControlPlane = field(repr=False)
    engine: Engine = field(repr=False)
    faults: Faults = field(repr=False)

    @property
    def stream_url(self) -> str:
        return "ws" + self.url.removeprefix("http")


@asynccontextmanager
async def running(
    engine: Engine | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    user: str | None = None,
    apikey: str | None = None,
    data_dir: str | Path | None = None,
    public_url: str | None = None,
    domain: str = "dockerapp.io",
    image_poll: float | None = None,
    settings: Settings | None = None,
    faults: Faults | None = None,
) -> AsyncIterator[Server]:
    """Serve the API in this process for the time of the block.

    Args:
        engine: Where containers run; by default a new embedded one with one node.
        port: 0 takes a free one; ``server.url`` tells.
        user, apikey: The first account. Without a key one is made, at the first start
            on a data directory.
        data_dir: Where state is kept; without it, it ends with the block.
        public_url: Where containers reach the server, if not at its own address.
        domain: The end of the DNS names of services, containers and nodes.
        image_poll: Seconds between two looks for pushed images, for ``autoredeploy``
            on engines that are not told of pushes.
        settings: Limits, retention and timings (``server.settings``).
        faults: What goes wrong on purpose (``server.faults``): for tests of clients.

    Raises:
        OSError: The port or the directory cannot be used.
    """
    engine = engine or Embedded()
    faults = faults or Faults()
    store = Store(Path(data_dir) if data_dir else None)
    settings = settings or Settings()
    if image_poll is not None:
        timings = replace(settings.timings, image_poll=image_poll)
        settings = replace(settings, timings=timings)
    cloud = ControlPlane(engine, store, domain=domain, settings=settings)
    runner = web.AppRunner(
        make_app(cloud, faults),
        handle_signals=False,
        access_log=None,
        shutdown_timeout=5,
    )
    # Bound first: containers that are continued at the start are told this address.
    listening = _listen(host, port)
    try:
        name = f"[{host}]" if ":" in host else host
        url = f"http://{name}:{listening.getsockname()[1]}"
        cloud.rest_host = (public_url or url).rstrip("/")
        await runner.setup()
        await web.SockSite(runner, listening).start()
        user = user or DEFAULT_USER
        if apikey is None and not cloud.accounts.has(user):
            apikey = secrets.token_hex(20)
        if apikey is not None:
            cloud.accounts.add(user, apikey)
            await cloud.store.flush()
        yield Server(url, user, apikey, cloud, engine, faults)
    finally:
        await runner.cleanup()
        await cloud.close()
        listening.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=1024)
