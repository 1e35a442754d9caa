"""The OpenAPI document: every route, every documented endpoint, every field."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Collection
from typing import Any

import aiohttp
import openapi_spec_validator
import pytest

from aiodockercloud import DockerCloud, wire
from aiodockercloud.server import Embedded, Server, running
from aiodockercloud.server.api import (
    accounts,
    app,
    definitions,
    log_selection,
    nodeclusters,
    nodes,
    repositories,
    secrets,
    stacks,
    triggers,
)
from aiodockercloud.server.api.openapi.document import endpoints
from aiodockercloud.server.api.openapi.operations import OPERATIONS as TABLE
from aiodockercloud.server.api.resource import PUBLIC
from aiodockercloud.wire import service_fields
from tests.support.endpoints import SLIPS
from tests.support.facts import PATIENCE, SHARED
from tests.support.flows import Raw, containers, run
from tests.support.openapi import (
    DOCUMENT,
    OPERATIONS,
    STREAMS,
    check,
    check_answer,
    component,
    filled,
)
from tests.support.routes import url_of

FIELDS = [row.name for row in service_fields.FIELDS]
#: The operation → the example of its body.
EXAMPLES: dict[str, Any] = {
    name: content["example"]
    for name, one in OPERATIONS.items()
    for content in one.get("requestBody", {}).get("content", {}).values()
    if "example" in content
}
REFERENCE = SHARED / "reference" / "endpoints.json"


def test_document_is_valid() -> None:
    openapi_spec_validator.validate(DOCUMENT)


# --- routes ---------------------------------------------------------------------------


def test_table_has_every_route_and_no_other() -> None:
    routes = [f"{one.method} {one.short}" for one in endpoints(app.RESOURCES)]

    assert sorted(routes) == sorted(TABLE)
    assert len(OPERATIONS) == len(TABLE)
    ids = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", OPERATIONS)
def test_path_of_the_document_leads_to_its_route(name: str) -> None:
    method, _, path = name.partition(" ")

    target = wire.split_path(filled(path))

    assert target is not None
    if target.kind != "auth":
        route = app.RESOURCES[target.kind].find(target)[method]
        security = OPERATIONS[name]["security"]
        assert security == (
            []
            if route.scope == PUBLIC
            else [{"basic": [route.scope]}, {"apikey": [route.scope]}]
        )


@pytest.mark.parametrize("name", OPERATIONS)
def test_path_of_the_document_may_have_a_namespace_if_stated(name: str) -> None:
    path = filled(name.partition(" ")[2])
    kinds = "|".join(map(re.escape, app.RESOURCES))

    target = wire.split_path(re.sub(rf"/({kinds})/", r"/acme/\1/", path, count=1))

    stated = OPERATIONS[name].get("x-namespaced", False)
    shared = target is None or target.kind in wire.GLOBAL_KINDS | {"auth"}
    assert stated is not shared
    assert not stated or (target is not None and target.namespace == "acme")


@pytest.mark.skipif(not REFERENCE.exists(), reason="the reference is not here")
def test_endpoints_of_the_reference_are_all_in_the_document() -> None:
    names = {re.sub(r"\{\w+\}", "()", name) for name in OPERATIONS}
    reference = [
        f"{one['method']} {one['path']}" for one in json.loads(REFERENCE.read_text())
    ]
    served = [
        re.sub(r"\([\w.]+\)", "()", path.replace("[optional_namespace/]", ""))
        for path in (SLIPS.get(name, name) for name in reference)
    ]

    assert len(set(served)) == 65
    assert set(served) <= names


# --- fields and parameters ------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("NewService", {*definitions.FIELDS, "stack"}),
        ("ServiceChanges", definitions.FIELDS.keys() - {"name"}),
        ("StackFields", stacks.FIELDS),
        ("StackChanges", stacks.FIELDS.keys() - {"name"}),
        ("NodeFields", nodes.FIELDS),
        ("NodeClusterFields", nodeclusters.FIELDS),
        ("NodeClusterChanges", {"nickname", "target_num_nodes", "tags"}),
        ("RepositoryFields", repositories.FIELDS),
        ("RepositoryChanges", repositories.FIELDS.keys() - {"name"}),
        ("StoredFileFields", secrets.FIELDS),
        ("StoredFileChanges", secrets.FIELDS.keys() - {"name"}),
        ("TriggerFields", triggers.FIELDS),
        ("AccountFields", accounts.ACCOUNT_FIELDS),
        ("AccountChanges", accounts.ACCOUNT_FIELDS.keys() - {"user"}),
        ("ApiKeyFields", accounts.KEY_FIELDS),
    ],
)
def test_body_has_the_fields_of_the_server(name: str, fields: Collection[str]) -> None:
    schema = DOCUMENT["components"]["schemas"][name]

    assert schema["properties"].keys() == set(fields)
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize("name", FIELDS)
def test_example_of_a_field_has_the_form_of_its_schema(name: str) -> None:
    schema = DOCUMENT["components"]["schemas"]["NewService"]["properties"][name]

    for example in schema["examples"]:
        check(example, schema)
    assert len(schema["examples"]) == 1


def test_all_keys_of_bodies_and_answers_have_descriptions() -> None:
    bare = [
        f"{name}.{key}"
        for name, schema in DOCUMENT["components"]["schemas"].items()
        for key, value in schema["properties"].items()
        if "description" not in value and "Page" not in name
    ]

    assert bare == []


def test_logs_have_the_parameters_of_the_server() -> None:
    def names(path: str) -> set[str]:
        found = OPERATIONS[f"GET /api/{path}/{{uuid}}/logs/"]["parameters"]
        return {component(one)["name"] for one in found}

    every = set(log_selection.PARAMETERS)
    assert names("audit/v1/action") == every
    assert names("app/v1/service") == every | {*log_selection.OUTPUT}
    assert names("app/v1/container") == every | {*log_selection.OUTPUT, "service"}


# --- the server -----------------------------------------------------------------------


async def test_document_is_served_without_credentials(raw: Raw) -> None:
    first = await raw("GET", "/openapi.json", auth=None)
    second = await raw("GET", "/openapi.json", auth=None)

    assert (first.status, first.headers["Content-Type"]) == (200, "application/json")
    assert first.body == second.body
    served = first.json()
    assert served["info"].pop("version") == _version()
    expected = json.loads(json.dumps(DOCUMENT))
    del expected["info"]["version"]
    assert served == expected


def _version() -> str:
    from importlib.metadata import version  # noqa: PLC0415

    return version("aiodockercloud")


@pytest.mark.parametrize("name", EXAMPLES)
async def test_example_of_a_body_is_accepted(
    live: DockerCloud, raw: Raw, server: Server, name: str
) -> None:
    method, _, path = name.partition(" ")
    target = wire.split_path(path)
    assert target is not None
    keyed = "{uuid}" in path or len(target.key) > (target.kind == "trigger")
    route = (target.kind, method, keyed, "/".join(target.operation))
    path = await url_of(wire.DOCKER_CLOUD, route, live, server)

    answer = await raw(method, path, json.dumps(EXAMPLES[name]))

    assert 200 <= answer.status < 300, answer.body
    check_answer(name, answer.status, answer.headers, answer.body)


def test_every_body_of_json_has_an_example() -> None:
    bodies = {
        name
        for name, one in OPERATIONS.items()
        if "application/json" in one.get("requestBody", {}).get("content", {})
    }

    assert bodies == EXAMPLES.keys()


def test_server_starts_without_the_tables_of_the_document() -> None:
    program = (
        "import sys, aiodockercloud.server\n"
        "names = [name for name in sys.modules if 'api.openapi.' in name]\n"
        "print(names)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert run.stdout.strip() == "[]"


class Own(Embedded):
    """An engine that provisions no nodes."""

    provisions = False


@pytest.mark.parametrize(
    "kind", ["node", "nodecluster", "provider", "region", "az", "nodetype"]
)
async def test_own_nodes_are_as_documented(kind: str) -> None:
    async with running(Own(nodes=2)) as server, aiohttp.ClientSession() as session:
        answer = await Raw(server, session)("GET", wire.path(kind))

    name = f"GET {wire.path(kind)}"
    check_answer(name, answer.status, answer.headers, answer.body)


async def test_frames_of_streams_have_their_schemas(
    live: DockerCloud, raw: Raw
) -> None:
    service = await run(live, image="busybox", run_command="sh -c 'echo a; sleep 1000'")
    (container,) = await containers(live, service)
    (action, *_) = await live.actions.list(object=service)
    seen: set[str] = set()
    for name, query, owner in (
        ("app/v1/service/{uuid}/logs", "follow=false", service),
        ("app/v1/container/{uuid}/logs", "follow=false", container),
        ("app/v1/container/{uuid}/exec", "command=echo+hello", container),
        ("audit/v1/action/{uuid}/logs", "follow=false", action),
    ):
        path = f"/api/{name}/"
        found = await raw.frames(f"{filled(path, {'uuid': owner['uuid']})}?{query}")
        assert found
        for frame in found:
            check(frame, *STREAMS[f"GET {path}"]["x-frames"]["server"])
        seen.add(f"GET {path}")
    events = "GET /api/audit/v1/events/"
    async with (
        asyncio.timeout(PATIENCE),
        await raw.upgrade("/api/audit/v1/events/?since=now") as ws,
    ):
        stopping = await live.services.stop(service)
        frames: list[Any] = []
        while True:
            frames.append(await ws.receive_json())
            if frames[-1].get("resource_uri") == stopping["dockercloud_action_uri"]:
                if frames[-1]["state"] == "Success":
                    break
    for frame in frames:
        check(frame, *STREAMS[events]["x-frames"]["server"])
    assert {one["type"] for one in frames} > {"position", "service", "action"}

    assert {*seen, events} == STREAMS.keys()
