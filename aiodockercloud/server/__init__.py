"""The Docker Cloud API, self-hosted: on an embedded engine or on Docker Swarm.

::

    async with aiodockercloud.server.running() as server:
        cloud = DockerCloud(server.url, user=server.user, apikey=server.apikey)
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from .api.app import make_app
from .control.control_plane import ControlPlane
from .engines import Engine
from .engines.embedded import Embedded
from .faults import Faults
from .serving import control_plane, serving
from .settings import Settings

__all__ = ["Embedded", "Faults", "Server", "Settings", "make_app", "running"]


@dataclass(frozen=True)
class Server:
    """A running server, as :func:`running` yields it.

    Attributes:
        url: The REST address, ``http://HOST:PORT``, without a slash at the end.
        user: The user of the first account.
        apikey: The API key of ``user``. None when the key was created at an earlier
            start on the same data directory: the server keeps only its hash.
        cloud: The control plane, with all records. Internal: may change in any version.
        engine: The engine that runs the containers.
        faults: The faults of this server, for tests of clients.
    """

    url: str
    user: str
    apikey: str | None = field(repr=False)
    cloud: ControlPlane = field(repr=False)
    engine: Engine = field(repr=False)
    faults: Faults = field(repr=False)

    @property
    def stream_url(self) -> str:
        """The stream address, ``ws://HOST:PORT``."""
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
    domain: str = "",
    image_poll: float | None = None,
    settings: Settings | None = None,
    faults: Faults | None = None,
) -> AsyncIterator[Server]:
    """Serve the API in this process while the block runs.

    Requests are answered as soon as the block is entered. At the end of the block the
    server closes open streams with code 1001 and stops the engine.

    Args:
        engine: The engine that runs the containers; by default a new
            :class:`Embedded` with one node.
        host: The address to listen on, IPv4, IPv6 or a host name.
        port: The port to listen on; 0 takes a free port, which ``server.url`` contains.
        user: The user of the first account; by default ``admin``.
        apikey: The API key of the first account. Without a key, the first start on a
            data directory creates a random key; later starts keep the key.
        data_dir: The directory of the server's database, created if necessary. Without
            a directory, all state is in memory and ends with the block.
        public_url: The address at which containers reach the server; by default
            ``server.url``.
        domain: The last part of the DNS names of services, containers and nodes.
            Without a domain, public names are addresses of nodes, which need no DNS.
        image_poll: Seconds between two checks for pushed images, for services with
            ``autoredeploy`` on engines that do not report pushes. Overrides
            ``settings.timings.image_poll``.
        settings: Limits, retention and timings of the server.
        faults: The faults of the server, for tests of clients; by default none, to
            which ``server.faults`` can add.

    Yields:
        Server: The running server, with its address, first account and engine.

    Raises:
        ValueError: An argument cannot be used, for example a port above 65535; the
            message shows the value and the allowed form.
        OSError: The server cannot listen on the port, or cannot use the data directory
            or its database, for example because another server uses the directory.
        EngineError: The engine cannot start, for example because no Docker daemon can
            be reached.

    Example:
        ::

            async with running(data_dir="state", apikey="s3cret") as server:
                print(server.url, server.user)
    """
    engine = engine or Embedded()
    faults = faults or Faults()
    cloud = control_plane(
        engine,
        data_dir=data_dir,
        domain=domain,
        image_poll=image_poll,
        settings=settings,
    )
    async with serving(
        cloud,
        make_app(cloud, faults),
        host=host,
        port=port,
        user=user,
        apikey=apikey,
        public_url=public_url,
    ) as found:
        yield Server(found.url, found.user, found.apikey, cloud, engine, faults)
