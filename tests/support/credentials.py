"""Fixtures: the user bob, who is no operator, with each kind of credentials."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from aiodockercloud import DockerCloud, wire
from aiodockercloud.server import Server
from aiodockercloud.server.settings import Settings
from aiodockercloud.server.state.accounts import Account
from tests.support import rights

__all__ = ["bob", "inside", "keys", "settings"]


@pytest.fixture
def settings() -> Settings:
    """Return settings without a bound on failed attempts."""
    default = Settings()
    return replace(default, limits=replace(default.limits, failed_logins=10**6))


@pytest.fixture
def keys(server: Server) -> dict[str, str]:
    """Return the Authorization header of each kind of credentials, by its name."""
    accounts = server.cloud.accounts
    accounts.put(Account("bob", ("bob", "acme")))
    made = {
        name: accounts.create_key("bob", (name,))[0]
        for name in ("read", "deploy", "exec", "admin")
    }
    expired, _ = accounts.create_key("bob", ("admin",), expires=time.time() - 1)
    revoked, key = accounts.create_key("bob", ("admin",))
    accounts.revoke(key)
    texts = {**made, "expired": expired, "revoked": revoked, "wrong": "wrong"}
    assert server.apikey is not None
    return {
        **{name: wire.basic_auth("bob", text) for name, text in texts.items()},
        "malformed": "Basic not-base64",
        "operator": wire.basic_auth(server.user, server.apikey),
        "container": accounts.for_container(rights.UUID, "bob"),
    }


@pytest.fixture
async def bob(server: Server, keys: dict[str, str]) -> AsyncIterator[DockerCloud]:
    """Yield a client of an account that is no operator's, with the scope admin."""
    async with DockerCloud(server.url, auth=keys["admin"], retry=None) as cloud:
        yield cloud


@pytest.fixture
async def inside(server: Server, keys: dict[str, str]) -> AsyncIterator[DockerCloud]:
    """Yield a client with the key of a container."""
    async with DockerCloud(server.url, auth=keys["container"], retry=None) as cloud:
        yield cloud
