"""Plans of rollouts: what a redeploy would do, and what cannot work is refused."""

from __future__ import annotations

from typing import Any

import pytest

from aiodockercloud import DockerCloud, OperationNotAllowed
from aiodockercloud.server import Embedded
from aiodockercloud.types import Service
from tests.support.flows import Raw, containers, done, run
from tests.support.rollouts import (
    BROKEN,
    GOOD,
    NEWER,
    SAFE,
    ended,
    images,
    six,
    web_engine,
)


@pytest.fixture
def engine() -> Embedded:
    return web_engine()


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
