"""Tutum v1: the same server in its first words, to our client and to raw requests."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

from aiodockercloud import (
    DOCKER_CLOUD,
    TUTUM,
    AuthError,
    BadRequest,
    DockerCloud,
    ObjectNotFound,
    wire,
)
from aiodockercloud.server import Server
from flows import IDLE, PATIENCE, SHELL, Gated, Raw, containers, done, environment, run

UUID = "7eaf7fff-882c-4f3d-9a8f-a22317ac00ce"
ACTION_URI = re.compile(r"/api/v1/action/[0-9a-f-]{36}/")
STAMPED = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z "
#: Prints a line and stays.
TALKER = 'sh -c "echo hello; sleep 3600"'


@pytest.fixture
async def tutum(server: Server) -> AsyncIterator[DockerCloud]:
    """Our client, speaking Tutum v1 to ``server``."""
    async with DockerCloud(
        server.url, user=server.user, apikey=server.apikey, dialect=TUTUM, retry=None
    ) as cloud:
        yield cloud


def uris(value: Any) -> set[str]:
    """All texts in a body that begin like a URI."""
    if isinstance(value, dict):
        return set().union(*map(uris, value.values()))
    if isinstance(value, list):
        return set().union(*map(uris, value))
    return {value} if isinstance(value, str) and value.startswith("/api/") else set()


async def eventually(cloud: DockerCloud, service: Any, state: str) -> Any:
    return await cloud.services.wait(service, state, timeout=PATIENCE)


# --- paths --------------------------------------------------------------------------


def test_canonical_of_any_spelling_is_the_one_of_bodies() -> None:
    expected = f"/api/app/v1/service/{UUID}/"

    for spelling in (
        f"/api/v1/service/{UUID}/",
        f"/v1/service/{UUID}",
        f"/api/app/v1/acme/service/{UUID}/start/",
        expected,
    ):
        assert wire.canonical(spelling) == expected


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("service", "service"),
        ("/api/v1/service/", "/api/v1/service/"),
        ("/api/v1/service/../", "/api/v1/service/../"),
        (
            f"/api/v1/service/{UUID}/trigger/{UUID}/",
            f"/api/app/v1/service/{UUID}/trigger/{UUID}/",
        ),
        ("/api/v1/image/a/b/", "/api/repo/v1/repository/a/b/"),
        (f"/api/v1/volumegroup/{UUID}/", f"/api/v1/volumegroup/{UUID}/"),
    ],
)
def test_canonical_of_other_kinds_and_of_what_is_no_object(
    uri: str, expected: str
) -> None:
    assert wire.canonical(uri) == expected


def test_respell_for_tutum_drops_the_subsystem_and_nothing_else() -> None:
    uri = f"/api/infra/v1/node/{UUID}/"

    assert wire.respell(uri, TUTUM) == f"/api/v1/node/{UUID}/"
    assert wire.respell(f"http://h{uri}", TUTUM) == f"http://h/api/v1/node/{UUID}/"
    assert wire.respell(uri, DOCKER_CLOUD) == uri
    assert wire.respell("/api/other/v1/x/", TUTUM) == "/api/other/v1/x/"
    assert wire.respell("/api/repo/v1/repository/a/b/", TUTUM) == "/api/v1/image/a/b/"


def test_split_path_knows_kinds_of_tutum_in_its_tree_only() -> None:
    image = wire.split_path("/api/v1/image/tutum/hello-world/tag/latest/")
    handler = wire.split_path(f"/api/v1/service/{UUID}/webhook/handler/abc/call/")

    assert image is not None
    assert (image.kind, image.pk) == ("repository", "tutum/hello-world/tag/latest")
    assert handler is not None
    assert (handler.kind, handler.key, handler.operation) == (
        "trigger",
        (UUID, "abc"),
        ("call",),
    )
    # In Docker Cloud's tree that word is a namespace.
    repository = wire.split_path("/api/repo/v1/image/repository/a/b/")
    assert repository is not None
    assert (repository.kind, repository.namespace) == ("repository", "image")


def test_redact_hides_the_secret_of_a_webhook() -> None:
    url = f"https://h/api/v1/service/{UUID}/webhook/handler/secret/call/"

    assert "secret" not in wire.redact(url)


# --- credentials --------------------------------------------------------------------


async def test_api_key_header_is_taken(server: Server, raw: Raw) -> None:
    answer = await raw(
        "GET", "/api/v1/service/", auth=f"ApiKey {server.user}:{server.apikey}"
    )

    assert answer.status == 200
    assert answer.json()["objects"] == []


async def test_auth_says_who_it_is_or_401(server: Server, raw: Raw) -> None:
    assert (await raw("GET", "/api/v1/auth/")).json()["username"] == server.user
    assert (await raw("GET", "/api/v1/auth/", auth="Basic eDp5")).status == 401


@pytest.mark.parametrize(
    "path", ["/v1/events", f"/v1/service/{UUID}/logs/", f"/v1/container/{UUID}/exec/"]
)
async def test_wrong_key_on_a_stream_is_told_in_a_frame(raw: Raw, path: str) -> None:
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


async def test_client_takes_that_frame_for_a_refusal(server: Server) -> None:
    async with DockerCloud(
        server.url, user="x", apikey="y", dialect=TUTUM, retry=None
    ) as cloud:
        async with cloud.events.subscribe() as events:
            with pytest.raises(AuthError):
                await anext(events)


async def test_client_finds_tutum_variables(
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
    seen = set()
    for kind in (
        *("service", "container", "stack", "node", "nodecluster", "provider"),
        *("region", "az", "nodetype", "registry", "volume", "volumegroup"),
    ):
        page = (await raw("GET", f"/api/v1/{kind}/?limit=100")).json()
        assert page["objects"], kind
        for one in page["objects"]:
            assert one["resource_uri"].startswith(f"/api/v1/{kind}/")
            seen |= uris({k: v for k, v in one.items() if k != "container_envvars"})

    assert all(uri.startswith("/api/v1/") for uri in seen)
    for uri in seen:
        assert (await raw("GET", uri)).status == 200, uri


async def _cluster(cloud: DockerCloud) -> Any:
    return await cloud.nodeclusters.create(
        name="more",
        node_type="/api/v1/nodetype/digitalocean/1gb/",
        region="/api/v1/region/digitalocean/lon1/",
    )


async def test_service_has_the_fields_of_tutums_example(tutum: DockerCloud) -> None:
    db = await run(tutum, name="db", container_ports=[{"inner_port": 80}])
    shown: dict[str, Any] = dict(
        await run(
            tutum,
            name="web",
            image="tutum/hello-world:v1",
            container_ports=[{"inner_port": 80, "outer_port": 18080}],
            linked_to_service=[{"to_service": db["resource_uri"], "name": "db"}],
        )
    )

    assert shown["unique_name"] == "web"
    assert shown["autoreplace"] == "OFF"
    assert shown["image_tag"] == "/api/v1/image/tutum/hello-world/tag/v1/"
    assert shown["web_public_dns"] == shown["public_dns"]
    assert len(shown["actions"]) == 2
    assert all(map(ACTION_URI.fullmatch, shown["actions"]))
    assert shown["linked_to_service"] == [
        {
            "from_service": shown["resource_uri"],
            "name": "db",
            "to_service": db["resource_uri"],
        }
    ]
    url = shown["link_variables"]["WEB_TUTUM_API_URL"]
    assert url.endswith(shown["resource_uri"])
    assert not [key for key in shown["link_variables"] if "DOCKERCLOUD" in key]
    [container] = await containers(tutum, shown)  # type: ignore[arg-type]  # plain dict
    extra: dict[str, Any] = dict(container)
    assert {"unique_name", "image_tag", "layer", "last_metric", "actions"} <= set(extra)


async def test_docker_cloud_shows_none_of_tutums_fields(live: DockerCloud) -> None:
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


async def test_whole_object_sent_back_is_taken(raw: Raw) -> None:
    created = await raw("POST", "/api/v1/service/", wire.dumps({"image": IDLE}))
    shown = {
        **created.json(),
        "tutum_action_uri": created.headers["X-Tutum-Action-URI"],
    }

    answer = await raw("PATCH", shown["resource_uri"], wire.dumps(shown))

    assert answer.status == 200


async def test_autoreplace_is_unknown_to_docker_cloud(raw: Raw) -> None:
    body = wire.dumps({"image": IDLE, "autoreplace": "OFF"})

    assert (await raw("POST", "/api/app/v1/service/", body)).status == 400


# --- filters and pages --------------------------------------------------------------


async def test_unique_name_filters_by_name(tutum: DockerCloud, raw: Raw) -> None:
    for name in ("web", "db"):
        await tutum.services.create(image=IDLE, name=name)

    found = await tutum.services.list(unique_name="db", categories__name="")
    begun = await tutum.services.list(unique_name__startswith="w")

    assert [one["name"] for one in found] == ["db"]
    assert [one["name"] for one in begun] == ["web"]
    assert (await raw("GET", "/api/v1/service/?categories__name=x")).status == 400


async def test_filters_take_uris_in_tutums_spelling(tutum: DockerCloud) -> None:
    service = await run(tutum, name="web")
    await run(tutum, name="db")

    found = await tutum.containers.list(service=service["resource_uri"])
    acted = await tutum.actions.list(object=service["resource_uri"])

    assert [one["name"] for one in found] == ["web-1"]
    assert {one["object"] for one in acted} == {service["resource_uri"]}


async def test_next_page_stays_in_tutums_tree(tutum: DockerCloud, raw: Raw) -> None:
    for name in ("a", "b", "c"):
        await tutum.services.create(image=IDLE, name=name)

    page = (await raw("GET", "/api/v1/service/?limit=2")).json()
    rest = (await raw("GET", page["meta"]["next"])).json()

    assert page["meta"]["next"].startswith("/api/v1/service/?")
    assert [one["name"] for one in rest["objects"]] == ["a"]


# --- scaling ------------------------------------------------------------------------


async def test_patch_of_the_target_scales_at_once(tutum: DockerCloud, raw: Raw) -> None:
    service = await run(tutum, name="web")

    answer = await raw("PATCH", service["resource_uri"], '{"target_num_containers": 3}')

    assert (answer.status, answer.json()["state"]) == (202, "Scaling")
    await done(tutum, answer.headers["X-Tutum-Action-URI"])
    assert (await tutum.services.inspect(service))["current_num_containers"] == 3


async def test_patch_of_a_service_that_does_not_run_is_stored(raw: Raw) -> None:
    created = (await raw("POST", "/api/v1/service/", f'{{"image": "{IDLE}"}}')).json()

    answer = await raw("PATCH", created["resource_uri"], '{"target_num_containers": 3}')

    assert (answer.status, answer.json()["state"]) == (200, "Not running")
    assert answer.json()["target_num_containers"] == 3


class TestWhileScaling:
    @pytest.fixture
    def engine(self) -> Gated:
        engine = Gated(nodes=2)
        engine.gate.set()
        return engine

    async def test_scale_after_patch_joins_it(
        self, tutum: DockerCloud, engine: Gated
    ) -> None:
        """As the later command line does: it stores the target, then scales."""
        service = await run(tutum, name="web")
        engine.gate.clear()

        patched = await tutum.services.update(service, target_num_containers=2)
        scaled = await tutum.services.scale(service)

        assert scaled["state"] == "Scaling"
        uri = "dockercloud_action_uri"
        assert dict(scaled)[uri] == dict(patched)[uri]
        engine.gate.set()
        await done(tutum, scaled)
        assert (await tutum.services.inspect(service))["running_num_containers"] == 2

    async def test_scale_to_another_target_meanwhile_is_refused(
        self, tutum: DockerCloud, raw: Raw, engine: Gated
    ) -> None:
        service = await run(tutum, name="web")
        engine.gate.clear()
        await tutum.services.update(service, target_num_containers=2)

        await tutum.services.update(service, target_num_containers=4)
        answer = await raw("POST", f"{service['resource_uri']}scale/")

        assert answer.status == 422
        engine.gate.set()


# --- logs, events, exec -------------------------------------------------------------


async def test_logs_without_an_upgrade_are_one_text(
    tutum: DockerCloud, raw: Raw
) -> None:
    service = await run(tutum, name="web", image=SHELL, run_command=TALKER)
    [container] = await containers(tutum, service)
    async with asyncio.timeout(PATIENCE), tutum.services.logs(service) as lines:
        await anext(lines)

    of_service = await raw("GET", f"{service['resource_uri']}logs/")
    of_container = await raw("GET", f"{container['resource_uri']}logs/")
    redeployed = await raw("POST", f"{service['resource_uri']}redeploy/")
    action = redeployed.headers["X-Tutum-Action-URI"]
    await done(tutum, {"dockercloud_action_uri": action})
    of_action = await raw("GET", f"{action}logs/")

    assert re.fullmatch(rf"\[web-1\] {STAMPED}hello\n", of_service.json()["logs"])
    assert re.fullmatch(rf"{STAMPED}hello\n", of_container.json()["logs"])
    assert of_action.json()["logs"] == "replacing web-1\n"


async def test_logs_of_docker_cloud_want_an_upgrade(
    live: DockerCloud, raw: Raw
) -> None:
    service = await run(live, name="web")

    assert (await raw("GET", f"{service['resource_uri']}logs/")).status == 400


@pytest.mark.parametrize("enter", [True, False])
async def test_client_reads_a_text_where_logs_are_no_stream(enter: bool) -> None:
    stamp = "2014-10-13T11:01:43.000000000Z"
    asked = []

    async def logs(request: web.Request) -> web.Response:
        if request.path.startswith("/v1/"):
            raise web.HTTPNotFound
        asked.append(request.path_qs)
        return web.json_response({"logs": f"[web-1] {stamp} hi\n[web-2] {stamp} [x]\n"})

    app = web.Application()
    app.router.add_get("/{path:.*}", logs)
    async with TestServer(app) as old, asyncio.timeout(PATIENCE):
        url = str(old.make_url("/"))
        async with DockerCloud(url, user="u", apikey="k", dialect=TUTUM) as cloud:
            stream = cloud.services.logs(UUID, tail=5)
            if enter:
                async with stream:
                    lines = [line async for line in stream]
            else:
                lines = [line async for line in stream]

    assert asked == [f"/api/v1/service/{UUID}/logs/?tail=5"]
    common = {"type": "log", "streamType": "stdout", "timestamp": 1413198103}
    assert lines == [
        {**common, "source": "web-1", "log": f"{stamp} hi\n"},
        {**common, "source": "web-2", "log": f"{stamp} [x]\n"},
    ]


async def test_client_raises_where_there_is_nothing_to_log(tutum: DockerCloud) -> None:
    with pytest.raises(ObjectNotFound):
        async with tutum.services.logs(UUID):
            pass


def test_log_lines_without_a_stamp_are_kept_whole() -> None:
    assert list(wire.log_lines("[a] b")) == [
        {"type": "log", "streamType": "stdout", "log": "[a] b\n"}
    ]


async def test_events_have_neither_uuid_nor_date(tutum: DockerCloud) -> None:
    async with tutum.events.subscribe() as events:
        service = await tutum.services.create(image=IDLE)
        async with asyncio.timeout(PATIENCE):
            event: dict[str, Any] = dict(await anext(events))
            action: dict[str, Any] = dict(await anext(events))

    assert event == {
        "type": "service",
        "action": "create",
        "parents": [],
        "resource_uri": service["resource_uri"],
        "state": "Not running",
    }
    assert action["parents"] == [service["resource_uri"]]
    assert ACTION_URI.fullmatch(action["resource_uri"])


async def test_events_are_selected_by_uris_in_tutums_spelling(
    tutum: DockerCloud,
) -> None:
    web = await tutum.services.create(image=IDLE, name="web")
    db = await tutum.services.create(image=IDLE, name="db")

    async with tutum.events.subscribe(object=web) as events:
        await tutum.services.update(db, nickname="x")
        await tutum.services.update(web, nickname="x")
        async with asyncio.timeout(PATIENCE):
            event = await anext(events)

    assert event["resource_uri"] == web["resource_uri"]


async def test_exec_on_the_stream_host(tutum: DockerCloud) -> None:
    service = await run(tutum, name="web", image=SHELL, run_command="sleep 3600")

    result = await tutum.containers.run(
        (await containers(tutum, service))[0], "echo hi", timeout=PATIENCE
    )

    assert result == {"stdout": "hi\n", "stderr": "", "exit_code": 0}


# --- in containers ------------------------------------------------------------------


async def test_containers_get_tutums_variables_as_well(
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

    seen = await environment(tutum, container)

    assert seen["TUTUM_CONTAINER_API_URI"] == container["resource_uri"]
    assert seen["TUTUM_SERVICE_API_URL"] == server.url + service["resource_uri"]
    assert seen["TUTUM_NODE_API_URI"] == container["node"]
    assert seen["TUTUM_REST_HOST"] == seen["DOCKERCLOUD_REST_HOST"]
    assert seen["TUTUM_STREAM_HOST"] == server.stream_url
    assert seen["TUTUM_SERVICE_FQDN"] == service["public_dns"]
    assert seen["STORE_TUTUM_API_URL"] == server.url + db["resource_uri"]
    assert seen["STORE_DOCKERCLOUD_API_URL"].endswith(f"service/{db['uuid']}/")
    assert seen["ME"] == service["resource_uri"]
    assert "TUTUM_MINE" not in seen
    async with DockerCloud(
        server.url, auth=seen["TUTUM_AUTH"], dialect=TUTUM, retry=None
    ) as inside:
        assert await inside.containers.inspect(seen["TUTUM_CONTAINER_API_URL"])


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


# --- images and volumes -------------------------------------------------------------


async def test_image_is_a_view_of_a_repository(live: DockerCloud, raw: Raw) -> None:
    body = {"name": "quay.io/acme/web", "username": "u", "password": "p"}
    created = await raw(
        "POST", "/api/v1/image/", wire.dumps({**body, "description": "ours"})
    )
    [repository] = await live.repositories.list()
    await live.services.create(image="quay.io/acme/web:v2")
    uri = "/api/v1/image/quay.io/acme/web/"

    image = (await raw("GET", uri)).json()
    tag = (await raw("GET", f"{uri}tag/v2/")).json()
    build = await raw("POST", f"{uri}tag/v2/build/")
    deleted = await raw("DELETE", uri)

    assert created.status == 201
    assert repository["name"] == image["name"] == "quay.io/acme/web"
    assert (image["resource_uri"], image["in_use"]) == (uri, True)
    assert image["tags"] == [f"{uri}tag/v2/"]
    assert image["registry"] == "/api/v1/registry/quay.io/"
    assert "password" not in image
    assert (tag["full_name"], tag["image"]) == ("quay.io/acme/web:v2", uri)
    assert build.status == 501
    assert deleted.status == 204
    assert await live.repositories.list() == []


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 1),
        ("is_user_image=True", 1),
        ("is_private_image=True", 1),
        ("jumpstart=True", 0),
        ("jumpstart=False", 1),
        ("name=quay.io/acme/web", 1),
    ],
)
async def test_image_list_knows_tutums_filters(
    raw: Raw, query: str, count: int
) -> None:
    body = {"name": "quay.io/acme/web", "username": "u", "password": "p"}
    await raw("POST", "/api/v1/image/", wire.dumps(body))

    page = (await raw("GET", f"/api/v1/image/?{query}")).json()

    assert page["meta"]["total_count"] == len(page["objects"]) == count


async def test_volumes_are_views_of_what_containers_own(
    tutum: DockerCloud, raw: Raw
) -> None:
    service = await run(
        tutum,
        name="db",
        target_num_containers=2,
        bindings=[{"container_path": "/data"}],
    )
    await done(tutum, await tutum.services.redeploy(service))
    both = await containers(tutum, service)

    volumes = (await raw("GET", "/api/v1/volume/")).json()["objects"]
    [group] = (await raw("GET", "/api/v1/volumegroup/")).json()["objects"]

    assert {one["state"] for one in volumes} == {"Created"}
    assert [one["containers"] for one in volumes] == [
        [one["resource_uri"]] for one in reversed(both)
    ]
    assert {one["volume_group"] for one in volumes} == {group["resource_uri"]}
    assert group["name"] == "db"
    assert group["services"] == [service["resource_uri"]]
    assert set(group["volumes"]) == {one["resource_uri"] for one in volumes}
    assert (await raw("GET", group["resource_uri"])).json() == group
    assert (await raw("GET", volumes[0]["resource_uri"])).json() == volumes[0]
    assert both[0]["bindings"][0]["volume"] == volumes[1]["resource_uri"]


async def test_kinds_of_tutum_are_not_in_docker_clouds_tree(raw: Raw) -> None:
    assert (await raw("GET", "/api/infra/v1/volume/")).status == 404
    assert (await raw("GET", "/api/infra/v1/volumegroup/")).status == 404


async def test_client_calls_repositories_images(tutum: DockerCloud) -> None:
    name = "quay.io/acme/web"
    made = await tutum.repositories.create(name=name, username="u", password="p")

    [found] = await tutum.repositories.list()
    [action] = await tutum.actions.list(object=made["resource_uri"])

    assert found["resource_uri"] == f"/api/v1/image/{name}/" == action["object"]
    assert (await tutum.repositories.inspect(found))["name"] == name
    assert await tutum.repositories.delete(name)
    assert await tutum.repositories.list() == []


# --- errors -------------------------------------------------------------------------


async def test_errors_are_the_same(tutum: DockerCloud) -> None:
    with pytest.raises(ObjectNotFound):
        await tutum.services.inspect(UUID)
    with pytest.raises(BadRequest, match="target_num_containers"):
        await tutum.services.create(image=IDLE, target_num_containers=-1)


def test_basic_and_api_key_name_the_same_account() -> None:
    basic = "Basic " + base64.b64encode(b"u:k").decode()

    assert wire.parse_authorization(basic) == wire.parse_authorization("ApiKey u:k")
