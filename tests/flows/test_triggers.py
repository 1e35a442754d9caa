"""Triggers: their calls, and the credentials that other requests need."""

from __future__ import annotations

import uuid
from typing import Any

import aiohttp
import pytest

from aiodockercloud import BadRequest, DockerCloud, ObjectNotFound, OperationNotAllowed
from aiodockercloud.server import Settings, running
from aiodockercloud.server.settings import Limits
from aiodockercloud.types import Service
from tests.support.flows import Gated, Raw, client_of, containers, done, run


@pytest.fixture
async def web(live: DockerCloud) -> Service:
    return await run(live, name="web")


def variables(container: object) -> dict[str, str]:
    assert isinstance(container, dict)
    return {one["key"]: one["value"] for one in container["container_envvars"]}


async def test_call_without_credentials_redeploys_with_the_body(
    live: DockerCloud, raw: Raw, web: Service
) -> None:
    (before,) = await containers(live, web)
    trigger = await live.triggers.create(web)
    assert (trigger["operation"], trigger["name"]) == ("REDEPLOY", "redeploy")

    answer = await raw("POST", trigger["url"], "pushed: v2", auth=None)

    assert answer.status == 202
    action = {"dockercloud_action_uri": answer.headers["X-DockerCloud-Action-URI"]}
    await done(live, action)
    (after,) = await containers(live, web)
    assert after["uuid"] != before["uuid"]
    assert variables(after)["DOCKERCLOUD_TRIGGER_BODY"] == "pushed: v2"


async def test_call_of_a_service_that_never_ran_starts_containers_with_the_body(
    live: DockerCloud, raw: Raw
) -> None:
    service = await live.services.create(image="acme/unknown")
    trigger = await live.triggers.create(service)

    answer = await raw("POST", trigger["url"], "first", auth=None)

    await done(
        live, {"dockercloud_action_uri": answer.headers["X-DockerCloud-Action-URI"]}
    )
    (container,) = await containers(live, service)
    assert variables(container)["DOCKERCLOUD_TRIGGER_BODY"] == "first"


async def test_call_of_a_scaleup_adds_one_container_or_the_given_number(
    live: DockerCloud, raw: Raw, web: Service
) -> None:
    # The official command line accepts any text after -o.
    answer = await raw(
        "POST",
        f"{web['resource_uri']}trigger/",
        '{"name": "more", "operation": "scaleup"}',
    )
    trigger = answer.json()
    assert (trigger["operation"], trigger["name"]) == ("SCALEUP", "more")

    await done(live, await live.triggers.call(web, trigger))
    assert (await live.services.inspect(web))["running_num_containers"] == 2

    await done(live, await live.triggers.call(web, trigger, 3))
    web = await live.services.inspect(web)
    assert web["running_num_containers"] == web["target_num_containers"] == 5


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "x/y"])
async def test_call_accepts_any_content_type_and_an_empty_body(
    live: DockerCloud, raw: Raw, web: Service, content_type: str
) -> None:
    trigger = await live.triggers.create(web)

    answer = await raw(
        "POST", trigger["url"], b"\xff\x00", auth=None, Content_Type=content_type
    )
    assert answer.status == 202
    await done(
        live, {"dockercloud_action_uri": answer.headers["X-DockerCloud-Action-URI"]}
    )

    assert (await raw("POST", trigger["url"], auth=None)).status == 202


async def test_call_while_the_service_is_busy_waits_and_an_operation_is_refused() -> (
    None
):
    engine = Gated()
    async with running(engine) as server, client_of(server) as cloud:
        service = await cloud.services.create(image="acme/unknown")
        triggers = [
            await cloud.triggers.create(service),
            await cloud.triggers.create(service, operation="SCALEUP"),
        ]
        started = await cloud.services.start(service)

        calls = [await cloud.triggers.call(service, trigger) for trigger in triggers]
        for operation in (cloud.services.redeploy, cloud.services.stop):
            with pytest.raises(OperationNotAllowed, match="Starting"):
                await operation(service)

        engine.gate.set()
        await done(cloud, started, *calls)
        assert (await cloud.services.inspect(service))["target_num_containers"] == 2


