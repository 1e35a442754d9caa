"""The programs of the examples, run as their readers run them."""

from __future__ import annotations

import asyncio
import re
import runpy
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import IO

import pytest

from aiodockercloud import DockerCloud
from aiodockercloud.server import Embedded, Server
from aiodockercloud.server.engines.embedded import Container
from tests.support.batches import left
from tests.support.facts import PATIENCE, SHELL
from tests.support.flows import client_of, run
from tests.support.programs import environment, quiet

EXAMPLES = Path(__file__).parents[2] / "examples"
WEB = "dockercloud/hello-world"

#: Seconds after which a program counts as hanging; below the limit of one test.
LIMIT = 150.0

Handle = Callable[[DockerCloud, str], AsyncIterator[str]]


async def started(
    *command: str,
    server: Server | None = None,
    stdin: int | IO[str] = asyncio.subprocess.PIPE,
) -> asyncio.subprocess.Process:
    """Start an example, as a client of a server unless the example starts its own."""
    script, *arguments = command
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-X", "dev", "-W", "error", str(EXAMPLES / script)),
        *arguments,
        stdin=stdin,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment() | ({} if server is None else login(server)),
    )


def login(server: Server) -> dict[str, str]:
    """Return the variables that the examples expect."""
    return {
        "DOCKERCLOUD_REST_HOST": server.url,
        "DOCKERCLOUD_USER": server.user,
        "DOCKERCLOUD_APIKEY": str(server.apikey),
    }


async def ended(
    process: asyncio.subprocess.Process, given: str = "", *, code: int = 0
) -> tuple[list[str], str]:
    """Return the printed lines and the errors of a program that has ended."""
    try:
        async with asyncio.timeout(LIMIT):
            out, err = await process.communicate(
                given.encode() if process.stdin else None
            )
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == code, err.decode()
    return out.decode().splitlines(), quiet(err.decode())


async def lines(process: asyncio.subprocess.Process, *wanted: str) -> list[str]:
    """Read lines until each wanted text has occurred."""
    assert process.stdout is not None
    found: list[str] = []
    async with asyncio.timeout(LIMIT):
        while not all(any(text in line for line in found) for text in wanted):
            line = await process.stdout.readline()
            assert line, f"the program ended after {found[-5:]}"
            found.append(line.decode().rstrip("\n"))
    return found


async def interrupted(process: asyncio.subprocess.Process) -> None:
    """Press Ctrl-C; the program ends cleanly."""
    process.send_signal(signal.SIGINT)
    assert (await ended(process))[1] == ""


def test_readme_lists_the_examples() -> None:
    readme = (EXAMPLES.parent / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^- \[(\w+\.py)\]\(\S*/examples/\1\)", readme, re.MULTILINE)

    assert sorted(listed) == sorted(path.name for path in EXAMPLES.glob("*.py"))


@pytest.mark.parametrize(
    "path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name
)
def test_example_needs_public_names_only(path: Path) -> None:
    source = path.read_text(encoding="utf-8")

    assert re.findall(r"\._(?!_)\w+|getattr\(.*|import _\w+", source) == []


# --- the chat bot ---------------------------------------------------------------------


@pytest.fixture
def handle() -> Handle:
    found: Handle = runpy.run_path(str(EXAMPLES / "chatbot.py"))["handle"]
    return found


async def answers(handle: Handle, cloud: DockerCloud, text: str) -> Sequence[str]:
    async with asyncio.timeout(PATIENCE):
        return [answer async for answer in handle(cloud, text)]


CONVERSATION = """\
deploy web dockercloud/hello-world 2
status
scale web 3
run web hostname
logs wbe
launch web
scale web many
run web sh -c "exit 3"
stop web
scale web 4 now
remove web
"oops
status
"""


async def test_chatbot_holds_a_conversation(server: Server) -> None:
    process = await started("chatbot.py", server=server)
    printed, errors = await ended(process, CONVERSATION + "\n")

    assert errors == ""
    assert printed[:-1] == [
        "deploying web…",
        "web is Running, 2 of 2 running",
        "web is Running, 2 of 2 running",
        "web is Running, 3 of 3 running",
        "web-1",
        "Which one? there is no service 'wbe'",
        "I do not know how to launch. Try: help",
        "That did not work: 'many' is not a number",
        "(no output)",
        "exit code 3",
        "web is Stopped, 0 of 3 running",
        "I did not get that: too many positional arguments. Try: help",
        "web is removed",
        "I did not get that: No closing quotation. Try: help",
        "there are no services",
    ]
    assert printed[-1].startswith("I know: deploy NAME IMAGE [COUNT], scale NAME ")


async def test_chatbot_answers_what_is_in_a_file(
    server: Server, tmp_path: Path
) -> None:
    file = tmp_path / "commands"
    file.write_text("status\nhelp\n", encoding="utf-8")
    with file.open(encoding="utf-8") as commands:
        process = await started("chatbot.py", server=server, stdin=commands)
        printed, _ = await ended(process)

    assert printed[0] == "there are no services"
    assert printed[1].startswith("I know: ")


async def test_chatbot_shows_the_last_lines_of_a_log(
    live: DockerCloud, handle: Handle
) -> None:
    await answers(handle, live, "deploy web acme/site")
    [line] = await answers(handle, live, "logs web 1")

    assert line.startswith("web-1 | simulated: acme/site:latest is not an image")


async def test_chatbot_handles_many_messages_at_the_same_time(
    live: DockerCloud, handle: Handle
) -> None:
    found = await asyncio.gather(
        *(answers(handle, live, f"deploy web{n} acme/site 2") for n in range(20))
    )

    assert list(found) == [
        [f"deploying web{n}…", f"web{n} is Running, 2 of 2 running"] for n in range(20)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("deploy web acme/site 0x10", "That did not work: '0x10' is not a number"),
        ("deploy taken acme/site", "That did not work: name: there is a service"),
        ("deploy web acme/site?", "That did not work: image: "),
        ("deploy web", "I did not get that: missing a required argument: 'image'"),
        ("run idle ls", "That did not work: idle has no container"),
        ("stop idle", "That did not work: stop: the service idle is Not running"),
        ("stop missing", "Which one? there is no service 'missing'"),
    ],
)
async def test_chatbot_explains_a_mistake(
    live: DockerCloud, handle: Handle, text: str, expected: str
) -> None:
    for name in ("taken", "idle"):
        await live.services.create(name=name, image="acme/site")

    *_, answer = await answers(handle, live, text)

    assert answer.startswith(expected)


