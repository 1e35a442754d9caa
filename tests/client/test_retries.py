"""Repeated requests: which, and how often."""

from __future__ import annotations

import asyncio
import ssl
from unittest.mock import Mock

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from aioresponses import aioresponses

from aiodockercloud import ApiError, ConnectError, DockerCloud, Unavailable
from tests.support.facts import PATIENCE
from tests.support.retrying import (
    BASE,
    KEEPS,
    PATH,
    PROVIDERS,
    WRITES,
    calls,
    eager,
    good,
)

# --- which ----------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_get_that_fails_temporarily_is_repeated(
    api: aioresponses, status: int
) -> None:
    api.get(BASE + PATH, status=status)
    api.get(BASE + PATH, exception=aiohttp.ServerDisconnectedError())
    api.get(BASE + PATH, payload={"uuid": "x"})

    async with eager() as cloud:
        assert await cloud.request("GET", PATH) == {"uuid": "x"}
    assert len(calls(api, "GET")) == 3


@pytest.mark.parametrize("method", ["GET", *WRITES])
@pytest.mark.parametrize("status", [400, 401, 404, 409, 422, 500, 501])
async def test_request_that_fails_permanently_is_sent_once(
    api: aioresponses, method: str, status: int
) -> None:
    api.add(BASE + PATH, method, status=status, headers=KEEPS, repeat=True)

    async with eager() as cloud:
        with pytest.raises(ApiError) as caught:
            await cloud.request(method, PATH)
    assert len(calls(api, method)) == 1
    assert caught.value.attempts == 1


async def test_get_whose_response_breaks_off_is_repeated(api: aioresponses) -> None:
    api.get(BASE + PATH, exception=aiohttp.ClientPayloadError("half"))
    api.get(BASE + PATH, payload={})

    async with eager() as cloud:
        assert await cloud.request("GET", PATH) == {}


async def test_get_with_a_wrong_certificate_is_sent_once(api: aioresponses) -> None:
    key = Mock(host="h", port=443, is_ssl=True, ssl=True)
    error = aiohttp.ClientConnectorCertificateError(key, ssl.CertificateError("no"))
    api.get(BASE + PATH, exception=error, repeat=True)

    async with eager() as cloud:
        with pytest.raises(ConnectError) as caught:
            await cloud.request("GET", PATH)
    assert caught.value.attempts == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_request_that_took_too_long_is_sent_once(
    api: aioresponses, method: str
) -> None:
    api.get(BASE + PROVIDERS, payload={}, headers=KEEPS)
    api.add(BASE + PATH, method, exception=aiohttp.ServerTimeoutError(), repeat=True)

    async with eager() as cloud:
        await cloud.request("GET", PROVIDERS)
        with pytest.raises(ConnectError, match="timed out") as caught:
            await cloud.request(method, PATH)
    assert caught.value.attempts == len(calls(api, method)) == 1


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_request_without_retry_is_sent_once(
    api: aioresponses, method: str, status: int
) -> None:
    api.add(BASE + PATH, method, status=status, headers=KEEPS, repeat=True)

    async with eager(retry=None) as cloud:
        for count in (1, 2):  # the first 429 holds no request back
            with pytest.raises(ApiError) as caught:
                await cloud.request(method, PATH)
            assert len(calls(api, method)) == count
    assert caught.value.attempts == 1


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_request_on_a_closed_connection_is_not_repeated_by_aiohttp(
    method: str,
) -> None:
    """aiohttp repeats these methods by default, on connections used before."""
    count = 0

    async def handle(request: web.Request) -> web.Response:
        nonlocal count
        count += 1
        if count == 2:
            assert request.transport is not None
            request.transport.abort()
        return good()

    app = web.Application()
    app.router.add_route("*", PATH, handle)
    async with TestServer(app) as server, asyncio.timeout(PATIENCE):
        async with DockerCloud(
            str(server.make_url("")), auth="Basic x", retry=None
        ) as cloud:
            await cloud.request(method, PATH)
            with pytest.raises(ConnectError):
                await cloud.request(method, PATH)
    assert count == 2


# --- how often ------------------------------------------------------------------------


async def test_get_that_keeps_failing_raises_after_all_attempts(
    api: aioresponses,
) -> None:
    api.get(BASE + PATH, status=503, repeat=True)

    async with eager() as cloud:
        with pytest.raises(Unavailable, match=r"\[3 attempts\]") as caught:
            await cloud.request("GET", PATH)
    assert caught.value.attempts == 3
    assert len(calls(api, "GET")) == 3


async def test_get_without_any_response_raises_after_all_attempts(
    api: aioresponses,
) -> None:
    api.get(BASE + PATH, exception=aiohttp.ServerDisconnectedError(), repeat=True)

    async with eager() as cloud:
        with pytest.raises(ConnectError, match=r"\[3 attempts\]") as caught:
            await cloud.request("GET", PATH)
    assert caught.value.attempts == 3


async def test_request_that_fails_permanently_in_the_end_counts_all_attempts(
    api: aioresponses,
) -> None:
    api.get(BASE + PATH, status=503)
    api.get(BASE + PATH, status=404)

    async with eager() as cloud:
        with pytest.raises(ApiError, match=r"^404 .*\[2 attempts\]"):
            await cloud.request("GET", PATH)
