"""HTTP as real clients use the API: spellings of paths, bodies, responses, refusals."""

from __future__ import annotations

import asyncio
import io
import json

import pytest

from aiodockercloud import BadRequest, ConflictError, DockerCloud, OperationNotAllowed
from aiodockercloud.server import Embedded, Faults, Server, make_app
from aiodockercloud.server.api.streams import FRAME_HOOK
from aiodockercloud.server.control.control_plane import ControlPlane
from aiodockercloud.server.settings import Settings
from aiodockercloud.types import Service
from tests.support.facts import IDLE, PATIENCE, UUID
from tests.support.flows import Raw, done, run

SERVICES = "/api/app/v1/service/"


@pytest.fixture
async def web(live: DockerCloud) -> Service:
    """A running service of the shell image."""
    return await run(live, name="web", image="busybox", run_command="sleep 1000")


# --- paths ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/api/app/v1/service/{uuid}/",
        "/api/app/v1/service/{uuid}",
        "/api/app/v1/service/{uuid}//",
        "//api/app/v1/service/{uuid}/",
        "/api/app/v1//service/{uuid}/",
        "/api/app/v1/admin/service/{uuid}/",
        "/api/app/v1/admin/service/{uuid}",
        "/api/app/v1/service/{UUID}/",
    ],
)
async def test_get_of_one_object_by_any_spelling_is_not_redirected(
    raw: Raw, web: Service, path: str
) -> None:
    answer = await raw("GET", path.format(uuid=web["uuid"], UUID=web["uuid"].upper()))

    assert answer.status == 200
    assert answer.json()["resource_uri"] == f"{SERVICES}{web['uuid']}/"


@pytest.mark.parametrize(
    ("kind", "prefix"),
    [
        *((kind, "/api/app/v1") for kind in ("service", "container", "stack")),
        ("node", "/api/infra/v1"),
        ("action", "/api/audit/v1"),
    ],
)
@pytest.mark.parametrize("form", ["{0}/{1}/", "{0}/{1}", "{0}//{1}/", "{0}/admin/{1}"])
async def test_get_of_a_list_by_any_spelling_has_the_envelope(
    raw: Raw, web: Service, kind: str, prefix: str, form: str
) -> None:
    answer = await raw("GET", form.format(prefix, kind))

    assert answer.status == 200
    assert set(answer.json()) == {"meta", "objects"}


@pytest.mark.parametrize("operation", ["stop/", "stop", "/stop/", "stop//"])
async def test_post_of_an_operation_by_any_spelling_is_not_redirected(
    raw: Raw, live: DockerCloud, web: Service, operation: str
) -> None:
    answer = await raw("POST", f"{SERVICES}{web['uuid']}/{operation}")

    assert answer.status == 202
    assert answer.json()["state"] == "Stopping"
    await done(live, answer.headers["X-DockerCloud-Action-URI"])


@pytest.mark.parametrize("prefix", ["/api", "", "//api"])
@pytest.mark.parametrize("namespace", ["", "admin/", "/"])
@pytest.mark.parametrize("slash", ["/", ""])
async def test_streams_by_any_spelling_are_upgraded(
    raw: Raw, web: Service, prefix: str, namespace: str, slash: str
) -> None:
    base = f"{prefix}/app/v1/{namespace}"
    uuid = web["containers"][0].split("/")[-2]
    action = (await raw("GET", "/api/audit/v1/action/?limit=1")).json()["objects"][0]

    for path in (
        f"{base}service/{web['uuid']}/logs{slash}?follow=false",
        f"{base}container/{uuid}/logs{slash}?follow=false",
        f"{base}container/{uuid}/exec{slash}?command=true",
        f"{prefix}/audit/v1/{namespace}action/{action['uuid']}/logs{slash}?follow=false",
    ):
        await raw.frames(path)
    async with await raw.upgrade(f"{prefix}/audit/v1/{namespace}events{slash}"):
        pass


