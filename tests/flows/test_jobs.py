"""Services with ``mode: job``: run to completion by the control plane."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from aiodockercloud import BadRequest, DockerCloud, DockerCloudError, batch
from aiodockercloud.server import Embedded, running
from aiodockercloud.server.engines.embedded import Container
from aiodockercloud.types import Action, Service
from tests.support.facts import PATIENCE
from tests.support.flows import client_of, containers, done


class Work:
    """An image whose containers end when the test says so."""

    def __init__(self, engine: Embedded) -> None:
        self.running: dict[str, asyncio.Future[int]] = {}
        self.started: list[str] = []
        self.changed = asyncio.Event()
        engine.image("work")(self.run)

    async def run(self, container: Container) -> int:
        self.started.append(container.name)
        ended = self.running[container.name] = asyncio.Future()
        self.changed.set()
        container.print(f"run {self.started.count(container.name)}")
        try:
            return await ended
        finally:
            del self.running[container.name]

    async def until(self, *names: str) -> None:
        """Wait until exactly these containers run."""
        async with asyncio.timeout(PATIENCE):
            while set(self.running) != set(names):
                self.changed.clear()
                await self.changed.wait()

    async def until_started(self, name: str, times: int) -> None:
        """Wait until a container was started so often."""
        async with asyncio.timeout(PATIENCE):
            while self.started.count(name) < times:
                self.changed.clear()
                await self.changed.wait()

    def end(self, name: str, code: int = 0) -> None:
        self.running[name].set_result(code)


@pytest.fixture
def work(engine: Embedded) -> Work:
    return Work(engine)


async def started(live: DockerCloud, **fields: Any) -> Service:
    service = await live.services.create(image="work", name="job", mode="job", **fields)
    return await live.services.start(service)


async def ended(live: DockerCloud, service: Service) -> Action:
    """Return the action of a service's operation when the action has ended."""
    try:
        return await live.actions.wait(service, timeout=PATIENCE)
    except DockerCloudError:
        return await live.actions.inspect(service["dockercloud_action_uri"])


async def test_job_succeeds_when_all_completions_have_ended_with_0(
    live: DockerCloud, work: Work
) -> None:
    service = await started(live, completions=3, max_concurrent=2)
    await work.until("job-1", "job-2")
    running = await live.services.wait(service, "Running", timeout=PATIENCE)
    assert running["current_num_containers"] == 2
    work.end("job-2")
    await work.until("job-1", "job-3")
    action = await live.actions.inspect(service["dockercloud_action_uri"])
    assert action["state"] == "In progress"
    assert action["progress"] == {"done": 1, "total": 3, "failed": 0}
    work.end("job-1")
    work.end("job-3")

    assert (await ended(live, service))["state"] == "Success"
    assert (await live.services.inspect(service))["state"] == "Stopped"
    found = await containers(live, service)
    assert [c["exit_code"] for c in found] == [0, 0, 0]
    assert work.started == ["job-1", "job-2", "job-3"]


async def test_job_fails_with_the_exit_codes_and_last_lines(
    live: DockerCloud, work: Work
) -> None:
    service = await started(live, target_num_containers=2)
    await work.until("job-1", "job-2")
    work.end("job-1", 3)
    work.end("job-2")
    action = await ended(live, service)

    assert action["state"] == "Failed"
    assert action["progress"] == {"done": 1, "total": 2, "failed": 1}
    async with live.actions.logs(action) as lines:
        texts = [line["log"] async for line in lines]
    assert "job-1: run 1" in texts
    assert texts[-1] == "1 of 2 completions failed: job-1 (exit code 3)"
    assert (await live.services.inspect(service))["state"] == "Stopped"


async def test_failed_containers_are_started_again_as_often_as_the_policy_allows(
    live: DockerCloud, work: Work
) -> None:
    policy: Any = {"max_attempts": 2, "delay": 0}
    service = await started(live, completions=2, restart_policy=policy)
    await work.until("job-1", "job-2")
    (first, second) = await containers(live, service)
    work.end("job-1", 1)
    await work.until_started("job-1", 2)
    work.end("job-2", 1)
    await work.until_started("job-2", 2)
    work.end("job-1", 2)
    await work.until_started("job-1", 3)
    work.end("job-2")
    work.end("job-1", 3)

    assert (await ended(live, service))["state"] == "Failed"
    found = await containers(live, service)
    assert [c["uuid"] for c in found] == [first["uuid"], second["uuid"]]
    assert [c["exit_code"] for c in found] == [3, 0]


async def test_second_start_runs_all_completions_again(
    live: DockerCloud, work: Work
) -> None:
    service = await started(live, completions=2)
    await work.until("job-1", "job-2")
    work.end("job-1")
    work.end("job-2")
    await ended(live, service)
    before = {c["uuid"] for c in await containers(live, service)}
    await live.services.update(service, completions=1)
    for operation in (live.services.start, live.services.redeploy):
        service = await operation(service)
        await work.until("job-1")
        work.end("job-1")
        assert (await ended(live, service))["state"] == "Success"

    found = await containers(live, service)
    assert [c["name"] for c in found] == ["job-1"]
    assert not before & {c["uuid"] for c in found}


