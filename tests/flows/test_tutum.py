"""Tutum v1: the server through a client of that dialect and through raw requests."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from aiohttp import WSMsgType

from aiodockercloud import (
    TUTUM,
    AuthError,
    BadRequest,
    DockerCloud,
    ObjectNotFound,
    wire,
)
from aiodockercloud.server import Server
from aiodockercloud.types import ServiceState
from tests.support.facts import IDLE, PATIENCE, SHELL, UUID
from tests.support.flows import Raw, containers, done, environment, run

ACTION_URI = re.compile(r"/api/v1/action/[0-9a-f-]{36}/")


def uris(value: Any) -> set[str]:
    """Return all texts in a body that begin like a URI."""
    if isinstance(value, dict):
        return set().union(*map(uris, value.values()))
    if isinstance(value, list):
        return set().union(*map(uris, value))
    return {value} if isinstance(value, str) and value.startswith("/api/") else set()


async def eventually(cloud: DockerCloud, service: Any, state: ServiceState) -> Any:
    return await cloud.services.wait(service, state, timeout=PATIENCE)


# --- credentials --------------------------------------------------------------------


async def test_api_key_header_is_accepted(server: Server, raw: Raw) -> None:
    answer = await raw(
        "GET", "/api/v1/service/", auth=f"ApiKey {server.user}:{server.apikey}"
    )

    assert answer.status == 200
    assert answer.json()["objects"] == []


async def test_auth_answers_the_user_or_401(server: Server, raw: Raw) -> None:
    assert (await raw("GET", "/api/v1/auth/")).json()["username"] == server.user
    assert (await raw("GET", "/api/v1/auth/", auth="Basic eDp5")).status == 401


@pytest.mark.parametrize(
    "path", ["/v1/events", f"/v1/service/{UUID}/logs/", f"/v1/container/{UUID}/exec/"]
)
async def test_wrong_key_on_a_stream_is_refused_in_a_frame(raw: Raw, path: str) -> None:
    async with asyncio.timeout(PATIENCE):
        ws = await raw.upgrade(path, auth="Basic eDp5")
        frame = await ws.receive_json()
        ending = await ws.receive()

    assert frame == {
        "type": "error",
        "message": "UNAUTHORIZED",
        "data": {"errorMessage": "UNAUTHORIZED"},
    }
    assert ending.type is WSMsgType.CLOSE


async def test_wrong_key_without_an_upgrade_is_a_401(raw: Raw) -> None:
    answer = await raw("GET", "/v1/events", auth="Basic eDp5")

    assert answer.status == 401


async def test_client_raises_auth_error_for_a_refusal_in_a_frame(
    server: Server,
) -> None:
    async with DockerCloud(
        server.url, user="x", apikey="y", dialect=TUTUM, retry=None
    ) as cloud:
        async with cloud.events.subscribe() as events:
            with pytest.raises(AuthError):
                await anext(events)


async def test_client_reads_tutums_environment_variables(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUTUM_REST_HOST", server.url)
    monkeypatch.setenv("TUTUM_STREAM_HOST", server.stream_url)
    monkeypatch.setenv("TUTUM_USER", server.user)
    monkeypatch.setenv("TUTUM_APIKEY", server.apikey or "")

    async with DockerCloud(dialect=TUTUM) as cloud:
        assert await cloud.services.list() == []
        assert await cloud.nodes.list()


# --- the nine operations ------------------------------------------------------------


async def test_nine_operations_of_a_service(tutum: DockerCloud) -> None:
    service = await tutum.services.create(
        image="tutum/hello-world", name="my-new-app", target_num_containers=2
    )
    assert service["state"] == "Not running"
    assert ACTION_URI.fullmatch(service["dockercloud_action_uri"])
    assert [one["uuid"] for one in await tutum.services.list()] == [service["uuid"]]

    await tutum.services.start(service)
    await eventually(tutum, service, "Running")
    changed = await tutum.services.update(service, target_num_containers=3)
    assert changed["state"] == "Scaling"
    await done(tutum, changed)
    assert (await tutum.services.inspect(service))["running_num_containers"] == 3

    async with tutum.services.logs(service, tail=5, follow=False) as lines:
        async for line in lines:
            assert line["source"].startswith("my-new-app-")

    await done(tutum, await tutum.services.redeploy(service))
    await done(tutum, await tutum.services.stop(service))
    assert (await tutum.services.inspect(service))["state"] == "Stopped"
    await done(tutum, await tutum.services.delete(service))
    assert (await tutum.services.inspect(service))["state"] == "Terminated"


# --- bodies -------------------------------------------------------------------------


async def test_every_uri_is_in_tutums_spelling(tutum: DockerCloud, raw: Raw) -> None:
    stack = await tutum.stacks.create(
        name="shop",
        services=[
            {"name": "db", "image": IDLE, "volumes": ["/data"]},
            {"name": "web", "image": IDLE, "links": ["db"], "expose": ["80"]},
        ],
    )
    await done(tutum, await tutum.stacks.start(stack))
    await done(tutum, await tutum.nodeclusters.deploy(await _cluster(tutum)))
    found = set()
    for kind in (
        *("service", "container", "stack", "node", "nodecluster", "provider"),
        *("region", "az", "nodetype", "registry", "volume", "volumegroup"),
    ):
        page = (await raw("GET", f"/api/v1/{kind}/?limit=100")).json()
        assert page["objects"], kind
        for one in page["objects"]:
            assert one["resource_uri"].startswith(f"/api/v1/{kind}/")
            found |= uris({k: v for k, v in one.items() if k != "container_envvars"})

    assert all(uri.startswith("/api/v1/") for uri in found)
    for uri in found:
        assert (await raw("GET", uri)).status == 200, uri


async def _cluster(cloud: DockerCloud) -> Any:
    return await cloud.nodeclusters.create(
        name="more",
        node_type="/api/v1/nodetype/digitalocean/1gb/",
        region="/api/v1/region/digitalocean/lon1/",
    )


async def test_service_has_the_fields_of_tutums_example(tutum: DockerCloud) -> None:
    db = await run(tutum, name="db", container_ports=[{"inner_port": 80}])
    web: dict[str, Any] = dict(
        await run(
            tutum,
            name="web",
            image="tutum/hello-world:v1",
            container_ports=[{"inner_port": 80, "outer_port": 18080}],
            linked_to_service=[{"to_service": db["resource_uri"], "name": "db"}],
        )
    )

    assert web["unique_name"] == "web"
    assert web["autoreplace"] == "OFF"
    assert web["image_tag"] == "/api/v1/image/tutum/hello-world/tag/v1/"
    assert web["web_public_dns"] == web["public_dns"]
    assert len(web["actions"]) == 2
    assert all(map(ACTION_URI.fullmatch, web["actions"]))
    assert web["linked_to_service"] == [
        {
            "from_service": web["resource_uri"],
            "name": "db",
            "to_service": db["resource_uri"],
        }
    ]
    url = web["link_variables"]["WEB_TUTUM_API_URL"]
    assert url.endswith(web["resource_uri"])
    assert not [key for key in web["link_variables"] if "DOCKERCLOUD" in key]
    [container] = await containers(tutum, web)  # type: ignore[arg-type]  # plain dict
    extra: dict[str, Any] = dict(container)
    assert {"unique_name", "image_tag", "layer", "last_metric", "actions"} <= set(extra)


async def test_docker_cloud_has_none_of_tutums_fields(live: DockerCloud) -> None:
    service: dict[str, Any] = dict(await run(live, name="web"))

    extra = {"unique_name", "autoreplace", "image_tag", "actions", "web_public_dns"}
    assert not extra & set(service)
    assert list(service["link_variables"])[-1] == "WEB_DOCKERCLOUD_API_URL"


async def test_values_of_users_are_not_respelled(tutum: DockerCloud) -> None:
    text = f"/api/app/v1/service/{UUID}/"
    service = await tutum.services.create(
        image=IDLE,
        container_envvars=[{"key": "service", "value": text}],
        labels={"service": text},
        run_command=text,
    )

    assert service["container_envvars"] == [{"key": "service", "value": text}]
    assert service["labels"] == {"service": text}
    assert service["run_command"] == text


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"autoreplace": "OFF"}, "OFF"),
        ({"autoreplace": None}, "OFF"),
        ({"autoreplace": "ALWAYS"}, "ALWAYS"),
        ({"autoreplace": "ON_FAILURE", "autorestart": "OFF"}, "ON_FAILURE"),
        ({"autoreplace": "ALWAYS", "autorestart": "ON_FAILURE"}, "ON_FAILURE"),
    ],
)
async def test_autoreplace_becomes_autorestart(
    raw: Raw, sent: dict[str, Any], expected: str
) -> None:
    body = wire.dumps({"image": IDLE, **sent})

    answer = await raw("POST", "/api/v1/service/", body)

    assert answer.status == 201
    assert answer.json()["autorestart"] == expected


async def test_wrong_autoreplace_is_refused_by_name(raw: Raw) -> None:
    body = wire.dumps({"image": IDLE, "autoreplace": "SOMETIMES"})

    answer = await raw("POST", "/api/v1/service/", body)

    assert answer.status == 400
    assert answer.error.startswith("autoreplace: must be one of OFF, ON_FAILURE")


async def test_whole_object_sent_back_is_accepted(raw: Raw) -> None:
    created = await raw("POST", "/api/v1/service/", wire.dumps({"image": IDLE}))
    service = {
        **created.json(),
        "tutum_action_uri": created.headers["X-Tutum-Action-URI"],
    }

    answer = await raw("PATCH", service["resource_uri"], wire.dumps(service))

    assert answer.status == 200


async def test_autoreplace_is_unknown_to_docker_cloud(raw: Raw) -> None:
    body = wire.dumps({"image": IDLE, "autoreplace": "OFF"})

    assert (await raw("POST", "/api/app/v1/service/", body)).status == 400


# --- filters and pages --------------------------------------------------------------


async def test_unique_name_filters_by_name(tutum: DockerCloud, raw: Raw) -> None:
    for name in ("web", "db"):
        await tutum.services.create(image=IDLE, name=name)

    filters: dict[str, Any] = {"unique_name": "db", "categories__name": ""}
    found = await tutum.services.list(**filters)
    prefix: dict[str, Any] = {"unique_name__startswith": "w"}
    by_prefix = await tutum.services.list(**prefix)

    assert [one["name"] for one in found] == ["db"]
    assert [one["name"] for one in by_prefix] == ["web"]
    assert (await raw("GET", "/api/v1/service/?categories__name=x")).status == 400


async def test_filters_accept_uris_in_tutums_spelling(tutum: DockerCloud) -> None:
    service = await run(tutum, name="web")
    await run(tutum, name="db")

    found = await tutum.containers.list(service=service["resource_uri"])
    actions = await tutum.actions.list(object=service["resource_uri"])

    assert [one["name"] for one in found] == ["web-1"]
    assert {one["object"] for one in actions} == {service["resource_uri"]}


async def test_next_page_has_a_path_of_tutum(tutum: DockerCloud, raw: Raw) -> None:
    for name in ("a", "b", "c"):
        await tutum.services.create(image=IDLE, name=name)

    page = (await raw("GET", "/api/v1/service/?limit=2")).json()
    rest = (await raw("GET", page["meta"]["next"])).json()

    assert page["meta"]["next"].startswith("/api/v1/service/?")
    assert [one["name"] for one in rest["objects"]] == ["a"]


# --- in containers ------------------------------------------------------------------


async def test_containers_also_have_tutums_variables(
    server: Server, tutum: DockerCloud
) -> None:
    db = await run(tutum, name="db")
    service = await run(
        tutum,
        name="web",
        image=SHELL,
        run_command="sleep 3600",
        roles=["global"],
        linked_to_service=[{"to_service": "db", "name": "store"}],
        container_envvars=[
            {"key": "DOCKERCLOUD_MINE", "value": "1"},
            {"key": "ME", "value": "${TUTUM_SERVICE_API_URI}"},
        ],
    )
    [container] = await containers(tutum, service)

    variables = await environment(tutum, container)

    assert variables["TUTUM_CONTAINER_API_URI"] == container["resource_uri"]
    assert variables["TUTUM_SERVICE_API_URL"] == server.url + service["resource_uri"]
    assert variables["TUTUM_NODE_API_URI"] == container["node"]
    assert variables["TUTUM_REST_HOST"] == variables["DOCKERCLOUD_REST_HOST"]
    assert variables["TUTUM_STREAM_HOST"] == server.stream_url
    assert variables["TUTUM_SERVICE_FQDN"] == service["public_dns"]
    assert variables["STORE_TUTUM_API_URL"] == server.url + db["resource_uri"]
    assert variables["STORE_DOCKERCLOUD_API_URL"].endswith(f"service/{db['uuid']}/")
    assert variables["ME"] == service["resource_uri"]
    assert "TUTUM_MINE" not in variables
    async with DockerCloud(
        server.url, auth=variables["TUTUM_AUTH"], dialect=TUTUM, retry=None
    ) as inside:
        assert await inside.containers.inspect(variables["TUTUM_CONTAINER_API_URL"])


# --- triggers -----------------------------------------------------------------------


@pytest.mark.parametrize("word", ["trigger", "webhook/handler"])
async def test_trigger_called_without_credentials_under_both_names(
    tutum: DockerCloud, raw: Raw, word: str
) -> None:
    service = await run(tutum, name="web")
    [before] = await containers(tutum, service)
    path = f"{service['resource_uri']}{word}/"

    created = await raw("POST", path, "{}")
    trigger = created.json()
    called = await raw("POST", f"{path}{trigger['uuid']}/call/", auth=None)

    assert created.status == 201
    assert trigger["url"].startswith(f"{service['resource_uri']}trigger/")
    assert called.status == 202
    await done(tutum, called.headers["X-Tutum-Action-URI"])
    [after] = await containers(tutum, service)
    assert after["uuid"] != before["uuid"]


# --- errors -------------------------------------------------------------------------


async def test_errors_are_those_of_docker_cloud(tutum: DockerCloud) -> None:
    with pytest.raises(ObjectNotFound):
        await tutum.services.inspect(UUID)
    with pytest.raises(BadRequest, match="target_num_containers"):
        await tutum.services.create(image=IDLE, target_num_containers=-1)
