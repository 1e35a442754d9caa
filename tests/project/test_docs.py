"""The examples of the README and of the docs run, and print what is printed there."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.support.programs import quiet
from tests.support.snippets import blocks

ROOT = Path(__file__).parents[2]


def readme_example() -> tuple[str, str]:
    """Return the first program of the README, and the output that follows."""
    readme = ROOT / "README.md"
    return blocks(readme)[0], blocks(readme, "text")[0]


def page_example(page: Path) -> tuple[str, str]:
    """Return the program of a page, and the output that the page shows."""
    return (
        page.with_suffix(".py").read_text(encoding="utf-8"),
        page.with_suffix(".txt").read_text(encoding="utf-8"),
    )


PAGES = [
    ROOT / "docs" / "index.rst",
    ROOT / "docs" / "quickstart.rst",
    *sorted((ROOT / "docs" / "api").glob("*.rst")),
    *sorted((ROOT / "docs" / "orchestration").glob("*.py")),
    ROOT / "docs" / "testing" / "faults.py",
    *sorted((ROOT / "docs" / "howto").glob("*.py")),
]


async def ended(process: asyncio.subprocess.Process) -> tuple[bytes, bytes]:
    """Return the standard output and the standard error of a process."""
    try:
        async with asyncio.timeout(120):
            return await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


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
    output, errors = await ended(process)

    assert quiet(errors.decode()) == ""
    assert output.decode() == printed
    assert process.returncode == 0


@pytest.mark.parametrize(
    "settings", [[], ["asyncio_mode=auto"]], ids=["default", "auto"]
)
@pytest.mark.parametrize(
    ("file", "number"),
    [
        pytest.param(file, file.read_text(encoding="utf-8").count("def test_"))
        for file in sorted((ROOT / "docs").rglob("test_*.py"))
    ],
)
async def test_example_of_a_test_file_passes(
    tmp_path: Path, settings: list[str], file: Path, number: int
) -> None:
    example = shutil.copy(file, tmp_path)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-X", "dev", "-m", "pytest", example),
        *("-p", "pytest_aiodockercloud", "-q", "-W", "error"),
        # pytest-asyncio advises to set the scope, which has no effect here.
        *("-W", "ignore:The configuration option"),
        *(option for setting in settings for option in ("-o", setting)),
        *("-p", "no:hypothesispytest", "-p", "no:cacheprovider"),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await ended(process)

    passed = re.search(r"^(\d+) passed in", output.decode(), re.MULTILINE)
    assert passed is not None, output.decode() + errors.decode()
    assert int(passed[1]) >= number
    assert process.returncode == 0
