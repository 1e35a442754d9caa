"""Rollouts: a service stays available, whatever the new version does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aiodockercloud import DockerCloud, OperationNotAllowed, WaitFailed
from aiodockercloud.server import Embedded, Settings
from aiodockercloud.server.settings import Timings
from aiodockercloud.types import Action, RolloutFields, Service
from tests.support.facts import IDLE, PATIENCE
from tests.support.flows import Raw, containers, counts, done, run
from tests.support.rollouts import BROKEN, GOOD, NEWER, SHORT, SICK, traffic, web_engine

SAFE: RolloutFields = {
    "order": "start-first",
    "failure_action": "rollback",
    "monitor": 0.1,
}
PORT = {"inner_port": 80, "published": True}


@pytest.fixture
def engine() -> Embedded:
    return web_engine()


async def six(live: DockerCloud, **fields: Any) -> Service:
    """Return a running service of six healthy web servers."""
    fields = {"image": GOOD, "container_ports": [PORT], "update_config": SAFE} | fields
    web = await run(live, name="web", target_num_containers=6, **fields)
    return await live.services.wait(web, "Running", healthy=True, timeout=PATIENCE)


async def ended(live: DockerCloud, answer: Any) -> tuple[Action, str]:
    """Return the ended action of an answer, and its log."""
    uri = answer["dockercloud_action_uri"]
    why = ""
    try:
        await live.actions.wait(answer, timeout=PATIENCE)
    except WaitFailed as error:
        why = str(error)
    return await live.actions.inspect(uri), why


async def images(live: DockerCloud, service: Service) -> list[str]:
    return [c["image_name"] for c in await containers(live, service)]


# --- real requests --------------------------------------------------------------------


async def test_redeploy_start_first_fails_no_request(live: DockerCloud) -> None:
    web = await six(live, update_config={**SAFE, "parallelism": 2})
    async with traffic(live, web) as requests:
        await live.services.update(web, image=NEWER)
        action, _ = await ended(live, await live.services.redeploy(web))

    assert requests.failed == []
    assert requests.sent
    assert requests.bodies == {GOOD, NEWER}
    assert action["state"] == "Success"
    assert action["progress"] == {"done": 6, "total": 6, "failed": 0}
    assert await images(live, web) == [NEWER] * 6


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (BROKEN, "(exit code 3)"),
        (SHORT, "(exit code 4)"),
        (SICK, "(unhealthy)"),
    ],
)
async def test_version_that_cannot_work_is_rolled_back_by_itself(
    live: DockerCloud, image: str, reason: str
) -> None:
    # Longer than SHORT runs; the others fail before.
    web = await six(live, update_config={**SAFE, "monitor": 5})
    before = {c["uuid"] for c in await containers(live, web)}
    async with traffic(live, web) as requests:
        await live.services.update(web, image=image)
        action, why = await ended(live, await live.services.redeploy(web))

    assert requests.failed == []
    assert requests.bodies == {GOOD}
    assert action["state"] == "Failed"
    assert action["progress"] == {"done": 0, "total": 6, "failed": 1}
    assert f"web-7 {reason}" in why
    assert "rolled back to the version deployed before" in why
    web = await live.services.inspect(web)
    assert web["image_name"] == GOOD
    assert web["synchronized"]
    assert web["update_config"] == {**SAFE, "monitor": 5}
    assert {c["uuid"] for c in await containers(live, web)} == before


async def test_failure_names_the_last_lines_of_the_container(
    live: DockerCloud,
) -> None:
    web = await six(live)
    await live.services.update(web, image=BROKEN)

    _, why = await ended(live, await live.services.redeploy(web))

    assert "no such database" in why


async def test_rollback_replaces_the_containers_that_have_the_new_version(
    live: DockerCloud,
) -> None:
    """A third container fails after two have been replaced."""
    web = await six(
        live, container_ports=[], update_config={**SAFE, "order": "stop-first"}
    )
    (first, second, *_) = await containers(live, web)
    await live.services.update(web, image=NEWER)
    for container in (first, second):
        await done(live, await live.containers.redeploy(container))
    await live.services.update(web, image=BROKEN)

    action, _ = await ended(live, await live.services.redeploy(web))

    assert action["state"] == "Failed"
    assert await images(live, web) == [GOOD] * 6
    assert (await live.services.inspect(web))["state"] == "Running"


# --- policies -------------------------------------------------------------------------


async def test_pause_is_the_default_and_leaves_the_other_containers(
    live: DockerCloud,
) -> None:
    web = await six(live, update_config={"monitor": 0.1})
    await live.services.update(web, image=BROKEN)

    action, why = await ended(live, await live.services.redeploy(web))

    assert action["state"] == "Failed"
    assert "paused: 0 of 6 containers have the new version" in why
    assert counts(await live.services.inspect(web)) == (6, 6, 5, 1)
    assert await images(live, web) == [BROKEN, *[GOOD] * 5]
    await live.services.update(web, image=NEWER)
    await done(live, await live.services.redeploy(web))
    assert await images(live, web) == [NEWER] * 6


async def test_continue_replaces_all_and_fails(live: DockerCloud) -> None:
    policy: RolloutFields = {"failure_action": "continue", "monitor": 0.05}
    web = await six(live, update_config={**policy, "parallelism": 3})
    await live.services.update(web, image=BROKEN)

    action, _ = await ended(live, await live.services.redeploy(web))

    assert action["state"] == "Failed"
    assert action["progress"] == {"done": 0, "total": 6, "failed": 6}
    assert await images(live, web) == [BROKEN] * 6


async def test_failures_within_the_ratio_succeed(live: DockerCloud) -> None:
    policy: RolloutFields = {"max_failure_ratio": 1, "monitor": 0.05}
    web = await six(live, update_config={**policy, "parallelism": 3})
    await live.services.update(web, image=BROKEN)

    action, _ = await ended(live, await live.services.redeploy(web))

    assert action["state"] == "Success"
    assert action["progress"] == {"done": 0, "total": 6, "failed": 6}


async def test_rollback_uses_rollback_config(live: DockerCloud) -> None:
    web = await six(live, rollback_config={"parallelism": "all", "monitor": 0.05})
    await live.services.update(web, image=NEWER)
    await done(live, await live.services.redeploy(web))

    action, _ = await ended(live, await live.services.rollback(web))

    assert action["state"] == "Success"
    assert await images(live, web) == [GOOD] * 6


async def test_redeploy_of_a_stack_goes_by_the_policy(live: DockerCloud) -> None:
    web: dict[str, Any] = {
        "name": "web",
        "image": GOOD,
        "target_num_containers": 2,
        "update_config": SAFE,
    }
    stack = await live.stacks.create(name="shop", services=[web])
    await done(live, await live.stacks.start(stack))
    (service,) = await live.services.list(name="web")
    await live.services.update(service, image=BROKEN)

    action, why = await ended(live, await live.stacks.redeploy(stack))

    assert action["progress"] == {"done": 0, "total": 2, "failed": 1}
    assert "rolled back" in why
    assert await images(live, service) == [GOOD] * 2


async def test_redeploy_of_a_container_starts_first(live: DockerCloud) -> None:
    web = await six(live)
    (first, *_) = await containers(live, web)
    async with traffic(live, web) as requests:
        await done(live, await live.containers.redeploy(first))

    assert requests.failed == []
    names = [c["name"] for c in await containers(live, web)]
    assert names == [f"web-{n}" for n in range(2, 8)]


async def test_service_on_every_node_starts_first_on_its_nodes(
    live: DockerCloud,
) -> None:
    web = await run(
        live,
        image=GOOD,
        deployment_strategy="EVERY_NODE",
        update_config=SAFE,
    )
    before = sorted(c["node"] for c in await containers(live, web))

    await done(live, await live.services.redeploy(web))

    assert sorted(c["node"] for c in await containers(live, web)) == before
    assert len(before) == 3


# --- plans ----------------------------------------------------------------------------


async def test_dry_run_returns_the_plan_and_changes_nothing(live: DockerCloud) -> None:
    web = await six(live, update_config={**SAFE, "parallelism": 4})
    before = await containers(live, web)

    plan = await live.services.redeploy(web, dry_run=True)

    assert plan["order"] == "start-first"
    assert plan["parallelism"] == 4
    assert plan["image"] == GOOD
    assert plan["warnings"] == []
    assert [[step["name"] for step in batch] for batch in plan["batches"]] == [
        ["web-7", "web-8", "web-9", "web-10"],
        ["web-1", "web-2"],
    ]
    steps = [step for batch in plan["batches"] for step in batch]
    assert [step["replaces"] for step in steps] == [c["resource_uri"] for c in before]
    nodes = {node["resource_uri"] for node in await live.nodes.list()}
    assert {step["node"] for step in steps} <= nodes
    assert await containers(live, web) == before


async def refused(live: DockerCloud, web: Service, reason: str) -> None:
    """Expect a refusal of the redeploy and of its plan, without a change."""
    before = await containers(live, web)
    with pytest.raises(OperationNotAllowed, match=reason):
        await live.services.redeploy(web, dry_run=True)
    with pytest.raises(OperationNotAllowed, match=reason):
        await live.services.redeploy(web)
    (last, *_) = await live.actions.list(object=web["resource_uri"])
    assert (last["action"], last["state"]) == ("Service Redeploy", "Failed")
    assert await containers(live, web) == before
    assert (await live.services.inspect(web))["state"] == "Running"


async def test_start_first_with_a_fixed_port_and_no_free_node_is_refused(
    live: DockerCloud,
) -> None:
    web = await run(
        live,
        image=GOOD,
        target_num_containers=3,
        container_ports=["8080:80"],
        update_config={"order": "start-first"},
    )
    await refused(live, web, "start-first.*port is already allocated.*nothing")
    await done(live, await live.services.scale(web, 2))

    await done(live, await live.services.redeploy(web))


async def test_start_first_with_volumes_of_its_own_is_refused(
    live: DockerCloud,
) -> None:
    web = await run(
        live, image=GOOD, bindings=["/data"], update_config={"order": "start-first"}
    )

    await refused(live, web, "two containers would write the volume /data")


async def test_redeploy_without_a_node_with_the_tags_is_refused(
    live: DockerCloud,
) -> None:
    web = await run(live, image=GOOD, target_num_containers=3)
    await live.services.update(web, tags=["gone"])

    await refused(live, web, "no node has all of the tags gone")


async def test_stack_redeploy_that_cannot_work_changes_no_service(
    live: DockerCloud,
) -> None:
    stack = await live.stacks.create(
        name="shop",
        services=[{"name": "a", "image": GOOD}, {"name": "b", "image": GOOD}],
    )
    await done(live, await live.stacks.start(stack))
    a, b = [(await live.services.list(name=name))[0] for name in ("a", "b")]
    await live.services.update(b, tags=["gone"])
    before = [*await containers(live, a), *await containers(live, b)]

    action, why = await ended(live, await live.stacks.redeploy(stack))

    assert action["state"] == "Failed"
    assert "no node has all of the tags gone" in why
    after = [*await containers(live, a), *await containers(live, b)]
    assert [c["uuid"] for c in after] == [c["uuid"] for c in before]


async def test_image_that_the_registry_refuses_changes_nothing(
    live: DockerCloud, engine: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def has_image(name: str, credentials: Any) -> bool | None:
        return {GOOD: True, BROKEN: False}.get(name)

    web = await six(live)
    monkeypatch.setattr(engine, "has_image", has_image)
    before = await images(live, web)
    await live.services.update(web, image=BROKEN)
    action, why = await ended(live, await live.services.redeploy(web))
    assert action["state"] == "Failed"
    assert "the registry has no acme/web:broken" in why
    assert await images(live, web) == before

    await live.services.update(web, image=NEWER)
    plan = await live.services.redeploy(web, dry_run=True)
    assert plan["warnings"] == [f"image: it is unknown whether {NEWER} exists"]


# --- cancellation ---------------------------------------------------------------------


async def seen(live: DockerCloud, web: Service, image: str) -> None:
    """Wait until a container of the image is healthy."""
    async with asyncio.timeout(PATIENCE), live.events.subscribe() as events:
        if image in await images(live, web):
            return
        async for event in events:
            if event["type"] == "container" and image in await images(live, web):
                return


async def begun(live: DockerCloud, answer: Any, number: int) -> None:
    """Wait until a number of new containers count."""
    uri = answer["dockercloud_action_uri"]
    async with asyncio.timeout(PATIENCE):
        while True:
            progress = (await live.actions.inspect(uri))["progress"]
            if progress and progress["done"] >= number:
                return
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("waits", ["delay", "monitor"])
@pytest.mark.parametrize("order", ["start-first", "stop-first"])
async def test_cancel_ends_a_wait_at_once_and_redeploy_finishes_the_rest(
    live: DockerCloud, waits: str, order: Any
) -> None:
    policy: RolloutFields = {"order": order, "monitor": 0}
    web = await six(live, update_config={**policy, waits: 10000})
    await live.services.update(web, image=NEWER)
    answer = await live.services.redeploy(web)
    if waits == "delay":
        await begun(live, answer, 1)
    else:
        await seen(live, web, NEWER)

    await live.actions.cancel(answer["dockercloud_action_uri"])
    action, _ = await ended(live, answer)

    assert action["state"] == "Canceled"
    web = await live.services.wait(web, "Running", timeout=PATIENCE)
    assert counts(web) == (6, 6, 6, 0)
    await live.services.update(web, update_config=SAFE)
    await done(live, await live.services.redeploy(web))
    assert await images(live, web) == [NEWER] * 6


class Gate:
    """Lets an engine create containers only while open."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.asked = asyncio.Event()


