"""Exec: output, input, exit code, and disconnection of either side."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote_plus

import aiohttp
import pytest

from aiodockercloud import (
    BadRequest,
    DockerCloud,
    ObjectNotFound,
    OperationNotAllowed,
    StreamClosed,
)
from aiodockercloud.server import Embedded
from aiodockercloud.types import Container
from tests.support.facts import PATIENCE, SHELL, UUID, ended_except, tasks
from tests.support.flows import Raw, containers, done, run


@pytest.fixture
async def box(live: DockerCloud) -> Container:
    """A running container with a shell."""
    service = await run(live, image=SHELL, run_command="sleep 100000", name="box")
    (container,) = await containers(live, service)
    return container


async def test_run_returns_both_outputs_and_the_exit_code(
    live: DockerCloud, box: Container
) -> None:
    result = await live.containers.run(
        box, ["sh", "-c", "echo out; echo err >&2; exit 3"], timeout=PATIENCE
    )

    assert result == {"stdout": "out\n", "stderr": "err\n", "exit_code": 3}


@pytest.mark.parametrize(
    "words",
    [
        ["echo", "two words", "a'b", 'c"d', "$HOME", "\\", "*", "é 日本"],
        ["echo", ""],
        ["echo", "a+b%20c&d=e;f"],
    ],
)
async def test_run_passes_every_word_unchanged(
    live: DockerCloud, box: Container, words: list[str]
) -> None:
    result = await live.containers.run(box, words, timeout=PATIENCE)

    assert result["stdout"] == " ".join(words[1:]) + "\n"


async def test_run_of_a_command_line_is_split_as_a_shell_does(
    live: DockerCloud, box: Container
) -> None:
    result = await live.containers.run(
        box, 'sh -c "echo one; echo two"', timeout=PATIENCE
    )

    assert result["stdout"] == "one\ntwo\n"


@pytest.mark.parametrize(
    ("script", "output"),
    [
        ("echo hi | wc -c", "3\n"),
        ("echo $(hostname) && echo two", "box-1\ntwo\n"),
        ("yes | head -1", "y\n"),
        ("seq 3 >/tmp/f; sort -r </tmp/f | head -n 1", "3\n"),
    ],
)
async def test_run_of_a_script_with_pipes_and_substitutions(
    live: DockerCloud, box: Container, script: str, output: str
) -> None:
    result = await live.containers.run(box, ["sh", "-c", script], timeout=PATIENCE)

    assert result == {"stdout": output, "stderr": "", "exit_code": 0}


async def test_run_with_input_reads_it_to_its_end(
    live: DockerCloud, box: Container
) -> None:
    result = await live.containers.run(
        box, "cat", stdin="first\nsecond\n", timeout=PATIENCE
    )

    assert result == {"stdout": "first\nsecond\n", "stderr": "", "exit_code": 0}


async def test_run_with_empty_input_ends(live: DockerCloud, box: Container) -> None:
    result = await live.containers.run(box, "cat", stdin="", timeout=PATIENCE)

    assert result["exit_code"] == 0


@pytest.mark.parametrize(
    "data", ["a\rb\n", "a\r\nb\r\n", "x" * 16_383 + "\r\ny\n", "\0", "a\x04b\n", "\x04"]
)
async def test_run_passes_every_character_of_the_input(
    live: DockerCloud, box: Container, data: str
) -> None:
    result = await live.containers.run(box, "cat", stdin=data, timeout=PATIENCE)

    assert result == {"stdout": data, "stderr": "", "exit_code": 0}


async def test_run_with_bytes_returns_bytes(live: DockerCloud, box: Container) -> None:
    data = bytes(range(256)) * 1000

    result = await live.containers.run(box, "cat", stdin=data, timeout=PATIENCE)
    empty = await live.containers.run(
        box, ["printf", r"\xff\x00"], stdin=b"", timeout=PATIENCE
    )

    assert result == {"stdout": data, "stderr": b"", "exit_code": 0}
    assert empty["stdout"] == b"\xff\x00"


@pytest.mark.parametrize("data", ["x" * 79 + "\n", "é", b"\xff"])
async def test_run_sends_and_receives_at_the_same_time(
    live: DockerCloud, box: Container, data: str | bytes
) -> None:
    """More than all buffers on the way: without a reader the writer would wait."""
    sent = data * (4 * 1024**2 // len(data))

    result = await live.containers.run(box, "cat", stdin=sent, timeout=PATIENCE)

    assert result["stdout"] == sent
    assert result["exit_code"] == 0


async def test_run_of_a_command_that_leaves_its_input_unread_ends(
    live: DockerCloud, box: Container
) -> None:
    result = await live.containers.run(
        box, "echo done", stdin=b"x" * 8_000_000, timeout=PATIENCE
    )

    assert result == {"stdout": b"done\n", "stderr": b"", "exit_code": 0}


@pytest.mark.parametrize("bad", ["a\udc80b", 5, ["text"]])
async def test_run_refuses_input_that_cannot_be_sent(
    live: DockerCloud, box: Container, bad: Any
) -> None:
    before = tasks()

    with pytest.raises((TypeError, ValueError)):
        await live.containers.run(box, "cat", stdin=bad)

    assert tasks() == before


async def test_exec_with_bytes_is_a_dialogue(live: DockerCloud, box: Container) -> None:
    async with (
        asyncio.timeout(PATIENCE),
        live.containers.exec(box, "cat", text=False) as process,
    ):
        for data in (b"\xff\x04\n", b"\0"):
            await process.write(data)
            frame = await anext(process)
            assert (frame["streamType"], frame["output"]) == ("stdout", data)
        await process.end_input()
        assert [frame async for frame in process] == []
        assert process.exit_code == 0


async def test_unknown_encoding_is_400(live: DockerCloud, box: Container) -> None:
    path = f"{box['resource_uri']}exec/"

    with pytest.raises(BadRequest, match="encoding: must be 'base64'"):
        await live.stream(path, params={"command": "cat", "encoding": "utf-16"})


async def test_input_that_is_not_base64_closes_the_stream(
    live: DockerCloud, box: Container
) -> None:
    path = f"{box['resource_uri']}exec/"
    params = {"command": "cat", "encoding": "base64"}

    async with asyncio.timeout(PATIENCE), await live.stream(path, params=params) as ws:
        await ws.send_str("!")
        await ws.receive()

        assert ws.close_code == 1007


async def test_run_of_an_unknown_command_is_127(
    live: DockerCloud, box: Container
) -> None:
    result = await live.containers.run(box, "no-such-program", timeout=PATIENCE)

    assert result["exit_code"] == 127
    assert "no-such-program" in result["stderr"]


async def test_run_longer_than_its_timeout_raises_and_ends_the_command(
    live: DockerCloud, box: Container
) -> None:
    before = tasks()

    with pytest.raises(TimeoutError, match=r"still ran after 0\.05 s"):
        await live.containers.run(box, "sleep 1000", timeout=0.05)

    await ended_except(before)


@pytest.mark.parametrize("command", ["", " ", [], 5, b"ls", ["ls", 5], None])
async def test_command_that_is_none_is_refused_before_a_request(command: Any) -> None:
    """An empty command is a shell for the server, which waits for input."""
    async with DockerCloud("http://127.0.0.1:9", auth="Basic x") as cloud:
        with pytest.raises((TypeError, ValueError), match=r"^command: must"):
            cloud.containers.exec(UUID, command)
        with pytest.raises((TypeError, ValueError), match=r"^command: must"):
            await cloud.containers.run(UUID, command)


async def test_exec_is_a_dialogue(live: DockerCloud, box: Container) -> None:
    async with asyncio.timeout(PATIENCE), live.containers.exec(box, "cat") as process:
        for text in ("one\n", "two\n"):
            await process.write(text)
            frame = await anext(process)
            assert (frame["streamType"], frame["output"]) == ("stdout", text)
        assert process.exit_code is None
        await process.write("\x04")
        assert [frame async for frame in process] == []
        assert process.exit_code == 0
        with pytest.raises(StreamClosed):
            await process.write("late\n")


async def test_output_that_is_no_text_has_replacement_characters(
    live: DockerCloud, box: Container
) -> None:
    result = await live.containers.run(
        box, ["printf", r"\xc3\xa9 \xff"], timeout=PATIENCE
    )

    assert result["stdout"] == "é \ufffd"


async def test_closing_ends_the_command(live: DockerCloud, box: Container) -> None:
    before = tasks()

    for command in ("sleep 1000", "cat", ["sh", "-c", "while true; do echo y; done"]):
        async with live.containers.exec(box, command):
            await live.containers.inspect(box)

    await ended_except(before)


@pytest.mark.parametrize("operation", ["stop", "delete"])
async def test_end_of_the_container_ends_the_command(
    live: DockerCloud, box: Container, operation: str
) -> None:
    async with (
        asyncio.timeout(PATIENCE),
        live.containers.exec(box, "sleep 1000") as process,
    ):
        await live.containers.inspect(box)
        await done(live, await getattr(live.containers, operation)(box))
        assert [frame async for frame in process] == []
        assert process.exit_code == 137


async def test_exec_without_an_upgrade_is_400_and_runs_nothing(
    raw: Raw, box: Container, engine: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[object] = []
    monkeypatch.setattr(engine, "exec", lambda *command: ran.append(command))

    answer = await raw("GET", f"{box['resource_uri']}exec/?command=reboot")

    assert answer.status == 400
    assert "websocket" in answer.error
    assert ran == []


async def test_exec_in_a_stopped_container_is_422_before_the_upgrade(
    live: DockerCloud, box: Container
) -> None:
    await done(live, await live.containers.stop(box))

    with pytest.raises(OperationNotAllowed, match="Stopped"):
        await live.containers.run(box, "true")


async def test_exec_in_an_unknown_container_is_404_before_the_upgrade(
    live: DockerCloud,
) -> None:
    with pytest.raises(ObjectNotFound):
        await live.containers.run(UUID, "true")


async def test_command_that_cannot_be_split_is_400(
    live: DockerCloud, box: Container
) -> None:
    with pytest.raises(BadRequest, match="command"):
        await live.containers.run(box, 'echo "open')


# --- old clients ----------------------------------------------------------------------


async def test_every_frame_has_output_and_the_close_is_clean(
    raw: Raw, box: Container
) -> None:
    """One client concatenates the ``output`` of every frame of any type."""
    command = quote_plus('sh -c "echo one; echo two >&2"')

    frames = await raw.frames(f"{box['resource_uri']}exec/?&command={command}")

    assert "".join(frame["output"] for frame in frames) == "one\ntwo\n"
    assert {frame["streamType"] for frame in frames} >= {"stdout", "stderr"}


async def test_exec_without_a_command_is_a_shell(raw: Raw, box: Container) -> None:
    output = ""
    async with (
        asyncio.timeout(PATIENCE),
        await raw.upgrade(f"{box['resource_uri']}exec/?") as ws,
    ):
        await ws.send_str("echo $HOSTNAME\nexit\n")
        async for message in ws:
            output += message.json()["output"]
        assert ws.close_code == 1000

    assert "box-1\n" in output


async def test_input_ended_several_times_as_by_the_old_cli_is_harmless(
    raw: Raw, box: Container
) -> None:
    """The CLI sends the end again at each further read of its ended input."""
    async with (
        asyncio.timeout(PATIENCE),
        await raw.upgrade(f"{box['resource_uri']}exec/?command=cat") as ws,
    ):
        await ws.send_str("text\n")
        for _ in range(3):
            await ws.send_str("\x04")
        output = "".join([m.json()["output"] async for m in ws])

    assert output == "text\n"


async def test_connection_cut_without_a_close_ends_the_command(
    raw: Raw, box: Container, live: DockerCloud
) -> None:
    before = tasks()
    ws = await raw.upgrade(f"{box['resource_uri']}exec/?command=cat")
    assert isinstance(ws, aiohttp.ClientWebSocketResponse)

    connection = ws._response.connection
    assert connection is not None
    assert connection.transport is not None
    connection.transport.abort()

    await ws.receive()
    await ws.close()
    await ended_except(before)
