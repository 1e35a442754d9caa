"""Every success is a JSON object, or 204 without a body: clients in Go decode nothing
else.

Our document has a schema for each of these objects.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

import pytest

from aiodockercloud import DockerCloud, wire
from aiodockercloud.server import Embedded, Server
from tests.support.flows import Answer, Raw
from tests.support.openapi import check_answer, named
from tests.support.routes import BODIES, ROUTES, WITHOUT_BODY, Stuck, url_of


@pytest.fixture
def engine() -> Embedded:
    return Stuck()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    assert len(set(names)) == len(names), "a name is in an object twice"
    return dict(pairs)


def _no_constant(text: str) -> NoReturn:
    raise AssertionError(f"{text} is no JSON")


def read_strictly(answer: Answer) -> dict[str, Any]:
    """Return the object in a body, read as strictly as by any client."""
    assert answer.headers["Content-Type"] == "application/json"
    found = json.loads(
        answer.body.decode("utf-8", "strict"),
        object_pairs_hook=_unique,
        parse_constant=_no_constant,
    )
    assert type(found) is dict
    return found


@pytest.mark.parametrize("name", ROUTES)
async def test_success_of_every_route_is_an_object_or_has_no_body(
    live: DockerCloud, raw: Raw, server: Server, name: str
) -> None:
    dialect, route = ROUTES[name]
    path = await url_of(dialect, route, live, server)
    body = BODIES.get(route)

    answer = await raw(route[1], path, None if body is None else json.dumps(body))

    assert 200 <= answer.status < 300, answer.body
    if dialect is wire.DOCKER_CLOUD:
        operation = named(route[1], path.partition("?")[0])
        check_answer(operation, answer.status, answer.headers, answer.body)
    if route in WITHOUT_BODY:
        assert (answer.status, answer.body) == (204, b"")
        return
    found = read_strictly(answer)
    if route[1:] == ("GET", False, "") and route[0] not in wire.SERVER_KINDS:
        assert found.keys() == {"meta", "objects"}
        assert all(type(one) is dict for one in found["objects"])


@pytest.mark.parametrize("path", ["/api/auth/", "/api/v1/auth/"])
async def test_answer_to_a_login_is_an_object(raw: Raw, path: str) -> None:
    answer = await raw("GET", path)

    assert answer.status == 200
    read_strictly(answer)
