"""Reason phrases, which Go clients and Terraform match."""

from __future__ import annotations

import json

import pytest

from aiodockercloud import DockerCloud
from aiodockercloud.types import Service
from tests.support.facts import UUID
from tests.support.flows import Answer, Raw, run

SERVICES = "/api/app/v1/service/"


@pytest.fixture
async def web(live: DockerCloud) -> Service:
    return await run(live, name="web")


async def test_reason_phrase_of_every_answer_is_in_upper_case(
    raw: Raw, web: Service
) -> None:
    """Go programs search for ``409 CONFLICT`` and ``404 NOT FOUND``."""
    body = json.dumps({"image": "x", "name": "web"})
    created = await raw("POST", "/api/app/v1/stack/", json.dumps({"name": "shop"}))
    phrases = {
        200: await raw("GET", web["resource_uri"]),
        201: created,
        202: await raw("POST", f"{web['resource_uri']}stop/"),
        204: await _deleted_repository(raw),
        400: await raw("POST", SERVICES, "{"),
        401: await raw("GET", SERVICES, auth=None),
        404: await raw("GET", f"{SERVICES}{UUID}/"),
        405: await raw("PUT", SERVICES),
        409: await raw("POST", SERVICES, body),
        415: await raw("POST", SERVICES, "x", Content_Type="image/png"),
        422: await raw("POST", f"{web['resource_uri']}rollback/"),
    }

    assert {status: (one.status, one.reason) for status, one in phrases.items()} == {
        200: (200, "OK"),
        201: (201, "CREATED"),
        202: (202, "ACCEPTED"),
        204: (204, "NO CONTENT"),
        400: (400, "BAD REQUEST"),
        401: (401, "UNAUTHORIZED"),
        404: (404, "NOT FOUND"),
        405: (405, "METHOD NOT ALLOWED"),
        409: (409, "CONFLICT"),
        415: (415, "UNSUPPORTED MEDIA TYPE"),
        422: (422, "UNPROCESSABLE ENTITY"),
    }


async def _deleted_repository(raw: Raw) -> Answer:
    body = json.dumps({"name": "quay.io/acme/web"})
    created = await raw("POST", "/api/repo/v1/repository/", body)
    return await raw("DELETE", created.json()["resource_uri"])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (SERVICES, {"name": "web", "image": "x"}),
        ("/api/app/v1/stack/", {"name": "shop"}),
        (
            "/api/infra/v1/nodecluster/",
            {
                "name": "prod",
                "node_type": "digitalocean/1gb",
                "region": "digitalocean/lon1",
            },
        ),
        ("/api/repo/v1/repository/", {"name": "quay.io/acme/web"}),
    ],
)
async def test_conflict_of_names_has_the_words_that_programs_search(
    raw: Raw, path: str, body: dict[str, str]
) -> None:
    assert (await raw("POST", path, json.dumps(body))).status == 201

    answer = await raw("POST", path, json.dumps(body))

    assert (answer.status, answer.reason) == (409, "CONFLICT")
    assert "Duplicated name" in answer.error
    assert body["name"] in answer.error


async def test_broken_compose_file_posted_by_the_old_command_line_is_explained(
    raw: Raw,
) -> None:
    services = [{"name": "networks", "front": {"driver": "overlay"}}]
    body = json.dumps({"name": "shop", "services": services})

    answer = await raw("POST", "/api/app/v1/stack/", body)

    assert answer.status == 400
    assert "has 'networks' of a Compose file" in answer.error
