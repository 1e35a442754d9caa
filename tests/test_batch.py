"""Batches: so many at a time, each with its outcome, and nothing left behind."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from aiodockercloud import (
    BadRequest,
    DockerCloud,
    ObjectNotFound,
    Retry,
    ServerError,
    WaitFailed,
    batch,
)
from aiodockercloud.server import Embedded, Server
from aiodockercloud.server.engines.images import Container
from aiodockercloud.types import ServiceFields
from aiodockercloud.wire import log_text
from flows import IDLE, PATIENCE, SHELL, Gated, client_of, gone_but, tasks

JOB = "acme/job"
#: The path that services are created at.
CREATE = "/api/app/v1/service/"
#: Seconds that a thousand jobs may take; alone they take less than ten.
LONG = 8 * PATIENCE


@pytest.fixture
def engine() -> Embedded:
    """``acme/job`` says its number; its exit code is that, modulo three."""
    engine = Embedded(nodes=3)

    @engine.image(JOB)
    async def job(container: Container) -> int:
        number = int(container.environment["NUMBER"])
        container.print(f"this is job {number}")
        await asyncio.sleep(0)
        container.error("and that was it")
        return number % 3

    return engine


def job(number: int) -> ServiceFields:
    return {
        "image": JOB,
        "container_envvars": [{"key": "NUMBER", "value": str(number)}],
    }


def jobs(count: int) -> list[ServiceFields]:
    return [job(number) for number in range(count)]


def shell(command: str, **more: Any) -> ServiceFields:
    fields: Any = {"image": SHELL, "run_command": f"sh -c '{command}'", **more}
    found: ServiceFields = fields
    return found


def texts(result: batch.JobResult) -> list[str]:
    return [log_text(line) for line in result.logs]


def left(server: Server) -> list[str]:
    """The services that the server still has, and containers of the engine."""
    services = [
        s.name for s in server.cloud.services.values() if s.state != "Terminated"
    ]
    assert isinstance(server.engine, Embedded)
    return [*services, *server.engine._containers]


class Slow(Embedded):
    """An engine that removes containers only while ``gate`` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.gate = asyncio.Event(), asyncio.Event()

    async def remove_container(self, uuid: str, *, volumes: bool) -> None:
        self.asked.set()
        await self.gate.wait()
        await super().remove_container(uuid, volumes=volumes)


class Watch:
    """The services that exist at the server, counted at each of its events."""

    def __init__(self) -> None:
        self.live: set[str] = set()
        self.most = 0
        self.created = 0
        self.changed = asyncio.Condition()

    async def follow(self, cloud: DockerCloud, ready: asyncio.Event) -> None:
        async with cloud.events.subscribe(type="service", reconnect=False) as events:
            ready.set()
            async for event in events:
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
async def watch(server: Server) -> AsyncIterator[Watch]:
    """By a client of its own."""
    watch, ready = Watch(), asyncio.Event()
    async with client_of(server) as cloud:
        following = asyncio.create_task(watch.follow(cloud, ready))
        async with asyncio.timeout(PATIENCE):
            await ready.wait()
        yield watch
        assert not following.done(), "the count has broken off"
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


# --- one operation over many ----------------------------------------------------------


async def test_each_gives_outcomes_in_the_order_of_the_items() -> None:
    turns = [asyncio.Event() for _ in range(4)]
    turns[3].set()

    async def in_reverse(number: int) -> str:
        await turns[number].wait()
        if number:
            turns[number - 1].set()
        return f"<{number}>"

    async with asyncio.timeout(PATIENCE):
        outcomes = await batch.each(range(4), in_reverse)

    assert [(o.item, o.result, o.error, o.ok) for o in outcomes] == [
        (number, f"<{number}>", None, True) for number in range(4)
    ]


async def test_each_where_one_fails_does_the_others_all_the_same() -> None:
    async def halve(number: int) -> int:
        if number % 2:
            raise ValueError(f"{number} is odd")
        return number // 2

    even, odd, last = await batch.each([2, 3, 4], halve, limit=1)

    assert (even.result, last.result) == (1, 2)
    assert not odd.ok
    assert odd.result is None
    assert str(odd.error) == "3 is odd"


async def test_each_to_fail_fast_cancels_the_others_and_raises() -> None:
    cancelled = []

    async def work(number: int) -> None:
        if number == 2:
            raise ValueError("two")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(number)
            raise

    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.timeout(PATIENCE):
            await batch.each(range(10), work, limit=3, fail_fast=True)

    assert [str(error) for error in caught.value.exceptions] == ["two"]
    assert sorted(cancelled) == [0, 1]


