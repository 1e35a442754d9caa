"""Rights of keys: what keys hand on, when streams end, and guessing."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from aiodockercloud import DockerCloud, Forbidden, wire
from aiodockercloud.server import Server
from aiodockercloud.server.settings import Settings
from aiodockercloud.server.state.accounts import Account
from tests.support.credentials import settings
from tests.support.facts import PATIENCE
from tests.support.flows import Raw
from tests.support.processes import ACCOUNT, serving

__all__ = ["settings"]


async def test_a_key_hands_on_no_more_than_it_has(
    server: Server, bob: DockerCloud
) -> None:
    narrow = await bob.keys.create(
        scopes=["admin"], namespace="acme", expires_in=3600, name="narrow"
    )
    async with DockerCloud(
        server.url, user="bob", apikey=narrow["key"], retry=None
    ) as cloud:
        child = await cloud.keys.create(scopes=["admin"], expires_in=7200)
        assert child["namespace"] == "acme"
        assert child["expires_datetime"] == narrow["expires_datetime"]
        with pytest.raises(Forbidden):
            await cloud.keys.create(namespace="bob")
        with pytest.raises(Forbidden):
            await cloud.keys.create(user="admin")
        assert {one["name"] for one in await cloud.keys.list()} == {"narrow", ""}
    with pytest.raises(Forbidden):
        await bob.keys.create(user="admin", scopes=["admin"])
    with pytest.raises(Forbidden):
        await bob.keys.create(namespace="admin")
    assert {one["user"] for one in await bob.keys.list()} == {"bob"}
    assert [one["user"] for one in await bob.accounts.list()] == ["bob"]


async def test_a_key_is_in_the_answer_to_its_creation_only(
    bob: DockerCloud, raw: Raw, keys: dict[str, str]
) -> None:
    headers = {"Idempotency_Key": "once", "auth": keys["admin"]}
    first = await raw("POST", "/api/admin/v1/key/", b"{}", **headers)
    again = await raw("POST", "/api/admin/v1/key/", b"{}", **headers)
    key = first.json()

    # The server keeps no answer with a key, also not for a repeated request.
    assert again.json()["key"] != key["key"]
    assert first.headers["Idempotency-Kept"] == "0"
    for path in ("/api/admin/v1/key/", key["resource_uri"]):
        answer = await raw("GET", path, auth=keys["admin"])
        assert answer.status == 200
        assert key["key"].encode() not in answer.body
        assert key["prefix"].encode() in answer.body


@pytest.mark.parametrize("way", ["revoked", "account removed"])
async def test_streams_of_a_key_end_with_the_key(
    server: Server, live: DockerCloud, bob: DockerCloud, raw: Raw, way: str
) -> None:
    key = await bob.keys.create(scopes=["read"])
    auth = wire.basic_auth("bob", key["key"])
    async with await raw.upgrade("/api/audit/v1/events/", auth=auth) as ws:
        if way == "revoked":
            await bob.keys.delete(key)
        else:
            await live.accounts.delete("bob")
        async with asyncio.timeout(PATIENCE):
            message = await ws.receive()
        assert message.type == aiohttp.WSMsgType.CLOSE
        assert ws.close_code == 1008
    assert (await raw("GET", "/api/auth/", auth=auth)).status == 401


@pytest.mark.parametrize("change", [{"namespaces": ["bob"]}, {"operator": False}])
async def test_streams_end_when_the_account_reaches_less(
    server: Server, live: DockerCloud, raw: Raw, change: dict[str, Any]
) -> None:
    accounts = server.cloud.accounts
    accounts.put(Account("bob", ("bob", "acme"), operator="operator" in change))
    auth = wire.basic_auth("bob", accounts.create_key("bob", ("read",))[0])
    path = "/api/audit/v1/acme/events/"
    async with await raw.upgrade(path, auth=auth) as ws:
        await live.accounts.update("bob", namespaces=["bob", "acme", "new"])
        await live.accounts.update("bob", **change)
        async with asyncio.timeout(PATIENCE):
            await ws.receive()
        assert ws.close_code == 1008


async def test_a_stream_ends_when_its_key_expires(server: Server, raw: Raw) -> None:
    accounts = server.cloud.accounts
    text, _ = accounts.create_key(server.user, ("read",), expires=time.time() + 1)
    auth = wire.basic_auth(server.user, text)

    async with await raw.upgrade("/api/audit/v1/events/", auth=auth) as ws:
        async with asyncio.timeout(PATIENCE):
            await ws.receive()
        assert ws.close_code == 1008


# --- guessing -------------------------------------------------------------------------


class TestGuessing:
    @pytest.fixture
    def settings(self) -> Settings:
        """Return the default limits, and no delay of refusals."""
        default = Settings()
        return replace(default, timings=replace(default.timings, refusal=0.0))

    @pytest.mark.parametrize("user", ["admin", "mallory"])
    async def test_guesses_are_answered_429_with_the_time_to_wait(
        self, raw: Raw, server: Server, user: str
    ) -> None:
        assert server.user == "admin"
        limit = Settings().limits.failed_logins

        def guess(number: int) -> str:
            return wire.basic_auth(user, f"guess-{number}")

        answers = [
            await raw("GET", "/api/auth/", auth=guess(n)) for n in range(limit + 5)
        ]

        assert [one.status for one in answers[:limit]] == [401] * limit
        assert {one.status for one in answers[limit:]} == {429}
        assert 1 <= int(answers[-1].headers["Retry-After"]) <= 10
        # The owner, at the same address, is not locked out.
        assert (await raw("GET", "/api/auth/")).status == 200


@pytest.mark.parametrize("blank", ["", " ", "\n"])
async def test_a_variable_without_a_key_replaces_no_key(
    tmp_path: Path, blank: str
) -> None:
    async with serving(tmp_path) as first:
        await first.ready()
    async with (
        serving(tmp_path, {**ACCOUNT, "DOCKERCLOUD_APIKEY": blank}) as server,
        aiohttp.ClientSession() as session,
    ):
        url = f"{await server.ready()}/api/auth/"
        for key, status in ((ACCOUNT["DOCKERCLOUD_APIKEY"], 200), (blank, 401)):
            headers = {
                "Authorization": wire.basic_auth(ACCOUNT["DOCKERCLOUD_USER"], key)
            }
            async with session.get(url, headers=headers) as answer:
                assert answer.status == status
