"""The requests that an Engine receives."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from aiodockercloud.server.engines.swarm.docker_api import (
    Api,
    DockerProblem,
    registry_auth,
)
from aiodockercloud.server.engines.swarm.settings import SwarmSettings
from tests.support.dockers import api_of

LOGIN = ("me", "s3cret+/=ü")


class Listener:
    """An Engine with one object of each kind, which records the requested changes."""

    def __init__(self) -> None:
        self.updates: list[web.Request] = []
        self.bodies: list[Any] = []
        #: The number of updates to refuse because another client was faster.
        self.overtaken = 0
        self.index = 7

    async def answer(self, request: web.Request) -> web.Response:
        if request.path == "/version":
            return web.json_response({"ApiVersion": "1.41"})
        if request.method == "GET":
            found = {"Version": {"Index": self.index}, "Spec": {"Name": "web"}}
            return web.json_response(found)
        self.updates.append(request)
        self.bodies.append(await request.json())
        if len(self.updates) <= self.overtaken:
            self.index += 1
            problem = {"message": "rpc error: update out of sequence"}
            return web.json_response(problem, status=500)
        return web.json_response({"Warnings": None})


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
async def docker(listener: Listener) -> AsyncIterator[Api]:
    async with api_of(listener.answer) as api:
        yield api


def renamed(spec: dict[str, Any]) -> dict[str, Any]:
    return spec | {"Name": "new"}


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        ("hello:latest", "https://index.docker.io/v1/"),
        ("team/app:v1", "https://index.docker.io/v1/"),
        ("quay.io/team/app:v1", "quay.io"),
        ("10.0.0.1:5000/team/app", "10.0.0.1:5000"),
        ("localhost/app", "localhost"),
    ],
)
async def test_update_sends_the_given_credentials(
    docker: Api, listener: Listener, image: str, registry: str
) -> None:
    auth = registry_auth(image, LOGIN)
    await docker.update("services/s1", renamed, auth=auth)

    [request] = listener.updates
    header = request.headers["X-Registry-Auth"]
    assert json.loads(base64.urlsafe_b64decode(header)) == {
        "username": LOGIN[0],
        "password": LOGIN[1],
        "serveraddress": registry,
    }
    assert dict(request.query) == {"version": "7"}
    assert listener.bodies == [{"Name": "new"}]


def test_identity_token_is_sent_as_docker_names_it() -> None:
    header = registry_auth("quay.io/team/app", ("<token>", "t0ken"))["X-Registry-Auth"]

    assert json.loads(base64.urlsafe_b64decode(header)) == {
        "identitytoken": "t0ken",
        "serveraddress": "quay.io",
    }


@pytest.mark.parametrize("auth", [None, registry_auth("hello", None)])
async def test_update_without_credentials_keeps_the_credentials_of_the_spec(
    docker: Api, listener: Listener, auth: dict[str, str] | None
) -> None:
    await docker.update("services/s1", renamed, auth=auth)

    [request] = listener.updates
    assert "X-Registry-Auth" not in request.headers
    assert dict(request.query) == {"version": "7", "registryAuthFrom": "spec"}


async def test_update_of_a_node_sends_no_credentials(
    docker: Api, listener: Listener
) -> None:
    await docker.update("nodes/n1", renamed)

    assert dict(listener.updates[0].query) == {"version": "7"}


async def test_overtaken_update_is_repeated(docker: Api, listener: Listener) -> None:
    listener.overtaken = 3
    auth = registry_auth("hello", LOGIN)
    await docker.update("services/s1", renamed, auth=auth)

    versions = [request.query["version"] for request in listener.updates]
    assert versions == ["7", "8", "9", "10"]
    assert all("X-Registry-Auth" in request.headers for request in listener.updates)


async def test_update_that_is_overtaken_each_time_fails(
    listener: Listener,
) -> None:
    listener.overtaken = 1000

    async with api_of(listener.answer, SwarmSettings(update_pause=0.0)) as docker:
        with pytest.raises(DockerProblem, match="update out of sequence"):
            await docker.update("services/s1", renamed)
