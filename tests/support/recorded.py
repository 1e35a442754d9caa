"""Fixtures: answers to single requests, a record of them, and a client of nobody's
server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any
from unittest.mock import Mock

import aioresponses.core
import pytest
from aiohttp import ClientResponse
from aioresponses import aioresponses as Api

from aiodockercloud import DockerCloud

URL = "https://cloud.example.com"


class _ClientResponse(ClientResponse):
    """aiohttp 3.14 wants an argument that aioresponses 0.7.9 lacks (its issue 289)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("stream_writer", Mock(output_size=0))
        super().__init__(*args, **kwargs)


aioresponses.core.ClientResponse = _ClientResponse  # type: ignore[attr-defined]  # no re-export


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
