"""Waiting, on our own server: success, and immediate failure with the reason."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from aiodockercloud import DockerCloud, ObjectNotFound, WaitFailed
from aiodockercloud.server import Server
from aiodockercloud.server.engines import ContainerObservation, EngineError
from tests.support.facts import IDLE, PATIENCE
from tests.support.flows import containers, done, run
from tests.support.waiting import LONG, wait
from tests.support.waits import Engine, inspected, job

WEB = {"name": "web", "image": IDLE}


@pytest.fixture
def engine() -> Engine:
    return Engine()


@asynccontextmanager
async def failing(*parts: str) -> AsyncIterator[None]:
    """Expect a WaitFailed from the block, whose message contains all parts."""
    with pytest.raises(WaitFailed) as caught:
        yield
    text = str(caught.value)
    for part in parts:
        assert part in text, text


# --- success ------------------------------------------------------------------------


async def test_wait_for_a_start_ends_when_the_service_runs(live: DockerCloud) -> None:
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


async def test_wait_by_uuid_at_rest_waits_for_a_start_by_another_caller(
    live: DockerCloud,
) -> None:
    service = await live.services.create(image=IDLE)
    waiting = asyncio.ensure_future(wait(live, service["uuid"], "Running"))
    also = asyncio.ensure_future(wait(live, service, "Running"))  # from create
    async with live._change_feed.subscribe(service["uuid"]) as changes:
        await changes.wait(PATIENCE)  # both waits have subscribed before

    await live.services.start(service)

    assert (await waiting)["state"] == (await also)["state"] == "Running"


async def test_wait_for_a_redeploy_ignores_the_state_before(
    live: DockerCloud, engine: Engine
) -> None:
    service = await run(live)
    engine.hold.clear()
    redeploying = await live.services.redeploy(service)
    waiting = asyncio.ensure_future(wait(live, redeploying, "Running"))
    await inspected(live, redeploying)
    assert not waiting.done()

    engine.hold.set()

    assert (await waiting)["synchronized"]


async def test_wait_for_a_restarting_container_finds_a_running_one(
    live: DockerCloud, engine: Engine
) -> None:
    """A container in a crash loop under autorestart counts as running."""
    engine.code = 1
    engine.end.set()
    service = await job(live, autorestart="ALWAYS")

    started = await live.services.start(service)

    assert (await wait(live, started, "Running"))["state"] == "Running"


@pytest.mark.parametrize("kind", ["services", "stacks", "containers", "nodes"])
async def test_wait_for_terminated_ends_when_the_object_is_terminated(
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


async def test_wait_for_a_lost_node_ends_when_the_node_returns(
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


async def test_wait_for_a_cluster_ends_when_its_nodes_are_deployed(
    live: DockerCloud,
) -> None:
    deploying = await cluster_of(live, nodes=2)

    found = await wait(live, deploying, "Deployed", kind="nodeclusters")

    assert found["current_num_nodes"] == 2


# --- failure ------------------------------------------------------------------------


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
    await inspected(live, service)

    engine.hold.set()

    async with failing("is Not running", "web-1: pull access denied"):
        await waiting


async def test_wait_whose_action_is_canceled_fails(
    live: DockerCloud, engine: Engine
) -> None:
    engine.hold.clear()
    service = await live.services.create(image=IDLE)
    started = await live.services.start(service)
    waiting = asyncio.ensure_future(wait(live, started, "Running"))
    await inspected(live, service)

    await live.actions.cancel(started["dockercloud_action_uri"])

    async with failing("Service Start", "is Canceled"):
        await waiting


@pytest.mark.parametrize("code", [0, 3])
async def test_wait_for_running_of_an_ended_job_reports_its_exit_code(
    live: DockerCloud, engine: Engine, code: int
) -> None:
    engine.code = code
    engine.end.set()
    started = await live.services.start(await job(live))
    await live.actions.wait(started, timeout=PATIENCE)
    await wait(live, started, "Stopped")

    async with failing("is Stopped", f"job-1 is Stopped (exit code {code}"):
        await wait(live, started, "Running")


async def test_wait_for_running_of_which_one_crashes_names_that_container(
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


async def test_wait_for_a_container_removed_by_autodestroy_reports_its_exit_code(
    live: DockerCloud, engine: Engine
) -> None:
    engine.code = 0
    engine.end.set()
    started = await live.services.start(await job(live, autodestroy="ALWAYS"))
    await wait(live, started, "Not running")

    async with failing("is Not running", "job-1 is Terminated (exit code 0"):
        await wait(live, started, "Running")


async def test_wait_for_a_service_scaled_to_zero_reports_the_target(
    live: DockerCloud,
) -> None:
    service = await run(live)

    scaled = await live.services.scale(service, 0)

    async with failing("is Not running", "its target is 0 containers"):
        await wait(live, scaled, "Running")
    assert (await wait(live, scaled, "Not running"))["state"] == "Not running"


async def test_wait_for_a_redeploy_fails_after_a_stop(
    live: DockerCloud,
) -> None:
    service = await run(live)
    redeploying = await live.services.redeploy(service)
    await live.actions.wait(redeploying)
    await live.actions.wait(await live.services.stop(service))

    async with failing("is Stopped and will not become Running"):
        await wait(live, redeploying, "Running")


@pytest.mark.parametrize("by", ["uuid", "answer"])
async def test_wait_for_an_object_deleted_in_the_meantime_fails(
    live: DockerCloud, by: str
) -> None:
    started = await live.services.start(await job(live))
    await live.actions.wait(started, timeout=PATIENCE)
    thing = started if by == "answer" else started["uuid"]
    waiting = asyncio.ensure_future(wait(live, thing, "Stopped"))
    await inspected(live, started)

    await live.services.delete(started)

    async with failing("is Terminated and will not become Stopped"):
        await waiting


async def test_wait_for_an_object_that_the_server_has_forgotten_fails(
    live: DockerCloud, server: Server
) -> None:
    service = await live.services.create(image=IDLE)
    server.cloud.remove(server.cloud.services[service["uuid"]])

    async with failing("is Terminated and will not become Running"):
        await wait(live, service, "Running")
    assert (await wait(live, service, "Terminated"))["state"] == "Terminated"
    with pytest.raises(ObjectNotFound):
        await wait(live, service["uuid"], "Running")


async def started_stack(live: DockerCloud, *services: dict[str, Any]) -> Any:
    """Create and start a stack of these services; return the result of the start."""
    stack = await live.stacks.create(name="shop", services=services)
    started = await live.stacks.start(stack)
    await done(live, started)
    return started


async def test_wait_for_a_stack_names_the_services_and_containers_at_fault(
    live: DockerCloud, engine: Engine
) -> None:
    engine.code = 4
    engine.end.set()
    started = await started_stack(
        live,
        WEB,
        {"name": "job", "image": "acme/job"},
        {"name": "none", "image": IDLE, "target_num_containers": 0},
    )
    (one,) = await live.services.list(name="job")
    await wait(live, one["uuid"], "Stopped")

    async with failing(
        "is Partly running", "job-1 is Stopped (exit code 4", "none is Not running"
    ):
        await wait(live, started, "Running", kind="stacks")


async def test_wait_for_a_stack_does_not_name_a_terminated_service(
    live: DockerCloud, engine: Engine
) -> None:
    started = await started_stack(live, WEB, {"name": "old", "image": IDLE})
    web, old = [(await live.services.list(name=name))[0] for name in ("web", "old")]
    await done(live, await live.services.delete(old))
    (container,) = await containers(live, web)
    engine.crash(container["uuid"], 9)
    await wait(live, web["uuid"], "Stopped")

    with pytest.raises(WaitFailed, match="web-1 is Stopped") as caught:
        await wait(live, started, "Running", kind="stacks")
    assert "old" not in str(caught.value)


async def test_wait_for_a_stack_continues_while_a_service_is_in_transition(
    live: DockerCloud, engine: Engine
) -> None:
    started = await started_stack(live, WEB, {"name": "db", "image": IDLE})
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


async def test_wait_for_a_container_that_crashed_reports_its_exit_code(
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


async def test_wait_for_lost_containers_continues_until_the_node_returns(
    live: DockerCloud, engine: Engine, server: Server
) -> None:
    """As on Swarm, which reports the containers of a lost node as stopped."""
    service = await live.services.create(image=IDLE)
    started = await live.services.start(service)
    await wait(live, started, "Running")
    (container,) = await containers(live, service)
    uuid = container["uuid"]
    node = server.cloud.nodes[container["node"].split("/")[-2]].engine_id
    engine.lose_node(node)
    server.cloud.observe(ContainerObservation(uuid=uuid, state="stopped"))
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


class NoNodes(Engine):
    async def add_node(self, node: str, tags: Sequence[str]) -> None:
        raise EngineError("no nodes left")


@pytest.mark.parametrize("engine", [NoNodes()])
async def test_wait_for_nodes_that_cannot_be_created_quotes_the_log(
    live: DockerCloud,
) -> None:
    deploying = await cluster_of(live, nodes=1)

    async with failing("Node Cluster Deploy", "is Failed", "no nodes left"):
        await wait(live, deploying, "Deployed", kind="nodeclusters")
