"""The command as a program: signals, pipes and terminals."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import signal
import sys
import termios
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from aiodockercloud import DockerCloud
from aiodockercloud.server import Server
from tests.support.facts import PATIENCE, SHELL
from tests.support.programs import PYTHON, environment, quiet
from tests.support.servers import engine, live, server, settings, timings

__all__ = ["engine", "live", "server", "settings", "timings"]

TALK = 'sh -c "echo one; sleep 1000"'


def variables(server: Server, folder: Path) -> dict[str, str]:
    assert server.apikey is not None
    return environment() | {
        "DOCKERCLOUD_REST_HOST": server.url,
        "DOCKERCLOUD_USER": server.user,
        "DOCKERCLOUD_APIKEY": server.apikey,
        "XDG_CONFIG_HOME": str(folder),
        "TERM": "xterm",
    }


async def started(server: Server, folder: Path, *arguments: str) -> Process:
    return await asyncio.create_subprocess_exec(
        *(*PYTHON, "-m", "aiodockercloud", *arguments),
        env=variables(server, folder),
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
    )


async def ended(process: Process, number: int) -> tuple[int | None, str]:
    """Send a signal, and return the status and what standard error has."""
    process.send_signal(number)
    async with asyncio.timeout(PATIENCE):
        _, err = await process.communicate()
    return process.returncode, quiet(err.decode())


async def line_of(process: Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        return (await process.stdout.readline()).decode()


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
)
async def test_signal_ends_a_followed_log_silently(
    live: DockerCloud, server: Server, tmp_path: Path, number: int, status: int
) -> None:
    await live.services.run(image=SHELL, name="talker", run_command=TALK)
    process = await started(server, tmp_path, "logs", "-f", "talker")
    assert await line_of(process) == "talker-1 | one\n"

    assert await ended(process, number) == (status, "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_signal_removes_the_service_of_run(
    live: DockerCloud, server: Server, tmp_path: Path, number: int
) -> None:
    command = ("sh", "-c", "echo one; sleep 1000")
    process = await started(server, tmp_path, "run", SHELL, "--", *command)
    assert await line_of(process) == "one\n"
    [service] = await live.services.list(terminated=False)

    status, err = await ended(process, number)

    assert (status, err) == (128 + number, "")
    assert (await live.services.inspect(service))["state"] == "Terminated"


async def test_interrupt_removes_the_services_of_a_batch(
    live: DockerCloud, server: Server, tmp_path: Path
) -> None:
    (tmp_path / "jobs").write_text(
        '{"image": "busybox", "run_command": "echo one"}\n'
        '{"image": "busybox", "run_command": "sleep 1000"}\n'
    )
    process = await started(server, tmp_path, "batch", "jobs", "--limit", "2")
    assert '"number": 1' in await line_of(process)

    assert await ended(process, signal.SIGINT) == (130, "")
    assert await live.services.list(terminated=False) == []


async def test_interrupt_ends_events_that_are_printed_at_once(
    live: DockerCloud, server: Server, tmp_path: Path
) -> None:
    process = await started(server, tmp_path, "events", "--type", "service")
    created = asyncio.create_task(_create_until_cancelled(live))
    try:
        assert '"type": "service"' in await line_of(process)
    finally:
        created.cancel()

    assert await ended(process, signal.SIGINT) == (130, "")


async def _create_until_cancelled(live: DockerCloud) -> None:
    """The program subscribes at a moment that only its first event shows."""
    while True:
        await live.services.create(image=SHELL)


async def test_reader_that_leaves_ends_the_command_silently(
    live: DockerCloud, server: Server, tmp_path: Path
) -> None:
    await live.services.run(image=SHELL, name="talker", run_command=TALK)
    receiving, sending = os.pipe()
    os.close(receiving)
    process = await asyncio.create_subprocess_exec(
        *(*PYTHON, "-m", "aiodockercloud", "logs", "talker"),
        env=variables(server, tmp_path),
        stdout=sending,
        stderr=PIPE,
    )
    os.close(sending)
    async with asyncio.timeout(PATIENCE):
        _, err = await process.communicate()

    assert (process.returncode, quiet(err.decode())) == (141, "")


# --- terminals ------------------------------------------------------------------------


class Terminal:
    """A terminal in which one command runs."""

    def __init__(self, number: int, process: Process) -> None:
        self._number = number
        self.process = process
        self.screen = ""
        self._grown = asyncio.Event()
        asyncio.get_running_loop().add_reader(number, self._read)

    def _read(self) -> None:
        try:
            self.screen += os.read(self._number, 65536).decode(errors="replace")
        except OSError:  # the program has ended
            self.close()
        self._grown.set()

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._number)

    def type(self, keys: str) -> None:
        os.write(self._number, keys.encode())

    async def shows(self, fact: Callable[[str], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not fact(self.screen):
                self._grown.clear()
                await self._grown.wait()


@asynccontextmanager
async def terminal(
    server: Server, folder: Path, *arguments: str
) -> AsyncIterator[Terminal]:
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "aiodockercloud", *arguments),
        env=variables(server, folder) | {"COLUMNS": "120", "LINES": "30"},
        cwd=folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        preexec_fn=_own_terminal,
    )
    os.close(theirs)
    found = Terminal(ours, process)
    try:
        yield found
        async with asyncio.timeout(PATIENCE):
            await process.wait()
    finally:
        found.close()
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(ours)


def _own_terminal() -> None:
    """Make standard input the terminal of the process, as a shell does."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


