"""``python -m benchmarks [PART...]``: measure, print a table, write the page.

The page ``docs/performance.md`` is written when all parts have run.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import resource
from pathlib import Path

from .harness import Row
from .report import page, table

PARTS = ("client", "server", "streams", "growth", "start", "batch", "attack", "swarm")
PAGE = Path(__file__).parents[1] / "docs" / "performance.md"


async def measure(parts: list[str]) -> list[Row]:
    """Return the rows of some parts, and print each one when it is measured."""
    found = []
    for part in parts:
        module = importlib.import_module(f"benchmarks.{part}")
        async for row in module.rows():
            print(table([row]).splitlines()[-1], flush=True)
            found.append(row)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART")
    parts = parser.parse_args().parts or list(PARTS)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    rows = asyncio.run(measure(parts))
    print(f"\n{table(rows)}")
    if parts == list(PARTS):
        PAGE.write_text(page(rows))
        print(f"wrote {PAGE}")


if __name__ == "__main__":
    main()
