"""The code blocks of the README and of the docs, as programs.

``python -m tests.support.snippets FOLDER`` writes each block to a file of its own, for
type checkers. A block that is no whole program becomes the body of a coroutine, with
the names that the text around the block introduces. ``run`` runs such a body.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

from aiodockercloud import DockerCloud
from aiodockercloud.types import ServiceFields
from tests.support.facts import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.rst"))]

#: Fenced blocks of Markdown, and blocks of reStructuredText with their indentation.
_MARKDOWN = r"^```{language}\n(?P<block>.*?)^```$"
_RST = (
    r"^(?P<indent> *)\.\. code-block:: {language}\n\n"
    r"(?P<block>(?:(?P=indent)   [^\n]*\n|\n)+)"
)

#: What the fragments use without introducing it.
_PREAMBLE = """\
# ruff: noqa
import asyncio
import logging
import ssl

import aiohttp
from rich.progress import Progress
from tqdm import tqdm

from aiodockercloud import *
from aiodockercloud import batch
from aiodockercloud.types import Service, ServiceFields

log = logging.getLogger()


async def snippet(
    cloud: DockerCloud,
    jobs: list[ServiceFields],
    service: Service,
    url: str,
    user: str,
    apikey: str,
) -> None:
"""
#: Jobs, for fragments that run some.
_JOBS: list[ServiceFields] = [
    {"image": "busybox", "run_command": ["echo", "done"]},
    {"image": "busybox", "run_command": ["false"]},
]


def blocks(page: Path, language: str = "python") -> list[str]:
    """Return the blocks of a page in a language, without their indentation."""
    pattern = _MARKDOWN if page.suffix == ".md" else _RST
    text = page.read_text(encoding="utf-8")
    found = re.finditer(
        pattern.format(language=language), text, re.DOTALL | re.MULTILINE
    )
    return [dedent(match["block"]).strip() + "\n" for match in found]


def programs() -> Iterator[tuple[str, str]]:
    """Yield the name and the text of a program for each block of Python."""
    for page in PAGES:
        for number, block in enumerate(blocks(page), 1):
            program = block if is_program(block) else _PREAMBLE + indent(block, "    ")
            yield f"{page.stem.lower()}_{number}.py", program


def is_program(block: str) -> bool:
    """Return whether a block of Python is a whole program."""
    return "asyncio.run(" in block


def is_test(block: str) -> bool:
    """Return whether a block of Python is a file of tests."""
    return "def test_" in block


def fragments(page: Path) -> list[str]:
    """Return the blocks of Python of a page that need the names of the page."""
    found = blocks(page)
    return [one for one in found if not is_program(one) and not is_test(one)]


async def run(fragment: str, cloud: DockerCloud, *login: str | None) -> None:
    """Run a fragment with a client of a server that has a running service ``web``.

    Args:
        fragment: The block, without its indentation.
        cloud: A client of the server.
        *login: The address, the user and the key, which the fragment may use.
    """
    names: dict[str, Any] = {}
    exec(compile(_PREAMBLE + indent(fragment, "    "), "<docs>", "exec"), names)
    await names["snippet"](cloud, _JOBS, await cloud.services.find("web"), *login)


def write(folder: Path) -> None:
    """Write all programs to a folder, and remove those of former runs."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.py"):
        old.unlink()
    for name, program in programs():
        (folder / name).write_text(program, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
