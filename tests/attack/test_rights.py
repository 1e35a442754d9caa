"""Rights: every route with every kind of key, and what keys may not do by detours."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from aiodockercloud import DockerCloud, Forbidden, wire
from aiodockercloud.server import Server
from aiodockercloud.server.api.resource import OPERATE, PUBLIC
from aiodockercloud.server.settings import Settings
from aiodockercloud.server.state.accounts import Account
from aiodockercloud.wire.scopes import with_implied
from tests.support import rights
from tests.support.facts import IDLE, PATIENCE
from tests.support.flows import Raw, done, run
from tests.support.processes import ACCOUNT, serving
from tests.support.rights import Route

ROUTES = list(rights.routes())


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


REFUSED = ("expired", "revoked", "wrong", "malformed")
SCOPES = {
    **{name: with_implied((name,)) for name in ("read", "deploy", "exec", "admin")},
    "container": with_implied(("deploy", "exec")),
}


def expected(route: Route, name: str | None) -> int | None:
    """Return the status of a refusal, None for a request that passes the check."""
    if route.scope == PUBLIC:
        return None
    if name is None or name in REFUSED:
        return 401
    if name == "operator":
        return None
    allowed = route.scope != OPERATE and route.scope in SCOPES[name]
    return None if allowed else 403


async def test_every_route_with_every_kind_of_credentials(
    raw: Raw, keys: dict[str, str]
) -> None:
    wrong = []
    for route in ROUTES:
        for name in (None, *keys):
            auth = None if name is None else keys[name]
            answer = await raw(route.method, route.path(), auth=auth)
            want = expected(route, name)
            passed = answer.status not in (401, 403)
            if passed if want else not passed:
                wrong.append((*route[1:], name, answer.status))
            elif want and answer.status != want:
                wrong.append((*route[1:], name, answer.status))

    assert len(ROUTES) > 120
    assert wrong == []


async def test_no_key_but_an_operators_reaches_another_namespace(
    raw: Raw, keys: dict[str, str]
) -> None:
    for route in ROUTES:
        if route.scope == PUBLIC or not route.dialect.by_subsystem:
            continue
        if route.kind in wire.GLOBAL_KINDS:
            continue
        for name in (*SCOPES, "operator"):
            answer = await raw(route.method, route.path("other"), auth=keys[name])
            assert (answer.status == 403) == (name != "operator"), (route, name)


@pytest.mark.parametrize("name", [*REFUSED, "read"])
async def test_no_websocket_opens_without_the_scope(
    raw: Raw, live: DockerCloud, keys: dict[str, str], name: str
) -> None:
    service = await run(live)
    paths = {
        "events": "/api/audit/v1/events/",
        "logs": f"/api/app/v1/service/{service['uuid']}/logs/",
        "exec": f"{service['containers'][0]}exec/?command=echo+hi",
    }
    for operation, path in paths.items():
        if (name, operation) == ("read", "events"):
            continue
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await raw.upgrade(path, auth=keys[name])
        if name != "read":
            assert caught.value.status == 401
        else:
            # Another namespace's service does not exist for the key.
            assert caught.value.status == (403 if operation == "exec" else 404)


def test_table_of_rights_in_the_documentation_is_that_of_the_server() -> None:
    assert rights.PAGE.read_text() == rights.table()


# --- records of others and shared records ---------------------------------------------


@pytest.fixture
async def victim(live: DockerCloud) -> dict[str, str]:
    """Return the URIs of objects of the namespace ``admin``, by kind."""
    service = await run(live, name="web")
    stack = await live.stacks.create(
        name="shop", services=[{"name": "a", "image": IDLE}]
    )
    trigger = await live.triggers.create(service)
    repository = await live.repositories.create(
        name="registry.example.com/x", username="u", password="p"
    )
    actions = await live.actions.list(object=service["resource_uri"])
    return {
        "service": service["resource_uri"],
        "container": service["containers"][0],
        "stack": stack["resource_uri"],
        "trigger": trigger["resource_uri"],
        "repository": repository["resource_uri"],
        "action": actions[0]["resource_uri"],
    }


async def test_keys_of_another_namespace_reach_no_object_by_its_uuid(
    raw: Raw, keys: dict[str, str], victim: dict[str, str]
) -> None:
    for name in ("admin", "container"):
        for kind, uri in victim.items():
            for route in ROUTES:
                reachable = (
                    route.kind == kind
                    and route.key
                    and route.scope != PUBLIC
                    and route.dialect is wire.DOCKER_CLOUD
                )
                if reachable:
                    path = uri + (f"{route.operation}/" if route.operation else "")
                    answer = await raw(route.method, path, auth=keys[name])
                    if route.operation in ("logs", "exec"):
                        assert answer.status in (400, 404), (route, answer.status)
                    else:
                        assert answer.status == 404, (route, answer.status)
                    assert b"web" not in answer.body
                    assert b"shop" not in answer.body


async def test_shared_nodes_and_their_actions_are_read_only_to_other_accounts(
    raw: Raw, live: DockerCloud, keys: dict[str, str]
) -> None:
    node = (await live.nodes.list())[0]
    updated = await live.nodes.update(node, tags=["red"])
    action = updated["dockercloud_action_uri"]

    for name in ("admin", "container"):
        auth = keys[name]
        assert (await raw("GET", node["resource_uri"], auth=auth)).status == 200
        for method, path in (
            ("DELETE", node["resource_uri"]),
            ("PATCH", node["resource_uri"]),
            ("POST", node["resource_uri"] + "docker-upgrade/"),
            ("POST", "/api/infra/v1/token/"),
            ("POST", "/api/infra/v1/nodecluster/"),
            ("POST", action + "retry/"),
            ("POST", action + "cancel/"),
        ):
            answer = await raw(method, path, auth=auth)
            # The action is of the namespace of its user: it does not exist for others.
            expected = 404 if path.startswith(action) else 403
            assert answer.status == expected, (method, path, answer.body)
    assert (await live.nodes.inspect(node))["state"] == "Deployed"


async def test_actions_of_nodes_are_changed_by_operators_only(
    raw: Raw, live: DockerCloud, server: Server
) -> None:
    # The actions of nodes are of the namespace of the operator, which others may have.
    accounts = server.cloud.accounts
    accounts.put(Account("eve", ("admin",)))
    eve = wire.basic_auth("eve", accounts.create_key("eve", ("admin",))[0])
    node = (await live.nodes.list())[0]
    checked = await live.nodes.health_check(node)
    action = checked["dockercloud_action_uri"]
    await live.actions.wait(checked)

    for auth in (eve, accounts.for_container(rights.UUID, "admin")):
        assert (await raw("GET", action, auth=auth)).status == 200
        for operation in ("retry", "cancel"):
            answer = await raw("POST", f"{action}{operation}/", auth=auth)
            assert (answer.status, answer.error) == (
                403,
                "only an operator may change actions of a node",
            )
    assert (await raw("POST", f"{action}retry/")).status == 202


# --- powers ---------------------------------------------------------------------------

POWERS: list[dict[str, Any]] = [
    {"privileged": True},
    {"bindings": [{"host_path": "/", "container_path": "/host"}]},
    {"devices": ["/dev/sda"]},
    {"pid": "host"},
    {"net": "host"},
    {"cap_add": ["SYS_ADMIN"]},
    {"security_opt": ["label:disable"]},
    {"security_opt": ["no-new-privileges", "seccomp=unconfined"]},
    {"security_opt": ["no-new-privileges:false"]},
    {"oom_score_adj": -1},
    {"bindings": [{"container_path": "/x", "volume_name": "dc-1"}]},
    {"bindings": [{"container_path": "/x", "volume_driver": "local"}]},
    {"cgroup_parent": "/"},
]


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


@pytest.mark.parametrize("power", POWERS, ids=lambda power: next(iter(power)))
async def test_only_operators_give_containers_power_over_the_node(
    bob: DockerCloud, live: DockerCloud, server: Server, power: dict[str, Any]
) -> None:
    (field,) = power
    fields: dict[str, Any] = {"name": "x", "image": IDLE, **power}
    with pytest.raises(Forbidden, match=f"{field}: gives power over the node"):
        await bob.services.create(**fields)
    with pytest.raises(Forbidden, match=field):
        await bob.stacks.create(name="s", services=[fields])
    plain = await bob.services.create(image=IDLE, name="plain")
    with pytest.raises(Forbidden, match=field):
        await bob.services.update(plain, **power)
    assert [one["name"] for one in await bob.services.list()] == ["plain"]
    assert await bob.stacks.list() == []

    # What an operator made in the namespace may be operated, and not be changed.
    async with DockerCloud(
        server.url, user=server.user, apikey=server.apikey, namespace="bob"
    ) as operator:
        made = await operator.services.create(image=IDLE, name="agent", **power)
    with pytest.raises(Forbidden, match=field):
        await bob.services.update(made, image="acme/other")
    assert (await bob.services.update(made, target_num_containers=2))["uuid"]


@pytest.mark.parametrize(
    "power",
    [
        {"swarm": {"TaskTemplate": {}}},
        {"log_driver": {"name": "syslog", "options": {"syslog-address": "unix:///x"}}},
    ],
    ids=lambda power: next(iter(power)),
)
async def test_powers_that_only_swarm_has_are_for_operators(
    bob: DockerCloud, power: dict[str, Any]
) -> None:
    with pytest.raises(Forbidden, match="gives power over the node"):
        await bob.services.create(image=IDLE, **power)


async def test_fields_that_only_restrict_containers_are_for_everyone(
    bob: DockerCloud,
) -> None:
    made = await bob.services.create(
        image=IDLE, security_opt=["no-new-privileges"], oom_score_adj=100, init=True
    )

    assert made["security_opt"] == ["no-new-privileges"]


async def test_volumes_of_a_service_with_a_host_path_are_refused_too(
    bob: DockerCloud, server: Server
) -> None:
    async with DockerCloud(
        server.url, user=server.user, apikey=server.apikey, namespace="bob"
    ) as operator:
        await operator.services.create(
            image=IDLE,
            name="files",
            bindings=[{"host_path": "/etc", "container_path": "/etc"}],
        )
        await operator.services.create(
            image=IDLE, name="middle", bindings=[{"volumes_from": "files"}]
        )

    for name in ("files", "middle"):
        with pytest.raises(Forbidden, match="bindings"):
            await bob.services.create(image=IDLE, bindings=[{"volumes_from": name}])


async def test_only_an_operator_enters_a_container_with_power(
    bob: DockerCloud, server: Server
) -> None:
    async with DockerCloud(
        server.url, user=server.user, apikey=server.apikey, namespace="bob"
    ) as operator:
        service = await run(operator, privileged=True)
        result = await operator.containers.run(service["containers"][0], "echo hi")
        assert result["stdout"] == "hi\n"

    with pytest.raises(Forbidden, match="only an operator may run commands"):
        await bob.containers.run(service["containers"][0], "echo hi")


async def test_only_an_operator_rolls_back_to_a_definition_with_power(
    bob: DockerCloud, server: Server
) -> None:
    async with DockerCloud(
        server.url, user=server.user, apikey=server.apikey, namespace="bob"
    ) as operator:
        service = await run(operator, name="agent", privileged=True)
        await operator.services.update(service, privileged=False)
        await done(operator, await operator.services.redeploy(service))
        with pytest.raises(Forbidden, match="privileged"):
            await bob.services.rollback(service)

        rolled = await operator.services.rollback(service)
        await done(operator, rolled)
        await operator.services.update(service, privileged=False)
    with pytest.raises(Forbidden, match="privileged"):
        await bob.actions.retry(rolled["dockercloud_action_uri"])
    assert (await bob.services.inspect(service))["privileged"] is False


@pytest.mark.parametrize("name", ["read", "exec", "container", "other container"])
async def test_commands_read_no_containers_key_with_more_than_the_callers(
    server: Server, live: DockerCloud, name: str
) -> None:
    accounts = server.cloud.accounts
    service = await run(
        live, image="busybox", run_command="sleep 1000", roles=["global"]
    )
    uri = service["containers"][0]
    auth = (await environment_of(server, uri))["DOCKERCLOUD_AUTH"]
    if name == "other container":
        auth = accounts.for_container(rights.UUID, "admin")
    elif name != "container":
        accounts.put(Account("eve", ("admin",)))
        auth = wire.basic_auth("eve", accounts.create_key("eve", (name,))[0])

    async with DockerCloud(server.url, auth=auth, retry=None) as cloud:
        if name == "container":  # its own key
            result = await cloud.containers.run(uri, "printenv DOCKERCLOUD_AUTH")
            assert result["stdout"] == f"{auth}\n"
        else:
            with pytest.raises(Forbidden):
                await cloud.containers.run(uri, "printenv DOCKERCLOUD_AUTH")


async def test_a_key_without_the_scope_exec_makes_no_key_with_it(
    server: Server, keys: dict[str, str]
) -> None:
    async with DockerCloud(server.url, auth=keys["deploy"], retry=None) as cloud:
        with pytest.raises(Forbidden, match="does not have exec"):
            await cloud.services.create(image=IDLE, roles=["global"])
        plain = await cloud.services.create(image=IDLE)
        with pytest.raises(Forbidden, match="roles"):
            await cloud.services.update(plain, roles=["global"])


async def test_a_containers_key_makes_no_further_power(inside: DockerCloud) -> None:
    with pytest.raises(Forbidden, match="cannot make further keys"):
        await inside.services.create(image=IDLE, roles=["global"])
    with pytest.raises(Forbidden):
        await inside.keys.create(scopes=["read"])
    with pytest.raises(Forbidden):
        await inside.accounts.create(user="eve")
    with pytest.raises(Forbidden):
        await inside.services.create(image=IDLE, privileged=True)
    assert await inside.services.list() == []


async def environment_of(server: Server, uri: str) -> dict[str, str]:
    record = server.cloud.containers[uri.rstrip("/").rpartition("/")[2]]
    return record.environment


async def test_a_containers_key_and_its_triggers_end_with_the_container(
    server: Server, live: DockerCloud, raw: Raw
) -> None:
    service = await run(live, name="lb", roles=["global"])
    other = await run(live, name="web")
    kept = await live.triggers.create(other)
    auth = (await environment_of(server, service["containers"][0]))["DOCKERCLOUD_AUTH"]
    async with DockerCloud(server.url, auth=auth, retry=None) as inside:
        # The key does not read triggers that would outlive the container.
        assert await inside.triggers.list(other) == []
        made = await inside.triggers.create(other)
        assert [one["uuid"] for one in await inside.triggers.list(other)] == [
            made["uuid"]
        ]

    await done(live, await live.services.delete(service))

    assert (await raw("GET", "/api/auth/", auth=auth)).status == 401
    assert (await raw("POST", made["url"], auth=None)).status == 404
    assert [one["uuid"] for one in await live.triggers.list(other)] == [kept["uuid"]]


async def test_credentials_of_a_container_are_in_no_answer(
    server: Server, live: DockerCloud, raw: Raw
) -> None:
    service = await run(
        live,
        roles=["global"],
        container_envvars=[{"key": "COPY", "value": "x$DOCKERCLOUD_AUTH"}],
    )
    uri = service["containers"][0]
    found = await environment_of(server, uri)
    auth = found["DOCKERCLOUD_AUTH"]
    assert found["COPY"] == f"x{auth}"

    for path in (uri, "/api/app/v1/container/", service["resource_uri"]):
        answer = await raw("GET", path)
        assert answer.status == 200
        assert auth.encode() not in answer.body
        assert auth.removeprefix("Basic ").encode() not in answer.body


# --- keys -----------------------------------------------------------------------------


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