@pytest.mark.parametrize("operation", ["stop", "delete", "container"])
async def test_other_operations_end_a_running_job(
    live: DockerCloud, work: Work, operation: str
) -> None:
    service = await started(live, completions=4, max_concurrent=2)
    await work.until("job-1", "job-2")
    await live.services.wait(service, "Running", timeout=PATIENCE)
    if operation == "container":
        (one, _) = await containers(live, service)
        await done(live, await live.containers.stop(one))
        await work.until("job-2")
    else:
        method = {"stop": live.services.stop, "delete": live.services.delete}
        await done(live, await method[operation](service))
        await work.until()
    action = await live.actions.inspect(service["dockercloud_action_uri"])

    assert action["state"] == "Failed"
    assert work.started == ["job-1", "job-2"]


async def test_canceled_job_starts_no_further_container(
    live: DockerCloud, work: Work
) -> None:
    service = await started(live, completions=2, max_concurrent=1)
    await work.until("job-1")
    await live.services.wait(service, "Running", timeout=PATIENCE)
    await live.actions.cancel(service["dockercloud_action_uri"])

    assert (await ended(live, service))["state"] == "Canceled"
    work.end("job-1")
    await live.services.wait(service, "Stopped", timeout=PATIENCE)
    assert work.started == ["job-1"]


async def test_batch_and_run_report_jobs_as_services_that_end(
    live: DockerCloud, engine: Embedded
) -> None:
    fields: Any = {"image": "busybox", "mode": "job", "completions": 2}
    jobs: list[Any] = [
        {**fields, "run_command": "sh -c 'echo a; exit 3'"},
        {**fields, "run_command": "sh -c 'echo b'"},
    ]
    failed, good = await batch.run_jobs(live, jobs, timeout=PATIENCE)

    assert (failed.exit_codes, failed.error, failed.output) == ([3, 3], None, "a\na\n")
    assert (good.ok, good.output) == (True, "b\nb\n")
    result = await live.services.run(**jobs[0], until="stopped", timeout=PATIENCE)
    assert result["exit_code"] == 3


async def test_stack_with_an_ended_job_is_running(
    live: DockerCloud, engine: Embedded
) -> None:
    services = [
        {"name": "web", "image": "idle"},
        {"name": "init", "image": "busybox", "command": "true", "mode": "job"},
    ]
    stack = await live.stacks.create(name="shop", services=services)
    await done(live, await live.stacks.start(stack))

    assert (await live.stacks.inspect(stack))["state"] == "Running"
    assert (await live.stacks.export(stack))["init"]["mode"] == "job"


@pytest.mark.parametrize("operation", ["stop", "delete"])
async def test_operations_on_a_stack_do_not_wait_for_a_running_job(
    live: DockerCloud, work: Work, operation: str
) -> None:
    stack = await live.stacks.create(name="shop")
    service = await live.services.create(image="work", mode="job", stack=stack)
    await live.services.start(service)
    await work.until("work-1")
    await live.services.wait(service, "Running", timeout=PATIENCE)
    method = live.stacks.stop if operation == "stop" else live.stacks.delete
    await done(live, await method(stack))

    await work.until()
    wanted = {"stop": "Stopped", "delete": "Terminated"}[operation]
    assert (await live.services.inspect(service))["state"] == wanted


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"completions": 2}, "completions: only for a service with mode job"),
        ({"mode": "job", "autorestart": "ALWAYS"}, "autorestart: must not be ALWAYS"),
        ({"mode": "job", "autodestroy": "ALWAYS"}, "autodestroy: must be OFF"),
        ({"mode": "job", "deployment_strategy": "EVERY_NODE"}, "deployment_strategy"),
        ({"mode": "batch"}, "mode: batch is not possible"),
        ({"mode": "job", "completions": 1001}, "completions: must be a whole number"),
    ],
)
async def test_wrong_jobs_are_refused(
    live: DockerCloud, fields: Any, problem: str
) -> None:
    with pytest.raises(BadRequest, match=problem):
        await live.services.create(image="work", **fields)


async def test_scaling_a_job_fails_and_changes_nothing(
    live: DockerCloud, work: Work
) -> None:
    service = await live.services.create(image="work", mode="job")
    action = await ended(live, await live.services.scale(service))

    assert action["state"] == "Failed"
    assert (await live.services.inspect(service))["state"] == "Not running"


async def test_restart_of_the_server_continues_a_job(tmp_path: Path) -> None:
    engine = Embedded()
    work = Work(engine)
    async with running(engine, data_dir=tmp_path) as server:
        key = server.apikey
        async with client_of(server) as live:
            service = await started(live, completions=3, max_concurrent=1)
            await work.until("job-1")
            work.end("job-1")
            await work.until("job-2")
    engine = Embedded()
    work = Work(engine)
    async with (
        running(engine, data_dir=tmp_path) as server,
        DockerCloud(server.url, user=server.user, apikey=key) as live,
    ):
        await work.until("job-2")
        work.end("job-2")
        await work.until("job-3")
        assert (await live.services.inspect(service))["state"] == "Running"
        work.end("job-3")

        assert (await ended(live, service))["state"] == "Success"
        assert work.started == ["job-2", "job-3"]
        found = await containers(live, service)
        assert [c["exit_code"] for c in found] == [0, 0, 0]
