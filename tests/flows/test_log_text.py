"""The text of log lines: what is not valid Unicode, pieces of long lines, all lines."""

from __future__ import annotations

import os
from typing import Any

import pytest

from aiodockercloud import DockerCloud, log_text
from tests.support import talking
from tests.support.flows import containers, run
from tests.support.talking import Talk, texts

talk = talking.talk

#: A file name that is not UTF-8, as ``os.listdir`` returns the name.
FILE = os.fsdecode(b"caf\xe9.txt")


@pytest.mark.parametrize("kind", ["services", "containers"])
async def test_line_that_is_not_valid_unicode_does_not_end_the_log(
    live: DockerCloud, talk: Talk, kind: str
) -> None:
    service = await run(live, image="acme/talk", name="web")
    thing: Any = service
    if kind == "containers":
        (thing,) = await containers(live, service)
    talk.say("web-1", "before", FILE, "\ud800", "after")

    stream = getattr(live, kind).logs(thing, follow=False)

    expected = ["before", "caf\ufffd.txt", "\ufffd", "after"]
    assert await texts(stream) == expected
    assert stream.reconnects == 0


async def test_pieces_of_a_long_line_can_be_joined(
    live: DockerCloud, talk: Talk
) -> None:
    service = await run(live, image="acme/talk", name="web")
    long = "é" * 40_000
    talk.say("web-1", "before", long, "after")

    async with live.services.logs(service, follow=False) as stream:
        lines = [line async for line in stream]

    assert ["partial" in line for line in lines] == [False, True, True, False, False]
    assert "".join(log_text(line) for line in lines[1:4]) == long


@pytest.mark.parametrize("follow", [False, True])
async def test_tail_all_is_the_whole_log(
    live: DockerCloud, talk: Talk, follow: bool
) -> None:
    service = await run(live, image="acme/talk", name="web")
    numbers = [str(number) for number in range(1000)]
    talk.say("web-1", *numbers)

    found: list[str] = []
    async with live.services.logs(service, tail="all", follow=follow) as stream:
        while len(found) < 1000:
            found.append(log_text(await anext(stream)))

    assert found == numbers


async def test_tail_that_is_another_text_is_refused_by_the_client(
    live: DockerCloud,
) -> None:
    tail: Any = "most"
    with pytest.raises(ValueError, match="tail: must be a number or 'all'"):
        live.services.logs("web", tail=tail)
