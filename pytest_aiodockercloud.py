"""A pytest plugin: fixtures that give each test a Docker Cloud of its own.

::

    async def test_my_bot_scales(dockercloud):
        service = await dockercloud.services.create(image="acme/web", name="web")
        await my_bot.handle("scale web to 3", dockercloud)
        service = await dockercloud.services.inspect(service)
        assert service["target_num_containers"] == 3

pytest loads the plugin when ``aiodockercloud[pytest]`` is installed. The plugin is a
top-level module that imports aiohttp and aiodockercloud only for tests that use a
fixture.

The fixtures:

``dockercloud``
    The client, an ``aiodockercloud.DockerCloud`` with a session to the test's server.
``dockercloud_server``
    The server, an ``aiodockercloud.server.Server`` with ``.url``, ``.user``,
    ``.apikey``, ``.engine`` and ``.faults``. While the server runs, the environment
    variables of the official clients name the server, so that ``DockerCloud()``
    connects to this server and to no other cloud.
``dockercloud_engine``
    The server's engine, an ``aiodockercloud.server.Embedded`` with one node. Redefine
    this fixture in a conftest.py to add images or nodes.
``dockercloud_url``
    The address of another server, which runs in a thread of its own, for tests that do
    not share the server's event loop: synchronous tests, programs that call
    ``asyncio.run``, subprocesses. The environment variables of the official clients
    name this server and its account. A test uses either this fixture or the others.
``dockercloud_faults``
    The server's faults, an ``aiodockercloud.server.Faults``. Redefine this fixture to
    return ``Faults(seed=7)``: random faults are then the same in every run.

Each test gets new objects and a free port, and writes no files; tests that run in
parallel (pytest-xdist) share nothing. The fixtures need pytest-asyncio, in strict or
auto mode, and use the event loop of the test. In strict mode, the default, each async
test has the mark ``asyncio``. A request that no running event loop can answer fails at
once, and the message states what to set.

For a server of a module or a session, write a fixture of that scope with
:func:`aiodockercloud.server.running_in_thread`::

    @pytest.fixture(scope="session")
    def cloud_server():
        with running_in_thread() as server:
            yield server

A test that leaves a stream or a session to this server open ends with an error, which
names each open object and the line that opened the object.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import sys
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

import pytest


def _async_fixture(function: Callable[..., Any]) -> Any:
    """Return an asynchronous fixture, or one that fails with instructions."""
    try:
        import pytest_asyncio
    except ImportError:

        @pytest.fixture(name=function.__name__)
        def missing() -> None:
            _fail(function.__name__, "pytest-asyncio is not installed")

        return missing
    return pytest_asyncio.fixture(function)


# For annotations only: pytest must be able to load this module without aiohttp.
if TYPE_CHECKING:
    from aiohttp import ClientWebSocketResponse

    from aiodockercloud import DockerCloud
    from aiodockercloud.server import Embedded, Faults, Server

#: Seconds for sessions and streams that are being closed when the test ends.
_GRACE = 0.5

#: The way to a server that several tests or several event loops use.
_WIDER = (
    "A server for a module or a session is a fixture of that scope with"
    " aiodockercloud.server.running_in_thread()."
)


@pytest.fixture
def dockercloud_engine() -> Embedded:
    """Return the engine of ``dockercloud_server``; redefine to add images or nodes."""
    with _required_by("dockercloud_engine"):
        # Local, like all imports below: pytest loads this module in every project.
        from aiodockercloud.server import Embedded
    return Embedded()


@pytest.fixture
def dockercloud_faults() -> Faults:
    """Return the faults of ``dockercloud_server``."""
    with _required_by("dockercloud_faults"):
        from aiodockercloud.server import Faults
    return Faults()


@pytest.fixture
def dockercloud_url(
    request: pytest.FixtureRequest,
    dockercloud_engine: Embedded,
    dockercloud_faults: Faults,
) -> Iterator[str]:
    """Run a server in a thread for one test and return the server's address."""
    if "dockercloud_server" in request.fixturenames:
        pytest.fail(
            "dockercloud_url has a server of its own: use either dockercloud_url, or"
            " dockercloud and dockercloud_server",
            pytrace=False,
        )
    with _required_by("dockercloud_url"):
        from aiodockercloud.server import running_in_thread
    with running_in_thread(dockercloud_engine, faults=dockercloud_faults) as server:
        with _named_by_environment(server):
            yield server.url


