"""The Docker Cloud API, self-hosted: on an embedded engine or on Docker Swarm.

::

    async with aiodockercloud.server.running() as server:
        cloud = DockerCloud(server.url, user=server.user, apikey=server.apikey)
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, overload

from .api.app import make_app
from .control.control_plane import ControlPlane
from .engines import Engine
from .engines.embedded import Embedded
from .faults import Faults
from .serving import control_plane, serving
from .settings import Settings
from .thread import in_thread

__all__ = [
    "Embedded",
    "Faults",
    "Server",
    "Settings",
    "ThreadServer",
    "make_app",
    "running",
    "running_in_thread",
]

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Server:
    """A running server, as :func:`running` yields it.

    Attributes:
        url: The REST address, ``http://HOST:PORT`` or ``https://HOST:PORT``, without a
            slash at the end.
        user: The user of the first account.
        apikey: The API key of ``user``. None when the key was created at an earlier
            start on the same data directory: the server keeps only its hash.
        cloud (ControlPlane): The control plane, with all records. Internal: may change
            in any version.
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
        """The stream address, ``ws://HOST:PORT`` or ``wss://HOST:PORT``."""
        return "ws" + self.url.removeprefix("http")


@dataclass(frozen=True)
class ThreadServer(Server):
    """A server in a thread of its own, as :func:`running_in_thread` yields it.

    The engine and the faults belong to the thread of the server: other threads use them
    through :meth:`call`.

    Attributes:
        loop: The event loop of the server.
    """

    loop: asyncio.AbstractEventLoop = field(repr=False)

    @overload
    def call(
        self, function: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs
    ) -> T: ...
    @overload
    def call(
        self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T: ...
    def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function in the server's thread and wait for its result.

        Args:
            function: A method of the engine or of the faults, for example. An awaitable
                result is awaited in the thread.
            *args: The arguments of the function.
            **kwargs: The keyword arguments of the function.

        Returns:
            The result of the function.

        Raises:
            BaseException: Each exception of the function.

        Example:
            ::

                busy = server.call(server.faults.throttle, 0.1, times=2)
                server.call(engine.crash, container["uuid"])
        """

        async def called() -> Any:
            result = function(*args, **kwargs)
            return await result if inspect.isawaitable(result) else result

        return asyncio.run_coroutine_threadsafe(called(), self.loop).result()


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
    allowed_hosts: Iterable[str] = (),
    tls_cert: str | Path | None = None,
    tls_key: str | Path | None = None,
    insecure_plain_http: bool = False,
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
        data_dir: The directory of the server's database, created if necessary. The
            database is encrypted with ``secret.key`` in the directory, unless
            ``settings.storage`` names another key. Without a directory, all state is in
            memory and ends with the block.
        public_url: The address at which containers reach the server; by default
            ``server.url``.
        allowed_hosts: Further names and addresses, without ports, that clients use for
            this server, for example behind a proxy. Always served are loopback,
            ``host``, the host of ``public_url``, the address to which the client is
            connected, and names without a dot; a request for another host is answered
            421. Pages of the hosts given here and of ``public_url`` may request changes
            and open streams.
        tls_cert: The file of a certificate, in PEM, with those that signed the
            certificate. With a certificate, the server speaks TLS only, and its URL
            begins with ``https``.
        tls_key: The file of the certificate's private key, in PEM and without a
            password.
        insecure_plain_http: Whether the server may listen on an address that other
            machines reach, without TLS: the network then sees all keys.
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
            message shows the value and the allowed form. Or other machines would reach
            the server without TLS.
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
        allowed_hosts=allowed_hosts,
        tls_cert=tls_cert,
        tls_key=tls_key,
        insecure_plain_http=insecure_plain_http,
    ) as found:
        yield Server(found.url, found.user, found.apikey, cloud, engine, faults)


def _with_parameters_of(
    _: Callable[P, object],
) -> Callable[[Callable[..., T]], Callable[P, T]]:
    """Give a function the parameters of another one, for type checkers."""
    return lambda function: function


@_with_parameters_of(running)
@contextmanager
def running_in_thread(*args: Any, **kwargs: Any) -> Iterator[ThreadServer]:
    """Serve the API in a thread of its own while the block runs.

    For callers without an event loop, or with more than one: synchronous programs and
    tests, subprocesses, programs that call ``asyncio.run``, fixtures of a module or a
    session. Inside one event loop, :func:`running` is simpler.

    Args:
        *args: The engine, as in :func:`running`. The functions of its images run in
            the thread of the server.
        **kwargs: The other arguments of :func:`running`.

    Yields:
        ThreadServer: The running server, with its address, first account and engine.

    Raises:
        ValueError: As from :func:`running`.
        OSError: As from :func:`running`.
        EngineError: As from :func:`running`.

    Example:
        ::

            with running_in_thread(port=8008) as server:
                subprocess.run(["dockercloud", "service", "ps"], check=True)
    """
    enter = partial(running, *args, **kwargs)
    with in_thread(enter, name="aiodockercloud server") as (server, loop):
        yield ThreadServer(**vars(server), loop=loop)
