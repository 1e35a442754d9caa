"""The examples of the README and of the docs run, and print what is printed there."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def readme_example() -> tuple[str, str]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"```python\n(.*?)```\n\n```text\n(.*?)```", text, re.DOTALL)
    assert found, "README.md has no example followed by its output"
    return found[1], found[2]


def page_example(page: Path) -> tuple[str, str]:
    """The program of a page of the docs, and what the page says it prints."""
    return (
        page.with_suffix(".py").read_text(encoding="utf-8"),
        page.with_suffix(".txt").read_text(encoding="utf-8"),
    )


PAGES = [
    ROOT / "docs" / "quickstart.rst",
    *sorted((ROOT / "docs" / "api").glob("*.rst")),
]


@pytest.mark.parametrize(
    ("program", "printed"),
    [
        pytest.param(*readme_example(), id="README"),
        *(pytest.param(*page_example(page), id=page.stem) for page in PAGES),
    ],
)
async def test_example_as_printed_prints_its_output(program: str, printed: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-X", "dev", "-W", "error", "-c", program),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(30):
            output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()

    # On a busy machine asyncio's debug mode tells of steps that took long.
    complaints = [
        line
        for line in errors.decode().splitlines()
        if not line.startswith("Executing")
    ]
    assert complaints == []
    assert output.decode() == printed
    assert process.returncode == 0
