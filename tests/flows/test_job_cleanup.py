"""Batches of jobs remove their services, and never have more than the limit."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Collection

import pytest

from aiodockercloud import DockerCloud, Retry, WaitFailed, batch
from aiodockercloud.server import Embedded, Server
from aiodockercloud.server.engines.embedded import Container
from aiodockercloud.types import ServiceFields
from tests.support.batches import JOB, job, job_engine, jobs, left, shell, texts
from tests.support.facts import IDLE, PATIENCE, ended_except, tasks
from tests.support.flows import Gated, change, client_of

#: The path of the request that creates a service.
CREATE = "/api/app/v1/service/"
#: Seconds that a thousand jobs may take; on an idle host they take less than ten.
LONG = 8 * PATIENCE


@pytest.fixture
def engine() -> Embedded:
    return job_engine()


class Slow(Embedded):
    """An engine that removes containers only while ``gate`` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.gate = asyncio.Event(), asyncio.Event()

    async def remove_container(self, uuid: str, *, volumes: Collection[str]) -> None:
        self.asked.set()
        await self.gate.wait()
        await super().remove_container(uuid, volumes=volumes)


class ServiceCount:
    """The services that exist on the server, counted at each of its events."""

    def __init__(self) -> None:
        self.live: set[str] = set()
        self.most = 0
        self.created = 0
        self.changed = asyncio.Condition()

    async def follow(self, cloud: DockerCloud, ready: asyncio.Event) -> None:
        async with cloud.events.subscribe(type="service", reconnect=False) as events:
            ready.set()
            async for item in events:
                event = change(item)
                if event["state"] == "Terminated":
                    self.live.discard(event["resource_uri"])
                else:
                    self.created += event["action"] == "create"
                    self.live.add(event["resource_uri"])
                self.most = max(self.most, len(self.live))
                async with self.changed:
                    self.changed.notify_all()

    async def until(self, fact: Callable[[], bool]) -> None:
        async with self.changed:
            await self.changed.wait_for(fact)


@pytest.fixture
async def services(server: Server) -> AsyncIterator[ServiceCount]:
    """Count the services with a separate client."""
    services, ready = ServiceCount(), asyncio.Event()
    async with client_of(server) as cloud:
        following = asyncio.create_task(services.follow(cloud, ready))
        async with asyncio.timeout(PATIENCE):
            await ready.wait()
        yield services
        assert not following.done(), "the event stream was lost"
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def test_job_deleted_by_another_client_fails_and_does_not_block(
    server: Server, live: DockerCloud, services: ServiceCount
) -> None:
    running = asyncio.create_task(batch.run_jobs(live, [shell("sleep 1000")]))
    async with asyncio.timeout(PATIENCE):
        await services.until(lambda: services.created == 1)
        [uri] = services.live
        await live.services.wait(uri, "Running")
        await live.services.delete(uri)
        [result] = await running

    assert isinstance(result.error, WaitFailed)
    assert left(server) == []


async def test_job_whose_volumes_are_in_use_reports_that_its_service_is_left(
    live: DockerCloud, services: ServiceCount, caplog: pytest.LogCaptureFixture
) -> None:
    data = shell("sleep 1000", name="data", bindings=[{"container_path": "/data"}])
    running = asyncio.create_task(batch.run_jobs(live, [data], timeout=0.3))
    async with asyncio.timeout(PATIENCE):
        await services.until(lambda: services.created == 1)
        await live.services.create(image=IDLE, bindings=[{"volumes_from": "data"}])
        [result] = await running

    assert isinstance(result.error, TimeoutError)
    assert "use the volumes of data" in result.error.__notes__[0]
    assert "the service of job data may be left" in caplog.text


async def test_jobs_within_a_timeout_that_expires_leave_no_service(
    server: Server, live: DockerCloud, services: ServiceCount
) -> None:
    endless = [shell("sleep 1000")] * 3

    async def expire_when_all_exist(limit: asyncio.Timeout) -> None:
        await services.until(lambda: services.created == 3)
        limit.reschedule(asyncio.get_running_loop().time())

    limit = asyncio.timeout(PATIENCE)
    expiry = asyncio.create_task(expire_when_all_exist(limit))
    with pytest.raises(TimeoutError):
        async with limit:
            await batch.run_jobs(live, endless)
    await expiry

    assert len(server.cloud.services) == 3
    assert left(server) == []


async def test_jobs_whose_source_fails_leave_no_service(
    server: Server, live: DockerCloud, services: ServiceCount
) -> None:
    async def source() -> AsyncIterator[ServiceFields]:
        yield shell("sleep 1000")
        await services.until(lambda: services.created == 1)
        raise OSError("the list of jobs cannot be read")

    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.timeout(PATIENCE):
            await batch.run_jobs(live, source())

    assert str(caught.value.exceptions[0]) == "the list of jobs cannot be read"
    assert left(server) == []


class TestJobsThatDoNotStart:
    """On an engine that keeps services ``Starting``, as during a long pull."""

    @pytest.fixture
    def engine(self) -> Gated:
        return Gated()

    async def test_timeout_cancels_the_start_and_deletes(
        self, server: Server, live: DockerCloud
    ) -> None:
        async with asyncio.timeout(PATIENCE):
            [result] = await batch.run_jobs(live, [shell("exit 0")], timeout=5.0)

        assert isinstance(result.error, TimeoutError)
        assert "'Starting' after 5 s" in str(result.error)
        assert left(server) == []

    async def test_cancellation_cancels_the_start_and_deletes(
        self, server: Server, live: DockerCloud, engine: Gated
    ) -> None:
        running = asyncio.create_task(batch.run_jobs(live, [shell("exit 0")] * 3))
        async with asyncio.timeout(PATIENCE):
            await engine.knocked.wait()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running

        assert left(server) == []


