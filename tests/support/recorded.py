"""Fixtures: answers to single requests, a record of the requests, and a client."""

from __future__ import annotations

import inspect
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
    """aiohttp 3.14 requires an argument that aioresponses 0.7.9 lacks (issue 289)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("stream_writer", Mock(output_size=0))
        super().__init__(*args, **kwargs)


if "stream_writer" in inspect.signature(ClientResponse).parameters:
    aioresponses.core.ClientResponse = _ClientResponse  # type: ignore[attr-defined]  # no re-export


@pytest.fixture
def api() -> Iterator[Api]:
    """Answers to requests, and a record of the requests; no request is sent."""
    with Api() as api:
        yield api


@pytest.fixture
async def cloud() -> AsyncIterator[DockerCloud]:
    """A client for use with ``api``, which repeats no request."""
    async with DockerCloud(URL, user="alice", apikey="s3cret", retry=None) as cloud:
        yield cloud
