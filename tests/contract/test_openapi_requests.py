"""Requests that schemathesis derives from the OpenAPI document, valid and invalid ones.

Each operation has a server of its own, with a real object. Every run sends the same
requests. The successes of plain requests are compared with the document elsewhere, in
``test_strict_readers``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from aiodockercloud import DockerCloud, wire
from aiodockercloud.server import ThreadServer, running_in_thread
from tests.support.openapi import DOCUMENT, OPERATIONS
from tests.support.routes import FOR_OPERATION, OBJECTS, Stuck

SCHEMA = schemathesis.openapi.from_dict(dict(DOCUMENT))
#: The requests of one operation; valid, invalid, and for no object.
REQUESTS = 12
CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture
def server() -> Iterator[ThreadServer]:
    with running_in_thread(Stuck()) as server:
        yield server


async def parts_of(server: ThreadServer, template: str) -> dict[str, str]:
    """Return what a path has in place of its parameters, for a new object."""
    target = wire.split_path(template)
    assert target is not None
    operation = "/".join(target.operation).replace("{count}", "*")
    make = FOR_OPERATION.get((target.kind, operation)) or OBJECTS.get(target.kind)
    if make is None:
        return {}
    async with DockerCloud(server.url, user=server.user, apikey=server.apikey) as cloud:
        uri = (await make(cloud, server))["resource_uri"]
    begin = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template)
    begin = begin.replace("(?P<name>[^/]+)", "(?P<name>.+)")
    begin = begin.partition("(?P<count>")[0]
    while (found := re.match(begin, uri)) is None:
        begin = begin.rstrip("/").rpartition("/")[0] + "/"
    return {**found.groupdict(), **({"count": "2"} if "{count}" in template else {})}


def of_every_version(case: Case[Any]) -> Case[Any]:
    """Remove what a generated request states about the version of the object."""
    case.query.pop("version", None)
    case.headers.pop("If-Match", None)
    return case


@pytest.mark.parametrize("name", OPERATIONS)
def test_answers_to_generated_requests_are_as_documented(
    server: ThreadServer, name: str
) -> None:
    method, _, path = name.partition(" ")
    operation = SCHEMA[path][method]
    parts = server.call(parts_of, server, path)
    assert parts.keys() == {*re.findall(r"\{(\w+)\}", path)}
    authorization = wire.basic_auth(server.user, server.apikey or "")
    statuses: list[int] = []

    @settings(
        max_examples=REQUESTS,
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        st.one_of(
            operation.as_strategy(path_parameters=parts).map(of_every_version),
            operation.as_strategy(GenerationMode.NEGATIVE, path_parameters=parts),
            operation.as_strategy(),
        )
    )
    def send(case: Case[Any]) -> None:
        response = case.call(
            base_url=server.url, headers={"Authorization": authorization}, timeout=30
        )
        status = response.status_code
        # An engine may lack an operation, which is no fault of the server.
        assert status < 500 or status == 501
        statuses.append(status)
        case.validate_response(response, checks=CHECKS)

    send()

    print(*sorted(statuses))
    assert statuses