async def test_job_cancelled_before_its_creation_was_answered_is_deleted(
    server: Server, live: DockerCloud
) -> None:
    with server.faults.stall(when="after", method="POST", path=CREATE) as stalled:
        running = asyncio.create_task(batch.run_jobs(live, [job(0)]))
        async with asyncio.timeout(PATIENCE):
            await stalled.met()
            running.cancel()
            for _ in range(20):
                await asyncio.sleep(0)
            assert not running.done()
            assert len(left(server)) == 1
            stalled.remove()
            with pytest.raises(asyncio.CancelledError):
                await running

    assert left(server) == []


async def test_job_cancelled_twice_during_its_deletion_is_deleted(
    server: Server, live: DockerCloud
) -> None:
    with server.faults.stall(method="DELETE") as stalled:
        running = asyncio.create_task(batch.run_jobs(live, [job(0)]))
        async with asyncio.timeout(PATIENCE):
            await stalled.met()
            for _ in range(2):
                running.cancel()
                await asyncio.sleep(0)
            stalled.remove()
            with pytest.raises(asyncio.CancelledError):
                await running

    assert left(server) == []


async def test_job_whose_creation_is_never_answered_ends_in_bounded_time(
    server: Server,
    live: DockerCloud,
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = tasks()
    with server.faults.stall(when="after", method="POST", path=CREATE) as stalled:
        running = asyncio.create_task(batch.run_jobs(live, [job(0)], grace=0.1))
        async with asyncio.timeout(PATIENCE):
            await stalled.met()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running

    [message] = caplog.messages
    assert message == f"the service of job {JOB} may be left: TimeoutError()"
    await ended_except(before)


async def test_jobs_on_a_bad_network_leave_no_service(server: Server) -> None:
    """The client repeats a creation whose response is lost, with the same key."""
    server.faults.cut(when="after", method="POST", path=CREATE, chance=0.3)
    server.faults.fail(503, chance=0.1)
    async with DockerCloud(
        server.url,
        user=server.user,
        apikey=server.apikey,
        retry=Retry(attempts=20, first=0.01, cap=0.05),
    ) as cloud:
        results = await batch.run_jobs(cloud, jobs(50), limit=10)

    assert [result.error for result in results] == [None] * 50
    assert [result.exit_codes for result in results] == [[n % 3] for n in range(50)]
    assert len(server.cloud.services) == 50
    assert left(server) == []


class TestJobsThatAreSlowToTerminate:
    """On an engine that keeps services ``Terminating``, as a busy node does."""

    @pytest.fixture
    def engine(self) -> Slow:
        return Slow()

    async def test_next_job_waits_until_the_previous_service_is_terminated(
        self, live: DockerCloud, engine: Slow, services: ServiceCount
    ) -> None:
        pair = [shell("exit 0")] * 2
        running = asyncio.create_task(batch.run_jobs(live, pair, limit=1))
        async with asyncio.timeout(PATIENCE):
            await engine.asked.wait()
            # A request of the batch would arrive before these requests are answered.
            for _ in range(5):
                await live.services.list()
            assert services.created == 1
            engine.gate.set()
            results = await running

        assert [result.ok for result in results] == [True, True]
        assert services.most == 1


# --- a thousand -----------------------------------------------------------------------


async def test_thousand_jobs_never_exceed_the_limit_and_leave_no_service(
    server: Server, live: DockerCloud, services: ServiceCount, engine: Embedded
) -> None:
    """The first fifty jobs wait for each other: a lower limit would never end."""
    full, waiting = asyncio.Event(), 0

    @engine.image(JOB)
    async def job(container: Container) -> int:
        nonlocal waiting
        waiting += 1
        if waiting == 50:
            full.set()
        await full.wait()
        number = int(container.environment["NUMBER"])
        container.print(f"this is job {number}")
        return number % 256

    async with asyncio.timeout(LONG):
        results = await batch.run_jobs(live, iter(jobs(1000)), limit=50)
        await services.until(lambda: services.created == 1000 and not services.live)

    assert services.most == 50
    assert [(result.error, result.exit_codes, texts(result)) for result in results] == [
        (None, [n % 256], [f"this is job {n}"]) for n in range(1000)
    ]
    assert left(server) == []


@pytest.mark.parametrize(
    ("seed", "count"), [(0, 1000), *((seed, 60) for seed in range(1, 13))]
)
async def test_jobs_cancelled_at_a_random_moment_leave_no_service(
    server: Server,
    live: DockerCloud,
    services: ServiceCount,
    seed: int,
    count: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The last job never ends, so the batch is always under way."""
    definitions = [*jobs(count - 1), shell("sleep 1000")]
    chance = random.Random(seed)
    before = tasks()
    running = asyncio.create_task(
        batch.run_jobs(live, definitions, limit=min(50, count // 3))
    )
    at = chance.randint(0, count)
    async with asyncio.timeout(LONG):
        await services.until(lambda: services.created >= at)
        for _ in range(chance.randrange(100)):
            await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert left(server) == []
        await ended_except(before)

    assert left(server) == []  # no service was created later
    assert caplog.messages == []
