"""The pytest plugin, in separate pytest runs."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tests.support.facts import ROOT
from tests.support.pluginruns import importable, run

__all__ = ["importable"]

pytest_plugins = ["pytester"]

Missing = Callable[[str], None]


def test_fixtures_give_each_test_a_cloud_of_its_own(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(
        """
        import os
        import pytest
        from aiodockercloud import DockerCloud

        seen = []

        @pytest.mark.parametrize("turn", range(3))
        async def test_is_fresh(dockercloud, dockercloud_server, turn):
            assert await dockercloud.services.list() == []
            assert len(await dockercloud.nodes.list()) == 1
            await dockercloud.services.create(image="acme/web", name="web")
            assert dockercloud_server.apikey not in seen
            seen.append(dockercloud_server.apikey)

        async def test_is_found_through_the_environment(dockercloud):
            service = await dockercloud.services.create(image="acme/web", name="web")
            async with DockerCloud() as own:
                assert own.namespace is None
                assert [s["name"] for s in await own.services.list()] == ["web"]
                async with own.events.subscribe() as events:
                    await dockercloud.services.update(service, tags=["x"])
                    await anext(events)

        def test_environment_is_restored(dockercloud_engine):
            assert os.environ["DOCKERCLOUD_NAMESPACE"] == "of the developer"
            assert "DOCKERCLOUD_REST_HOST" not in os.environ

        async def test_engine_and_faults_are_those_of_the_server(
            dockercloud_server, dockercloud_engine, dockercloud_faults
        ):
            assert dockercloud_server.engine is dockercloud_engine
            assert dockercloud_server.faults is dockercloud_faults
        """
    )
    monkeypatch.setenv("DOCKERCLOUD_NAMESPACE", "of the developer")
    monkeypatch.setenv("DOCKERCLOUD_AUTH", "Basic of-the-developer")

    run(pytester).assert_outcomes(passed=6)


def test_fixtures_are_redefined_in_a_conftest(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import pytest
        from aiodockercloud.server import Embedded, Faults

        @pytest.fixture
        def dockercloud_engine():
            engine = Embedded(nodes=3)

            @engine.image("acme/worker")
            async def worker(container):
                container.print("done")
                return 3

            return engine

        @pytest.fixture
        def dockercloud_faults():
            faults = Faults(seed=7)
            faults.throttle(0, times=1)
            return faults
        """
    )
    pytester.makepyfile(
        """
        import asyncio

        async def test_worker(dockercloud, dockercloud_faults):
            assert len(await dockercloud.nodes.list()) == 3
            assert not dockercloud_faults.active
            service = await dockercloud.services.create(image="acme/worker")
            await dockercloud.services.start(service)
            await dockercloud.services.wait(service, state="Stopped", timeout=60)
            service = await dockercloud.services.inspect(service)
            container = await dockercloud.containers.inspect(service["containers"][0])
            assert container["exit_code"] == 3
        """
    )

    run(pytester).assert_outcomes(passed=1)


def test_fixtures_work_in_strict_mode(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.asyncio
        async def test_is_fresh(dockercloud):
            assert await dockercloud.services.list() == []
        """
    )

    run(pytester, mode="strict").assert_outcomes(passed=1)


def test_fixtures_work_in_parallel(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("turn", range(20))
        async def test_is_alone(dockercloud, worker_id, turn):
            assert worker_id in ("gw0", "gw1")
            assert await dockercloud.services.list() == []
            for number in range(5):
                await dockercloud.services.create(name=f"s{number}", image="acme/web")
            assert len(await dockercloud.services.list()) == 5
        """
    )

    run(pytester, "-n", "2").assert_outcomes(passed=20)


# --- cost -----------------------------------------------------------------------------


def test_plugin_alone_loads_no_aiohttp(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_nothing_is_loaded():
            assert "pytest_aiodockercloud" in sys.modules
            assert not {"aiohttp", "aiodockercloud"} & set(sys.modules)
        """
    )

    run(pytester).assert_outcomes(passed=1)


def test_every_test_has_fixtures_of_its_own(pytester: pytest.Pytester) -> None:
    """``make bench`` measures how long the fixtures take."""
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("turn", range(8))
        async def test_something(dockercloud, turn):
            assert await dockercloud.services.list() == []
            await dockercloud.services.create(image="busybox", name="web")
        """
    )

    run(pytester).assert_outcomes(passed=8)


# --- missing packages -----------------------------------------------------------------


@pytest.fixture
def missing(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Missing:
    """Return a function that makes the import of a module fail."""

    def missing(name: str) -> None:
        stub = f"raise ModuleNotFoundError({f'No module named {name!r}'!r})"
        folder = pytester.mkdir("stubs")
        (folder / f"{name}.py").write_text(stub)
        monkeypatch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{ROOT}")

    return missing


def test_missing_pytest_asyncio_fails_only_tests_that_use_a_fixture(
    pytester: pytest.Pytester, missing: Missing, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing("pytest_asyncio")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(
        """
        def test_without(): pass
        def test_with(dockercloud): pass
        """
    )

    found = pytester.runpytest_subprocess("-p", "pytest_aiodockercloud", "-Werror")

    found.assert_outcomes(passed=1, errors=1)
    found.stdout.fnmatch_lines(
        [
            "the fixture dockercloud needs * pytest-asyncio is not installed;"
            " pip install 'aiodockercloud?pytest?'"
        ]
    )


def test_missing_server_extra_fails_only_tests_that_use_a_fixture(
    pytester: pytest.Pytester, missing: Missing
) -> None:
    missing("aiosqlite")
    pytester.makepyfile(
        """
        async def test_without(): pass
        async def test_with(dockercloud): pass
        """
    )

    found = run(pytester)

    found.assert_outcomes(passed=1, errors=1)
    found.stdout.fnmatch_lines(
        [
            "the fixture dockercloud_engine needs * No module named 'aiosqlite';"
            " pip install 'aiodockercloud?pytest?'"
        ]
    )
