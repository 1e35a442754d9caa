"""The console blocks of the docs: their commands print what the page shows.

A line with a prompt, ``$``, is a command; the lines below are its output. An ellipsis
stands for any text of a line, and on a line of its own for any lines. Commands of one
block share a shell, and the blocks of a page share a folder and a server.
``aiodockercloud serve`` starts that server, on a free port, unless the page shows its
failure (``|| true``); on a page without the command, the server runs already. Where a
page sets the address or the credentials, the runner sets those of the server.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.support.facts import PATIENCE, ROOT

_SERVE = "$ aiodockercloud serve"
_LOGIN = re.compile(r"export DOCKERCLOUD_(REST_HOST|USER|APIKEY)=")
_ADDRESS = re.compile(r"(?<=ready on )http\S+")
_KEY = re.compile(r"(?<=printed only now: )\w+")


def pattern(printed: list[str]) -> str:
    """Return the pattern of a text with ellipses."""
    return "\n".join(
        ".+(?:\n.*)*" if line == "…" else re.escape(line).replace("…", ".+")
        for line in printed
    )


def split(block: str) -> tuple[str, list[str]]:
    """Return the commands of a block as a script, and the lines that it prints."""
    commands: list[str] = []
    printed: list[str] = []
    goes_on = False
    for line in block.splitlines():
        if line.startswith("$ "):
            if not _LOGIN.match(line[2:]):
                commands.append(line[2:])
            goes_on = line.endswith("\\")
        elif goes_on:
            commands.append(line.removeprefix("> "))
            goes_on = line.endswith("\\")
        else:
            printed.append(line)
    return "\n".join(commands) + "\n", printed


def programs(folder: Path) -> Path:
    """Make a folder with ``aiodockercloud`` and ``python``: this tree, this Python."""
    folder.mkdir(exist_ok=True)
    for name, arguments in [("aiodockercloud", "-m aiodockercloud"), ("python", "")]:
        command = folder / name
        command.write_text(f'#!/bin/sh\nexec {sys.executable} {arguments} "$@"\n')
        command.chmod(0o755)
    return folder


def environment(folder: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a page's commands, without that of the developer."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("DOCKERCLOUD_")}
    return {
        **kept,
        "PATH": f"{programs(folder)}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PYTHONIOENCODING": "utf-8",
        **variables,
    }


async def run(
    blocks: Iterable[str], folder: Path, variables: Mapping[str, str]
) -> None:
    """Run the blocks of a page, one after the other.

    Args:
        blocks: The blocks, in the order of the page.
        folder: The folder in which the commands run.
        variables: The environment, with the server of a page that starts none.
    """
    known = dict(variables)
    servers: list[asyncio.subprocess.Process] = []
    try:
        for block in blocks:
            if block.startswith(_SERVE) and "||" not in block:
                servers.append(await _serve(block, folder, known))
            else:
                await _check(block, folder, known)
    finally:
        for server in servers:
            server.terminate()
            await server.wait()


async def _serve(
    block: str, folder: Path, known: dict[str, str]
) -> asyncio.subprocess.Process:
    """Start the server of a page, and compare what the server prints."""
    command, printed = split(block)
    for name in ("REST_HOST", "USER", "APIKEY"):
        known.pop(f"DOCKERCLOUD_{name}", None)
    server = await _started(f"exec {command.strip()} --port 0", folder, known)
    assert server.stdout is not None
    lines: list[str] = []
    async with asyncio.timeout(PATIENCE):
        while len(lines) < len(printed) or not any(map(_ADDRESS.search, lines)):
            line = (await server.stdout.readline()).decode()
            assert line, f"{command}{lines}"
            lines.append(line.rstrip())
    output = "\n".join(lines)
    known["DOCKERCLOUD_REST_HOST"] = _found(_ADDRESS, output)
    known["DOCKERCLOUD_USER"] = "admin"
    known["DOCKERCLOUD_APIKEY"] = _found(_KEY, output)
    shown = "\n".join(printed)
    shown = shown.replace(_found(_ADDRESS, shown), known["DOCKERCLOUD_REST_HOST"])
    assert re.fullmatch(pattern(shown.splitlines()), output), output
    return server


def _found(expression: re.Pattern[str], text: str) -> str:
    match = expression.search(text)
    assert match is not None, text
    return match[0]


async def _check(block: str, folder: Path, known: Mapping[str, str]) -> None:
    """Run the commands of a block, and compare what they print."""
    script, printed = split(block)
    process = await _started(script, folder, known)
    try:
        async with asyncio.timeout(PATIENCE):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()

    found = output.decode().replace("\r", "").strip()
    assert process.returncode == 0, f"{script}{found}"
    shown = "\n".join(printed).strip().splitlines()
    assert re.fullmatch(pattern(shown), found), f"{script}{found}"


async def _started(
    script: str, folder: Path, variables: Mapping[str, str]
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *("bash", "-eu", "-o", "pipefail", "-c", script),
        cwd=folder,
        env=variables,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        # As on a terminal.
        stderr=asyncio.subprocess.STDOUT,
    )
