"""Every block of code in the README and in the docs is run or read by a test."""

from __future__ import annotations

import asyncio
import re
import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import yaml

from aiodockercloud import BadRequest, DockerCloud
from aiodockercloud.server import Embedded, Server
from aiodockercloud.server.engines.embedded import Container
from tests.support import consoles, snippets
from tests.support.facts import IDLE, PATIENCE, ROOT
from tests.support.programs import environment

#: The page of the command: ``test_command_page`` runs its sessions on a terminal.
ON_A_TERMINAL = ROOT / "docs" / "command.rst"
#: Commands that have commands of their own.
GROUPS = {"account", "action", "context", "key", "node", "trigger"}
LANGUAGES = {"console", "python", "sh", "text", "yaml"}


def _named(page: Path) -> str:
    return page.relative_to(ROOT).with_suffix("").as_posix()


def _pages(language: str) -> list[Any]:
    return [
        pytest.param(page, id=_named(page))
        for page in snippets.PAGES
        if snippets.blocks(page, language)
    ]


@pytest.mark.parametrize(
    "page", [one for one in _pages("console") if ON_A_TERMINAL not in one.values]
)
async def test_commands_print_what_the_page_shows(
    live: DockerCloud, server: Server, tmp_path: Path, page: Path
) -> None:
    assert server.apikey is not None
    given = {
        "DOCKERCLOUD_REST_HOST": server.url,
        "DOCKERCLOUD_USER": server.user,
        "DOCKERCLOUD_APIKEY": server.apikey,
    }
    blocks = snippets.blocks(page, "console")
    if any("$TRIGGER" in block for block in blocks):
        service = await live.services.create(image=IDLE, name="web")
        trigger = await live.triggers.create(service, secret="s3cret")
        given |= {"TRIGGER": trigger["url"], "SECRET": "s3cret"}
    folder = tmp_path / "page"
    files = page.with_suffix("")
    if files.is_dir():
        shutil.copytree(files, folder)
    folder.mkdir(exist_ok=True)
    (folder / "examples").symlink_to(ROOT / "examples")
    variables = consoles.environment(tmp_path / "bin", given)

    await consoles.run(blocks, folder, variables)


@pytest.fixture
def engine() -> Embedded:
    """An engine with the images of the docs, which would otherwise idle."""
    engine = Embedded(nodes=3)

    @engine.image("acme/resize")
    async def resize(container: Container) -> int:
        container.print("resized")
        return 0

    return engine


@pytest.mark.parametrize(
    "fragment",
    [
        pytest.param(block, id=f"{_named(page)}-{number}")
        for page in snippets.PAGES
        for number, block in enumerate(snippets.fragments(page), 1)
    ],
)
async def test_fragment_of_python_runs(
    live: DockerCloud,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    fragment: str,
) -> None:
    monkeypatch.setenv("DOCKERCLOUD_REST_HOST", server.url)
    await live.services.run(image="dockercloud/hello-world", name="web")
    # A field of Docker's: the server reads the definition, and refuses the engine.
    refused = pytest.raises(BadRequest, match="the embedded engine has no Docker")

    async with asyncio.timeout(PATIENCE):
        with refused if " swarm={" in fragment else nullcontext():
            await snippets.run(fragment, live, server.url, server.user, server.apikey)


@pytest.mark.parametrize("page", _pages("yaml"))
def test_blocks_of_yaml_are_mappings(page: Path) -> None:
    for block in snippets.blocks(page, "yaml"):
        assert isinstance(yaml.safe_load(block), dict)


def _commands(page: Path) -> Iterator[str]:
    """Yield the commands of a page that only show how to start something."""
    for block in snippets.blocks(page, "sh"):
        yield from block.replace("\\\n", " ").splitlines()


@pytest.mark.parametrize("page", _pages("sh"))
async def test_options_of_shown_commands_exist(page: Path) -> None:
    for command in _commands(page):
        # What follows "--" is a command for a container.
        words = shlex.split(command.partition(" -- ")[0], comments=True)
        if "aiodockercloud" not in words[:1]:
            continue
        assert {word.partition("=")[0] for word in words if word.startswith("--")} <= (
            await _options(_command(words[1:]))
        ), command


def _command(words: list[str]) -> list[str]:
    """Return the words that name a command, without its arguments and options."""
    if not words or words[0].startswith("-"):
        return []
    return words[:2] if words[0] in GROUPS else words[:1]


async def _options(command: Iterable[str]) -> set[str]:
    """Return the options of a command, as its help lists them.

    Args:
        command: The words of the command, such as ``context`` and ``add``.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "aiodockercloud", *command, "--help"),
        stdout=asyncio.subprocess.PIPE,
        env=environment(),
    )
    async with asyncio.timeout(PATIENCE):
        output, _ = await process.communicate()
    assert process.returncode == 0
    return set(re.findall(r"--[a-z-]+", output.decode()))


@pytest.mark.parametrize(
    "page", [pytest.param(page, id=_named(page)) for page in snippets.PAGES]
)
def test_page_has_no_block_that_no_test_reads(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    languages = re.findall(r"^(?:```| *\.\. code-block:: )(\w+)", text, re.MULTILINE)

    assert set(languages) <= LANGUAGES
    if page.suffix == ".rst":
        assert re.findall(r"^(?! *\.\. ).*::$", text, re.MULTILINE) == []


def test_every_program_of_the_docs_is_run() -> None:
    shown = {
        name
        for page in snippets.PAGES
        for block in snippets.blocks(page, "console")
        for name in re.findall(r"python (\w+\.py)", block)
    }
    programs = [
        path
        for path in (ROOT / "docs").rglob("*.py")
        if not {"_build", "_ext"} & set(path.parts) and path.name != "conf.py"
    ]

    assert [
        _named(path)
        for path in programs
        if path.name not in shown
        and not path.name.startswith("test_")
        and not path.with_suffix(".txt").exists()
    ] == []
