"""Read-only fields in requests, and the stack of a new service."""

from __future__ import annotations

from typing import Any

import pytest

from aiodockercloud import (
    BadRequest,
    ConflictError,
    DockerCloud,
    OperationNotAllowed,
    wire,
)
from aiodockercloud.types import Service, Stack
from tests.support.facts import UUID
from tests.support.flows import Raw, done

SERVICES = "/api/app/v1/service/"


@pytest.fixture
async def web(live: DockerCloud) -> Service:
    return await live.services.create(
        image="acme/web:1", name="web", tags=[{"name": "prod"}]
    )


@pytest.fixture
async def shop(live: DockerCloud) -> Stack:
    return await live.stacks.create(
        name="shop", services=[{"name": "db", "image": "x"}]
    )


async def create_any(live: DockerCloud, kind: str) -> dict[str, Any]:
    """Create an object of a kind, and return the object."""
    created: Any
    match kind:
        case "node":
            (created, *_) = await live.nodes.list()
        case "nodecluster":
            created = await live.nodeclusters.create(
                name="prod",
                node_type="/api/infra/v1/nodetype/digitalocean/1gb/",
                region="/api/infra/v1/region/digitalocean/lon1/",
            )
        case "repository":
            created = await live.repositories.create(
                name="quay.io/acme/web", username="u", password="p"
            )
        case "stack":
            created = await live.stacks.create(name="shop")
        case _:
            created = await live.services.create(image="acme/web:1", name="web")
    return dict(created)


KINDS = ["service", "stack", "node", "nodecluster", "repository"]
NEW_VALUES = [
    ("service", "image_name", "acme/web:2", "image_name: is read-only; write image"),
    ("service", "stack", f"/api/app/v1/stack/{UUID}/", "stack: is read-only; "),
    ("service", "current_num_containers", 3, "write target_num_containers"),
    ("service", "state", "Running", "state: is read-only; change it with an operation"),
    ("service", "calculated_envvars", [{"key": "A"}], "write container_envvars"),
    ("stack", "state", "Running", "state: is read-only; change it with an operation"),
    ("stack", "uuid", UUID, "uuid: is read-only"),
    ("node", "private_ips", [{"name": "eth0", "cidr": "10.0.0.1/8"}], "private_ips: "),
    ("node", "node_cluster", f"/api/infra/v1/nodecluster/{UUID}/", "node_cluster: "),
    ("node", "external_fqdn", "other.example", "external_fqdn: is read-only"),
    ("nodecluster", "current_num_nodes", 5, "write target_num_nodes"),
    ("repository", "registry", "/api/repo/v1/registry/other/", "registry: "),
    ("repository", "in_use", True, "in_use: is read-only"),
]


@pytest.mark.parametrize(("kind", "name", "value", "message"), NEW_VALUES)
async def test_new_value_of_a_read_only_field_is_refused_and_changes_nothing(
    live: DockerCloud, raw: Raw, kind: str, name: str, value: Any, message: str
) -> None:
    uri = (await create_any(live, kind))["resource_uri"]
    before = (await raw("GET", uri)).json()

    answer = await raw("PATCH", uri, wire.dumps({name: value}))

    assert answer.status == 400
    assert message in answer.error
    assert answer.error.startswith(f"{name}: is read-only")
    after = (await raw("GET", uri)).json()
    assert after | {"last_seen": None} == before | {"last_seen": None}


@pytest.mark.parametrize("kind", KINDS)
async def test_read_only_fields_sent_back_change_nothing(
    live: DockerCloud, raw: Raw, kind: str
) -> None:
    uri = (await create_any(live, kind))["resource_uri"]
    before = (await raw("GET", uri)).json()
    sent = {key: value for key, value in before.items() if key != "services"}

    answer = await raw("PATCH", uri, wire.dumps(sent))

    assert answer.status == 200
    assert answer.json() | {"last_seen": None} == before | {"last_seen": None}


async def test_node_sent_back_by_the_go_client_may_be_out_of_date(
    live: DockerCloud, raw: Raw
) -> None:
    """The Go client sends each field that is not empty, and always the zone."""
    (node, *_) = await live.nodes.list()
    sent = {
        **{key: value for key, value in node.items() if value},
        "availability_zone": "",
        "current_num_containers": 7,
        "last_seen": "Tue, 1 Mar 2016 03:52:18 +0000",
        "tags": [{"name": "ssd"}],
    }

    answer = await raw("PATCH", node["resource_uri"], wire.dumps(sent))

    assert answer.status == 200
    assert answer.json()["tags"] == [{"name": "ssd"}]


async def test_image_name_beside_the_image_passes(raw: Raw, web: Service) -> None:
    for image_name in ("acme/web:1", "acme/web:2"):
        answer = await raw(
            "PATCH",
            web["resource_uri"],
            wire.dumps({"image": "acme/web:2", "image_name": image_name}),
        )

        assert answer.status == 200
        assert answer.json()["image_name"] == "acme/web:2"


async def test_new_service_takes_read_only_fields_that_are_empty_or_right(
    raw: Raw,
) -> None:
    body: dict[str, Any] = {
        **{"image": "acme/web", "image_name": "acme/web:latest", "uuid": ""},
        **{"stack": None, "containers": [], "state": "Not running"},
    }

    assert (await raw("POST", SERVICES, wire.dumps(body))).status == 201
    for name, value in (
        ("image_name", "acme/db"),
        ("uuid", UUID),
        ("state", "Running"),
    ):
        answer = await raw("POST", SERVICES, wire.dumps({**body, name: value}))
        assert answer.status == 400
        assert answer.error.startswith(f"{name}: is read-only")


