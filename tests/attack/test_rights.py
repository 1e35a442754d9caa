"""Rights: every route with every kind of key, and records of other accounts."""

from __future__ import annotations

import aiohttp
import pytest

from aiodockercloud import DockerCloud, wire
from aiodockercloud.server import Server
from aiodockercloud.server.api.resource import OPERATE, PUBLIC
from aiodockercloud.server.state.accounts import Account
from aiodockercloud.wire.scopes import with_implied
from tests.support import rights
from tests.support.credentials import settings
from tests.support.facts import IDLE
from tests.support.flows import Raw, run
from tests.support.rights import Route

__all__ = ["settings"]

ROUTES = list(rights.routes())

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
