"""What the function of an image receives: its container."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from socket import socket as Socket

from aiohttp import web

from .. import ContainerSpec
from .clock import Clock
from .network import Connection, Endpoint, Network
from .nodes import HostPorts, PortKey
from .place import Place
from .settings import EmbeddedSettings
from .text import Stream, to_text

__all__ = ["Container", "Handler", "HttpHandler"]

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HttpHandler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Container:
    """One run of a container, as the function of its image sees the container.

    The engine creates the object; a restarted container gets a new one.

    Attributes:
        name: The name of the container, ``web-1``.
        image: The name of the image as the service states it, ``acme/worker:2``.
        hostname: The field ``hostname`` of the service, by default the name.
        domainname: The field ``domainname`` of the service, by default empty.
        working_dir: The field ``working_dir`` of the service, by default ``/``.
        environment: All variables: Docker's own (``PATH``, ``HOSTNAME``, ``HOME``),
            those of the image, and those of the container. A later group replaces
            variables of an earlier one.
        command: The words of the entrypoint and of the command.
        user: The field ``user`` of the service, by default ``root``.
        stdin_open: Whether the service sets ``stdin_open`` or ``tty``.
        address: The loopback address of the node, for published ports.
        private_ip: The address of the container, for other containers. On Linux a real
            address in 127.0.0.0/8, elsewhere a nominal address in 10.7.0.0/16 that only
            ``connect`` understands.
        place: The names, the directory and the files, as a shell needs them.
        clock: The clock of the engine.
        settings: The settings of the engine.
        stopping: Set when the container is asked to stop.
        stops_itself: Whether the function has called ``wait_stopped``.
    """

    def __init__(
        self,
        spec: ContainerSpec,
        *,
        command: Sequence[str],
        environment: Mapping[str, str],
        place: Place,
        address: str,
        network: Network,
        endpoint: Endpoint,
        ports: HostPorts,
        clock: Clock,
        settings: EmbeddedSettings,
        log: Callable[[Stream, str, bool], None],
        report_health: Callable[[bool], None],
    ) -> None:
        self.name: str = spec.name
        self.image: str = spec.image
        self.hostname: str = place.hostname
        self.domainname: str = place.domainname
        self.working_dir: str = place.directory
        self.environment: dict[str, str] = dict(environment)
        self.command: list[str] = list(command)
        self.user: str = place.user
        self.stdin_open: bool = bool(
            spec.options.get("stdin_open") or spec.options.get("tty")
        )
        self.address = address
        self.private_ip: str = endpoint.address
        self.place = place
        self.clock = clock
        self.settings = settings
        self.stopping: asyncio.Event = asyncio.Event()
        self.stops_itself: bool = False
        self._ports = ports
        self._files = spec.files
        self._network = network
        self._endpoint = endpoint
        self._connections: weakref.WeakSet[asyncio.StreamWriter] = weakref.WeakSet()
        self._log = log
        self._report_health = report_health

    @property
    def ports(self) -> Mapping[PortKey, Sequence[int]]:
        """The host ports of each published port, by ``(inner port, protocol)``."""
        return self._ports.numbers

    def print(self, *values: object, sep: str = " ") -> None:
        """Write values to the log, as standard output.

        Args:
            values: The values, of any type, as for Python's ``print``. Together they
                are one line or, with newlines inside, several. No newline is needed at
                the end.
            sep: The text between two values.
        """
        self.write("stdout", sep.join(map(str, values)))

    def error(self, *values: object, sep: str = " ") -> None:
        """Write values to the log, as standard error.

        Args:
            values: The values, as for :meth:`print`.
            sep: The text between two values.
        """
        self.write("stderr", sep.join(map(str, values)))

    def write(self, stream: Stream, text: str, *, partial: bool = False) -> None:
        """Write text to the log.

        Args:
            stream: ``"stdout"`` or ``"stderr"``.
            text: One line or, with newlines inside, several. A line of more than
                16,384 characters (``longest_log_line`` of the settings) becomes several
                lines, as in Docker; all pieces but the last have the key ``partial``.
            partial: Whether the next call continues the last line.
        """
        longest = self.settings.longest_log_line
        *whole, last = text.split("\n")
        for line, continued in (*((line, False) for line in whole), (last, partial)):
            for start in range(0, max(len(line), 1), longest):
                end = start + longest
                self._log(stream, line[start:end], continued or end < len(line))

    def healthy(self, healthy: bool = True) -> None:
        """Report whether the container is healthy.

        A redeploy replaces further containers only when this one is healthy, and
        ``wait(…, healthy=True)`` returns then. A service whose field ``healthcheck``
        has a ``test`` ignores the report.

        Args:
            healthy: Whether the container is healthy.
        """
        self._report_health(healthy)

    async def sleep(self, seconds: float) -> None:
        """Pause, by the clock of the engine.

        Args:
            seconds: The length of the pause.
        """
        await self.clock.sleep(seconds)

    async def wait_stopped(self) -> None:
        """Return when the container is asked to stop, so that the function can end.

        After this return the function has the seconds of ``stop_grace_period``, by
        default ten (``stop_grace`` of the settings), until it is cancelled. A function
        that never called this method is cancelled at once. Removing a container asks
        in the same way: a redeploy, a scale-down, the termination of its service.
        """
        self.stops_itself = True
        await self.stopping.wait()

    def volume(self, path: str) -> Path:
        """Return the directory with the files of a volume.

        The directory is a temporary one of the server's system. Containers that share
        the volume by ``volumes_from``, and the next container that reuses the volume,
        have the same files. The removal of the volume removes the files, as does the
        end of the server. Commands of the shell see the same files.

        A binding with a host path is a directory of the embedded node, never of the
        host. ``/tmp`` belongs to the container, and needs no binding.

        Args:
            path: A path of the container in one of its bindings, as ``/data``.

        Returns:
            The path in the system.

        Raises:
            FileNotFoundError: The container has no volume there.
        """
        try:
            return self.place.files.locate(path)
        except FileNotFoundError as error:
            known = ", ".join(sorted(self.place.files.volumes)) or "none"
            raise FileNotFoundError(
                error.errno,
                f"{self.name} has no volume for this path; its volumes are: {known}",
                path,
            ) from None

    def secret(self, name: str) -> str:
        """Return the content of a secret of the service.

        The shell reads the content from ``/run/secrets/NAME``, or from the ``target``
        of the field ``secrets``. Permissions and owners have no effect in this engine.

        Args:
            name: The name of the secret.

        Returns:
            The text; a byte that is not UTF-8 is a surrogate, as with
            ``errors="surrogateescape"``.

        Raises:
            KeyError: The service has no such secret.
        """
        return self._stored("secret", name)

    def config(self, name: str) -> str:
        """Return the content of a config of the service.

        Args:
            name: The name of the config.

        Returns:
            The text, as for :meth:`secret`.

        Raises:
            KeyError: The service has no such config.
        """
        return self._stored("config", name)

    def _stored(self, kind: str, name: str) -> str:
        known = {file.name: file.content for file in self._files if file.kind == kind}
        if name not in known:
            has = ", ".join(sorted(known)) or "none"
            raise KeyError(f"{self.name} has no {kind} {name}; its {kind}s are: {has}")
        return to_text(known[name])

    async def connect(self, host: str, port: int) -> Connection:
        """Connect to a port of another container, or of this one.

        The containers need no published port. Nothing outside of the engine can be
        reached. When several containers listen under a name, the calls use the
        containers in turn. The end of the container's run closes the connection.

        Args:
            host: The name of a link, of a service or of a container, ``name.stack`` for
                one in another stack, a ``private_ip``, or ``localhost``.
            port: The port inside the container, on which its function listens.

        Returns:
            A reader and a writer, as of ``asyncio.open_connection``.

        Raises:
            socket.gaierror: No container has the name.
            ConnectionRefusedError: No container of the name listens on the port.
        """
        connection = await self._network.connect(self._endpoint, host, port)
        self._connections.add(connection[1])
        return connection

    def close_connections(self) -> None:
        """Close the connections that the function leaves open; for the engine."""
        for writer in list(self._connections):
            writer.transport.abort()

    @asynccontextmanager
    async def listen(self, port: int, handler: Handler) -> AsyncGenerator[None, None]:
        """Serve TCP connections to a port while the block runs.

        Other containers connect to the port as ``connect`` documents. A published port
        accepts connections on the address of the node, too. When the system refuses
        the host port, the container reports that on standard error and the block runs
        all the same.

        Args:
            port: The port inside the container. For a port in the ``ports`` of the
                image, the engine chooses a host port that is free.
            handler: Called with a reader and a writer for each connection. When the
                handler returns, the connection is closed. An exception of the handler
                is reported on standard error. The end of the block aborts connections
                and cancels handlers.

        Yields:
            None, when the port accepts connections.
        """
        connections: dict[asyncio.Task[None] | None, asyncio.StreamWriter] = {}
        ended = False

        async def connected(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            if ended:  # accepted just before the end of the block
                writer.transport.abort()
                return
            task = asyncio.current_task()
            connections[task] = writer
            try:
                await handler(reader, writer)
            except Exception as error:
                self.error(f"connection failed: {type(error).__name__}: {error}")
            finally:
                writer.close()
                del connections[task]

        try:
            async with self._serving(port, partial(asyncio.start_server, connected)):
                yield
        finally:
            ended = True
            tasks = [task for task in connections if task is not None]
            for task in tasks:
                connections[task].transport.abort()
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    @asynccontextmanager
    async def listen_http(
        self, port: int, handler: HttpHandler
    ) -> AsyncGenerator[None, None]:
        """Serve HTTP requests to a port while the block runs.

        Other containers connect to the port as ``connect`` documents. A published port
        accepts connections on the address of the node, too. When the system refuses
        the host port, the container reports that on standard error and the block runs
        all the same.

        Args:
            port: The port inside the container. For a port in the ``ports`` of the
                image, the engine chooses a host port that is free.
            handler: A handler as in aiohttp, called with each request. The handler
                returns the response.

        Yields:
            None, when the port accepts connections.
        """
        http = web.Server(handler, access_log=None)
        runner = web.ServerRunner(http, shutdown_timeout=self.settings.http_shutdown)
        await runner.setup()
        create_server = asyncio.get_running_loop().create_server
        try:
            async with self._serving(port, partial(create_server, http)):
                yield
        finally:
            await runner.cleanup()

    @asynccontextmanager
    async def _serving(
        self, port: int, create: Callable[..., Awaitable[asyncio.Server]]
    ) -> AsyncGenerator[None, None]:
        """Accept connections to *port* on the private address and all host ports.

        Args:
            port: The port inside the container.
            create: asyncio's function that creates a server from a socket.

        Yields:
            None, when the servers accept connections.
        """
        servers = []

        opened = []

        def open_private() -> Socket:
            bound = self._endpoint.open(port)
            opened.append(port)
            return bound

        async def serve(address: str, number: int, open: Callable[[], Socket]) -> None:
            try:
                bound = open()
            except OSError as error:
                self.error(f"cannot listen on {address}:{number}: {error.strerror}")
                return
            # Two steps: a cancellation cannot interrupt the first one, so that the list
            # has every server that exists.
            servers.append(await create(sock=bound, start_serving=False))
            await servers[-1].start_serving()

        try:
            await serve(self.private_ip, port, open_private)
            for number in self.ports.get((port, "tcp"), ()):
                await serve(self.address, number, partial(self._ports.open, number))
            yield
        finally:
            for server in servers:
                server.close()
            for number in opened:
                self._endpoint.closed(number)
