"""Fixtures of all tests: a clean environment, recorded requests, a client."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Iterator
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import aiohttp
import aioresponses.core
import pytest
from aiohttp import ClientResponse
from aioresponses import aioresponses as Api
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # has none

from aiodockercloud import TUTUM, DockerCloud
from aiodockercloud.server import Embedded, Server, running
from aiodockercloud.server.engines.embedded.clock import ManualClock
from flows import Raw, client_of
from watches import Watch, watched

# Started in the background of a shell, the tests would ignore it, and so would all the
# programs that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

URL = "https://cloud.example.com"
ROOT = Path(__file__).parents[1]


class _ClientResponse(ClientResponse):
    """aiohttp 3.14 wants an argument that aioresponses 0.7.9 lacks (its issue 289)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("stream_writer", Mock(output_size=0))
        super().__init__(*args, **kwargs)


aioresponses.core.ClientResponse = _ClientResponse  # type: ignore[attr-defined]  # no re-export


@cache
def _on_swarm(file: str) -> bool:
    return "\nimport swarms\n" in (ROOT / file).read_text(encoding="utf-8")


class Schedule(LoadScopeScheduling):  # type: ignore[misc]  # untyped
    """Side by side, a module's tests stay together, and so do all that use the one
    Swarm; those begin first, because they take longest.

    By file and not by mark: ``--dist loadgroup`` marks nothing with pytest 9.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "swarm" if _on_swarm(file) else file


@pytest.hookimpl(optionalhook=True)  # with -p no:xdist nobody calls it
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Schedule:
    config.option.loadscopereorder = False
    return Schedule(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _on_swarm(item.nodeid.partition("::")[0]), reverse=True)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No credentials or addresses of whoever runs the tests."""
    for prefix in ("DOCKERCLOUD", "TUTUM"):
        for name in (
            *("AUTH", "USER", "APIKEY", "PASS", "NAMESPACE"),
            *("REST_HOST", "STREAM_HOST"),
        ):
            monkeypatch.delenv(f"{prefix}_{name}", raising=False)
    monkeypatch.delenv("DOCKER_CONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def api() -> Iterator[Api]:
    """Answers to requests, and a record of them; nothing goes out."""
    with Api() as api:
        yield api


@pytest.fixture
async def cloud() -> AsyncIterator[DockerCloud]:
    """A client of nobody's server, for use with ``api``; it sends nothing twice."""
    async with DockerCloud(URL, user="alice", apikey="s3cret", retry=None) as cloud:
        yield cloud


@pytest.fixture
def engine() -> Embedded:
    """The engine below ``server``; modules replace it to have another one."""
    return Embedded(nodes=3)


@pytest.fixture
async def server(engine: Embedded) -> AsyncIterator[Server]:
    """Our server on a real socket, its state in memory."""
    async with running(engine) as server:
        yield server


@pytest.fixture
async def live(server: Server) -> AsyncIterator[DockerCloud]:
    """A client of ``server``."""
    async with client_of(server) as cloud:
        yield cloud


@pytest.fixture
async def tutum(server: Server) -> AsyncIterator[DockerCloud]:
    """A client of ``server`` that speaks Tutum v1."""
    async with client_of(server, dialect=TUTUM) as cloud:
        yield cloud


@pytest.fixture
async def raw(server: Server) -> AsyncIterator[Raw]:
    """Requests to ``server`` as old clients send them."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield Raw(server, session)


@pytest.fixture
def clock() -> ManualClock:
    """A time that the test drives."""
    return ManualClock()


@pytest.fixture
async def watch(clock: ManualClock) -> AsyncIterator[Watch]:
    """An embedded engine in that time, and what it tells."""
    async with watched(Embedded(clock=clock)) as watch:
        yield watch
