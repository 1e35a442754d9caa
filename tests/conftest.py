"""All tests: a clean environment, and the order in which they run side by side."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # has none

# A shell starts background programs with SIGINT ignored; the tests, and the programs
# that the tests start, need the signal.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A slow machine is no failure of a property.
settings.register_profile(
    "project", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("project")

#: The tests that use the one Swarm.
ON_SWARM = ("tests/swarm/", "tests/contract/test_engine_contract.py")


class Schedule(LoadScopeScheduling):  # type: ignore[misc]  # untyped
    """Keep the tests of a module together, and all tests that use the one Swarm.

    The tests on the Swarm start first, because these tests take longest.

    By folder and not by mark: ``--dist loadgroup`` marks nothing with pytest 9.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "swarm" if file.startswith(ON_SWARM) else file


@pytest.hookimpl(optionalhook=True)  # without xdist there is no such hook
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Schedule:
    config.option.loadscopereorder = False
    return Schedule(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.nodeid.startswith(ON_SWARM), reverse=True)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide the credentials and addresses of the user who runs the tests."""
    for prefix in ("DOCKERCLOUD", "TUTUM"):
        for name in (
            *("AUTH", "USER", "APIKEY", "PASS", "NAMESPACE"),
            *("REST_HOST", "STREAM_HOST"),
        ):
            monkeypatch.delenv(f"{prefix}_{name}", raising=False)
    monkeypatch.delenv("DOCKER_CONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture(autouse=True)
def _levels_of_loggers() -> Iterator[None]:
    """Take back the levels that a test, or a program of the docs, gives to loggers."""
    before = _levels()
    yield
    for name in _levels():
        logging.getLogger(name).setLevel(before.get(name, logging.NOTSET))


def _levels() -> dict[str, int]:
    """Return the loggers of the package that have a level of their own."""
    return {
        name: logger.level
        for name, logger in logging.root.manager.loggerDict.items()
        if name.startswith("aiodockercloud")
        and isinstance(logger, logging.Logger)
        and logger.level != logging.NOTSET
    }