@pytest.fixture
def gate(engine: Embedded, monkeypatch: pytest.MonkeyPatch) -> Gate:
    gate, create = Gate(), engine.create

    async def held(spec: Any) -> None:
        gate.asked.set()
        await gate.open.wait()
        await create(spec)

    monkeypatch.setattr(engine, "create", held)
    return gate


async def canceled_in_a_batch(live: DockerCloud, gate: Gate) -> tuple[Service, Any]:
    """Return a service whose redeploy is canceled while a container is created."""
    gate.open.set()
    web = await run(live, image=IDLE, target_num_containers=2)
    gate.open.clear()
    gate.asked.clear()
    answer = await live.services.redeploy(web)
    await asyncio.wait_for(gate.asked.wait(), PATIENCE)
    await live.actions.cancel(answer["dockercloud_action_uri"])
    return web, answer


async def test_cancel_completes_the_batch_in_progress(
    live: DockerCloud, gate: Gate
) -> None:
    web, answer = await canceled_in_a_batch(live, gate)

    gate.open.set()
    action, _ = await ended(live, answer)

    assert action["state"] == "Canceled"
    assert counts(await live.services.inspect(web)) == (2, 2, 2, 0)


@pytest.mark.parametrize("settings", [Settings(timings=Timings(last_batch=0.05))])
async def test_cancel_gives_a_batch_up_that_takes_too_long(
    live: DockerCloud, gate: Gate
) -> None:
    web, answer = await canceled_in_a_batch(live, gate)

    action, _ = await ended(live, answer)

    assert action["state"] == "Canceled"
    assert counts(await live.services.inspect(web)) == (2, 1, 1, 0)
    gate.open.set()
    await done(live, await live.services.redeploy(web))
    assert counts(await live.services.inspect(web)) == (2, 2, 2, 0)