@pytest.mark.parametrize(
    "path",
    [
        "/api/",
        "/page/",
        "/page/nothing.js",
        "/nothing/",
        "/api/app/v1/",
        "/api/app/v1/thing/",
        "/api/app/v2/service/",
        "/api/infra/v1/service/",
        "/api/app/v1/service/some-uuid/fly/",
        "/api/app/v1/service/some-uuid/start/now/",
    ],
)
async def test_unknown_path_is_404(raw: Raw, path: str) -> None:
    answer = await raw("GET", path)

    assert answer.status == 404
    assert answer.error


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_unknown_uuid_is_404(raw: Raw, method: str) -> None:
    answer = await raw(method, f"{SERVICES}{UUID}/")

    assert answer.status == 404
    assert UUID in answer.error


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", SERVICES, {"GET", "POST"}),
        ("DELETE", SERVICES, {"GET", "POST"}),
        ("POST", f"{SERVICES}x/", {"GET", "PATCH", "DELETE"}),
        ("GET", f"{SERVICES}x/start/", {"POST"}),
        ("PATCH", "/api/app/v1/container/x/", {"GET", "DELETE"}),
    ],
)
async def test_wrong_method_is_405_with_the_allowed_ones(
    raw: Raw, method: str, path: str, allowed: set[str]
) -> None:
    answer = await raw(method, path)

    assert answer.status == 405
    head = {"HEAD"} if "GET" in allowed else set()
    assert set(answer.headers["Allow"].split(", ")) == allowed | head | {"OPTIONS"}
    assert method in answer.error


# --- bodies ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "declared", [None, "application/json", "application/json; charset=utf-8"]
)
async def test_create_with_or_without_content_type_is_201(
    raw: Raw, declared: str | None
) -> None:
    headers = {"Content_Type": declared} if declared else {}

    answer = await raw("POST", SERVICES, '{"image": "acme/web"}', **headers)

    assert answer.status == 201
    assert answer.json()["state"] == "Not running"


async def test_empty_object_as_body_is_accepted_everywhere(
    raw: Raw, live: DockerCloud, web: Service
) -> None:
    """The Go client sends an empty object with GET, POST and DELETE."""
    uri = f"{SERVICES}{web['uuid']}/"

    assert (await raw("GET", SERVICES, "{}")).status == 200
    assert (await raw("GET", uri, "{}")).status == 200
    assert (await raw("POST", f"{uri}stop/", "{}")).status == 202
    await live.services.wait(web, "Stopped", timeout=PATIENCE)
    assert (await raw("DELETE", uri, "{}")).status == 202
    assert (await raw("GET", "/api/app/v1/container/", "{}")).status == 200


async def test_create_with_another_content_type_is_415(raw: Raw) -> None:
    answer = await raw(
        "POST", SERVICES, "image=web", Content_Type="application/x-www-form-urlencoded"
    )

    assert answer.status == 415
    assert "application/json" in answer.error
    assert (await raw("GET", SERVICES)).json()["objects"] == []


@pytest.mark.parametrize(
    "body",
    ['{"image": ', "{image: web}", "\x00", '[{"image": "web"}]', '"web"', "1", "null"],
)
async def test_create_with_no_json_object_is_400(raw: Raw, body: str) -> None:
    answer = await raw("POST", SERVICES, body)

    assert answer.status == 400
    assert answer.error.startswith("body: ")


async def test_create_with_a_body_that_is_not_utf8_is_400(raw: Raw) -> None:
    answer = await raw("POST", SERVICES, b'{"image": "\xff\xfe"}')

    assert answer.status == 400


async def test_create_with_a_body_that_contradicts_its_encoding_is_400(
    raw: Raw,
) -> None:
    answer = await raw("POST", SERVICES, b'{"image": "web"}', Content_Encoding="gzip")

    assert answer.status == 400
    assert answer.error.startswith("body: ")


