"""Batches of jobs: failed jobs that run again, the output of a job, progress bars."""

from __future__ import annotations

import io
import logging
from collections import Counter

import pytest
from rich.console import Console
from rich.progress import Progress
from tqdm import tqdm

from aiodockercloud import BadRequest, DockerCloud, ServerError, WaitFailed, batch
from aiodockercloud.server import Embedded, Server
from aiodockercloud.server.engines.embedded import Container
from aiodockercloud.server.engines.embedded.settings import EmbeddedSettings
from aiodockercloud.types import ServiceFields
from tests.support.batches import job, job_engine, jobs, left, shell
from tests.support.facts import PATIENCE

FLAKY = "acme/flaky"


@pytest.fixture
def engine() -> Embedded:
    return job_engine()


@pytest.fixture
def runs(engine: Embedded) -> Counter[str]:
    """How often the jobs of ``acme/flaky`` ran; each fails ``FAILURES`` times."""
    found: Counter[str] = Counter()

    @engine.image(FLAKY)
    async def flaky(container: Container) -> int:
        name = container.environment["NAME"]
        found[name] += 1
        container.print(f"{name}, run {found[name]}")
        return int(found[name] <= int(container.environment["FAILURES"]))

    return found


def flaky(name: str, failures: int) -> ServiceFields:
    return {
        "image": FLAKY,
        "name": name,
        "container_envvars": [
            {"key": "NAME", "value": name},
            {"key": "FAILURES", "value": str(failures)},
        ],
    }


async def test_failed_jobs_run_again_until_they_succeed_or_retries_are_used_up(
    server: Server,
    live: DockerCloud,
    runs: Counter[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "aiodockercloud.batch")
    definitions = [flaky("good", 0), flaky("twice", 2), flaky("never", 9)]
    results = await batch.run_jobs(live, definitions, retries=2, timeout=PATIENCE)

    assert [result.ok for result in results] == [True, True, False]
    assert [result.attempts for result in results] == [1, 3, 3]
    assert [result.exit_codes for result in results] == [[0], [0], [1]]
    assert [result.output for result in results] == [
        "good, run 1\n",
        "twice, run 3\n",
        "never, run 3\n",
    ]
    assert runs == {"good": 1, "twice": 3, "never": 3}
    assert left(server) == []
    assert "job twice failed (exit codes [1]); attempt 2 follows in " in caplog.text


async def test_job_without_retries_runs_once(
    live: DockerCloud, runs: Counter[str]
) -> None:
    [result] = await batch.run_jobs(live, [flaky("once", 1)])

    assert (result.ok, result.attempts, runs["once"]) == (False, 1, 1)


async def test_job_that_cannot_be_started_is_run_again(
    server: Server, live: DockerCloud
) -> None:
    nowhere = shell("echo never", tags=["no-such-node"])
    [result] = await batch.run_jobs(live, [nowhere], retries=1)

    assert isinstance(result.error, WaitFailed)
    assert result.attempts == 2
    assert left(server) == []


async def test_job_that_runs_out_of_time_is_run_again(
    server: Server, live: DockerCloud
) -> None:
    [result] = await batch.run_jobs(live, [shell("sleep 1000")], timeout=0.1, retries=1)

    assert isinstance(result.error, TimeoutError)
    assert result.attempts == 2
    assert left(server) == []


async def test_job_that_the_server_refuses_is_not_run_again(live: DockerCloud) -> None:
    bad: ServiceFields = {**job(0), "target_num_containers": -1}
    [result] = await batch.run_jobs(live, [bad], retries=3)

    assert isinstance(result.error, BadRequest)
    assert result.attempts == 1


async def test_job_whose_service_is_left_is_not_run_again(
    server: Server, live: DockerCloud
) -> None:
    with server.faults.fail(500, method="DELETE"):
        [result] = await batch.run_jobs(live, [job(1)], retries=3)

    assert isinstance(result.error, ServerError)
    assert result.exit_codes == [1]
    assert result.attempts == 1


async def test_job_that_succeeded_without_its_log_is_not_run_again(
    server: Server, live: DockerCloud
) -> None:
    with server.faults.fail(503, path="*/logs/"):
        [result] = await batch.run_jobs(live, [job(0)], retries=3)

    assert isinstance(result.error, ServerError)
    assert (result.exit_codes, result.attempts) == ([0], 1)


async def test_jobs_with_negative_retries_are_refused(live: DockerCloud) -> None:
    with pytest.raises(ValueError, match="0 or more, got -1"):
        await batch.run_jobs(live, [], retries=-1)


async def test_output_has_both_streams_as_text(live: DockerCloud) -> None:
    [result] = await batch.run_jobs(live, [shell("echo one; echo two >&2; echo")])

    assert result.output == "one\ntwo\n\n"


async def test_output_joins_the_pieces_of_a_long_line(
    live: DockerCloud, engine: Embedded
) -> None:
    text = "x" * 3 * EmbeddedSettings().longest_log_line

    @engine.image("acme/long")
    async def long(container: Container) -> None:
        container.print(text)
        container.print("end")

    [result] = await batch.run_jobs(live, [{"image": "acme/long"}])

    assert len(result.logs) > 2
    assert result.output == f"{text}\nend\n"


async def test_output_of_a_job_without_a_log_is_empty(live: DockerCloud) -> None:
    [result] = await batch.run_jobs(live, [job(0)], tail=0)

    assert result.output == ""


# --- progress bars, as docs/api/batch.rst has them ------------------------------------


async def test_progress_moves_a_bar_of_tqdm(live: DockerCloud) -> None:
    screen = io.StringIO()
    with tqdm(total=3, file=screen) as bar:
        await batch.run_jobs(live, jobs(3), progress=lambda *_: bar.update())

    assert bar.n == 3
    assert "3/3" in screen.getvalue()


async def test_progress_moves_a_bar_of_rich(live: DockerCloud) -> None:
    with Progress(console=Console(file=io.StringIO())) as bars:
        bar = bars.add_task("jobs", total=3)
        await batch.run_jobs(live, jobs(3), progress=lambda *_: bars.advance(bar))

    assert bars.finished
