"""Authentication over HTTP: the forms of credentials that real clients send."""

from __future__ import annotations

import base64
from urllib.parse import quote

import aiohttp
import pytest

from aiodockercloud import AuthError, DockerCloud
from aiodockercloud.server import Server
from aiodockercloud.types import Service
from tests.support.facts import IDLE, UUID
from tests.support.flows import Raw, run

SERVICES = "/api/app/v1/service/"


@pytest.fixture
async def web(live: DockerCloud) -> Service:
    return await run(live, name="web")


def basic(user: str, key: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{key}".encode()).decode()


@pytest.mark.parametrize("path", ["/auth/", "/auth", "/api/auth/", "/api/v1/auth/"])
async def test_auth_with_good_credentials_returns_an_object(
    raw: Raw, path: str
) -> None:
    answer = await raw("GET", path)

    assert answer.status == 200
    assert isinstance(answer.json(), dict)
    assert "error" not in answer.json()


@pytest.mark.parametrize("path", ["/auth/", "/api/auth/", SERVICES])
@pytest.mark.parametrize(
    "auth",
    [
        None,
        "Basic",
        "Basic !!!",
        basic("admin", "wrong"),
        basic("mallory", "key"),
        basic("admin", ""),
        "Bearer abc",
        "ApiKey admin",
        "Basic " + base64.b64encode(b"\xff\xfe").decode(),
    ],
)
async def test_bad_credentials_are_401_in_json(
    raw: Raw, path: str, auth: str | None
) -> None:
    answer = await raw("GET", path, auth=auth)

    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert answer.error


async def test_header_forms_of_old_clients_are_accepted(
    raw: Raw, server: Server
) -> None:
    pair = f"{server.user}:{server.apikey}"

    for auth in (raw.auth, f"ApiKey {pair}", f"Apikey {pair}", f"apikey {pair}"):
        assert (await raw("GET", SERVICES, auth=auth)).status == 200


async def test_query_forms_of_old_clients_are_accepted_on_streams(
    raw: Raw, server: Server, web: Service
) -> None:
    path = f"/api/app/v1/service/{web['uuid']}/logs/?follow=false"

    for query in (
        f"auth={raw.auth.replace(' ', '%20')}",
        f"auth={quote(raw.auth, safe='')}",
        f"auth={raw.auth.replace(' ', '+')}",
        f"user={server.user}&token={server.apikey}",
    ):
        await raw.frames(f"{path}&{query}", auth=None)
        # Queries are logged: other requests have credentials in a header only.
        refused = await raw("GET", f"{SERVICES}?name=web&{query}", auth=None)
        assert refused.status == 401


async def test_auth_in_query_with_unquoted_plus_signs_is_accepted(
    raw: Raw, server: Server, web: Service
) -> None:
    """The Node client encodes nothing: a plus of base64 arrives as a space."""
    server.cloud.accounts.add("u", "k>>>k>>>???")
    auth = basic("u", "k>>>k>>>???")
    assert "+" in auth

    path = f"/api/app/v1/admin/service/{web['uuid']}/logs/?follow=false"
    await raw.frames(f"{path}&auth={auth.replace(' ', '%20')}", auth=None)


@pytest.mark.parametrize(
    "path",
    [
        "/api/audit/v1/events",
        "/api/audit/v1/events?user=admin&token=wrong",
        f"/api/app/v1/container/{UUID}/exec/?command=ls",
    ],
)
async def test_stream_without_good_credentials_is_401_before_the_upgrade(
    raw: Raw, path: str
) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await raw.upgrade(path, auth=None)

    assert caught.value.status == 401


async def test_client_with_a_wrong_key_raises_auth_error(server: Server) -> None:
    async with DockerCloud(server.url, user=server.user, apikey="wrong") as cloud:
        with pytest.raises(AuthError):
            await cloud.services.list()
        with pytest.raises(AuthError):
            async with cloud.events.subscribe():
                pass


async def test_other_namespace_has_its_own_objects(
    raw: Raw, server: Server, web: Service
) -> None:
    async with DockerCloud(
        server.url, user=server.user, apikey=server.apikey, namespace="acme"
    ) as acme:
        assert await acme.services.list() == []
        theirs = await acme.services.create(image=IDLE, name="web")

    listed = (await raw("GET", "/api/app/v1/acme/service/")).json()["objects"]
    assert [one["uuid"] for one in listed] == [theirs["uuid"]]
    assert (await raw("GET", f"{SERVICES}{theirs['uuid']}/")).status == 404
