"""Lines from the log streams of an Engine that sends given pieces."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from aiohttp import web

from aiodockercloud.server.engines import LogLine
from aiodockercloud.server.engines.swarm import logs
from aiodockercloud.server.engines.swarm.docker_api import Api
from aiodockercloud.server.engines.swarm.settings import SwarmSettings
from tests.support.dockers import api_of

STAMP = "2026-11-20T22:00:01.000000002Z"
TASK = {
    "ID": "t1",
    "NodeID": "n1",
    "CreatedAt": "2026-11-20T22:00:00Z",
    "Status": {"ContainerStatus": {"ContainerID": "c1"}},
}
NODES = {"n1": {"Status": {"State": "ready"}}}


class Sender:
    """An Engine that sends one log in *pieces*. Then *hangs* responses do not end."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.hangs = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/version":
            return web.json_response({"ApiVersion": "1.41"})
        response = web.StreamResponse()
        await response.prepare(request)
        for piece in self.pieces:
            await response.write(piece)
        if self.hangs:
            self.hangs -= 1
            await asyncio.Event().wait()
        return response


@pytest.fixture
def sender() -> Sender:
    return Sender()


@pytest.fixture
async def docker(sender: Sender) -> AsyncIterator[Api]:
    async with api_of(sender.answer) as api:
        yield api


async def read(docker: Api, *, tty: bool) -> list[LogLine]:
    past = logs.history(docker, [TASK], NODES, 0, form=logs.Form(tty), tail=None)
    async with asyncio.timeout(60):
        return [line async for line in past]


def frame(stream: int, text: str) -> bytes:
    data = f"{STAMP} {text}".encode()
    return struct.pack(">BxxxL", stream, len(data)) + data


async def test_lines_of_a_terminal_are_separated(docker: Api, sender: Sender) -> None:
    text = f"{STAMP} one\r\n{STAMP} two".encode()
    sender.pieces = [text[:40], text[40:]]

    lines = await read(docker, tty=True)

    assert [(line.stream, line.text) for line in lines] == [
        ("stdout", "one"),
        ("stdout", "two"),
    ]
    assert {line.time_ns % 10**9 for line in lines} == {2}


@pytest.mark.parametrize("tty", [True, False])
async def test_line_without_an_end_is_divided_without_loss(
    sender: Sender, tty: bool
) -> None:
    """Such a line is a progress bar, which never sends a newline."""
    bar, number = "." * 10_000, 100
    if tty:
        sender.pieces = [f"{STAMP} ".encode(), *[bar.encode()] * number]
    else:
        sender.pieces = [frame(1, bar)] * number

    async with api_of(sender.answer, SwarmSettings(longest_line=300_000)) as docker:
        lines = await read(docker, tty=tty)

    assert 1 < len(lines) < 5
    assert "".join(line.text for line in lines) == bar * number
    assert all(line.partial for line in lines[:-1])


@pytest.mark.parametrize("tty", [True, False])
async def test_pieces_of_a_long_line_are_marked_up_to_the_last(
    sender: Sender, tty: bool
) -> None:
    text, number = "." * 100_000, 5
    if tty:
        whole = f"{STAMP} {text * number}\n{STAMP} next\n".encode()
        sender.pieces = [whole[at : at + 65_536] for at in range(0, len(whole), 65_536)]
    else:
        sender.pieces = [*[frame(1, text)] * number, frame(1, "\n"), frame(1, "next\n")]

    async with api_of(sender.answer, SwarmSettings(longest_line=150_000)) as docker:
        *pieces, last, following = await read(docker, tty=tty)

    assert pieces
    assert all(piece.partial for piece in pieces)
    assert (last.partial, following.partial, following.text) == (False, False, "next")
    assert "".join(piece.text for piece in (*pieces, last)) == text * number
    assert {line.time_ns % 10**9 for line in (*pieces, last)} == {2}


async def test_follow_without_data_for_long_is_requested_again(
    sender: Sender,
) -> None:
    """A device between client and Engine may drop a connection without notice."""
    sender.pieces, sender.hangs = [frame(1, "one\n")], 1
    ending = logs.Ending()

    async with api_of(sender.answer, SwarmSettings(quiet=0.05)) as docker:
        followed = logs.follow(
            docker, "s1", ending, 0, form=logs.Form(False), after=None
        )
        async with asyncio.timeout(60), aclosing(followed):
            first = await anext(followed)
            sender.pieces.append(frame(1, "two\n"))
            second = await anext(followed)

    assert (first.text, second.text) == ("one", "two")


@pytest.mark.parametrize("tty", [False, True])
async def test_details_precede_the_text_of_each_line(
    docker: Api, sender: Sender, tty: bool
) -> None:
    """A service's log has ids besides the labels that the log driver adds, quoted."""
    texts = ["a=1,com.docker.x=y+%2C%3D hello world\n", " no details\n", "a=1 \n"]
    sender.pieces = [
        f"{STAMP} {text}".encode() if tty else frame(1, text) for text in texts
    ]

    past = logs.history(
        docker, [TASK], NODES, 0, form=logs.Form(tty, details=True), tail=None
    )
    async with asyncio.timeout(60):
        lines = [line async for line in past]

    assert [(line.text, dict(line.details)) for line in lines] == [
        ("hello world", {"a": "1", "com.docker.x": "y ,="}),
        ("no details", {}),
        ("", {"a": "1"}),
    ]


@pytest.mark.parametrize("tty", [False, True])
async def test_pieces_of_a_long_line_have_its_details(
    sender: Sender, tty: bool
) -> None:
    head = f"{STAMP} a=1 ".encode()
    pieces = [b"x" * 50, b"y" * 50, b"z\n"]
    sender.pieces = (
        [head + pieces[0], *pieces[1:]]
        if tty
        else [frame(1, f"a=1 {piece.decode()}") for piece in pieces]
    )

    async with api_of(sender.answer, SwarmSettings(longest_line=100)) as docker:
        past = logs.history(
            docker, [TASK], NODES, 0, form=logs.Form(tty, details=True), tail=None
        )
        async with asyncio.timeout(60):
            lines = [line async for line in past]

    assert "".join(line.text for line in lines) == "x" * 50 + "y" * 50 + "z"
    assert {line.details for line in lines} == {(("a", "1"),)}
    assert [line.partial for line in lines] == [True] * (len(lines) - 1) + [False]
