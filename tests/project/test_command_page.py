"""The page "The command": its screens, and the table of the old command line."""

from __future__ import annotations

import asyncio
import csv
import os
import pty
import re
import sys
from pathlib import Path

import pytest

from aiodockercloud.__main__ import main
from aiodockercloud.server import Embedded, Server
from tests.support import legacy
from tests.support.facts import PATIENCE, ROOT
from tests.support.servers import server, settings
from tests.support.snippets import blocks

__all__ = ["server", "settings"]

PAGE = ROOT / "docs" / "command.rst"
VERBS = ROOT / "docs" / "command_verbs.csv"

#: A prompt, then what the command prints.
SCREEN = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)


def pattern(printed: str) -> str:
    """Return the pattern of a text in which an ellipsis stands for a part of a line.

    The blanks after an ellipsis keep the columns of the page.
    """
    return re.escape(re.sub("… *", "…", printed)).replace("…", "[^\n]*")


class Shell:
    """A shell on a terminal without colours, one command after the other."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self._environment = environment
        self._folder = folder

    async def printed(self, command: str) -> str:
        """Return what a terminal shows after a command."""
        ours, theirs = pty.openpty()
        process = await asyncio.create_subprocess_exec(
            *("bash", "-c", command),
            cwd=self._folder,
            env=self._environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        try:
            async with asyncio.timeout(PATIENCE):
                text = await asyncio.to_thread(_all, ours)
                await process.wait()
        finally:
            os.close(ours)
        return text.replace("\r", "")


def _all(number: int) -> str:
    """Return all that a terminal shows until its last program has ended."""
    found = b""
    try:
        while data := os.read(number, 65536):
            found += data
    except OSError:  # Linux reports the end so
        pass
    return found.decode()


@pytest.fixture
def engine() -> Embedded:
    """The engine of a server as the page shows one, with one node."""
    return Embedded()


@pytest.fixture
def shell(server: Server, tmp_path: Path) -> Shell:
    """A shell in the folder ``shop``, with the stack files of the page."""
    assert server.apikey is not None
    folder = tmp_path / "shop"
    (folder / "bad").mkdir(parents=True)
    shop, bad = blocks(PAGE, "yaml")
    (folder / "docker-cloud.yml").write_text(shop)
    (folder / "bad" / "docker-cloud.yml").write_text(bad)
    command = tmp_path / "aiodockercloud"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m aiodockercloud "$@"\n')
    command.chmod(0o755)
    (tmp_path / "python").symlink_to(sys.executable)
    environment = {
        **os.environ,
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "DOCKERCLOUD_REST_HOST": server.url,
        "DOCKERCLOUD_USER": server.user,
        "DOCKERCLOUD_APIKEY": server.apikey,
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "TERM": "dumb",
    }
    return Shell(environment, folder)


@pytest.mark.timeout(300)
async def test_screens_are_those_of_the_page(shell: Shell) -> None:
    screens = [
        screen for block in blocks(PAGE, "console") for screen in SCREEN.findall(block)
    ]

    for command, shown in screens:
        found = await shell.printed(command)
        assert re.fullmatch(pattern(shown), found), f"$ {command}\n{found}"

    assert len(screens) > 20


# --- the old command line -----------------------------------------------------------


def table() -> dict[str, tuple[str, str]]:
    """Return counterpart and note of each verb of the old command line."""
    with VERBS.open(encoding="utf-8", newline="") as file:
        return {
            old.strip("`"): (new.strip("`"), note)
            for old, new, note in csv.reader(file)
        }


async def test_table_has_each_verb_of_the_old_command_line(
    server: Server, tmp_path: Path
) -> None:
    environment = legacy.environment(server, tmp_path)

    lines = await legacy.run("cli_verbs.py", env=environment, seconds=PATIENCE)

    assert sorted(table()) == [line.removeprefix("ok ") for line in lines]


def test_each_verb_has_a_counterpart_or_a_reason() -> None:
    assert [old for old, (new, note) in table().items() if not new and not note] == []


@pytest.mark.parametrize("command", sorted({new for new, _ in table().values() if new}))
def test_counterpart_exists(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "--help"]) == 0

    words = [word for word in command.split() if not word.startswith("-")]
    out = capsys.readouterr().out
    assert out.startswith(f"Usage: aiodockercloud {' '.join(words)} ")
    assert all(word in out for word in command.split())
