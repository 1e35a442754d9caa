"""Repositories and registries; no response contains credentials."""

from __future__ import annotations

import pytest

from aiodockercloud import BadRequest, ConflictError, DockerCloud, ObjectNotFound
from aiodockercloud.server import Embedded
from aiodockercloud.server.engines import ContainerSpec
from tests.support.flows import Raw, run

NAME = "registry.example.com:5000/team/app"


class RecordingEngine(Embedded):
    """An engine that records the specs of its containers."""

    def __init__(self) -> None:
        super().__init__()
        self.specs: list[ContainerSpec] = []

    async def create(self, spec: ContainerSpec) -> None:
        self.specs.append(spec)
        await super().create(spec)


@pytest.fixture
def engine() -> RecordingEngine:
    return RecordingEngine()


async def test_only_the_engine_receives_the_password(
    live: DockerCloud, engine: RecordingEngine
) -> None:
    created = await live.repositories.create(name=NAME, username="me", password="s3")
    await live.repositories.update(NAME, password="s4")
    responses = [
        created,
        await live.repositories.inspect(NAME),
        *await live.repositories.list(),
        *await live.actions.list(),
    ]

    await run(live, image=f"{NAME}:v1")
    await run(live, image="registry.example.com:5000/team/other")

    assert [spec.credentials for spec in engine.specs] == [("me", "s4"), None]
    assert not any("s3" in str(one) or "s4" in str(one) for one in responses)
    assert "s4" not in repr(engine.specs)


async def test_repository_has_its_use_and_its_registry(live: DockerCloud) -> None:
    repository = await live.repositories.create(name=NAME)
    assert repository["in_use"] is False

    await live.services.create(image=f"{NAME}:v1")

    assert (await live.repositories.inspect(NAME))["in_use"] is True
    registry = await live.registries.inspect(repository["registry"])
    assert (registry["host"], registry["port"]) == ("registry.example.com:5000", 5000)
    assert registry["is_docker_registry"] is False
    (hub,) = await live.registries.list(is_docker_registry=True)
    assert hub["host"] == "registry-1.docker.io"


async def test_name_of_a_repository_is_unique_until_its_removal(
    live: DockerCloud, raw: Raw
) -> None:
    await live.repositories.create(name=NAME)
    with pytest.raises(ConflictError, match=NAME):
        await live.repositories.create(name=NAME)

    answer = await raw("DELETE", f"/api/repo/v1/repository/{NAME}/")

    assert (answer.status, answer.body) == (204, b"")
    with pytest.raises(ObjectNotFound):
        await live.repositories.inspect(NAME)
    await live.repositories.create(name=NAME)


async def test_delete_by_parameter_with_the_path_of_the_reference(
    live: DockerCloud, raw: Raw
) -> None:
    await live.repositories.create(name=NAME)

    assert (await raw("DELETE", "/api/repo/v1/repository/")).status == 400
    answer = await raw("DELETE", f"/api/repo/v1/repository/?name={NAME}")

    assert answer.status == 204
    assert await live.repositories.list() == []


async def test_wrong_fields_are_refused_by_name(live: DockerCloud, raw: Raw) -> None:
    with pytest.raises(BadRequest, match="name: must be an image"):
        await live.repositories.create(name="not a name")
    answer = await raw("POST", "/api/repo/v1/repository/", '{"username": "me"}')
    assert answer.error.startswith("name: is missing")

    assert await live.repositories.list() == []