async def test_chatbot_explains_that_the_server_does_not_answer(
    server: Server, handle: Handle
) -> None:
    server.faults.cut()
    async with client_of(server) as cloud:
        [answer] = await answers(handle, cloud, "status")

    assert answer.startswith("That did not work: ")


# --- the batch ------------------------------------------------------------------------


async def test_batch_writes_all_reports_but_one(server: Server) -> None:
    process = await started("batch.py", "--limit", "20", server=server)
    printed, errors = await ended(process, code=1)

    assert errors == ""
    progress, summary = printed[:100], printed[100:]
    assert [line.split()[0] for line in progress] == [
        f"{number}/100" for number in range(1, 101)
    ]
    assert sum(line.endswith("FAILED") for line in progress) == 1
    assert summary == [
        "report-013 failed 2 times: exit codes [1]",
        "reading the sales of shop-013",
        "no sales of shop-013",
        "99 of 100 reports are done",
    ]
    assert left(server) == []


async def test_batch_interrupted_leaves_no_service(server: Server) -> None:
    process = await started("batch.py", "--limit", "2", server=server)
    await lines(process, "1/100 done")
    process.send_signal(signal.SIGINT)
    _, errors = await ended(process, code=1)

    assert errors == "interrupted; no service is left\n"
    assert left(server) == []


# --- the tail -------------------------------------------------------------------------


async def test_tail_follows_several_services(server: Server, live: DockerCloud) -> None:
    for name in ("web", "worker", "other"):
        command = f"sh -c 'echo {name} begins; sleep 1000'"
        await run(live, image=SHELL, name=name, run_command=command)

    process = await started("tail.py", "web", "worker", server=server)
    await lines(process, "web-1 | web begins", "worker-1 | worker begins")
    await live.actions.wait(
        await live.services.scale(await live.services.find("web"), 2)
    )
    printed = await lines(process, "web-2 | web begins")
    await interrupted(process)

    assert not any("other" in line for line in printed)


async def test_tail_without_names_shows_all_services(
    server: Server, live: DockerCloud
) -> None:
    for name in ("web", "worker"):
        command = f"sh -c 'echo {name} begins; sleep 1000'"
        await run(live, image=SHELL, name=name, run_command=command)

    process = await started("tail.py", "--no-follow", server=server)
    printed, errors = await ended(process)

    assert errors == ""
    assert sorted(line.strip() for line in printed) == [
        "web-1 | web begins",
        "worker-1 | worker begins",
    ]


# --- the autoscaler -------------------------------------------------------------------


async def test_autoscaler_follows_the_load(server: Server, live: DockerCloud) -> None:
    web = await run(live, image=WEB, name="web")
    await run(live, image=WEB, name="worker")

    process = await started("autoscaler.py", "web", "worker", server=server)
    for containers, workers in [(4, 2), (6, 3), (1, 1)]:
        await live.actions.wait(await live.services.scale(web, containers))
        await lines(process, f"worker: {workers} containers")
        server.faults.cut_streams()  # a lost connection loses no change
    await interrupted(process)


# --- the blue-green deployment --------------------------------------------------------


async def test_bluegreen_replaces_the_version_and_keeps_it_when_the_next_fails(
    server: Server, live: DockerCloud, engine: Embedded
) -> None:
    @engine.image("acme/broken")
    async def broken(container: Container) -> int:
        container.error("no database")
        return 3

    async def colours() -> tuple[list[str], list[str]]:
        balancer = await live.services.find("balancer")
        services = await live.services.list(terminated=False)
        links = [link["name"] for link in balancer["linked_to_service"]]
        return links, sorted(service["name"] for service in services)

    printed, _ = await ended(await started("bluegreen.py", WEB, server=server))
    assert printed[-1] == f"the balancer uses web-blue, {WEB}"
    assert await colours() == (["blue"], ["balancer", "web-blue"])

    printed, _ = await ended(await started("bluegreen.py", WEB, server=server))
    assert [line.split()[0] for line in printed[:2]] == ["web-green-1", "web-green-2"]
    assert printed[2:] == [f"the balancer uses web-green, {WEB}", "web-blue is removed"]
    assert await colours() == (["green"], ["balancer", "web-green"])

    process = await started("bluegreen.py", "acme/broken", server=server)
    printed, errors = await ended(process, code=1)
    assert printed == []
    assert errors.startswith("the new version is not used: ")
    assert "no database" in errors
    assert await colours() == (["green"], ["balancer", "web-green"])


# --- the load balancer ----------------------------------------------------------------


async def test_load_balancer_serves_two_containers_that_keep_their_files() -> None:
    printed, errors = await ended(await started("loadbalancer.py"))

    assert errors == ""
    assert printed == [
        "web-1: request 1",
        "web-2: request 1",
        "web-1: request 2",
        "web-2: request 2",
        "redeploying web; its volumes stay",
        "web-1: request 3",
        "web-2: request 3",
    ]
