"""All tests: a clean environment, and the order in which they run side by side."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # has none

# Started in the background of a shell, the tests would ignore it, and so would all the
# programs that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

#: The tests that use the one Swarm.
ON_SWARM = ("tests/swarm/", "tests/contract/test_engine_contract.py")


class Schedule(LoadScopeScheduling):  # type: ignore[misc]  # untyped
    """Side by side, a module's tests stay together, and so do all that use the one
    Swarm; those begin first, because they take longest.

    By folder and not by mark: ``--dist loadgroup`` marks nothing with pytest 9.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "swarm" if file.startswith(ON_SWARM) else file


@pytest.hookimpl(optionalhook=True)  # with -p no:xdist nobody calls it
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Schedule:
    config.option.loadscopereorder = False
    return Schedule(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.nodeid.startswith(ON_SWARM), reverse=True)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No credentials or addresses of whoever runs the tests."""
    for prefix in ("DOCKERCLOUD", "TUTUM"):
        for name in (
            *("AUTH", "USER", "APIKEY", "PASS", "NAMESPACE"),
            *("REST_HOST", "STREAM_HOST"),
        ):
            monkeypatch.delenv(f"{prefix}_{name}", raising=False)
    monkeypatch.delenv("DOCKER_CONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
