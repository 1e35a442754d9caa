"""Commands whose input and output are bytes, on servers other than aiodockercloud's."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from typing import Any

import pytest
from aiohttp import web

from aiodockercloud import Limits, NotSupported, OutputTooLarge, StreamClosed
from aiodockercloud.wire.window import WINDOW_PROTOCOL
from tests.support.facts import PATIENCE
from tests.support.scripted import Player, client_for

EXEC = "/api/app/v1/container/{uuid}/exec/"

#: A timeout in the fixture would not cover the tests.
pytestmark = pytest.mark.timeout(PATIENCE)


async def closes(ws: web.WebSocketResponse, _: web.Request) -> None:
    await ws.close()


async def sends_text(ws: web.WebSocketResponse, _: web.Request) -> None:
    await ws.send_json({"streamType": "stdout", "output": "é"})


@pytest.mark.parametrize("stdin", [b"", "a\x04b"])
async def test_input_as_bytes_is_refused_on_a_server_without_the_encoding(
    stdin: Any,
) -> None:
    async with client_for({EXEC: Player(closes).play}) as cloud:
        with pytest.raises(NotSupported, match="as bytes"):
            await cloud.containers.run("x", "cat", stdin=stdin)


@pytest.mark.parametrize("stdin", [None, "text", b"bytes"])
async def test_output_without_end_raises_at_the_bound(stdin: Any) -> None:
    closed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def prints_for_ever(ws: web.WebSocketResponse, _: web.Request) -> None:
        output = b64encode(b"x" * 99).decode() if stdin == b"bytes" else "é" * 99
        try:
            while True:
                for stream in ("stdout", "stderr"):
                    await ws.send_json({"streamType": stream, "output": output})
                await asyncio.sleep(0)
        finally:
            closed.set_result(True)

    player = Player(prints_for_ever, protocols=[WINDOW_PROTOCOL])
    limits = Limits(output_bytes=100_000)
    async with client_for({EXEC: player.play}, limits=limits) as cloud:
        with pytest.raises(OutputTooLarge, match="more than 100000 bytes"):
            await cloud.containers.run("x", "yes", stdin=stdin)
        assert await closed


@pytest.mark.parametrize("stdin", [None, b""])
async def test_output_as_large_as_the_bound_is_returned(stdin: Any) -> None:
    async def prints(ws: web.WebSocketResponse, _: web.Request) -> None:
        output = "ééé" if stdin is None else b64encode("ééé".encode()).decode()
        await ws.send_json({"streamType": "stderr", "output": output})
        await ws.send_json({"type": "exit", "output": "", "exit_code": 0})
        await ws.close()

    player = Player(prints, protocols=[WINDOW_PROTOCOL])
    async with client_for({EXEC: player.play}, limits=Limits(output_bytes=6)) as cloud:
        result = await cloud.containers.run("x", "ls", stdin=stdin)

    assert result["stderr"] == ("ééé" if stdin is None else "ééé".encode())
    assert result["exit_code"] == 0


async def test_output_that_is_not_base64_ends_the_stream() -> None:
    player = Player(sends_text, protocols=[WINDOW_PROTOCOL])
    async with client_for({EXEC: player.play}) as cloud:
        with pytest.raises(StreamClosed, match="base64"):
            await cloud.containers.run("x", "cat", stdin=b"")

    assert player.asked == [{"command": "cat", "encoding": "base64"}]
