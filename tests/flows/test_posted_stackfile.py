"""Stack files as bodies of requests: what the page sends."""

from __future__ import annotations

import pytest

from aiodockercloud import DockerCloud
from tests.support.facts import IDLE
from tests.support.flows import Answer, Raw

STACKS = "/api/app/v1/stack/"
FILE = f"""\
web:
  image: {IDLE}
  ports: ["22:22"]
  links: [db]
db:
  image: {IDLE}
"""


async def posted(
    raw: Raw, text: str | bytes, path: str = f"{STACKS}?name=shop"
) -> Answer:
    """Send a stack file to be created as a stack."""
    return await raw("POST", path, text, Content_Type="application/yaml")


async def test_posted_stack_file_becomes_a_stack(raw: Raw, live: DockerCloud) -> None:
    answer = await posted(raw, FILE)

    assert answer.status == 201
    stack = await live.stacks.find("shop")
    assert stack["uuid"] == answer.json()["uuid"]
    web, db = [await live.services.inspect(uri) for uri in stack["services"]]
    assert web["linked_to_service"][0]["to_service"] == db["resource_uri"]
    # YAML 1.1 reads 22:22 as a number to the base 60.
    assert web["container_ports"][0]["outer_port"] == 22


async def test_patched_stack_file_changes_the_stack(
    raw: Raw, live: DockerCloud
) -> None:
    stack = (await posted(raw, FILE)).json()

    answer = await raw(
        "PATCH",
        stack["resource_uri"],
        f"db:\n  image: {IDLE}\n  target_num_containers: 3\n",
        Content_Type="application/yaml",
    )

    assert answer.status == 200
    db = await live.services.find("db")
    assert db["target_num_containers"] == 3
    assert len(answer.json()["services"]) == 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("web:\n  imaje: x\n", "stack file: service web: key imaje"),
        ("web: [\n", "stack file"),
        ("", "is empty"),
        (b"web:\n  image: \xff\n", "is not UTF-8 text"),
        (f"web:\n  image: {IDLE}\n  command: $HOME\n", "the variable HOME is not set"),
    ],
)
async def test_wrong_stack_file_is_refused(
    raw: Raw, live: DockerCloud, text: str | bytes, reason: str
) -> None:
    answer = await posted(raw, text)

    assert answer.status == 400
    assert reason in answer.error
    assert await live.stacks.list() == []


async def test_posted_stack_file_needs_a_name(raw: Raw) -> None:
    answer = await posted(raw, FILE, STACKS)

    assert (answer.status, answer.error) == (
        400,
        "name: is missing; give the stack a name",
    )
