"""Programs that tests run: our examples, in Python's development mode."""

from __future__ import annotations

import os
import sys

from tests.support.facts import ROOT

#: Development mode, with warnings as errors.
PYTHON = [sys.executable, "-X", "dev", "-W", "error"]
QUICKSTART = [*PYTHON, str(ROOT / "examples" / "quickstart.py")]


def environment() -> dict[str, str]:
    """Without what could change the outcome; this tree, whatever is installed."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("DOCKERCLOUD_")}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}


def quiet(err: str) -> str:
    """Return *err* without the reports of development mode on slow steps."""
    lines = err.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("Executing <"))
