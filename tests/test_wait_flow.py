"""Waiting, on our own server: it ends when the state is there, and at once when it
cannot come any more, with the reason."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from aiodockercloud import DockerCloud, ObjectNotFound, WaitFailed, reconnect
from aiodockercloud.resource import Managed
from aiodockercloud.server import Embedded, Server
from aiodockercloud.server.engines import ContainerSeen, ContainerSpec, EngineError
from aiodockercloud.server.engines.embedded import Container as Running
from aiodockercloud.types import Service
from aiodockercloud.wire import TUTUM
from flows import IDLE, PATIENCE, client_of, containers, gone_but, run, tasks

#: No test reaches this poll: it must get by on events.
LONG = 3 * PATIENCE


class Engine(Embedded):
    """One on which containers end as the test says, and some images are not there."""

    def __init__(self) -> None:
        super().__init__(nodes=2)
        self.code = 0
        self.end = asyncio.Event()
        self.began = asyncio.Event()
        self.hold = asyncio.Event()
        self.hold.set()
        self.image("acme/job")(self.job)

    async def job(self, container: Running) -> int:
        self.began.set()
        await self.end.wait()
        return self.code

    async def create(self, spec: ContainerSpec) -> None:
        await self.hold.wait()
        if spec.image.startswith("acme/missing"):
            raise EngineError("pull access denied")
        await super().create(spec)


@pytest.fixture
def engine() -> Engine:
    return Engine()


async def job(live: DockerCloud, **fields: Any) -> Service:
    """A service of one container that ends when the test says."""
    return await live.services.create(image="acme/job", name="job", **fields)


def wait(
    cloud: DockerCloud, thing: Any, *states: str, kind: str = "services"
) -> Awaitable[Any]:
    api: Managed[Any] = getattr(cloud, kind)
    return api.wait(thing, states, timeout=PATIENCE, poll=LONG)


@asynccontextmanager
async def failing(*parts: str) -> AsyncIterator[None]:
    """The block fails with a WaitFailed that says all that."""
    with pytest.raises(WaitFailed) as caught:
        yield
    text = str(caught.value)
    for part in parts:
        assert part in text, text


# --- it comes -----------------------------------------------------------------------


async def test_wait_for_a_start_ends_when_it_runs(live: DockerCloud) -> None:
    service = await live.services.create(image=IDLE, target_num_containers=3)

    started = await live.services.start(service)

    found = await wait(live, started, "Running")
    assert found["running_num_containers"] == 3


async def test_wait_for_the_end_of_a_batch_job_outlasts_its_start(
    live: DockerCloud, engine: Engine
) -> None:
    started = await live.services.start(await job(live))
    waiting = asyncio.ensure_future(wait(live, started, "Stopped"))
    await engine.began.wait()
    await live.actions.wait(started, timeout=PATIENCE)

    engine.end.set()

    assert (await waiting)["state"] == "Stopped"


async def test_wait_by_uuid_at_rest_is_for_somebody_else_to_start_it(
    live: DockerCloud,
) -> None:
    service = await live.services.create(image=IDLE)
    waiting = asyncio.ensure_future(wait(live, service["uuid"], "Running"))
    also = asyncio.ensure_future(wait(live, service, "Running"))  # from create
    async with live.events.watch.alarm(service["uuid"]) as alarm:
        await alarm.rings(PATIENCE)  # they are subscribed, too

    await live.services.start(service)

    assert (await waiting)["state"] == (await also)["state"] == "Running"


async def test_wait_for_a_redeploy_is_not_content_with_the_state_before(
    live: DockerCloud, engine: Engine
) -> None:
    service = await run(live)
    engine.hold.clear()
    redeploying = await live.services.redeploy(service)
    waiting = asyncio.ensure_future(wait(live, redeploying, "Running"))
    done, _ = await asyncio.wait({waiting}, timeout=0.05)
    assert not done

    engine.hold.set()

    assert (await waiting)["synchronized"]


async def test_wait_for_a_restarting_container_sees_it_running(
    live: DockerCloud, engine: Engine
) -> None:
    """A crash loop under autorestart is no failure: it counts as running."""
    engine.code = 1
    engine.end.set()
    service = await job(live, autorestart="ALWAYS")

    started = await live.services.start(service)

    assert (await wait(live, started, "Running"))["state"] == "Running"


@pytest.mark.parametrize("kind", ["services", "stacks", "containers", "nodes"])
async def test_wait_for_terminated_ends_when_it_is(
    live: DockerCloud, kind: str
) -> None:
    if kind == "stacks":
        things: Any = await live.stacks.create(
            name="shop", services=[{"name": "web", "image": IDLE}]
        )
        await live.actions.wait(await live.stacks.start(things))
    elif kind == "nodes":
        (things, *_) = await live.nodes.list()
    else:
        things = await run(live)
        if kind == "containers":
            (things,) = await containers(live, things)
    waiting = asyncio.ensure_future(wait(live, things["uuid"], "Terminated", kind=kind))

    await getattr(live, kind).delete(things)

    assert (await waiting)["state"] == "Terminated"


async def test_wait_for_a_node_that_is_lost_ends_when_it_is_back(
    live: DockerCloud, engine: Engine
) -> None:
    engine_id = engine.nodes[0]
    engine.lose_node(engine_id)
    lost = [n for n in await live.nodes.list() if n["state"] == "Unreachable"]
    waiting = asyncio.ensure_future(wait(live, lost[0], "Deployed", kind="nodes"))

    engine.recover_node(engine_id)

    assert (await waiting)["state"] == "Deployed"


async def cluster_of(live: DockerCloud, nodes: int) -> Any:
    (node_type, *_) = await live.nodetypes.list()
    (region, *_) = await live.regions.list()
    cluster = await live.nodeclusters.create(
        name="more",
        node_type=node_type["resource_uri"],
        region=region["resource_uri"],
        target_num_nodes=nodes,
    )
    return await live.nodeclusters.deploy(cluster)


async def test_wait_for_a_cluster_ends_when_its_nodes_are_there(
    live: DockerCloud,
) -> None:
    deploying = await cluster_of(live, nodes=2)

    found = await wait(live, deploying, "Deployed", kind="nodeclusters")

    assert found["current_num_nodes"] == 2


# --- it cannot come any more --------------------------------------------------------


async def test_wait_whose_action_fails_quotes_its_log(live: DockerCloud) -> None:
    service = await live.services.create(image="acme/missing", name="web")
    started = await live.services.start(service)

    async with failing("Service Start", "is Failed", "web-1: pull access denied"):
        await wait(live, started, "Running")


async def test_wait_by_uuid_for_a_start_that_fails_quotes_the_log_too(
    live: DockerCloud, engine: Engine
) -> None:
    engine.hold.clear()
    service = await live.services.create(image="acme/missing", name="web")
    await live.services.start(service)
    waiting = asyncio.ensure_future(wait(live, service["uuid"], "Running"))
    await looked(live, service)

    engine.hold.set()

    async with failing("is Not running", "web-1: pull access denied"):
        await waiting


async def looked(cloud: DockerCloud, thing: Any) -> None:
    """All who wait have looked: they do so when subscribed, before this one."""
    async with cloud.events.watch.alarm(thing["uuid"]) as alarm:
        await alarm.rings(PATIENCE)
        await cloud.services.inspect(thing)
        await cloud.services.inspect(thing)


async def test_wait_whose_action_is_canceled_fails(
    live: DockerCloud, engine: Engine
) -> None:
    engine.hold.clear()
    service = await live.services.create(image=IDLE)
    started = await live.services.start(service)
    waiting = asyncio.ensure_future(wait(live, started, "Running"))
    await looked(live, service)

    await live.actions.cancel(started["dockercloud_action_uri"])

    async with failing("Service Start", "is Canceled"):
        await waiting


@pytest.mark.parametrize("code", [0, 3])
async def test_wait_for_a_job_to_run_that_has_ended_tells_its_exit_code(
    live: DockerCloud, engine: Engine, code: int
) -> None:
    engine.code = code
    engine.end.set()
    started = await live.services.start(await job(live))
    await live.actions.wait(started, timeout=PATIENCE)
    await wait(live, started, "Stopped")

    async with failing("is Stopped", f"job-1 is Stopped (exit code {code}"):
        await wait(live, started, "Running")


async def test_wait_for_running_of_which_one_crashes_tells_which(
    live: DockerCloud, engine: Engine
) -> None:
    service = await live.services.create(
        image=IDLE, name="web", target_num_containers=3
    )
    started = await live.services.start(service)
    await wait(live, started, "Running")
    (_, second, _) = await containers(live, service)
    engine.crash(second["uuid"], 9)
    await wait(live, service["uuid"], "Partly running")

    async with failing("is Partly running", "web-2 is Stopped (exit code 9"):
        await wait(live, started, "Running")


async def test_wait_for_what_autodestroy_took_away_tells_its_exit_code(
    live: DockerCloud, engine: Engine
) -> None:
    engine.code = 0
    engine.end.set()
    started = await live.services.start(await job(live, autodestroy="ALWAYS"))
    await wait(live, started, "Not running")

    async with failing("is Not running", "job-1 is Terminated (exit code 0"):
        await wait(live, started, "Running")


async def test_wait_for_a_service_scaled_to_none_says_so(live: DockerCloud) -> None:
    service = await run(live)

    scaled = await live.services.scale(service, 0)

    async with failing("is Not running", "it is to have no containers"):
        await wait(live, scaled, "Running")
    assert (await wait(live, scaled, "Not running"))["state"] == "Not running"


async def test_wait_for_a_redeploy_that_somebody_stops_fails(
    live: DockerCloud,
) -> None:
    service = await run(live)
    redeploying = await live.services.redeploy(service)
    await live.actions.wait(redeploying)
    await live.actions.wait(await live.services.stop(service))

    async with failing("is Stopped and will not become Running"):
        await wait(live, redeploying, "Running")


@pytest.mark.parametrize("by", ["uuid", "answer"])
async def test_wait_for_what_is_deleted_meanwhile_fails(
    live: DockerCloud, engine: Engine, by: str
) -> None:
    started = await live.services.start(await job(live))
    await live.actions.wait(started, timeout=PATIENCE)
    thing = started if by == "answer" else started["uuid"]
    waiting = asyncio.ensure_future(wait(live, thing, "Stopped"))
    await looked(live, started)

    await live.services.delete(started)

    async with failing("is Terminated and will not become Stopped"):
        await waiting


async def test_wait_for_what_the_server_has_forgotten_fails(
    live: DockerCloud, server: Server
) -> None:
    service = await live.services.create(image=IDLE)
    server.cloud.remove(server.cloud.services[service["uuid"]])

    async with failing("is Terminated and will not become Running"):
        await wait(live, service, "Running")
    assert (await wait(live, service, "Terminated"))["state"] == "Terminated"
    with pytest.raises(ObjectNotFound):
        await wait(live, service["uuid"], "Running")


async def test_wait_for_a_stack_names_the_services_and_containers_at_fault(
    live: DockerCloud, engine: Engine
) -> None:
    engine.code = 4
    engine.end.set()
    services: list[dict[str, Any]] = [
        {"name": "web", "image": IDLE},
        {"name": "job", "image": "acme/job"},
        {"name": "none", "image": IDLE, "target_num_containers": 0},
    ]
    stack = await live.stacks.create(name="shop", services=services)
    started = await live.stacks.start(stack)
    await live.actions.wait(started, timeout=PATIENCE)
    (one,) = await live.services.list(name="job")
    await wait(live, one["uuid"], "Stopped")

    async with failing(
        "is Partly running", "job-1 is Stopped (exit code 4", "none is Not running"
    ):
        await wait(live, started, "Running", kind="stacks")


async def test_wait_for_a_stack_goes_on_while_one_of_its_services_is_on_its_way(
    live: DockerCloud, engine: Engine
) -> None:
    services = [{"name": "web", "image": IDLE}, {"name": "db", "image": IDLE}]
    stack = await live.stacks.create(name="shop", services=services)
    started = await live.stacks.start(stack)
    await live.actions.wait(started, timeout=PATIENCE)
    (web,) = await live.services.list(name="web")
    await live.actions.wait(await live.services.stop(web), timeout=PATIENCE)
    await live.actions.wait(await live.services.delete(web), timeout=PATIENCE)
    (db,) = await live.services.list(name="db")
    await live.actions.wait(await live.services.stop(db), timeout=PATIENCE)
    engine.hold.clear()
    (container,) = await containers(live, db)
    redeploying = await live.containers.redeploy(container)
    waiting = asyncio.ensure_future(wait(live, started, "Running", kind="stacks"))
    done, _ = await asyncio.wait({waiting}, timeout=0.1)
    assert not done

    engine.hold.set()

    assert (await waiting)["state"] == "Running"
    await live.actions.wait(redeploying, timeout=PATIENCE)


async def test_wait_for_a_container_that_crashed_tells_its_exit_code(
    live: DockerCloud, engine: Engine
) -> None:
    service = await run(live, name="web")
    (container,) = await containers(live, service)
    await live.actions.wait(await live.containers.stop(container))
    started = await live.containers.start(container)
    await live.actions.wait(started, timeout=PATIENCE)
    engine.crash(container["uuid"], 7)
    await wait(live, container["uuid"], "Stopped", kind="containers")

    async with failing("web-1 is Stopped (exit code 7"):
        await wait(live, started, "Running", kind="containers")


async def test_wait_for_lost_containers_goes_on_until_the_node_is_back(
    live: DockerCloud, engine: Engine, server: Server
) -> None:
    """As on Swarm, where a lost node's containers are seen as stopped."""
    service = await live.services.create(image=IDLE)
    started = await live.services.start(service)
    await wait(live, started, "Running")
    (container,) = await containers(live, service)
    uuid = container["uuid"]
    node = server.cloud.nodes[container["node"].split("/")[-2]].engine_id
    engine.lose_node(node)
    server.cloud.observe(ContainerSeen(uuid=uuid, state="stopped"))
    waiting = asyncio.ensure_future(wait(live, started, "Running"))
    done, _ = await asyncio.wait({waiting}, timeout=0.1)
    assert not done

    engine.recover_node(node)

    assert (await waiting)["state"] == "Running"