async def test_ps_on_a_terminal_is_a_coloured_table(
    live: DockerCloud, server: Server, tmp_path: Path
) -> None:
    await live.services.run(image=SHELL, name="talker", run_command=TALK)

    async with terminal(server, tmp_path, "ps") as found:
        await found.shows(lambda screen: "talker" in screen and "\n" in screen)

    assert "NAME" in found.screen
    assert "\x1b[32mRunning" in found.screen
    assert found.process.returncode == 0


async def test_up_on_a_terminal_shows_the_services_meanwhile(
    live: DockerCloud, server: Server, tmp_path: Path
) -> None:
    folder = tmp_path / "my shop"  # a stack's name has no blank
    folder.mkdir()
    (folder / "docker-cloud.yml").write_text(
        f"talker: {{image: {SHELL}, command: sleep 9}}"
    )

    async with terminal(server, folder, "up") as found:
        await found.shows(lambda screen: "Running" in screen)

    assert found.process.returncode == 0
    assert [one["name"] for one in await live.stacks.list()] == ["my-shop"]


async def test_top_on_a_terminal_follows_the_changes_until_ctrl_c(
    live: DockerCloud, server: Server, tmp_path: Path
) -> None:
    async with terminal(server, tmp_path, "top") as found:
        await found.shows(lambda screen: "0 services" in screen)
        service = await live.services.run(image=SHELL, name="talker", run_command=TALK)
        await found.shows(lambda screen: "Running" in screen)
        await live.services.delete(service)
        await found.shows(
            lambda screen: screen.rfind("0 services") > screen.rfind("Running")
        )
        found.type("\x03")

    assert found.process.returncode == 130
    assert "Traceback" not in found.screen


async def test_exec_on_a_terminal_passes_lines_on_until_ctrl_d(
    live: DockerCloud, server: Server, tmp_path: Path
) -> None:
    await live.services.run(image=SHELL, name="talker", run_command=TALK)

    async with terminal(server, tmp_path, "exec", "talker", "--", "cat") as found:
        found.type("typed\n")
        # The terminal shows what is typed, and then what cat prints.
        await found.shows(lambda screen: screen.count("typed") == 2)
        found.type("\x04")

    assert found.process.returncode == 0


async def test_exec_on_a_terminal_ends_with_ctrl_c(
    live: DockerCloud, server: Server, tmp_path: Path
) -> None:
    await live.services.run(image=SHELL, name="talker", run_command=TALK)

    async with terminal(server, tmp_path, "exec", "talker", "--", "cat") as found:
        found.type("typed\n")
        await found.shows(lambda screen: screen.count("typed") == 2)
        found.type("\x03")

    assert found.process.returncode == 130
    assert "Traceback" not in found.screen


async def test_key_of_a_context_is_asked_for_without_an_echo(
    server: Server, tmp_path: Path
) -> None:
    arguments = ("context", "add", "home", server.url, "--user", "admin")
    without_key = replace(server, apikey="")

    async with terminal(without_key, tmp_path, *arguments) as found:
        await found.shows(lambda screen: "API key of admin" in screen)
        found.type("s3cret\n")

    assert found.process.returncode == 0
    assert "s3cret" not in found.screen