async def test_call_with_a_body_over_the_limit_is_refused() -> None:
    settings = Settings(limits=Limits(largest_trigger_body=4))
    async with running(settings=settings) as server, client_of(server) as cloud:
        service = await cloud.services.create(image="acme/unknown")
        trigger = await cloud.triggers.create(service)
        async with aiohttp.ClientSession() as session:
            raw = Raw(server, session)
            too_large = await raw("POST", trigger["url"], "12345", auth=None)
            largest = await raw("POST", trigger["url"], "1234", auth=None)

    assert too_large.status == 400
    assert too_large.error == "body: must be at most 4 bytes"
    assert largest.status == 202


async def test_call_of_a_terminated_service_is_not_found(
    live: DockerCloud, raw: Raw, web: Service
) -> None:
    trigger = await live.triggers.create(web)
    await done(live, await live.services.delete(web))

    assert (await raw("POST", trigger["url"], auth=None)).status == 404


async def test_scaleup_out_of_bounds_is_refused_and_changes_nothing(
    live: DockerCloud, raw: Raw, web: Service
) -> None:
    trigger = await live.triggers.create(web, operation="SCALEUP")

    for count in ("1001", "0", "x"):
        answer = await raw("POST", f"{trigger['url']}{count}/", auth=None)
        assert answer.status == 400
        assert answer.error.startswith("call: ")
    answer = await raw("POST", f"{trigger['url']}1000/", auth=None)
    assert answer.error.startswith("target_num_containers: ")

    assert (await live.services.inspect(web))["target_num_containers"] == 1


async def test_list_inspect_and_delete_find_only_triggers_of_the_service(
    live: DockerCloud, raw: Raw, web: Service
) -> None:
    other = await run(live, name="other")
    trigger = await live.triggers.create(web, name="mine")
    of_other = await live.triggers.create(other)

    assert [one["uuid"] for one in await live.triggers.list(web)] == [trigger["uuid"]]
    assert (await live.triggers.inspect(web, trigger))["name"] == "mine"
    with pytest.raises(ObjectNotFound):
        await live.triggers.inspect(web, of_other["uuid"])

    await live.triggers.delete(web, trigger)

    assert await live.triggers.list(web) == []
    assert (await raw("POST", trigger["url"], auth=None)).status == 404
    unknown = f"{web['resource_uri']}trigger/{uuid.uuid4()}/call/"
    assert (await raw("POST", unknown, auth=None)).status == 404


async def test_only_the_call_needs_no_credentials(
    live: DockerCloud, raw: Raw, web: Service
) -> None:
    trigger = await live.triggers.create(web)

    for method, path in (
        ("GET", f"{web['resource_uri']}trigger/"),
        ("GET", trigger["resource_uri"]),
        ("DELETE", trigger["resource_uri"]),
    ):
        assert (await raw(method, path, auth=None)).status == 401
    assert (await raw("GET", trigger["url"], auth=None)).status == 405


async def test_action_of_a_call_does_not_contain_the_uuid_of_the_trigger(
    live: DockerCloud, raw: Raw, web: Service
) -> None:
    trigger = await live.triggers.create(web)
    answer = await raw("POST", trigger["url"], auth=None)

    uri = answer.headers["X-DockerCloud-Action-URI"]
    action = await live.actions.inspect(uri)

    assert action["path"] == f"{web['resource_uri']}trigger/***/call/"
    assert trigger["uuid"] not in str(action)


async def test_unknown_operation_is_refused_with_the_allowed_ones(
    live: DockerCloud, web: Service
) -> None:
    operation: Any = "EXPLODE"
    with pytest.raises(BadRequest, match=r"operation: .*REDEPLOY, SCALEUP"):
        await live.triggers.create(web, operation=operation)

    assert await live.triggers.list(web) == []
