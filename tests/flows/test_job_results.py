"""Batches of jobs: the result of each, in success and in failure."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aiodockercloud import BadRequest, DockerCloud, ServerError, WaitFailed, batch
from aiodockercloud.server import Embedded, Server
from aiodockercloud.server.engines.embedded import Container
from aiodockercloud.types import ServiceFields
from tests.support.batches import JOB, job, job_engine, jobs, left, note, shell, texts
from tests.support.facts import PATIENCE


@pytest.fixture
def engine() -> Embedded:
    return job_engine()


async def test_jobs_return_logs_and_exit_codes_and_leave_no_service(
    server: Server, live: DockerCloud
) -> None:
    definitions = jobs(3)
    reported: list[Any] = []

    results = await batch.run_jobs(live, definitions, limit=2, progress=note(reported))

    assert [result.job for result in results] == definitions
    assert [result.exit_codes for result in results] == [[0], [1], [2]]
    assert [result.ok for result in results] == [True, False, False]
    assert [result.error for result in results] == [None, None, None]
    for number, result in enumerate(results):
        assert texts(result) == [f"this is job {number}", "and that was it"]
        assert [line["streamType"] for line in result.logs] == ["stdout", "stderr"]
    assert [(done, total) for done, total, _ in reported] == [(1, 3), (2, 3), (3, 3)]
    assert all(any(result is one for _, _, one in reported) for result in results)
    assert left(server) == []


async def test_job_of_several_containers_has_the_exit_code_of_each(
    live: DockerCloud, engine: Embedded
) -> None:
    @engine.image("acme/part")
    async def part(container: Container) -> int:
        return int(container.name.rpartition("-")[2])

    twelve: ServiceFields = {"image": "acme/part", "target_num_containers": 12}
    [result] = await batch.run_jobs(live, [twelve])

    assert result.exit_codes == list(range(1, 13))
    assert not result.ok


async def test_job_that_never_ends_times_out_and_keeps_its_log(
    server: Server, live: DockerCloud
) -> None:
    endless = shell("echo begun; sleep 1000")
    [result] = await batch.run_jobs(live, [endless], timeout=5.0)

    assert isinstance(result.error, TimeoutError)
    assert "'Running' after 5 s" in str(result.error)
    assert result.exit_codes == [None]
    assert not result.ok
    assert texts(result) == ["begun"]
    assert left(server) == []


async def test_job_that_fails_is_restarted_under_autorestart(
    live: DockerCloud, engine: Embedded
) -> None:
    tries = 0

    @engine.image("acme/flaky")
    async def flaky(container: Container) -> int:
        nonlocal tries
        tries += 1
        container.print(f"try {tries}")
        return int(tries < 2)

    flaky_job: ServiceFields = {"image": "acme/flaky", "autorestart": "ON_FAILURE"}
    [result] = await batch.run_jobs(live, [flaky_job], timeout=PATIENCE)

    assert result.ok
    assert result.exit_codes == [0]
    assert texts(result) == ["try 1", "try 2"]


async def test_job_with_a_long_log_keeps_its_tail(live: DockerCloud) -> None:
    long = shell("for i in 1 2 3 4 5; do echo $i; done")
    [result] = await batch.run_jobs(live, [long], tail=2)

    assert texts(result) == ["4", "5"]


async def test_job_with_a_tail_of_zero_requests_no_log(live: DockerCloud) -> None:
    [result] = await batch.run_jobs(live, [shell("echo unread; exit 3")], tail=0)

    assert result.logs == []
    assert result.exit_codes == [3]


async def test_job_that_the_server_refuses_has_its_own_error(
    server: Server, live: DockerCloud
) -> None:
    bad: ServiceFields = {"image": JOB, "target_num_containers": -1}
    refused, good = await batch.run_jobs(live, [bad, job(0)])

    assert isinstance(refused.error, BadRequest)
    assert "target_num_containers" in str(refused.error)
    assert good.ok
    assert left(server) == []


async def test_job_that_cannot_be_started_fails_at_once_and_is_deleted(
    server: Server, live: DockerCloud
) -> None:
    nowhere = shell("echo never", tags=["no-such-node"])
    async with asyncio.timeout(PATIENCE):
        [result] = await batch.run_jobs(live, [nowhere])

    assert isinstance(result.error, WaitFailed)
    assert "no-such-node" in str(result.error)
    assert result.exit_codes == []
    assert not result.ok
    assert left(server) == []


@pytest.mark.parametrize(
    "field", [{"autorestart": "ALWAYS"}, {"autodestroy": "ON_SUCCESS"}]
)
async def test_job_without_an_end_or_a_log_is_refused(
    server: Server, live: DockerCloud, field: dict[str, str]
) -> None:
    [result] = await batch.run_jobs(live, [shell("exit 0", **field)])

    assert isinstance(result.error, ValueError)
    assert str(result.error).startswith(f"{next(iter(field))}: ")
    assert not server.cloud.services


async def test_job_that_cannot_be_deleted_has_the_error(
    server: Server, live: DockerCloud, caplog: pytest.LogCaptureFixture
) -> None:
    with server.faults.fail(500, method="DELETE"):
        [result] = await batch.run_jobs(live, [job(0)])

    assert isinstance(result.error, ServerError)
    assert result.exit_codes == [0]
    assert "may be left" in caplog.text


async def test_job_that_fails_twice_has_the_second_error_as_a_note(
    server: Server, live: DockerCloud
) -> None:
    with server.faults.fail(500, method="DELETE"):
        [result] = await batch.run_jobs(live, [shell("sleep 1000")], timeout=0.1)

    assert isinstance(result.error, TimeoutError)
    [note] = result.error.__notes__
    assert note.startswith("and then ServerError: 500")


async def test_job_whose_log_cannot_be_read_keeps_its_exit_codes(
    server: Server, live: DockerCloud
) -> None:
    with server.faults.fail(500, path="*/logs/"):
        [result] = await batch.run_jobs(live, [job(2)])

    assert isinstance(result.error, ServerError)
    assert result.exit_codes == [2]
    assert left(server) == []
