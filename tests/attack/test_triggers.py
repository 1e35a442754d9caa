"""Calls of triggers by callers that do not have the whole URL."""

from __future__ import annotations

import uuid

from aiodockercloud import DockerCloud, wire
from aiodockercloud.server import Server
from tests.support.facts import IDLE
from tests.support.flows import Raw


async def test_call_without_the_right_uuid_has_one_answer_for_every_service(
    server: Server, live: DockerCloud, raw: Raw
) -> None:
    """Whether a service exists, its name and its namespace are not revealed."""
    web = await live.services.create(image=IDLE, name="confidential")
    trigger = await live.triggers.create(web)
    service, token = web["uuid"], trigger["uuid"]
    own = server.user

    answers = [
        await raw("POST", f"{prefix}service/{known}/trigger/{wrong}/call/", auth=None)
        for prefix, known, wrong in [
            ("/api/app/v1/", service, str(uuid.uuid4())),
            ("/api/app/v1/", service, "%C3%A9"),
            ("/api/app/v1/", service, "%FF"),
            ("/api/app/v1/", str(uuid.uuid4()), token),
            (f"/api/app/v1/{own}/", service, str(uuid.uuid4())),
            ("/api/app/v1/another/", service, token),
            ("/v1/", service, str(uuid.uuid4())),
        ]
    ]

    assert {answer.status for answer in answers} == {404}
    assert {answer.error for answer in answers} == {"there is no such trigger"}
    for prefix in ("/api/app/v1/", f"/api/app/v1/{own}/", "/v1/"):
        path = f"{prefix}service/{service}/trigger/{token}/call/"
        assert wire.split_path(path) is not None
        assert (await raw("POST", path, auth=None)).status == 202