async def test_create_with_a_huge_body_is_413(raw: Raw, settings: Settings) -> None:
    size = settings.limits.largest_body
    body = json.dumps({"image": "web", "run_command": "x" * size})

    answer = await raw("POST", SERVICES, io.BytesIO(body.encode()))

    assert answer.status == 413
    assert answer.error
    assert (await raw("GET", SERVICES)).json()["objects"] == []


async def test_deeply_nested_body_is_refused_in_json(raw: Raw) -> None:
    answer = await raw("POST", SERVICES, "[" * 100_000)

    assert answer.status == 400
    assert answer.error


# --- responses ------------------------------------------------------------------------


async def test_content_type_is_exactly_json_everywhere(raw: Raw, web: Service) -> None:
    """The PHP client compares the whole value."""
    uri = f"{SERVICES}{web['uuid']}/"

    for method, path in (
        ("GET", SERVICES),
        ("GET", uri),
        ("PATCH", uri),
        ("POST", f"{uri}start/"),
        ("DELETE", uri),
        ("GET", "/nothing/"),
        ("GET", "/auth/"),
    ):
        answer = await raw(method, path)
        assert answer.headers["Content-Type"] == "application/json", (method, path)
        assert isinstance(answer.json(), dict)


async def test_response_to_every_change_names_an_action_that_can_be_read_at_once(
    raw: Raw, live: DockerCloud
) -> None:
    created = await raw("POST", SERVICES, '{"image": "acme/web"}')
    uri = created.json()["resource_uri"]
    answers = [created, await raw("PATCH", uri, '{"nickname": "front"}')]
    answers.append(await raw("POST", f"{uri}start/"))
    await live.services.wait(uri, "Running", timeout=PATIENCE)
    answers.append(await raw("DELETE", uri))

    assert [answer.status for answer in answers] == [201, 200, 202, 202]
    for answer in answers:
        assert "X-DockerCloud-Action-URI" in answer.headers
        action_uri = answer.headers["X-DockerCloud-Action-URI"]
        # One client takes the last part but one, another client cuts 26 characters.
        assert action_uri.startswith("/api/audit/v1/action/")
        assert action_uri.endswith("/")
        action = (await raw("GET", action_uri)).json()
        assert action["resource_uri"] == action_uri
        assert action["object"] == uri
        await done(live, action_uri)


