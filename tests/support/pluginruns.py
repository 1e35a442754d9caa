"""Separate pytest runs with the pytest plugin, and the fixture that they need."""

from __future__ import annotations

import pytest

from tests.support.facts import ROOT

__all__ = ["importable", "run"]


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the plugin importable where the project is not installed."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def run(
    pytester: pytest.Pytester, *options: str, mode: str = "auto"
) -> pytest.RunResult:
    """Run pytest as users do, with warnings as errors.

    The summary is left out: pytest repeats each error there if the variable CI is set.
    """
    return pytester.runpytest_subprocess(
        *("-p", "pytest_aiodockercloud", "-p", "no:hypothesispytest"),
        *("-o", f"asyncio_mode={mode}", "-W", "error", "-rN"),
        *("-o", "asyncio_default_fixture_loop_scope=function"),
        *options,
        timeout=150,
    )
