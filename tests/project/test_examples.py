"""The programs of the examples, run as their readers run them."""

from __future__ import annotations

import asyncio
import runpy
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import IO

import pytest

from aiodockercloud import DockerCloud
from aiodockercloud.server import Server
from tests.support.facts import PATIENCE
from tests.support.flows import client_of
from tests.support.programs import environment, quiet

EXAMPLES = Path(__file__).parents[2] / "examples"

#: Seconds after which a run counts as hanging; a single run takes less than two.
LIMIT = 60.0

Handle = Callable[[DockerCloud, str], AsyncIterator[str]]


async def started(
    *command: str, stdin: int | IO[str] = asyncio.subprocess.PIPE
) -> asyncio.subprocess.Process:
    script, *arguments = command
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-X", "dev", "-W", "error", str(EXAMPLES / script)),
        *arguments,
        stdin=stdin,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(),
    )


async def ended(process: asyncio.subprocess.Process, given: str = "") -> list[str]:
    """Return the printed lines of a program that ended with status 0 and no error."""
    try:
        async with asyncio.timeout(LIMIT):
            out, err = await process.communicate(
                given.encode() if process.stdin else None
            )
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert quiet(err.decode()) == ""
    assert process.returncode == 0
    return out.decode().splitlines()


# --- the chat bot ---------------------------------------------------------------------


@pytest.fixture
def handle() -> Handle:
    found: Handle = runpy.run_path(str(EXAMPLES / "chatbot.py"))["handle"]
    return found


async def answers(handle: Handle, cloud: DockerCloud, text: str) -> Sequence[str]:
    async with asyncio.timeout(PATIENCE):
        return [answer async for answer in handle(cloud, text)]


async def test_chatbot_holds_its_conversation() -> None:
    said = await ended(await started("chatbot.py"))

    assert said[0] == "> help"
    assert said[1].startswith("I know: deploy NAME IMAGE [COUNT], scale NAME COUNT, ")
    assert said[2:] == [
        "> deploy web dockercloud/hello-world 2",
        "deploying web…",
        "web is Running, 2 of 2 running",
        "> status",
        "web is Running, 2 of 2 running",
        "> scale web 3",
        "web is Running, 3 of 3 running",
        "> run web hostname",
        "web-1",
        "> logs wbe",
        "Which one? there is no service 'wbe'",
        "> launch web",
        "I do not know how to launch. Try: help",
        "> scale web many",
        "That did not work: 'many' is not a number",
        "> stop web",
        "web is Stopped, 0 of 3 running",
        "> scale web 4 now",
        "I did not get that: too many positional arguments. Try: help",
        "> remove web",
        "web is gone",
        "> status",
        "nothing is there",
    ]


async def test_chatbot_answers_what_is_typed() -> None:
    typed = 'deploy web acme/site\nlogs web 1\nrun web sh -c "exit 3"\n"oops\n\n'
    said = await ended(await started("chatbot.py", "--stdin"), typed)

    *first, note, silence, code, quoting, helped = said
    assert first == ["deploying web…", "web is Running, 1 of 1 running"]
    assert note.startswith("web-1 | simulated: acme/site:latest is not an image")
    assert (silence, code) == ("(it said nothing)", "exit code 3")
    assert quoting == "I did not get that: No closing quotation. Try: help"
    assert helped.startswith("I know: ")


async def test_chatbot_answers_what_is_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "commands"
    file.write_text("status\nhelp\n", encoding="utf-8")
    with file.open(encoding="utf-8") as commands:
        said = await ended(await started("chatbot.py", "--stdin", stdin=commands))

    assert said[0] == "nothing is there"
    assert said[1].startswith("I know: ")


async def test_chatbot_handles_many_messages_at_the_same_time(
    live: DockerCloud, handle: Handle
) -> None:
    said = await asyncio.gather(
        *(answers(handle, live, f"deploy web{n} acme/site 2") for n in range(20))
    )

    assert list(said) == [
        [f"deploying web{n}…", f"web{n} is Running, 2 of 2 running"] for n in range(20)
    ]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("deploy web acme/site 0x10", "That did not work: '0x10' is not a number"),
        ("deploy taken acme/site", "That did not work: name: there is a service"),
        ("deploy web acme/site?", "That did not work: image: "),
        ("deploy web", "I did not get that: missing a required argument: 'image'"),
        ("run idle ls", "That did not work: idle has no container"),
        ("stop idle", "That did not work: stop: the service idle is Not running"),
        ("stop nobody", "Which one? there is no service 'nobody'"),
    ],
)
async def test_chatbot_says_in_words_what_went_wrong(
    live: DockerCloud, handle: Handle, text: str, answer: str
) -> None:
    for name in ("taken", "idle"):
        await live.services.create(name=name, image="acme/site")

    [said] = await answers(handle, live, text)

    assert said.startswith(answer)


async def test_chatbot_says_in_words_that_the_server_is_gone(
    server: Server, handle: Handle
) -> None:
    server.faults.cut()
    async with client_of(server) as cloud:
        [said] = await answers(handle, cloud, "status")

    assert said.startswith("That did not work: ")


# --- the batch ------------------------------------------------------------------------


async def test_batch_makes_all_thumbnails_but_one() -> None:
    said = await ended(await started("batch.py", "--limit", "3"))

    *shown, why, out, err, summary = said
    numbers, pictures, outcomes = zip(*(line.split() for line in shown), strict=True)
    assert numbers == tuple(f"{number}/12" for number in range(1, 13))
    failed = {p for p, outcome in zip(pictures, outcomes, strict=True)
              if outcome == "FAILED"}  # fmt: skip
    assert len(set(pictures)) == 12
    assert failed == {"notes.txt"}
    assert why == "notes.txt: [1]"
    assert out == "    stdout: reading notes.txt"
    assert err == "    stderr: notes.txt is not a picture"
    assert summary == "11 of 12 are done; services left: 0"


async def test_batch_interrupted_ends_cleanly() -> None:
    process = await started("batch.py", "--limit", "2")
    assert process.stdout is not None
    async with asyncio.timeout(LIMIT):
        assert (await process.stdout.readline()).startswith(b"  1/12 holiday-")
    process.send_signal(signal.SIGINT)
    said = await ended(process)

    assert said[-1] == "interrupted; everything is down"
    assert len(said) < 12


# --- the load balancer ----------------------------------------------------------------


async def test_load_balancer_serves_two_containers_that_keep_their_files() -> None:
    lines = await ended(await started("loadbalancer.py"))

    assert lines == [
        "web-1: request 1",
        "web-2: request 1",
        "web-1: request 2",
        "web-2: request 2",
        "redeploying web; its volumes stay",
        "web-1: request 3",
        "web-2: request 3",
    ]
