"""Images of the embedded engine: async functions, and what they are given.

A function registered as an image gets a ``Container`` and returns its exit code, None
meaning 0. The images every engine knows are at the end.
"""

from __future__ import annotations

import asyncio
import html
import shlex
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import NamedTuple

from aiohttp import web

from .. import ContainerSpec, EngineError, ImageInfo
from .clock import Clock
from .nodes import HostPorts, PortKey
from .shell import Shell, Stdin, unsupported
from .shell.grammar import Stream

#: As Docker: longer lines come in pieces.
_LONGEST_LINE = 16_384
_SHUTDOWN_SECONDS = 1.0

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HttpHandler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Container:
    """One run of a container, as its image's function sees it.

    Attributes:
        name, hostname, image: Texts; the host name is the name unless another is set.
        environment: All variables: Docker's own, the image's and the container's.
        command: Entrypoint and command as a list of words.
        stdin_open: Whether the container was made with ``stdin_open`` or ``tty``.
        address: The loopback address of its node.
        ports: ``(inner port, protocol)`` → host ports, of the published ones.
    """

    def __init__(
        self,
        spec: ContainerSpec,
        *,
        command: Sequence[str],
        environment: Mapping[str, str],
        hostname: str,
        user: str,
        address: str,
        ports: HostPorts,
        clock: Clock,
        log: Callable[[Stream, str], None],
    ) -> None:
        self.name = spec.name
        self.image = spec.image
        self.hostname = hostname
        self.environment = dict(environment)
        self.command = list(command)
        self.user = user
        self.stdin_open = bool(
            spec.options.get("stdin_open") or spec.options.get("tty")
        )
        self.address = address
        self.clock = clock
        #: Set when it is to stop; whether the function waits for that.
        self.stopping = asyncio.Event()
        self.stops_itself = False
        self._ports = ports
        self._log = log

    @property
    def ports(self) -> Mapping[PortKey, Sequence[int]]:
        return self._ports.numbers

    def print(self, text: str = "") -> None:
        """Write lines to the log, as standard output."""
        self.write("stdout", text)

    def error(self, text: str) -> None:
        """Write lines to the log, as standard error."""
        self.write("stderr", text)

    def write(self, stream: Stream, text: str) -> None:
        for line in text.split("\n"):
            self._log(stream, line[:_LONGEST_LINE])
            for start in range(_LONGEST_LINE, len(line), _LONGEST_LINE):
                self._log(stream, line[start : start + _LONGEST_LINE])

    async def sleep(self, seconds: float) -> None:
        """Pause, by the engine's clock."""
        await self.clock.sleep(seconds)

    async def wait_stopped(self) -> None:
        """Return when the container is to stop: the place to end in good order.

        A function that has called this has ten seconds after it; any other one is
        cancelled at once. A container that is removed is always cancelled.
        """
        self.stops_itself = True
        await self.stopping.wait()

    @asynccontextmanager
    async def listen(self, port: int, handler: Handler) -> AsyncGenerator[None, None]:
        """Answer TCP connections to *port* while the block runs.

        Only a published port can be reached. When the system refuses the host port,
        standard error says so and the block runs all the same.
        """
        connections: dict[asyncio.Task[None] | None, asyncio.StreamWriter] = {}
        over = False

        async def connected(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            if over:  # it was accepted just before the end
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
            over = True
            tasks = [task for task in connections if task is not None]
            for task in tasks:
                connections[task].transport.abort()
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    @asynccontextmanager
    async def listen_http(
        self, port: int, handler: HttpHandler
    ) -> AsyncGenerator[None, None]:
        """Answer HTTP requests to *port* while the block runs; else as ``listen``.

        The handler is aiohttp's: it takes a request and returns a response.
        """
        http = web.Server(handler, access_log=None)
        runner = web.ServerRunner(http, shutdown_timeout=_SHUTDOWN_SECONDS)
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
        """Accept connections to *port*, by what asyncio creates servers with."""
        servers = []
        try:
            for number in self.ports.get((port, "tcp"), ()):
                try:
                    bound = self._ports.open(self.address, number)
                except OSError as error:
                    self.error(
                        f"cannot listen on {self.address}:{number}: {error.strerror}"
                    )
                    continue
                # In two steps, the first of which cannot be cancelled on its way.
                servers.append(await create(sock=bound, start_serving=False))
                await servers[-1].start_serving()
            yield
        finally:
            for server in servers:
                server.close()


ImageFunction = Callable[[Container], Awaitable[int | None]]


class Image(NamedTuple):
    """A function and what else an image brings."""

    function: ImageFunction
    info: ImageInfo


class Images:
    """Images by name. A name without a tag answers for every tag that has no own."""

    def __init__(self) -> None:
        self._images: dict[tuple[str, str | None], Image] = dict(_built_in())

    def add(self, name: str, image: Image) -> None:
        self._images[_split(name)] = image

    def get(self, name: str) -> Image | None:
        repository, tag = _split(name)
        return self._images.get((repository, tag or "latest")) or self._images.get(
            (repository, None)
        )


_PREFIXES = ("docker.io/", "index.docker.io/", "registry-1.docker.io/")


def _split(name: str) -> tuple[str, str | None]:
    """Repository and tag; Docker Hub's own prefixes say nothing."""
    name = name.partition("@")[0]
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    name = name.removeprefix("library/")
    head, slash, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    return head + slash + last, tag or None


def command_line(spec: ContainerSpec, info: ImageInfo) -> list[str]:
    """Its entrypoint and command as words; as in Docker, an entrypoint of its own
    leaves the image's command out."""
    entrypoint = info.entrypoint if spec.entrypoint is None else spec.entrypoint
    command = spec.command
    if command is None:
        command = info.command if spec.entrypoint is None else ""
    words = []
    for field_name, text in (("entrypoint", entrypoint), ("run_command", command)):
        try:
            words += shlex.split(text)
        except ValueError as error:
            # Without the text itself: commands hold secrets.
            raise EngineError(f"{field_name}: {error}") from None
    return words


# --- the images every embedded engine knows -------------------------------------------


async def idle(container: Container) -> None:
    """Stands for any image that is not known."""
    container.print(
        f"simulated: {container.image} is not an image of the embedded engine;"
        " idle until stopped"
    )
    await container.wait_stopped()


async def hello_world(container: Container) -> None:
    """Answers HTTP on port 80 and logs each request."""
    greeting = f"Hello {container.environment.get('NAME') or 'world'}!"
    page = (
        f"<html><head><title>{html.escape(greeting)}</title></head><body>"
        f"<h1>{html.escape(greeting)}</h1>"
        f"<h3>My hostname is {html.escape(container.hostname)}</h3>"
        "</body></html>\n"
    )

    async def answer(request: web.BaseRequest) -> web.Response:
        container.print(f'{request.remote} "{request.method} {request.raw_path}" 200')
        return web.Response(text=page, content_type="text/html")

    async with container.listen_http(80, answer):
        await container.wait_stopped()


async def shell(container: Container) -> int:
    """Runs the command in the tiny shell; what that cannot do is only simulated."""
    if reason := unsupported(container.command):
        container.print(
            f"simulated: {reason} for the embedded shell; idle until stopped"
        )
        await container.wait_stopped()
        return 0
    rest: dict[Stream, str] = {"stdout": "", "stderr": ""}

    async def write(stream: Stream, text: str) -> None:
        *lines, rest[stream] = (rest[stream] + text).split("\n")
        if len(rest[stream]) > _LONGEST_LINE:
            lines.append(rest[stream])
            rest[stream] = ""
        for line in lines:
            container.write(stream, line)

    tiny = Shell(
        container.environment,
        write=write,
        stdin=Stdin(ended=not container.stdin_open),
        clock=container.clock,
        hostname=container.hostname,
        user=container.user,
    )
    try:
        return await tiny.run(container.command)
    finally:
        for stream, text in rest.items():
            if text:
                container.write(stream, text)


IDLE = Image(idle, ImageInfo({}, "", "", ()))
_HELLO_WORLD = Image(hello_world, ImageInfo({}, "/run.sh", "", ((80, "tcp"),)))
_SHELL = Image(shell, ImageInfo({}, "sh", "", ()))


def _built_in() -> dict[tuple[str, str | None], Image]:
    return {
        ("dockercloud/hello-world", None): _HELLO_WORLD,
        ("tutum/hello-world", None): _HELLO_WORLD,
        ("busybox", None): _SHELL,
        ("alpine", None): _SHELL,
    }