@_async_fixture
async def dockercloud_server(
    request: pytest.FixtureRequest,
    dockercloud_engine: Embedded,
    dockercloud_faults: Faults,
    _dockercloud_opened: _Opened,
) -> AsyncIterator[Server]:
    """Run a server for one test and name the server in the environment."""
    with _required_by("dockercloud_server"):
        from aiodockercloud.server import running
    async with running(dockercloud_engine, faults=dockercloud_faults) as server:
        loop = asyncio.get_running_loop()
        _dockercloud_opened.expect_loop(server.url, loop, _remedy(request.node))
        with _named_by_environment(server):
            yield server
        await _dockercloud_opened.check(server)


@_async_fixture
async def dockercloud(
    dockercloud_server: Server, _dockercloud_opened: _Opened
) -> AsyncIterator[DockerCloud]:
    """Return a client of ``dockercloud_server``."""
    from aiodockercloud import DockerCloud

    async with DockerCloud(
        dockercloud_server.url,
        user=dockercloud_server.user,
        apikey=dockercloud_server.apikey,
    ) as cloud:
        yield cloud
        await _dockercloud_opened.check(dockercloud_server, client=cloud)


@pytest.fixture
def _dockercloud_opened() -> Iterator[_Opened]:
    from aiodockercloud import DockerCloud

    opened = _Opened()
    with pytest.MonkeyPatch.context() as patch:
        opened.watch(DockerCloud, patch)
        yield opened


