"""Repeated writes, which keep the idempotency key of the first attempt."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from aioresponses import aioresponses

from aiodockercloud import (
    ApiError,
    DockerCloud,
    DockerCloudError,
    ThrottledError,
    Unavailable,
)
from tests.support.retrying import BASE, KEEPS, PATH, PROVIDERS, WRITES, calls, eager


def keys(api: aioresponses, method: str) -> list[str]:
    return [one.kwargs["headers"]["Idempotency-Key"] for one in calls(api, method)]


@pytest.mark.parametrize("method", WRITES)
async def test_write_has_a_key_of_its_own_and_get_has_none(
    api: aioresponses, method: str
) -> None:
    api.add(BASE + PATH, method, payload={}, repeat=True)
    api.get(BASE + PATH, payload={})

    async with eager() as cloud:
        for _ in range(2):
            await cloud.request(method, PATH)
        await cloud.request("GET", PATH)

    first, second = keys(api, method)
    assert first != second
    assert len(first) == len(second) == 32
    (get,) = calls(api, "GET")
    assert "Idempotency-Key" not in (get.kwargs["headers"] or {})


async def test_write_on_a_session_of_the_caller_has_key_and_credentials(
    api: aioresponses,
) -> None:
    api.post(BASE + PATH, payload={})
    async with aiohttp.ClientSession() as session:
        async with DockerCloud(BASE, auth="Basic x", session=session) as cloud:
            await cloud.request("POST", PATH)

    (call,) = calls(api, "POST")
    assert call.kwargs["headers"]["Authorization"] == "Basic x"
    assert call.kwargs["headers"]["Idempotency-Key"]


@pytest.mark.parametrize("method", WRITES)
async def test_write_that_is_throttled_is_repeated_by_any_server(
    api: aioresponses, method: str
) -> None:
    api.add(BASE + PATH, method, status=429)
    api.add(BASE + PATH, method, payload={})

    async with eager() as cloud:
        await cloud.request(method, PATH)
    assert len(set(keys(api, method))) == 1
    assert calls(api, "GET", PROVIDERS) == []


FAILURES: dict[str, dict[str, Any]] = {
    "502": {"status": 502},
    "503": {"status": 503},
    "504": {"status": 504},
    "cut": {"exception": aiohttp.ServerDisconnectedError()},
    "half": {"exception": aiohttp.ClientPayloadError("half")},
}


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize("failure", FAILURES)
async def test_write_possibly_carried_out_is_repeated_with_its_key(
    api: aioresponses, method: str, failure: str
) -> None:
    api.get(BASE + PATH, payload={}, headers=KEEPS)
    api.add(BASE + PATH, method, **FAILURES[failure])
    api.add(BASE + PATH, method, payload={"uuid": "x"}, headers=KEEPS)

    async with eager() as cloud:
        await cloud.request("GET", PATH)
        assert await cloud.request(method, PATH) == {"uuid": "x"}
    assert len(keys(api, method)) == 2
    assert len(set(keys(api, method))) == 1
    assert calls(api, "GET", PROVIDERS) == []


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize("failure", FAILURES)
async def test_write_possibly_carried_out_is_not_repeated_without_keys(
    api: aioresponses, method: str, failure: str
) -> None:
    api.get(BASE + PROVIDERS, payload={}, repeat=True)
    api.add(BASE + PATH, method, repeat=True, **FAILURES[failure])

    async with eager() as cloud:
        for count in (1, 2):
            with pytest.raises(DockerCloudError):
                await cloud.request(method, PATH)
            assert len(calls(api, method)) == count
    # The client finds out once whether the server keeps answers.
    assert len(calls(api, "GET", PROVIDERS)) == 1


async def test_write_as_the_first_request_detects_keys_and_is_repeated(
    api: aioresponses,
) -> None:
    api.post(BASE + PATH, exception=aiohttp.ServerDisconnectedError())
    api.get(BASE + PROVIDERS, status=503)
    api.get(BASE + PROVIDERS, payload={}, headers=KEEPS)
    api.post(BASE + PATH, payload={"uuid": "x"})

    async with eager() as cloud:
        assert await cloud.request("POST", PATH) == {"uuid": "x"}


async def test_write_is_not_repeated_when_keys_cannot_be_detected(
    api: aioresponses,
) -> None:
    api.post(BASE + PATH, status=502, repeat=True)
    api.get(BASE + PROVIDERS, status=502, repeat=True)

    async with eager() as cloud:
        with pytest.raises(ApiError, match="502"):
            await cloud.request("POST", PATH)
    assert len(calls(api, "POST")) == 1


async def test_write_is_not_repeated_when_its_answer_may_have_expired(
    api: aioresponses,
) -> None:
    api.get(BASE + PATH, payload={}, headers={"Idempotency-Kept": "3"})
    api.post(BASE + PATH, status=503, headers={"Retry-After": "2"}, repeat=True)

    async with eager() as cloud:
        await cloud.request("GET", PATH)
        with pytest.raises(Unavailable):
            await cloud.request("POST", PATH)
    assert len(calls(api, "POST")) == 1


async def test_write_possibly_carried_out_stays_so_after_a_429(
    api: aioresponses,
) -> None:
    api.get(BASE + PATH, payload={}, headers={"Idempotency-Kept": "3"})
    api.post(BASE + PATH, exception=aiohttp.ServerDisconnectedError())
    api.post(BASE + PATH, status=429, headers={"Retry-After": "2"}, repeat=True)

    async with eager() as cloud:
        await cloud.request("GET", PATH)
        with pytest.raises(ThrottledError) as caught:
            await cloud.request("POST", PATH)
    assert caught.value.attempts == 2


async def test_error_of_a_proxy_does_not_count_as_missing_keys(
    api: aioresponses,
) -> None:
    api.get(BASE + PATH, payload={}, headers=KEEPS)
    api.get(BASE + PATH, status=403)
    api.post(BASE + PATH, status=502)
    api.post(BASE + PATH, payload={})

    async with eager() as cloud:
        await cloud.request("GET", PATH)
        with pytest.raises(ApiError):
            await cloud.request("GET", PATH)
        assert await cloud.request("POST", PATH) == {}