async def test_wait_for_a_cluster_without_nodes_fails(live: DockerCloud) -> None:
    deploying = await cluster_of(live, nodes=1)
    await live.actions.wait(deploying, timeout=PATIENCE)
    await live.nodeclusters.update(deploying, target_num_nodes=0)
    await wait(live, deploying["uuid"], "Empty cluster", kind="nodeclusters")

    async with failing("is Empty cluster and will not become Deployed"):
        await wait(live, deploying, "Deployed", kind="nodeclusters")


async def test_actions_wait_for_a_failure_quotes_its_log(live: DockerCloud) -> None:
    service = await live.services.create(image="acme/missing", name="web")

    started = await live.services.start(service)

    async with failing("is Failed", "pull access denied"):
        await live.actions.wait(started, timeout=PATIENCE, poll=LONG)


class NoMachines(Engine):
    async def add_node(self, node: str, tags: Sequence[str]) -> None:
        raise EngineError("no machines left")


@pytest.mark.parametrize("engine", [NoMachines()])
async def test_wait_for_machines_that_do_not_come_quotes_the_log(
    live: DockerCloud,
) -> None:
    deploying = await cluster_of(live, nodes=1)

    async with failing("Node Cluster Deploy", "is Failed", "no machines left"):
        await wait(live, deploying, "Deployed", kind="nodeclusters")