# --- without a user -------------------------------------------------------------------


async def test_push_after_a_tag_was_taken_off_leaves_the_containers(
    live: DockerCloud, engine: Embedded
) -> None:
    """Neither of the two may take a service to 0 containers by itself."""
    (node, *_) = await live.nodes.list()
    await live.nodes.update(node, tags=["web"])
    web = await run(
        live, image=GOOD, tags=["web"], target_num_containers=3, autoredeploy=True
    )
    before = [c["uuid"] for c in await containers(live, web)]
    await live.nodes.update(node, tags=[])

    engine.push(GOOD)
    async with asyncio.timeout(PATIENCE):
        while not (  # noqa: ASYNC110 - the action has no event of its own
            failed := await live.actions.list(
                object=web["resource_uri"], state="Failed"
            )
        ):
            await asyncio.sleep(0.01)

    assert failed[0]["action"] == "Service Redeploy"
    assert [c["uuid"] for c in await containers(live, web)] == before
    assert counts(await live.services.inspect(web)) == (3, 3, 3, 0)


async def test_dry_run_of_a_container_is_refused(live: DockerCloud, raw: Raw) -> None:
    web = await run(live, image=GOOD)
    (before,) = await containers(live, web)

    answer = await raw("POST", f"{before['resource_uri']}redeploy/?dry_run=true")

    assert answer.status == 400
    assert "only the redeploy of a service has a plan" in answer.error
    assert await containers(live, web) == [before]


async def test_dry_run_of_a_first_deployment_returns_its_plan(
    live: DockerCloud,
) -> None:
    web = await live.services.create(image=GOOD, name="web", target_num_containers=2)

    plan = await live.services.redeploy(web, dry_run=True)

    assert [[one["name"] for one in batch] for batch in plan["batches"]] == [
        ["web-1", "web-2"]
    ]
    assert await containers(live, web) == []