class _Opened:
    """The sessions and streams that a test has opened, with the lines that did so."""

    def __init__(self) -> None:
        self._clouds: list[tuple[DockerCloud, str]] = []
        self._streams: list[_OpenedStream] = []
        self._url = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._remedy = ""

    def expect_loop(
        self, url: str, loop: asyncio.AbstractEventLoop, remedy: str
    ) -> None:
        """Fail calls to the server at *url* while its event loop does not run."""
        self._url, self._loop, self._remedy = url, loop, remedy

    def _check_loop(self, cloud: DockerCloud) -> None:
        __tracebackhide__ = True  # pytest shows the line of the test
        if self._loop is None or cloud.rest_url != self._url:
            return
        if not self._loop.is_running():
            pytest.fail(self._remedy)

    def watch(self, client: type[DockerCloud], patch: pytest.MonkeyPatch) -> None:
        """Record all sessions and streams, and check the loop of all calls."""
        init, request, stream = client.__init__, client.request, client.stream

        @functools.wraps(init)
        def recorded_init(cloud: DockerCloud, *args: Any, **kwargs: Any) -> None:
            init(cloud, *args, **kwargs)
            self._clouds.append((cloud, _place(sys._getframe(1))))

        @functools.wraps(request)
        async def checked_request(cloud: DockerCloud, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            self._check_loop(cloud)
            return await request(cloud, *args, **kwargs)

        @functools.wraps(stream)
        async def recorded_stream(
            cloud: DockerCloud, path: str, **kwargs: Any
        ) -> ClientWebSocketResponse[Any]:
            self._check_loop(cloud)
            place = _place(sys._getframe(1))
            ws = await stream(cloud, path, **kwargs)
            self._streams.append(_OpenedStream(cloud, ws, path, place))
            return ws

        patch.setattr(client, "__init__", recorded_init)
        patch.setattr(client, "request", checked_request)
        patch.setattr(client, "stream", recorded_stream)

    async def check(self, server: Server, *, client: DockerCloud | None = None) -> None:
        """Fail the test if sessions or streams are still open, and close these.

        Args:
            server: Only sessions with this server, and their streams, are checked.
            client: Only the streams of this client are checked, not its session.
        """

        def still_open() -> list[tuple[DockerCloud, str]]:
            clouds = [
                (cloud, place)
                for cloud, place in self._clouds
                if (cloud is client if client else cloud.rest_url == server.url)
            ]
            found = [
                (one.cloud, f"the stream {one.path}, {one.place}")
                for one in self._streams
                if not one.ws.closed and any(one.cloud is cloud for cloud, _ in clouds)
            ]
            for cloud, place in clouds:
                session = cloud.session if cloud.owns_session else None
                if not client and session is not None and not session.closed:
                    found.append((cloud, f"the session {cloud!r}, {place}"))
            return found

        found = still_open()
        for _ in range(10):
            if not found:
                return
            await asyncio.sleep(_GRACE / 10)
            found = still_open()
        for cloud, _ in found:
            await cloud.close()
        texts = "".join(f"\n  {text}" for _, text in found)
        pytest.fail(f"the test left open:{texts}", pytrace=False)


@dataclass
class _OpenedStream:
    """A stream, and the line that opened the stream."""

    cloud: DockerCloud
    ws: ClientWebSocketResponse[Any]
    path: str
    place: str


def _place(frame: FrameType | None) -> str:
    """Return the innermost line of the user's code that led to this call."""
    package = os.path.join(os.path.dirname(__file__), "aiodockercloud", "")
    between = (package, os.path.dirname(asyncio.__file__), contextlib.__file__)
    while frame is not None:
        code = frame.f_code
        if not code.co_filename.startswith(between):
            name = os.path.relpath(code.co_filename)
            return f"opened at {name}:{frame.f_lineno}, in {code.co_name}"
        if code.co_filename == asyncio.events.__file__:
            break  # the event loop: none of the user's code is in this task
        frame = frame.f_back
    return "opened in the background"


@contextlib.contextmanager
def _named_by_environment(server: Server) -> Iterator[None]:
    """Name the server in the environment, and no account of the developer."""
    names = {
        "REST_HOST": server.url,
        "STREAM_HOST": server.stream_url,
        "USER": server.user,
        "APIKEY": server.apikey or "",
    }
    with pytest.MonkeyPatch.context() as patch:
        for prefix in ("DOCKERCLOUD", "TUTUM"):
            for name in ("AUTH", "PASS", "NAMESPACE"):
                patch.delenv(f"{prefix}_{name}", raising=False)
            for name, value in names.items():
                patch.setenv(f"{prefix}_{name}", value)
        yield


def _remedy(item: pytest.Item) -> str:
    """Return the message about a server whose event loop is not that of the test."""
    import pytest_asyncio

    if not pytest_asyncio.is_async_test(item):
        return (
            "the server of dockercloud_server answers only while the event loop of"
            " pytest-asyncio runs, and this test is not an async test of"
            " pytest-asyncio: use the fixture dockercloud_url, whose server runs in a"
            " thread"
        )
    fixture = item.config.getini("asyncio_default_fixture_loop_scope")
    if fixture in (None, "", "fixture-scope"):
        fixture = "function"
    mark = item.get_closest_marker("asyncio")
    test = (mark.kwargs.get("loop_scope") if mark else None) or item.config.getini(
        "asyncio_default_test_loop_scope"
    )
    return (
        "the server of dockercloud_server runs in another event loop than this test:"
        f" the loop scope of fixtures is {fixture!r}, and that of the test is {test!r}."
        f" Set asyncio_default_fixture_loop_scope = {test} in the configuration of"
        f" pytest, or mark the test with pytest.mark.asyncio(loop_scope={fixture!r})."
        f" {_WIDER}"
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the remedy to the error of a fixture with a wider scope."""
    report = yield
    text = str(call.excinfo.value) if call.excinfo else ""
    if "ScopeMismatch" in text and "scoped fixture dockercloud" in text:
        report.sections.append(("aiodockercloud", _WIDER))
    return report


@contextlib.contextmanager
def _required_by(fixture: str) -> Iterator[None]:
    """Fail the test with instructions when an import fails."""
    try:
        yield
    except ImportError as exc:
        _fail(fixture, str(exc))


def _fail(fixture: str, reason: str) -> NoReturn:
    pytest.fail(
        f"the fixture {fixture} needs packages that are not installed: {reason};"
        " pip install 'aiodockercloud[pytest]'",
        pytrace=False,
    )