async def test_each_uses_its_limit_and_never_more() -> None:
    full = asyncio.Event()
    running = most = 0

    async def work(_: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 5:
            full.set()
        await full.wait()
        await asyncio.sleep(0)
        running -= 1

    async with asyncio.timeout(PATIENCE):
        await batch.each(range(100), work, limit=5)

    assert most == 5


async def test_each_takes_items_only_when_there_is_room() -> None:
    taken: list[int] = []
    free = asyncio.Semaphore(0)

    async def numbers() -> AsyncIterator[int]:
        for number in range(6):
            taken.append(number)
            yield number

    async def work(number: int) -> int:
        await free.acquire()
        return len(taken)

    running = asyncio.create_task(batch.each(numbers(), work, limit=2))
    for _ in range(20):
        await asyncio.sleep(0)
    assert taken == [0, 1]
    for _ in range(6):
        free.release()
    async with asyncio.timeout(PATIENCE):
        outcomes = await running

    assert [outcome.item for outcome in outcomes] == [0, 1, 2, 3, 4, 5]
    assert taken == [0, 1, 2, 3, 4, 5]


async def test_each_of_a_list_tells_progress_with_the_total() -> None:
    told: list[Any] = []

    async def work(text: str) -> str:
        return text.upper()

    outcomes = await batch.each(["a", "b"], work, limit=1, progress=_note(told))

    assert told == [(1, 2, outcomes[0]), (2, 2, outcomes[1])]


async def test_each_of_a_generator_tells_progress_without_a_total() -> None:
    told: list[Any] = []

    async def work(text: str) -> str:
        return text.upper()

    outcomes = await batch.each(iter("ab"), work, limit=1, progress=_note(told))

    assert told == [(1, None, outcomes[0]), (2, None, outcomes[1])]


def _note(told: list[Any]) -> Callable[[int, int | None, object], None]:
    return lambda *what: told.append(what)


async def test_each_whose_progress_raises_ends() -> None:
    def progress(done: int, total: int | None, outcome: object) -> None:
        raise RuntimeError("no room on the screen")

    async def work(number: int) -> None: ...

    with pytest.raises(ExceptionGroup) as caught:
        await batch.each(range(9), work, progress=progress, limit=1)

    assert str(caught.value.exceptions[0]) == "no room on the screen"


async def test_each_with_an_operation_that_cancels_itself_has_an_outcome() -> None:
    async def work(number: int) -> int:
        if number == 1:
            raise asyncio.CancelledError
        return number

    outcomes = await batch.each(range(3), work)

    assert [outcome.result for outcome in outcomes] == [0, None, 2]
    assert isinstance(outcomes[1].error, asyncio.CancelledError)


async def test_each_when_cancelled_waits_for_what_is_under_way() -> None:
    begun, cleaned = asyncio.Event(), []

    async def work(number: int) -> None:
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.append(number)

    running = asyncio.create_task(batch.each(range(9), work, limit=3))
    async with asyncio.timeout(PATIENCE):
        await begun.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    assert sorted(cleaned) == [0, 1, 2]


@pytest.mark.parametrize("limit", [0, -1])
async def test_each_without_a_limit_of_one_is_refused(limit: int) -> None:
    async def work(number: int) -> None: ...

    with pytest.raises(ValueError, match=f"1 or more, got {limit}"):
        await batch.each([1], work, limit=limit)


async def test_each_over_services_gives_each_its_answer_or_error(
    live: DockerCloud,
) -> None:
    names = ["one", "two", "three"]
    created = await batch.each(
        names, lambda name: live.services.create(image=IDLE, name=name)
    )
    uuids = [outcome.result["uuid"] for outcome in created if outcome.result]

    outcomes = await batch.each([*uuids, "f" * 32], live.services.start)

    *started, missing = outcomes
    assert [o.result and o.result["name"] for o in started] == names
    assert isinstance(missing.error, ObjectNotFound)


# --- jobs -----------------------------------------------------------------------------


async def test_jobs_bring_logs_and_exit_codes_and_leave_nothing(
    server: Server, live: DockerCloud
) -> None:
    definitions = jobs(3)
    told: list[Any] = []

    results = await batch.run_jobs(live, definitions, limit=2, progress=_note(told))

    assert [result.job for result in results] == definitions
    assert [result.exit_codes for result in results] == [[0], [1], [2]]
    assert [result.ok for result in results] == [True, False, False]
    assert [result.error for result in results] == [None, None, None]
    for number, result in enumerate(results):
        assert texts(result) == [f"this is job {number}", "and that was it"]
        assert [line["streamType"] for line in result.logs] == ["stdout", "stderr"]
    assert [(done, total) for done, total, _ in told] == [(1, 3), (2, 3), (3, 3)]
    assert all(any(result is one for _, _, one in told) for result in results)
    assert left(server) == []


async def test_job_of_several_containers_has_an_exit_code_of_each(
    live: DockerCloud, engine: Embedded
) -> None:
    @engine.image("acme/part")
    async def part(container: Container) -> int:
        return int(container.name.rpartition("-")[2])

    twelve: ServiceFields = {"image": "acme/part", "target_num_containers": 12}
    [result] = await batch.run_jobs(live, [twelve])

    assert result.exit_codes == list(range(1, 13))
    assert not result.ok


async def test_job_that_never_ends_is_given_up_with_what_it_wrote(
    server: Server, live: DockerCloud
) -> None:
    endless = shell("echo begun; sleep 1000")
    [result] = await batch.run_jobs(live, [endless], timeout=0.3)

    assert isinstance(result.error, TimeoutError)
    assert "'Running' after 0.3 s" in str(result.error)
    assert result.exit_codes == [None]
    assert not result.ok
    assert texts(result) == ["begun"]
    assert left(server) == []


async def test_job_that_fails_is_restarted_where_its_policy_says_so(
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


async def test_job_without_a_tail_asks_for_no_log(live: DockerCloud) -> None:
    [result] = await batch.run_jobs(live, [shell("echo unread; exit 3")], tail=0)

    assert result.logs == []
    assert result.exit_codes == [3]


async def test_job_that_the_server_refuses_is_an_error_of_its_own(
    server: Server, live: DockerCloud
) -> None:
    bad: ServiceFields = {"image": JOB, "target_num_containers": -1}
    refused, good = await batch.run_jobs(live, [bad, job(0)])

    assert isinstance(refused.error, BadRequest)
    assert "target_num_containers" in str(refused.error)
    assert good.ok
    assert left(server) == []


async def test_job_that_cannot_be_started_fails_at_once_and_is_gone(
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
async def test_job_with_no_end_or_no_log_is_refused(
    server: Server, live: DockerCloud, field: dict[str, str]
) -> None:
    [result] = await batch.run_jobs(live, [shell("exit 0", **field)])

    assert isinstance(result.error, ValueError)
    assert str(result.error).startswith(f"{next(iter(field))}: ")
    assert not server.cloud.services


async def test_job_deleted_by_somebody_else_fails_and_holds_nothing_up(
    server: Server, live: DockerCloud, watch: Watch
) -> None:
    running = asyncio.create_task(batch.run_jobs(live, [shell("sleep 1000")]))
    async with asyncio.timeout(PATIENCE):
        await watch.until(lambda: watch.created == 1)
        [uri] = watch.live
        await live.services.wait(uri, "Running")
        await live.services.delete(uri)
        [result] = await running

    assert isinstance(result.error, WaitFailed)
    assert left(server) == []


async def test_job_whose_volumes_somebody_else_uses_says_that_it_is_left(
    server: Server, live: DockerCloud, watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    data = shell("sleep 1000", name="data", bindings=[{"container_path": "/data"}])
    running = asyncio.create_task(batch.run_jobs(live, [data], timeout=0.3))
    async with asyncio.timeout(PATIENCE):
        await watch.until(lambda: watch.created == 1)
        await live.services.create(image=IDLE, bindings=[{"volumes_from": "data"}])
        [result] = await running

    assert isinstance(result.error, TimeoutError)
    assert "use the volumes of data" in result.error.__notes__[0]
    assert "the service of job data may be left" in caplog.text


async def test_jobs_within_a_timeout_that_expires_leave_nothing(
    server: Server, live: DockerCloud
) -> None:
    endless = [shell("sleep 1000")] * 3
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await batch.run_jobs(live, endless)

    assert len(server.cloud.services) == 3
    assert left(server) == []


async def test_jobs_whose_source_fails_leave_nothing(
    server: Server, live: DockerCloud, watch: Watch
) -> None:
    async def source() -> AsyncIterator[ServiceFields]:
        yield shell("sleep 1000")
        await watch.until(lambda: watch.created == 1)
        raise OSError("the list of jobs cannot be read")

    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.timeout(PATIENCE):
            await batch.run_jobs(live, source())

    assert str(caught.value.exceptions[0]) == "the list of jobs cannot be read"
    assert left(server) == []


class TestThatDoNotComeUp:
    """On an engine that keeps them ``Starting``, as one does that pulls an image."""

    @pytest.fixture
    def engine(self) -> Gated:
        return Gated()

    async def test_time_is_up_ends_the_start_and_deletes(
        self, server: Server, live: DockerCloud
    ) -> None:
        async with asyncio.timeout(PATIENCE):
            [result] = await batch.run_jobs(live, [shell("exit 0")], timeout=0.2)

        assert isinstance(result.error, TimeoutError)
        assert "'Starting' after 0.2 s" in str(result.error)
        assert left(server) == []

    async def test_cancel_ends_the_start_and_deletes(
        self, server: Server, live: DockerCloud, engine: Gated
    ) -> None:
        running = asyncio.create_task(batch.run_jobs(live, [shell("exit 0")] * 3))
        async with asyncio.timeout(PATIENCE):
            await engine.knocked.wait()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running

        assert left(server) == []


async def test_job_cancelled_before_its_creation_was_answered_is_gone(
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


async def test_job_cancelled_twice_while_it_is_deleted_is_gone(
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
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(batch, "GRACE", 0.1)
    before = tasks()
    with server.faults.stall(when="after", method="POST", path=CREATE) as stalled:
        running = asyncio.create_task(batch.run_jobs(live, [job(0)]))
        async with asyncio.timeout(PATIENCE):
            await stalled.met()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running

    [message] = caplog.messages
    assert message.startswith(f"the service of job {JOB} may be left")
    await gone_but(before)


async def test_job_that_cannot_be_deleted_says_so(
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


async def test_job_whose_log_breaks_off_keeps_the_rest(
    server: Server, live: DockerCloud
) -> None:
    with server.faults.fail(500, path="*/logs/"):
        [result] = await batch.run_jobs(live, [job(2)])

    assert isinstance(result.error, ServerError)
    assert result.exit_codes == [2]
    assert left(server) == []


async def test_jobs_on_a_bad_network_leave_nothing(server: Server) -> None:
    """With retries: a creation whose answer is lost is asked for again, by its key."""
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


class TestThatAreSlowToGo:
    """On an engine that keeps them ``Terminating``, as a busy machine does."""

    @pytest.fixture
    def engine(self) -> Slow:
        return Slow()

    async def test_next_job_waits_for_the_end_of_the_last_ones_service(
        self, live: DockerCloud, engine: Slow, watch: Watch
    ) -> None:
        pair = [shell("exit 0")] * 2
        running = asyncio.create_task(batch.run_jobs(live, pair, limit=1))
        async with asyncio.timeout(PATIENCE):
            await engine.asked.wait()
            # Any request that were to come now would come before these answers.
            for _ in range(5):
                await live.services.list()
            assert watch.created == 1
            engine.gate.set()
            results = await running

        assert [result.ok for result in results] == [True, True]
        assert watch.most == 1


# --- a thousand -----------------------------------------------------------------------


async def test_thousand_jobs_never_exceed_the_limit_and_leave_nothing(
    server: Server, live: DockerCloud, watch: Watch, engine: Embedded
) -> None:
    """The first fifty wait for each other: less at a time would never end."""
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
        await watch.until(lambda: watch.created == 1000 and not watch.live)

    assert watch.most == 50
    assert [(result.error, result.exit_codes, texts(result)) for result in results] == [
        (None, [n % 256], [f"this is job {n}"]) for n in range(1000)
    ]
    assert left(server) == []


@pytest.mark.parametrize(
    ("seed", "count"), [(0, 1000), *((seed, 60) for seed in range(1, 13))]
)
async def test_jobs_cancelled_at_a_random_moment_leave_nothing(
    server: Server,
    live: DockerCloud,
    watch: Watch,
    seed: int,
    count: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Up to the last one, which never ends."""
    definitions = [*jobs(count - 1), shell("sleep 1000")]
    chance = random.Random(seed)
    before = tasks()
    running = asyncio.create_task(
        batch.run_jobs(live, definitions, limit=min(50, count // 3))
    )
    at = chance.randint(0, count)
    async with asyncio.timeout(LONG):
        await watch.until(lambda: watch.created >= at)
        for _ in range(chance.randrange(100)):
            await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert left(server) == []
        await gone_but(before)

    assert left(server) == []  # nothing came later, either
    assert caplog.messages == []