async def test_action_header_is_spelled_as_the_hosted_service_spelled_it(
    server: Server, raw: Raw
) -> None:
    """A public shell script searches for exactly this spelling."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url[-5:]))
    body = b'{"image": "web"}'
    writer.write(
        b"POST /api/app/v1/service/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        + f"Authorization: {raw.auth}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    async with asyncio.timeout(PATIENCE):
        answer = (await reader.read()).decode()
    writer.close()
    await writer.wait_closed()

    assert answer.startswith("HTTP/1.1 201 ")
    assert "\r\nX-DockerCloud-Action-URI: /api/audit/v1/action/" in answer


async def test_get_names_no_action(raw: Raw, web: Service) -> None:
    answer = await raw("GET", f"{SERVICES}{web['uuid']}/")

    assert "X-DockerCloud-Action-URI" not in answer.headers


async def test_delete_returns_terminating_with_target_zero(
    raw: Raw, web: Service
) -> None:
    answer = await raw("DELETE", f"{SERVICES}{web['uuid']}/")

    assert answer.status == 202
    assert answer.json()["state"] == "Terminating"
    assert answer.json()["target_num_containers"] == 0


# --- reuse_volumes --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "body", "reused"),
    [
        ("", None, True),
        ("?reuse_volumes=True", None, True),
        ("?reuse_volumes=true", "{}", True),
        ("?reuse_volumes=False", None, False),
        ("?reuse_volumes=false", "{}", False),
        ("", '{"reuse_volumes": true}', True),
        ("", '{"reuse_volumes": false}', False),
        ("", '{"reuse_volumes": "False"}', False),
    ],
)
async def test_reuse_volumes_from_query_or_body_decides_about_the_volume(
    raw: Raw, live: DockerCloud, query: str, body: str | None, reused: bool
) -> None:
    service = await run(live, bindings=[{"container_path": "/data"}])
    before = await live.containers.inspect(service["containers"][0])

    answer = await raw("POST", f"{service['resource_uri']}redeploy/{query}", body)
    await done(live, answer.headers["X-DockerCloud-Action-URI"])

    service = await live.services.inspect(service)
    after = await live.containers.inspect(service["containers"][0])
    assert after["uuid"] != before["uuid"]
    same = after["bindings"][0]["volume"] == before["bindings"][0]["volume"]
    assert same is reused


async def test_reuse_volumes_with_another_value_is_400(raw: Raw, web: Service) -> None:
    answer = await raw("POST", f"{SERVICES}{web['uuid']}/redeploy/?reuse_volumes=maybe")

    assert answer.status == 400
    assert "reuse_volumes" in answer.error
    assert (await raw("GET", f"{SERVICES}{web['uuid']}/")).json()["state"] == "Running"


# --- refusals -------------------------------------------------------------------------


async def test_create_with_an_unknown_field_is_refused_by_name(
    raw: Raw,
) -> None:
    answer = await raw("POST", SERVICES, '{"image": "web", "colour": "red"}')

    assert answer.status == 400
    assert answer.error.startswith("colour: ")
    assert (await raw("GET", SERVICES)).json()["objects"] == []


async def test_update_with_one_bad_field_changes_nothing(
    live: DockerCloud, web: Service
) -> None:
    before = await live.services.inspect(web)

    with pytest.raises(BadRequest, match="target_num_containers"):
        await live.services.update(web, nickname="new", target_num_containers=-1)

    assert await live.services.inspect(web) == before


async def test_create_of_a_stack_with_one_bad_service_creates_nothing(
    live: DockerCloud,
) -> None:
    with pytest.raises(BadRequest, match=r"services\[1\]"):
        await live.stacks.create(
            name="shop",
            services=[
                {"name": "db", "image": "db"},
                {"name": "web", "image": "web", "colour": "red"},
            ],
        )

    assert await live.stacks.list() == []
    assert await live.services.list() == []


async def test_create_with_a_taken_name_is_409_until_it_is_free(
    live: DockerCloud, web: Service
) -> None:
    with pytest.raises(ConflictError, match="web"):
        await live.services.create(image=IDLE, name="web")

    await done(live, await live.services.delete(web))
    again = await live.services.create(image=IDLE, name="web")
    assert again["uuid"] != web["uuid"]


async def test_forbidden_operation_is_422_and_leaves_a_failed_action(
    live: DockerCloud, web: Service
) -> None:
    with pytest.raises(OperationNotAllowed) as caught:
        await live.services.start(web)

    assert caught.value.status == 422
    for word in ("start", "Running", "stop", "redeploy", "terminate", "scale"):
        assert word in caught.value.message
    (action,) = await live.actions.list(state="Failed")
    assert action["object"] == web["resource_uri"]
    assert action["action"] == "Service Start"
    assert action["end_date"]


async def test_terminated_object_allows_nothing(
    live: DockerCloud, web: Service
) -> None:
    await done(live, await live.services.delete(web))

    for call in (live.services.start, live.services.delete, live.services.redeploy):
        with pytest.raises(OperationNotAllowed, match="Terminated"):
            await call(web)
    with pytest.raises(OperationNotAllowed, match="Terminated"):
        await live.services.update(web, nickname="x")
    assert (await live.services.inspect(web))["state"] == "Terminated"


# --- faults ---------------------------------------------------------------------------


async def test_app_without_faults_has_neither_middleware_nor_frame_hook() -> None:
    cloud = ControlPlane(Embedded())

    plain, faulted = make_app(cloud), make_app(cloud, Faults())

    assert list(plain.middlewares) == []
    assert FRAME_HOOK not in plain
    assert len(faulted.middlewares) == 1
    assert FRAME_HOOK in faulted
