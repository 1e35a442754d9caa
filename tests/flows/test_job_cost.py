"""The requests of a job in a batch: few, and none that is left out too early."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from aiodockercloud import ConnectError, DockerCloud, batch
from aiodockercloud.types import ServiceFields
from tests.support.facts import PATIENCE
from tests.support.waits import Engine

JOBS: list[ServiceFields] = [
    {"image": "acme/job", "name": f"job-{number}"} for number in range(5)
]


@pytest.fixture
def engine() -> Engine:
    return Engine()


class Requests:
    """Counts the requests and the streams of a client by what they are for."""

    def __init__(self, cloud: DockerCloud, monkeypatch: pytest.MonkeyPatch) -> None:
        self.counted = Counter[str]()
        request, stream = cloud.request, cloud.stream

        async def counted(method: str, path: str, **options: Any) -> Any:
            self.counted[f"{method} {path.split('/')[4]}"] += 1
            return await request(method, path, **options)

        async def opened(path: str, **options: Any) -> Any:
            self.counted[path.rstrip("/").rpartition("/")[2]] += 1
            return await stream(path, **options)

        monkeypatch.setattr(cloud, "request", counted)
        monkeypatch.setattr(cloud, "stream", opened)


async def _run(live: DockerCloud, engine: Engine) -> list[batch.JobResult]:
    async with asyncio.timeout(PATIENCE):
        running = asyncio.create_task(batch.run_jobs(live, JOBS))
        await engine.began.wait()
        engine.end.set()
        return await running


async def test_job_takes_six_requests_while_events_arrive(
    live: DockerCloud, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = Requests(live, monkeypatch)

    results = await _run(live, engine)

    assert all(one.ok for one in results)
    assert requests.counted["events"] == 1
    assert requests.counted["logs"] == requests.counted["DELETE service"] == len(JOBS)
    # Create and start; one inspection, and no other one unless jobs end early.
    assert requests.counted["POST service"] == 2 * len(JOBS)
    assert requests.counted["GET service"] <= 2 * len(JOBS)
    assert requests.counted["GET action"] <= len(JOBS)


async def test_job_without_events_ends_by_inspections(
    live: DockerCloud, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = live.stream

    async def refused(path: str, **options: Any) -> Any:
        if "events" in path:
            raise ConnectError("no events here", method="GET", url=path)
        return await stream(path, **options)

    monkeypatch.setattr(live, "stream", refused)

    assert all(one.ok for one in await _run(live, engine))


async def test_job_whose_start_fails_reports_the_reason_at_once(
    live: DockerCloud,
) -> None:
    async with asyncio.timeout(PATIENCE):
        [result] = await batch.run_jobs(live, [{"image": "acme/missing"}])

    assert "pull access denied" in str(result.error)