async def test_new_trigger_with_a_url_is_refused(raw: Raw, web: Service) -> None:
    path = f"{web['resource_uri']}trigger/"

    answer = await raw("POST", path, wire.dumps({"name": "ci", "url": "/mine/"}))

    assert answer.status == 400
    assert answer.error == "url: is read-only"


async def test_service_of_a_stack_with_a_read_only_field_is_refused_by_its_name(
    live: DockerCloud, shop: Stack
) -> None:
    services: Any = [{"name": "db", "image": "x:2", "image_name": "y"}]

    for call in (
        live.stacks.update(shop, services=services),
        live.stacks.create(name="other", services=services),
    ):
        with pytest.raises(
            BadRequest, match=r"services\[0\] \(db\)\.image_name: is rea"
        ):
            await call


async def test_read_only_fields_of_tutum_pass_with_the_object_s_value_only(
    tutum: DockerCloud, raw: Raw
) -> None:
    web = await tutum.services.create(image="acme/web:1", name="web")
    uri = web["resource_uri"]
    before = (await raw("GET", uri)).json()

    assert (await raw("PATCH", uri, wire.dumps(before))).status == 200
    for name, value, message in (
        ("image_tag", "/api/v1/image/acme/web/tag/2/", "; write image"),
        ("unique_name", "web-2", "; write name"),
        ("image_name", "acme/web:2", "; write image"),
        ("web_public_dns", "other.example", ""),
    ):
        answer = await raw("PATCH", uri, wire.dumps({name: value}))
        assert answer.error == f"{name}: is read-only{message}"


# --- a service inside a stack ---------------------------------------------------------


@pytest.mark.parametrize("key", ["resource_uri", "uuid"])
async def test_service_with_a_stack_is_created_inside_of_the_stack(
    live: DockerCloud, raw: Raw, shop: Stack, key: str
) -> None:
    body = {
        **{"image": "x", "name": "web", "stack": shop[key]},  # type: ignore[literal-required]  # of the parameters
        "linked_to_service": [{"to_service": "db"}],
    }

    web = (await raw("POST", SERVICES, wire.dumps(body))).json()

    assert web["stack"] == shop["resource_uri"]
    members = (await live.stacks.inspect(shop))["services"]
    assert web["resource_uri"] in members
    assert web["linked_to_service"][0]["to_service"] in members
    assert (await live.services.find("web.shop"))["uuid"] == web["uuid"]
    await done(live, await live.stacks.start(shop))
    assert (await live.services.inspect(web))["state"] == "Running"


async def test_service_of_tutum_with_a_stack_is_created_inside_of_the_stack(
    tutum: DockerCloud, raw: Raw
) -> None:
    stack = await tutum.stacks.create(name="shop")
    body = wire.dumps({"image": "x", "stack": stack["resource_uri"]})

    web = (await raw("POST", "/api/v1/service/", body)).json()

    assert web["stack"] == stack["resource_uri"]


@pytest.mark.parametrize(
    "stack", [UUID, f"/api/app/v1/stack/{UUID}/", "nope", "/api/app/v1/service/x/", 5]
)
async def test_service_with_an_unknown_stack_is_refused(
    live: DockerCloud, raw: Raw, stack: Any
) -> None:
    answer = await raw("POST", SERVICES, wire.dumps({"image": "x", "stack": stack}))

    assert answer.status == 400
    assert answer.error.startswith("stack: ")
    assert await live.services.list() == []


async def test_service_with_a_name_of_its_stack_is_a_conflict(
    live: DockerCloud, shop: Stack
) -> None:
    with pytest.raises(ConflictError, match="Duplicated name"):
        await live.services.create(image="x", name="db", stack=shop)


async def test_service_cannot_move_into_a_stack(
    live: DockerCloud, web: Service, shop: Stack
) -> None:
    extra: Any = {"stack": shop["resource_uri"]}

    with pytest.raises(BadRequest, match="stack: is read-only"):
        await live.services.update(web, **extra)


async def test_service_with_a_terminated_stack_is_refused(
    live: DockerCloud, shop: Stack
) -> None:
    await done(live, await live.stacks.delete(shop))

    with pytest.raises(OperationNotAllowed, match="the stack shop is Terminated"):
        await live.services.create(image="x", stack=shop)


@pytest.mark.parametrize("dialect", ["docker cloud", "tutum"])
async def test_create_takes_the_stack_of_the_service(
    live: DockerCloud, tutum: DockerCloud, shop: Stack, dialect: str
) -> None:
    cloud = tutum if dialect == "tutum" else live

    for reference in (shop, shop["resource_uri"], shop["uuid"]):
        web = await cloud.services.create(image="x", stack=reference)
        assert web["resource_uri"].split("/")[-2] in {
            uri.split("/")[-2] for uri in (await live.stacks.inspect(shop))["services"]
        }


# --- names with dots ------------------------------------------------------------------


async def test_find_of_names_with_dots_returns_the_service(live: DockerCloud) -> None:
    for stack, name in (("shop", "rainbo.ws"), ("my.shop", "web"), ("a.b", "c.d")):
        created = await live.stacks.create(
            name=stack, services=[{"name": name, "image": "x"}]
        )
        found = await live.services.find(f"{name}.{stack}")
        assert [found["resource_uri"]] == created["services"]
    alone = await live.services.create(image="x", name="alone.example")

    assert (await live.services.find("alone.example"))["uuid"] == alone["uuid"]


# --- tokens ---------------------------------------------------------------------------


async def test_token_of_the_embedded_engine_states_that_no_agent_takes_it(
    raw: Raw,
) -> None:
    answer = (await raw("POST", "/api/infra/v1/token/")).json()

    assert answer["token"]
    assert "the embedded engine has no agent" in answer["note"]
