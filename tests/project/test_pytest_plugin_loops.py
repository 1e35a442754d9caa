"""The pytest plugin and event loops, in separate pytest runs."""

from __future__ import annotations

import pytest

from tests.support.pluginruns import importable, run

__all__ = ["importable"]

pytest_plugins = ["pytester"]


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
