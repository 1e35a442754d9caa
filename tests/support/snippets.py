"""The code blocks of the README and of the docs, as programs.

``python -m tests.support.snippets FOLDER`` writes each block to a file of its own, for
type checkers. A block that is no whole program becomes the body of a coroutine, with
the names that the text around the block introduces.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent, indent

from tests.support.facts import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.rst"))]

#: Fenced blocks of Markdown, and blocks of reStructuredText with their indentation.
_MARKDOWN = r"^```{language}\n(.*?)^```$"
_RST = r"^\.\. code-block:: {language}\n\n((?:   [^\n]*\n|\n)+)"

#: What the fragments use without introducing it.
_PREAMBLE = """\
# ruff: noqa
import logging

from rich.progress import Progress
from tqdm import tqdm

from aiodockercloud import ApiError, DockerCloud, batch
from aiodockercloud.types import ServiceFields

log = logging.getLogger()


async def snippet(cloud: DockerCloud, jobs: list[ServiceFields]) -> None:
"""


def blocks(page: Path, language: str = "python") -> list[str]:
    """Return the blocks of a page in a language, without their indentation."""
    pattern = _MARKDOWN if page.suffix == ".md" else _RST
    text = page.read_text(encoding="utf-8")
    found = re.findall(
        pattern.format(language=language), text, re.DOTALL | re.MULTILINE
    )
    return [dedent(block).strip() + "\n" for block in found]


def programs() -> Iterator[tuple[str, str]]:
    """Yield the name and the text of a program for each block of Python."""
    for page in PAGES:
        for number, block in enumerate(blocks(page), 1):
            whole = "asyncio.run(" in block
            program = block if whole else _PREAMBLE + indent(block, "    ")
            yield f"{page.stem.lower()}_{number}.py", program


def write(folder: Path) -> None:
    """Write all programs to a folder, and remove those of former runs."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.py"):
        old.unlink()
    for name, program in programs():
        (folder / name).write_text(program, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
