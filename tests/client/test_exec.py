"""Commands whose input and output are bytes, on servers other than aiodockercloud's."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from aiodockercloud import NotSupported, StreamClosed
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


async def test_output_that_is_not_base64_ends_the_stream() -> None:
    player = Player(sends_text, protocols=[WINDOW_PROTOCOL])
    async with client_for({EXEC: player.play}) as cloud:
        with pytest.raises(StreamClosed, match="base64"):
            await cloud.containers.run("x", "cat", stdin=b"")

    assert player.asked == [{"command": "cat", "encoding": "base64"}]
