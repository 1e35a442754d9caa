"""The pytest plugin, in separate pytest runs."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

Missing = Callable[[str], None]

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
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


# --- fixtures -------------------------------------------------------------------------


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


# --- event loops ----------------------------------------------------------------------


def test_url_is_that_of_a_server_for_sync_tests(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import pytest
        from aiodockercloud.server import Embedded

        @pytest.fixture
        def dockercloud_engine():
            return Embedded(nodes=3)
        """
    )
    pytester.makepyfile(
        program="""
        import asyncio
        from aiodockercloud import DockerCloud

        async def main():
            async with DockerCloud() as cloud:
                await cloud.services.create(image="acme/web", name="web")
                return len(await cloud.nodes.list())

        if __name__ == "__main__":
            print(asyncio.run(main()))
        """,
        test_program="""
        import asyncio, os, subprocess, sys
        import program

        def test_that_calls_a_program(dockercloud_url, dockercloud_faults):
            assert dockercloud_url == os.environ["DOCKERCLOUD_REST_HOST"]
            busy = dockercloud_faults.throttle(0, times=1)
            assert asyncio.run(program.main()) == 3
            assert busy.hits == 1

        def test_that_runs_a_program(dockercloud_url):
            out = subprocess.check_output([sys.executable, program.__file__])
            assert out.split() == [b"3"]

        async def test_that_blocks_its_loop(dockercloud_url):
            out = subprocess.check_output([sys.executable, program.__file__])
            assert out.split() == [b"3"]

        def test_environment_is_restored():
            assert "DOCKERCLOUD_REST_HOST" not in os.environ
        """,
    )

    run(pytester).assert_outcomes(passed=4)


def test_server_of_a_session_serves_all_tests(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import asyncio
        import pytest
        from aiodockercloud import DockerCloud
        from aiodockercloud.server import running_in_thread

        @pytest.fixture(scope="session")
        def server():
            with running_in_thread() as server:
                yield server

        def client(server):
            return DockerCloud(server.url, user=server.user, apikey=server.apikey)

        async def create(server):
            async with client(server) as cloud:
                await cloud.services.create(image="acme/web")
                return len(await cloud.services.list())

        def test_sync(server):
            assert asyncio.run(create(server)) == 1

        async def test_async(server):
            assert await create(server) == 2
        """
    )

    run(pytester).assert_outcomes(passed=2)


MISMATCHES = {
    "fixtures of the session's loop": (
        """
        async def test_list(dockercloud):
            assert await dockercloud.services.list() == []
        """,
        ["-o", "asyncio_default_fixture_loop_scope=session"],
        "*Set asyncio_default_fixture_loop_scope = function*",
    ),
    "test in the session's loop": (
        """
        import pytest

        @pytest.mark.asyncio(loop_scope="session")
        async def test_list(dockercloud):
            assert await dockercloud.services.list() == []
        """,
        [],
        "*Set asyncio_default_fixture_loop_scope = session*loop_scope='function'*",
    ),
    "stream in another loop": (
        """
        async def test_events(dockercloud):
            async with dockercloud.events.subscribe():
                pass
        """,
        ["-o", "asyncio_default_fixture_loop_scope=module"],
        "*Set asyncio_default_fixture_loop_scope = function*",
    ),
    "sync test of a program": (
        """
        import asyncio
        from aiodockercloud import DockerCloud

        async def main():
            try:
                async with DockerCloud() as cloud:
                    return await cloud.services.list()
            except Exception as error:
                print("the network is to blame", error)

        def test_program(dockercloud_server):
            assert asyncio.run(main()) == []
        """,
        [],
        "*use the fixture dockercloud_url*",
    ),
}


@pytest.mark.parametrize("kind", MISMATCHES)
def test_call_that_no_loop_can_answer_fails_with_what_to_set(
    pytester: pytest.Pytester, kind: str
) -> None:
    """The client never waits for an answer, which would be a ``ConnectError``."""
    program, options, remedy = MISMATCHES[kind]
    pytester.makepyfile(program)

    found = run(pytester, *options)

    found.assert_outcomes(failed=1)
    found.stdout.fnmatch_lines(remedy)
    found.stdout.no_fnmatch_line("*ConnectError*")


def test_loops_that_match_are_answered(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import asyncio
        import pytest
        from aiodockercloud import DockerCloud

        pytestmark = pytest.mark.asyncio(loop_scope="session")

        async def test_of_the_session(dockercloud):
            assert await dockercloud.services.list() == []

        def program():
            async def main():
                async with DockerCloud() as cloud:
                    return await cloud.services.list()
            return asyncio.run(main())

        async def test_of_a_program_in_a_thread(dockercloud_server):
            assert await asyncio.to_thread(program) == []

        @pytest.fixture
        async def services(dockercloud):
            return await dockercloud.services.list()

        def test_of_the_result_of_a_fixture(services):
            assert services == []
        """
    )

    found = run(
        pytester,
        *("-o", "asyncio_default_fixture_loop_scope=session"),
        *("-W", "ignore::pytest.PytestWarning"),  # the mark of the sync test
    )

    found.assert_outcomes(passed=3)


