"""Triggers that registries call: signatures, and pushes of other images."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from aiodockercloud import DockerCloud, Forbidden
from tests.support.facts import IDLE
from tests.support.flows import Raw, containers, done, environment, run

PUSH = b'{"push_data": {"tag": "v2"}, "repository": {"repo_name": "%s"}}'


def signed(secret: str, body: bytes) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


async def test_call_of_a_trigger_with_a_secret_needs_the_signature_of_the_body(
    live: DockerCloud, raw: Raw
) -> None:
    web = await run(live, name="web")
    trigger = await live.triggers.create(web, secret="s3cret")
    assert trigger["signed"] is True

    for header in (
        {},
        {"X_Hub_Signature_256": signed("other", b"v2")},
        {"X_Hub_Signature_256": signed("s3cret", b"v3")},
        {"X_Hub_Signature_256": "sha256="},
        {"X_Hub_Signature_256": "\u00e9"},
    ):
        refused = await raw("POST", trigger["url"], b"v2", auth=None, **header)
        assert refused.status == 403
        assert "X-Hub-Signature-256" in refused.error
    with pytest.raises(Forbidden):
        await live.triggers.call(web, trigger)
    (before,) = await containers(live, web)

    answer = await raw(
        "POST",
        trigger["url"],
        b"v2",
        auth=None,
        X_Hub_Signature_256=signed("s3cret", b"v2"),
    )

    assert answer.status == 202
    await done(
        live, {"dockercloud_action_uri": answer.headers["X-DockerCloud-Action-URI"]}
    )
    (after,) = await containers(live, web)
    assert after["uuid"] != before["uuid"]
    assert (await environment(live, after))["DOCKERCLOUD_TRIGGER_BODY"] == "v2"


async def test_no_answer_and_no_action_has_the_secret_of_a_trigger(
    live: DockerCloud, raw: Raw
) -> None:
    web = await live.services.create(image=IDLE)
    uri = f"{web['resource_uri']}trigger/"
    created = await raw("POST", uri, b'{"secret": "c4nary"}')

    answers = [
        created,
        await raw("GET", uri),
        await raw("GET", created.json()["url"][:-5]),
    ]
    answers += [await raw("GET", "/api/audit/v1/action/")]

    assert [answer.status for answer in answers] == [201, 200, 200, 200]
    assert not any(b"c4nary" in answer.body for answer in answers)
    assert (await raw("GET", f"{uri}?secret=c4nary")).status == 400


async def test_push_of_another_image_is_answered_and_changes_nothing(
    live: DockerCloud, raw: Raw
) -> None:
    web = await run(live, name="web")
    trigger = await live.triggers.create(web)
    (before,) = await containers(live, web)

    answer = await raw("POST", trigger["url"], PUSH % b"acme/other", auth=None)

    assert answer.status == 200
    assert "acme/other:v2" in answer.json()["ignored"]
    assert IDLE.partition(":")[0] not in answer.json()["ignored"]
    assert [c["uuid"] for c in await containers(live, web)] == [before["uuid"]]
    action = await live.actions.inspect(answer.headers["X-DockerCloud-Action-URI"])
    assert (action["action"], action["state"]) == ("Service Trigger Ignore", "Success")
    async with live.actions.logs(action) as lines:
        assert ["acme/other:v2" in line["log"] async for line in lines] == [True]


async def test_push_of_the_image_redeploys_with_the_body(
    live: DockerCloud, raw: Raw
) -> None:
    web = await run(live, image="acme/web:v2", name="web")
    trigger = await live.triggers.create(web)

    answer = await raw("POST", trigger["url"], PUSH % b"acme/web", auth=None)

    assert answer.status == 202
    assert "ignored" not in answer.json()
    await done(
        live, {"dockercloud_action_uri": answer.headers["X-DockerCloud-Action-URI"]}
    )
    (after,) = await containers(live, web)
    variables = {one["key"]: one["value"] for one in after["container_envvars"]}
    assert variables["DOCKERCLOUD_TRIGGER_BODY"].encode() == PUSH % b"acme/web"


async def test_push_of_another_image_scales_up_as_any_call(
    live: DockerCloud, raw: Raw
) -> None:
    web = await run(live, name="web")
    trigger = await live.triggers.create(web, operation="SCALEUP")

    answer = await raw("POST", trigger["url"], PUSH % b"acme/other", auth=None)

    assert answer.status == 202
