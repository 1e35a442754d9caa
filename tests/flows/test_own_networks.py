"""The field ``networks`` through the API, and in stack files."""

from __future__ import annotations

from typing import Any

import pytest

from aiodockercloud import BadRequest, DockerCloud
from tests.support.facts import IDLE
from tests.support.flows import done


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"networks": ["a", "a"]}, "networks: a is given twice"),
        ({"networks": ["a"], "net": "host"}, "networks: with net host"),
        ({"networks": [{"aliases": ["a"]}]}, "name: is missing"),
        ({"networks": [{"name": "a", "driver": "x"}]}, "driver: there is no such key"),
    ],
)
async def test_wrong_networks_are_refused(
    live: DockerCloud, fields: Any, problem: str
) -> None:
    with pytest.raises(BadRequest, match=problem):
        await live.services.create(image=IDLE, **fields)


async def test_stack_files_name_networks(live: DockerCloud) -> None:
    services: list[dict[str, Any]] = [
        {"name": "web", "image": IDLE, "networks": ["front"]},
        {
            "name": "db",
            "image": IDLE,
            "networks": {"front": None, "back": {"aliases": ["database"]}},
        },
    ]
    stack = await live.stacks.create(name="shop", services=services)
    await done(live, await live.stacks.start(stack))
    found = {one["name"]: one["networks"] for one in await live.services.list()}

    assert found == {
        "web": [{"name": "front", "aliases": []}],
        "db": [
            {"name": "front", "aliases": []},
            {"name": "back", "aliases": ["database"]},
        ],
    }
    exported = await live.stacks.export(stack)
    assert exported["web"]["networks"] == [{"name": "front"}]
    again = await live.stacks.update(
        stack, services=[{"name": name, **keys} for name, keys in exported.items()]
    )
    assert again["synchronized"] is True
