"""Mocks that users make of the client."""

from __future__ import annotations

from unittest.mock import AsyncMock, create_autospec

import pytest

from aiodockercloud import DockerCloud
from aiodockercloud.resources.readable import Readable


async def bot(cloud: DockerCloud) -> str:
    service = await cloud.services.create(image="a/b")
    await cloud.services.start(service)
    return service["state"]


@pytest.mark.parametrize("spec", [DockerCloud, DockerCloud("http://h", auth="x")])
async def test_autospec_of_the_client_has_the_methods_of_the_sub_apis(
    spec: object,
) -> None:
    cloud = create_autospec(spec, instance=True)
    cloud.services.create.return_value = {"state": "Not running", "uuid": "u"}

    assert await bot(cloud) == "Not running"
    cloud.services.start.assert_awaited_once()
    with pytest.raises(AttributeError):
        cloud.services.no_such_method  # noqa: B018 - the access raises
    with pytest.raises(TypeError):
        await cloud.services.start(1, 2, 3)


def test_autospec_of_the_class_has_every_sub_api() -> None:
    client = DockerCloud("http://h", auth="x")
    cloud = create_autospec(DockerCloud, instance=True)
    # A new sub-API needs a line among the attributes of the class.
    names = {n for n, value in vars(client).items() if isinstance(value, Readable)}

    assert {"services", "stacks", "actions", "registries"} <= names
    for name in names | {"triggers"}:
        assert isinstance(getattr(cloud, name).list, AsyncMock), name
    assert callable(cloud.events.subscribe)


async def test_sub_api_can_be_replaced_for_one_client() -> None:
    client, other = (DockerCloud("http://h", auth="x") for _ in range(2))
    mine = create_autospec(client.services, instance=True)
    client.services = mine

    assert client.services is mine
    assert other.services is not mine