def test_wider_scope_fails_with_what_to_use(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.fixture(scope="module")
        async def web(dockercloud):
            return await dockercloud.services.create(image="acme/web")

        async def test_web(web): pass
        """
    )

    found = run(pytester)

    found.assert_outcomes(errors=1)
    found.stdout.fnmatch_lines("*aiodockercloud.server.running_in_thread()*")


def test_two_servers_in_one_test_are_refused(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("async def test_both(dockercloud, dockercloud_url): pass")

    found = run(pytester)

    found.assert_outcomes(errors=1)
    found.stdout.fnmatch_lines("dockercloud_url has a server of its own*")


# --- open sessions and streams --------------------------------------------------------


LEAVING = """\
import asyncio
import pytest
from aiodockercloud import DockerCloud

async def test_leaves_nothing(dockercloud):
    async with dockercloud.events.subscribe():
        await dockercloud.services.list()
    async with DockerCloud() as own, own.events.subscribe():
        await own.services.list()
    DockerCloud()  # never used
    DockerCloud("http://127.0.0.1:1")  # never used

async def test_leaves_a_stream(dockercloud):
    await dockercloud.events.subscribe().__aenter__()  # here

async def test_leaves_a_log(dockercloud):
    service = await dockercloud.services.create(image="acme/web")
    await open_log(dockercloud, service)

async def open_log(cloud, service):
    await cloud.services.logs(service).__aenter__()  # here

@pytest.mark.usefixtures("dockercloud_server")
async def test_leaves_a_session():
    cloud = DockerCloud()  # here
    await cloud.services.list()

@pytest.mark.usefixtures("dockercloud_server")
async def test_leaves_a_stream_of_its_own_session():
    cloud = DockerCloud()  # here
    await cloud.events.subscribe().__aenter__()  # here

@pytest.fixture
async def events(dockercloud_server):
    async with DockerCloud() as own, own.events.subscribe() as events:
        yield events

async def test_leaves_a_stream_that_a_fixture_closes(events, dockercloud):
    await dockercloud.services.create(image="acme/web")
    await anext(events)

async def test_leaves_a_stream_of_a_task(dockercloud):
    await asyncio.gather(dockercloud.events.subscribe().__aenter__())

async def test_leaves_a_stream_that_is_cut(dockercloud, dockercloud_faults):
    stream = dockercloud.events.subscribe(reconnect=False)
    await stream.__aenter__()
    dockercloud_faults.cut_streams()
    with pytest.raises(Exception):
        await anext(stream)
"""


def test_stream_or_session_left_open_is_an_error(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_leaving=LEAVING)
    here = [n for n, line in enumerate(LEAVING.splitlines(), 1) if "# here" in line]

    found = run(pytester)

    found.assert_outcomes(passed=8, errors=5)
    assert found.ret == pytest.ExitCode.TESTS_FAILED
    found.stdout.fnmatch_lines("*the stream /api/*/events/, opened in the background")
    left = re.findall(
        r"^  the (\w+) .*, opened at test_leaving\.py:(\d+), in (\w+)$",
        found.stdout.str(),
        re.MULTILINE,
    )
    stream, log, session, own_session, own_stream = map(str, here)
    both = "test_leaves_a_stream_of_its_own_session"
    assert left == [
        ("stream", stream, "test_leaves_a_stream"),
        ("stream", log, "open_log"),
        ("session", session, "test_leaves_a_session"),
        ("stream", own_stream, both),
        ("session", own_session, both),
    ]


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