# --- what it costs ------------------------------------------------------------------


class Streams:
    """Counts event streams as the client opens them."""

    def __init__(self, cloud: DockerCloud, monkeypatch: pytest.MonkeyPatch) -> None:
        self.opened = 0
        original = cloud.stream

        async def stream(path: str, **options: Any) -> Any:
            self.opened += "events" in path
            return await original(path, **options)

        monkeypatch.setattr(cloud, "stream", stream)


async def test_two_hundred_waits_share_one_event_stream(
    live: DockerCloud, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = Streams(live, monkeypatch)
    before = tasks()
    service = await run(live, image="acme/job", target_num_containers=4)
    streams.opened = 0
    things = [service, *await containers(live, service)]
    waits = [
        asyncio.ensure_future(
            wait(
                live,
                things[n % 5]["uuid"],
                "Stopped",
                kind="containers" if n % 5 else "services",
            )
        )
        for n in range(200)
    ]
    await looked(live, service)

    engine.end.set()
    found = await asyncio.gather(*waits)

    assert {one["state"] for one in found} == {"Stopped"}
    assert streams.opened == 1
    await gone_but(before)


async def test_deploy_opens_one_event_stream(
    live: DockerCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = Streams(live, monkeypatch)
    file = tmp_path / "docker-cloud.yml"
    file.write_text(f"web:\n  image: {IDLE}\n")

    await live.stacks.deploy(file, "shop", timeout=PATIENCE, poll=LONG)

    assert streams.opened == 1


async def test_wait_in_tutums_dialect_goes_by_events_as_well(server: Server) -> None:
    async with DockerCloud(
        server.url, user=server.user, apikey=server.apikey, dialect=TUTUM
    ) as tutum:
        service = await tutum.services.create(image=IDLE)
        waiting = asyncio.ensure_future(wait(tutum, service["uuid"], "Running"))
        await looked(tutum, service)

        await tutum.services.start(service)

        assert (await waiting)["state"] == "Running"


async def test_burst_of_events_is_one_look_or_a_few(
    live: DockerCloud, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = await run(live)
    record = server.cloud.services[service["uuid"]]
    waiting = asyncio.ensure_future(wait(live, service["uuid"], "Stopped"))
    await looked(live, service)
    looks = 0
    inspect = live.services.inspect

    async def counted(thing: Any) -> Any:
        nonlocal looks
        looks += 1
        return await inspect(thing)

    monkeypatch.setattr(live.services, "inspect", counted)
    for _ in range(500):
        server.cloud.hub.publish(record, "update", [])
    await live.actions.wait(await live.services.stop(service), timeout=PATIENCE)
    await waiting

    assert looks < 50


async def test_wait_survives_lost_events_streams_and_refused_looks(
    live: DockerCloud,
    server: Server,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reconnect, "FIRST_PAUSE", 0.001)
    started = await live.services.start(await job(live))
    waiting = asyncio.ensure_future(wait(live, started, "Stopped"))
    await looked(live, started)

    server.faults.cut_streams("*/events*")
    with server.faults.fail(503, path="*/service/*", times=2, method="GET") as rule:
        uuid = started["uuid"]
        server.cloud.touch(server.cloud.services[uuid])
        await rule.met(1)
        engine.end.set()
        server.cloud.touch(server.cloud.services[uuid])
        assert (await waiting)["state"] == "Stopped"


async def test_wait_that_takes_too_long_leaves_nothing_and_tells_the_last_state(
    live: DockerCloud, server: Server
) -> None:
    service = await run(live)
    before = tasks()

    with pytest.raises(TimeoutError, match=r"was still 'Running' after 0\.5 s"):
        await live.services.wait(service, "Stopped", timeout=0.5, poll=LONG)

    await gone_but(before)


@pytest.mark.parametrize("seed", range(5))
async def test_waits_cancelled_at_random_moments_leave_nothing_behind(
    live: DockerCloud, engine: Engine, seed: int
) -> None:
    service = await run(live, image="acme/job")
    before = tasks()
    chance = random.Random(seed)

    async def cancelled() -> None:
        for _ in range(5):
            waiting = asyncio.ensure_future(wait(live, service, "Stopped"))
            for _ in range(chance.randint(0, 60)):
                await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting

    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        for _ in range(10):
            group.create_task(cancelled())

    await gone_but(before)
    assert live.events.watch._task is None
    assert not live.events.watch._alarms


async def test_wait_of_a_client_that_is_closed_ends(server: Server) -> None:
    before = tasks()
    async with client_of(server) as cloud:
        service = await cloud.services.create(image=IDLE)
        waiting = asyncio.ensure_future(wait(cloud, service, "Running"))
        await looked(cloud, service)
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(RuntimeError, match="closed"):
            await waiting
    await gone_but(before)
