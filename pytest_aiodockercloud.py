"""A pytest plugin: a Docker Cloud of its own for every test.

::

    async def test_my_bot_scales(dockercloud):
        service = await dockercloud.services.create(image="acme/web", name="web")
        await my_bot.handle("scale web to 3", dockercloud)
        service = await dockercloud.services.inspect(service)
        assert service["target_num_containers"] == 3

It is there as soon as ``aiodockercloud[pytest]`` is installed, and costs nothing where
no test asks for it: that is why it is a module of its own, so that pytest can load it
without loading aiohttp.

The fixtures:

``dockercloud``
    A session, an ``aiodockercloud.DockerCloud``.
``dockercloud_server``
    Its server, an ``aiodockercloud.server.Server`` with ``.url``, ``.user``,
    ``.apikey``, ``.engine`` and ``.faults``. While it is there, the variables of the
    environment name it, so what says ``DockerCloud()`` finds it, and no other cloud.
``dockercloud_engine``
    Its engine, an ``aiodockercloud.server.Embedded`` with one node. A conftest.py that
    has another fixture of this name gives it images or nodes.
``dockercloud_faults``
    What goes wrong on purpose, an ``aiodockercloud.server.Faults``; a fixture of this
    name that returns ``Faults(seed=7)`` makes random faults the same in every run.

Each test has new ones, on a free port of this machine, with nothing on disk; tests in
parallel (pytest-xdist) do not meet. The fixtures are pytest-asyncio's, in strict and in
auto mode, and live in the loop of one test.

A test that leaves a stream or a session to this server open is an error when it ends,
which says what was left and where it was opened.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

try:
    import pytest_asyncio

    _async_fixture: Callable[..., Any] = pytest_asyncio.fixture
except ImportError:  # then whoever asks for them is told

    def _async_fixture(function: Callable[..., Any]) -> Any:
        @pytest.fixture(name=function.__name__)
        def missing() -> None:
            _give_up(function.__name__, "pytest-asyncio is not there")

        return missing


if TYPE_CHECKING:
    from aiohttp import ClientWebSocketResponse

    from aiodockercloud import DockerCloud
    from aiodockercloud.server import Embedded, Faults, Server

#: Seconds for what is being closed when the test ends.
_GRACE = 0.5


@pytest.fixture
def dockercloud_engine() -> Embedded:
    """The engine of ``dockercloud_server``; redefine it to have images or nodes."""
    with _needed("dockercloud_engine"):
        from aiodockercloud.server import Embedded
    return Embedded()


@pytest.fixture
def dockercloud_faults() -> Faults:
    """What goes wrong on purpose at ``dockercloud_server``."""
    with _needed("dockercloud_faults"):
        from aiodockercloud.server import Faults
    return Faults()


@_async_fixture
async def dockercloud_server(
    dockercloud_engine: Embedded,
    dockercloud_faults: Faults,
    _dockercloud_opened: _Opened,
) -> AsyncIterator[Server]:
    """A Docker Cloud server of this test alone, also named by the environment."""
    with _needed("dockercloud_server"):
        from aiodockercloud.server import running
    async with running(dockercloud_engine, faults=dockercloud_faults) as server:
        with _named_by_environment(server):
            yield server
        await _dockercloud_opened.check(server)


@_async_fixture
async def dockercloud(
    dockercloud_server: Server, _dockercloud_opened: _Opened
) -> AsyncIterator[DockerCloud]:
    """A session with ``dockercloud_server``."""
    from aiodockercloud import DockerCloud

    async with DockerCloud(
        dockercloud_server.url,
        user=dockercloud_server.user,
        apikey=dockercloud_server.apikey,
    ) as cloud:
        yield cloud
        await _dockercloud_opened.check(dockercloud_server, given=cloud)


@pytest.fixture
def _dockercloud_opened() -> Iterator[_Opened]:
    from aiodockercloud import DockerCloud

    opened = _Opened()
    with pytest.MonkeyPatch.context() as patch:
        opened.watch(DockerCloud, patch)
        yield opened


class _Opened:
    """The sessions and streams that were opened during a test, and where."""

    def __init__(self) -> None:
        self._clouds: list[tuple[DockerCloud, str]] = []
        self._streams: list[_OpenedStream] = []

    def watch(self, client: type[DockerCloud], patch: pytest.MonkeyPatch) -> None:
        """Note what is opened from now on."""
        init, stream = client.__init__, client.stream

        def noted_init(cloud: DockerCloud, *args: Any, **kwargs: Any) -> None:
            init(cloud, *args, **kwargs)
            self._clouds.append((cloud, _place(sys._getframe(1))))

        async def noted_stream(
            cloud: DockerCloud, path: str, **kwargs: Any
        ) -> ClientWebSocketResponse[Any]:
            place = _place(sys._getframe(1))
            ws = await stream(cloud, path, **kwargs)
            self._streams.append(_OpenedStream(cloud, ws, path, place))
            return ws

        patch.setattr(client, "__init__", noted_init)
        patch.setattr(client, "stream", noted_stream)

    async def check(self, server: Server, *, given: DockerCloud | None = None) -> None:
        """Fail for the streams of the given session or else, for all sessions with the
        server and their streams; close them."""

        def left() -> list[tuple[DockerCloud, str]]:
            clouds = [
                (cloud, place)
                for cloud, place in self._clouds
                if (cloud is given if given else cloud._rest == server.url)
            ]
            found = [
                (one.cloud, f"the stream {one.path}, {one.place}")
                for one in self._streams
                if not one.ws.closed and any(one.cloud is cloud for cloud, _ in clouds)
            ]
            for cloud, place in clouds:
                session = cloud._session if cloud._own_session else None
                if not given and session is not None and not session.closed:
                    found.append((cloud, f"the session {cloud!r}, {place}"))
            return found

        for _ in range(10):
            if not (found := left()):
                return
            await asyncio.sleep(_GRACE / 10)
        for cloud, _ in found:
            await cloud.close()
        things = "".join(f"\n  {text}" for _, text in found)
        pytest.fail(f"the test left open:{things}", pytrace=False)


@dataclass
class _OpenedStream:
    cloud: DockerCloud
    ws: ClientWebSocketResponse[Any]
    path: str
    place: str


def _place(frame: FrameType | None) -> str:
    """The line of the user's that we were called from, however indirectly."""
    package = os.path.join(os.path.dirname(__file__), "aiodockercloud", "")
    between = (package, os.path.dirname(asyncio.__file__), contextlib.__file__)
    while frame is not None:
        code = frame.f_code
        if not code.co_filename.startswith(between):
            name = os.path.relpath(code.co_filename)
            return f"opened at {name}:{frame.f_lineno}, in {code.co_name}"
        if code.co_filename == asyncio.events.__file__:
            break  # the loop: a task that nothing of the user's is in
        frame = frame.f_back
    return "opened in the background"


@contextlib.contextmanager
def _named_by_environment(server: Server) -> Iterator[None]:
    """What says ``DockerCloud()`` finds this server, and nobody's own account."""
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


@contextlib.contextmanager
def _needed(fixture: str) -> Iterator[None]:
    """Say what is to be installed when an import fails."""
    try:
        yield
    except ImportError as exc:
        _give_up(fixture, str(exc))


def _give_up(fixture: str, why: str) -> NoReturn:
    pytest.fail(
        f"the fixture {fixture} needs more than is installed: {why};"
        " pip install 'aiodockercloud[pytest]'",
        pytrace=False,
    )
