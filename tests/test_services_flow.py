"""Services from definition to termination: our client against our server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from aiodockercloud import (
    BadRequest,
    DockerCloud,
    OperationNotAllowed,
    WaitFailed,
    wire,
)
from aiodockercloud.server import Embedded, Server, running
from aiodockercloud.server.engines.clock import ManualClock
from aiodockercloud.server.engines.images import Container as Run
from aiodockercloud.types import Container, Service
from flows import (
    IDLE,
    PATIENCE,
    SHELL,
    Gated,
    client_of,
    containers,
    done,
    environment,
    run,
)


def counts(service: Service) -> tuple[int, int, int, int]:
    """Target, current, running, stopped."""
    return (
        service["target_num_containers"],
        service["current_num_containers"],
        service["running_num_containers"],
        service["stopped_num_containers"],
    )


def names(found: list[Container]) -> list[str]:
    return [container["name"] for container in found]


def uuids(found: list[Container]) -> list[str]:
    return [container["uuid"] for container in found]


def nodes(found: list[Container]) -> list[str]:
    return [container["node"] for container in found]


# --- lifecycle ------------------------------------------------------------------------


async def test_create_starts_nothing(live: DockerCloud) -> None:
    service = await live.services.create(image="acme/web", target_num_containers=2)

    assert service["state"] == "Not running"
    assert service["name"] == "web"
    assert service["image_name"] == "acme/web:latest"
    assert counts(service) == (2, 0, 0, 0)
    assert service["deployed_datetime"] is None
    assert await live.containers.list() == []


@pytest.mark.parametrize(
    ("image", "shown"),
    [
        ("acme/web", "acme/web:latest"),
        ("acme/web:", "acme/web:latest"),
        ("acme/web:2", "acme/web:2"),
        ("host.example.com:5000/web", "host.example.com:5000/web:latest"),
    ],
)
async def test_create_adds_the_tag_that_is_missing(
    live: DockerCloud, image: str, shown: str
) -> None:
    service = await live.services.create(image=image)

    assert service["image_name"] == shown
    assert service["name"] == "web"


async def test_start_brings_up_the_target(live: DockerCloud) -> None:
    service = await live.services.create(
        image=IDLE, name="web", target_num_containers=3
    )

    started = await live.services.start(service)
    assert started["state"] == "Starting"
    await done(live, started)

    service = await live.services.inspect(service)
    assert service["state"] == "Running"
    assert service["synchronized"] is True
    assert counts(service) == (3, 3, 3, 0)
    assert service["deployed_datetime"]
    assert service["started_datetime"]
    assert wire.parse_date(service["started_datetime"] or "")
    found = await containers(live, service)
    assert names(found) == ["web-1", "web-2", "web-3"]
    assert {container["state"] for container in found} == {"Running"}
    assert {container["service"] for container in found} == {service["resource_uri"]}


async def test_stop_and_start_keep_the_containers(live: DockerCloud) -> None:
    service = await run(live, target_num_containers=2)
    before = await containers(live, service)

    stopping = await live.services.stop(service)
    assert stopping["state"] == "Stopping"
    await done(live, stopping)
    stopped = await live.services.inspect(service)
    assert stopped["state"] == "Stopped"
    assert counts(stopped) == (2, 2, 0, 2)
    assert stopped["stopped_datetime"]

    await done(live, await live.services.start(service))
    after = await containers(live, service)
    assert uuids(after) == uuids(before)
    assert counts(await live.services.inspect(service)) == (2, 2, 2, 0)


async def test_scale_up_adds_and_scale_down_takes_the_highest(
    live: DockerCloud,
) -> None:
    service = await run(live, name="web")
    first = await containers(live, service)

    scaling = await live.services.scale(service, 4)
    assert scaling["state"] == "Scaling"
    await done(live, scaling)
    four = await containers(live, service)
    assert names(four) == ["web-1", "web-2", "web-3", "web-4"]
    assert four[0]["uuid"] == first[0]["uuid"]
    assert counts(await live.services.inspect(service)) == (4, 4, 4, 0)

    await done(live, await live.services.scale(service, 2))
    assert uuids(await containers(live, service)) == uuids(four)[:2]
    gone = await live.containers.inspect(four[3])
    assert gone["state"] == "Terminated"
    assert gone["destroyed_datetime"]


async def test_scale_to_what_there_is_succeeds(live: DockerCloud) -> None:
    service = await run(live, target_num_containers=2)
    before = await containers(live, service)

    await done(live, await live.services.scale(service, 2))

    assert uuids(await containers(live, service)) == uuids(before)


async def test_scale_to_zero_and_back_is_not_running_between(
    live: DockerCloud,
) -> None:
    service = await run(live)

    await done(live, await live.services.scale(service, 0))
    empty = await live.services.inspect(service)
    assert empty["state"] == "Not running"
    assert counts(empty) == (0, 0, 0, 0)

    await done(live, await live.services.scale(service, 1))
    assert (await live.services.inspect(service))["state"] == "Running"


async def test_redeploy_makes_new_containers_of_the_same_names(
    live: DockerCloud,
) -> None:
    service = await run(live, name="web", target_num_containers=2)
    before = await containers(live, service)

    redeploying = await live.services.redeploy(service)
    assert redeploying["state"] == "Redeploying"
    await done(live, redeploying)

    after = await containers(live, service)
    assert names(after) == ["web-1", "web-2"]
    assert not set(uuids(after)) & set(uuids(before))
    for old in before:
        assert (await live.containers.inspect(old))["state"] == "Terminated"
    assert (await live.services.inspect(service))["state"] == "Running"


async def test_redeploy_of_what_never_ran_starts_it(live: DockerCloud) -> None:
    service = await live.services.create(image=IDLE)

    redeploying = await live.services.redeploy(service)
    assert redeploying["state"] == "Starting"
    await done(live, redeploying)

    assert (await live.services.inspect(service))["state"] == "Running"


async def test_terminated_objects_stay_readable_and_listed(live: DockerCloud) -> None:
    service = await run(live, name="web", target_num_containers=2)
    inside = await containers(live, service)

    await done(live, await live.services.delete(service))

    gone = await live.services.inspect(service)
    assert gone["state"] == "Terminated"
    assert gone["destroyed_datetime"]
    assert counts(gone) == (0, 0, 0, 0)
    assert gone["containers"] == []
    for container in inside:
        found = await live.containers.inspect(container)
        assert found["state"] == "Terminated"
        assert found["service"] == service["resource_uri"]
    listed = await live.services.list(name="web")
    assert [one["uuid"] for one in listed] == [service["uuid"]]
    node = await live.nodes.inspect(inside[0]["node"])
    assert node["current_num_containers"] == 0


async def test_one_container_down_is_partly_running_and_can_be_started(
    live: DockerCloud,
) -> None:
    service = await run(live, target_num_containers=2)
    first, second = await containers(live, service)

    await done(live, await live.containers.stop(second))
    partly = await live.services.inspect(service)
    assert partly["state"] == "Partly running"
    assert counts(partly) == (2, 2, 1, 1)

    await done(live, await live.services.start(service))
    assert (await live.services.inspect(service))["state"] == "Running"
    assert uuids(await containers(live, service)) == [first["uuid"], second["uuid"]]


async def test_every_changing_call_leaves_an_action_that_ended_well(
    live: DockerCloud,
) -> None:
    service = await run(live)
    await live.services.update(service, nickname="front")
    for call in (live.services.stop, live.services.redeploy, live.services.scale):
        await done(live, await call(service))
    await done(live, await live.services.delete(service))

    found = await live.actions.list(object=service["resource_uri"])

    assert [action["action"] for action in reversed(found)] == [
        *("Service Create", "Service Start", "Service Update", "Service Stop"),
        *("Service Redeploy", "Service Scale", "Service Terminate"),
    ]
    assert {action["state"] for action in found} == {"Success"}
    assert all(action["end_date"] for action in found)
    assert {action["user"] for action in found} == {"admin"}
    assert {action["method"] for action in found} == {"POST", "PATCH", "DELETE"}


# --- PATCH and synchronized -----------------------------------------------------------


async def test_update_waits_for_the_redeploy(live: DockerCloud) -> None:
    service = await run(
        live, image=SHELL, run_command="sleep 1000", container_envvars=[
            {"key": "COLOUR", "value": "red"}
        ]
    )  # fmt: skip

    updated = await live.services.update(
        service, container_envvars=[{"key": "COLOUR", "value": "blue"}]
    )
    assert updated["synchronized"] is False
    assert updated["state"] == "Running"
    (container,) = await containers(live, service)
    assert container["synchronized"] is False
    assert (await environment(live, container))["COLOUR"] == "red"

    await done(live, await live.services.redeploy(service))
    (container,) = await containers(live, service)
    assert (await environment(live, container))["COLOUR"] == "blue"
    assert container["synchronized"] is True
    assert (await live.services.inspect(service))["synchronized"] is True


async def test_update_of_the_target_waits_for_scale(live: DockerCloud) -> None:
    service = await run(live)

    updated = await live.services.update(service, target_num_containers=3)
    assert counts(updated) == (3, 1, 1, 0)
    assert updated["synchronized"] is False

    await done(live, await live.services.scale(service))
    service = await live.services.inspect(service)
    assert counts(service) == (3, 3, 3, 0)
    assert service["synchronized"] is True


async def test_update_replaces_lists_and_keeps_the_rest(live: DockerCloud) -> None:
    service = await live.services.create(
        image=IDLE,
        run_command="serve",
        container_envvars=[{"key": "A", "value": "1"}, {"key": "B", "value": "2"}],
    )

    updated = await live.services.update(
        service, container_envvars=[{"key": "C", "value": "3"}]
    )

    assert updated["container_envvars"] == [{"key": "C", "value": "3"}]
    assert updated["run_command"] == "serve"


# --- restart policies, exit codes, one-off jobs ---------------------------------------


@pytest.fixture
def code() -> list[int]:
    """Exit codes of the runs of ``acme/job``, in order; the last one repeats."""
    return [0]


class Timed:
    """An engine whose time the test drives, with a job that counts its runs."""

    def __init__(self, codes: list[int]) -> None:
        self.clock = ManualClock()
        self.engine = Embedded(clock=self.clock)
        self.runs = 0

        @self.engine.image("acme/job")
        async def job(container: Run) -> int:
            self.runs += 1
            container.print(f"run {self.runs}")
            await container.sleep(1)
            return codes[min(self.runs, len(codes)) - 1]

    async def until(self, cloud: DockerCloud, service: Service, state: str) -> Service:
        """Let time pass until the service is in a state."""
        async with asyncio.timeout(PATIENCE):
            while (found := await cloud.services.inspect(service))["state"] != state:
                await self.clock.advance(1)
        return found


@pytest.fixture
async def timed(code: list[int]) -> AsyncIterator[tuple[DockerCloud, Timed]]:
    engine = Timed(code)
    async with running(engine.engine) as server, client_of(server) as cloud:
        yield cloud, engine


async def test_one_off_job_ends_stopped_with_its_exit_code(
    timed: tuple[DockerCloud, Timed], code: list[int]
) -> None:
    cloud, time = timed
    code[:] = [3]
    service = await run(cloud, image="acme/job")

    service = await time.until(cloud, service, "Stopped")

    assert counts(service) == (1, 1, 0, 1)
    (container,) = await containers(cloud, service)
    assert container["state"] == "Stopped"
    assert container["exit_code"] == 3
    assert (container["exit_code_msg"] or "").startswith("Exit code 3")
    assert container["stopped_datetime"]


async def test_one_off_job_can_be_run_again(timed: tuple[DockerCloud, Timed]) -> None:
    cloud, time = timed
    service = await run(cloud, image="acme/job")
    await time.until(cloud, service, "Stopped")

    await done(cloud, await cloud.services.start(service))
    service = await cloud.services.inspect(service)
    assert service["state"] == "Running"
    (container,) = await containers(cloud, service)
    assert container["exit_code"] is None
    await time.until(cloud, service, "Stopped")
    assert time.runs == 2


async def test_autorestart_on_failure_runs_until_it_ends_well(
    timed: tuple[DockerCloud, Timed], code: list[int]
) -> None:
    cloud, time = timed
    code[:] = [1, 2, 0]
    service = await run(cloud, image="acme/job", autorestart="ON_FAILURE")

    await time.until(cloud, service, "Stopped")

    assert time.runs == 3
    (container,) = await containers(cloud, service)
    assert container["exit_code"] == 0


async def test_autorestart_always_runs_on_and_stop_ends_it(
    timed: tuple[DockerCloud, Timed],
) -> None:
    cloud, time = timed
    service = await run(cloud, image="acme/job", autorestart="ALWAYS")

    await time.clock.advance(60)
    assert time.runs > 3
    assert (await cloud.services.inspect(service))["state"] == "Running"

    await done(cloud, await cloud.services.stop(service))
    runs = time.runs
    await time.clock.advance(600)
    assert time.runs == runs
    assert (await cloud.services.inspect(service))["state"] == "Stopped"


@pytest.mark.parametrize(
    ("rule", "exit_code", "destroyed"),
    [
        ("OFF", 0, False),
        ("ON_SUCCESS", 0, True),
        ("ON_SUCCESS", 1, False),
        ("ALWAYS", 0, True),
        ("ALWAYS", 1, True),
    ],
)
async def test_autodestroy_looks_at_the_exit_code(
    timed: tuple[DockerCloud, Timed],
    code: list[int],
    rule: str,
    exit_code: int,
    destroyed: bool,
) -> None:
    cloud, time = timed
    code[:] = [exit_code]
    service = await run(cloud, image="acme/job", autodestroy=rule)
    (container,) = await containers(cloud, service)

    await time.until(cloud, service, "Not running" if destroyed else "Stopped")

    container = await cloud.containers.inspect(container)
    assert container["state"] == ("Terminated" if destroyed else "Stopped")
    assert container["exit_code"] == exit_code


async def test_autodestroy_comes_after_autorestart(
    timed: tuple[DockerCloud, Timed], code: list[int]
) -> None:
    cloud, time = timed
    code[:] = [1, 1, 0]
    service = await run(
        cloud, image="acme/job", autorestart="ON_FAILURE", autodestroy="ON_SUCCESS"
    )

    await time.until(cloud, service, "Not running")

    assert time.runs == 3


async def test_autodestroy_does_not_take_what_a_user_stops(
    timed: tuple[DockerCloud, Timed],
) -> None:
    cloud, _ = timed
    service = await run(cloud, image=IDLE, autodestroy="ALWAYS")

    await done(cloud, await cloud.services.stop(service))

    assert counts(await cloud.services.inspect(service)) == (1, 1, 0, 1)


async def test_autodestroy_with_autorestart_always_is_refused(
    live: DockerCloud,
) -> None:
    with pytest.raises(BadRequest, match="autodestroy"):
        await live.services.create(
            image=IDLE, autorestart="ALWAYS", autodestroy="ALWAYS"
        )


async def test_crashed_container_leaves_the_service_stopped(
    live: DockerCloud, engine: Embedded
) -> None:
    service = await run(live)
    (container,) = await containers(live, service)

    engine.crash(container["uuid"], 42)

    await live.services.wait(service, "Stopped", timeout=PATIENCE)
    assert (await live.containers.inspect(container))["exit_code"] == 42


# --- links and variables --------------------------------------------------------------


async def test_container_sees_its_platform_variables(
    live: DockerCloud, server: Server
) -> None:
    service = await run(live, image=SHELL, run_command="sleep 1000", name="web")
    (container,) = await containers(live, service)
    node = await live.nodes.inspect(container["node"])

    seen = await environment(live, container)

    for what, thing in (("SERVICE", service), ("CONTAINER", container), ("NODE", node)):
        uri = thing["resource_uri"]
        assert seen[f"DOCKERCLOUD_{what}_API_URI"] == uri
        assert seen[f"DOCKERCLOUD_{what}_API_URL"] == server.url + uri
    assert seen["DOCKERCLOUD_SERVICE_HOSTNAME"] == "web"
    assert seen["DOCKERCLOUD_CONTAINER_HOSTNAME"] == "web-1"
    assert seen["DOCKERCLOUD_SERVICE_FQDN"] == service["public_dns"]
    assert seen["DOCKERCLOUD_CONTAINER_FQDN"] == container["public_dns"]
    assert seen["DOCKERCLOUD_NODE_FQDN"] == node["external_fqdn"]
    assert seen["DOCKERCLOUD_REST_HOST"] == server.url
    assert seen["DOCKERCLOUD_STREAM_HOST"] == server.stream_url
    assert "DOCKERCLOUD_AUTH" not in seen
    assert "DOCKERCLOUD_STACK_NAME" not in seen


async def test_container_sees_its_overlay_address(live: DockerCloud) -> None:
    service = await run(live, image=SHELL, run_command="sleep 1000")
    (container,) = await containers(live, service)

    seen = await environment(live, container)

    assert seen.get("DOCKERCLOUD_IP_ADDRESS") == f"{container['private_ip']}/16"


async def test_role_global_gives_credentials_that_end_with_the_container(
    live: DockerCloud, server: Server
) -> None:
    service = await run(live, image=SHELL, run_command="sleep 1000", roles=["global"])
    (container,) = await containers(live, service)
    auth = (await environment(live, container))["DOCKERCLOUD_AUTH"]
    async with DockerCloud(server.url, auth=auth, retry=None) as inside:
        assert len(await inside.services.list()) == 1

        await done(live, await live.services.delete(service))

        with pytest.raises(Exception, match="401"):
            await inside.services.list()


async def test_link_gives_variables_and_live_endpoints(live: DockerCloud) -> None:
    db = await run(
        live,
        name="my-db",
        target_num_containers=2,
        container_ports=[{"inner_port": 5432}],
        container_envvars=[{"key": "PASS", "value": "secret"}],
    )
    web = await run(
        live,
        name="web",
        image=SHELL,
        run_command="sleep 1000",
        linked_to_service=[{"to_service": "my-db", "name": "db"}],
    )
    first, second = await containers(live, db)
    (client,) = await containers(live, web)

    seen = await environment(live, client)
    assert seen["DB_PORT"] == f"tcp://{first['private_ip']}:5432"
    assert seen["DB_1_PORT_5432_TCP_ADDR"] == first["private_ip"]
    assert seen["DB_2_PORT_5432_TCP"] == f"tcp://{second['private_ip']}:5432"
    assert seen["DB_2_PORT_5432_TCP_PROTO"] == "tcp"
    assert seen["DB_ENV_PASS"] == "secret"
    assert seen["DB_NAME"] == f"/{first['uuid']}/my-db-1"
    assert seen["DB_DOCKERCLOUD_API_URL"].endswith(db["resource_uri"])
    linked = client["linked_to_container"]
    assert [link["name"] for link in linked] == ["DB_1", "DB_2"]
    assert linked[0]["from_container"] == client["resource_uri"]
    assert linked[0]["to_container"] == first["resource_uri"]
    assert linked[0]["endpoints"] == {"5432/tcp": f"tcp://{first['private_ip']}:5432"}
    assert (await live.services.inspect(db))["linked_from_service"] == [
        {
            "from_service": web["resource_uri"],
            "to_service": db["resource_uri"],
            "name": "db",
        }
    ]


async def test_linked_to_container_follows_without_a_redeploy(
    live: DockerCloud,
) -> None:
    db = await run(live, name="db")
    other = await run(live, name="other")
    web = await run(live, name="web", linked_to_service=[{"to_service": "db"}])

    async def linked() -> list[str]:
        (client,) = await containers(live, web)
        return [link["to_container"] for link in client["linked_to_container"]]

    assert await linked() == (await live.services.inspect(db))["containers"]
    await done(live, await live.services.scale(db, 2))
    assert await linked() == (await live.services.inspect(db))["containers"]
    updated = await live.services.update(
        web, linked_to_service=[{"to_service": other["resource_uri"], "name": "db"}]
    )
    assert updated["synchronized"] is True
    assert await linked() == other["containers"]
    await done(live, await live.services.delete(other))
    assert await linked() == []


async def test_link_to_a_missing_service_is_refused(live: DockerCloud) -> None:
    with pytest.raises(BadRequest, match="no-such"):
        await live.services.create(
            image=IDLE, linked_to_service=[{"to_service": "no-such"}]
        )


# --- order ----------------------------------------------------------------------------


@pytest.fixture
async def gated() -> AsyncIterator[tuple[DockerCloud, Gated]]:
    engine = Gated(nodes=3)
    async with running(engine) as server, client_of(server) as cloud:
        yield cloud, engine


async def test_sequential_deployment_asks_for_one_after_the_other(
    gated: tuple[DockerCloud, Gated],
) -> None:
    cloud, engine = gated
    service = await cloud.services.create(
        image=IDLE, name="db", target_num_containers=3, sequential_deployment=True
    )

    started = await cloud.services.start(service)
    async with asyncio.timeout(PATIENCE):
        await engine.knocked.wait()
    assert engine.asked == ["db-1"]
    engine.gate.set()
    await done(cloud, started)

    assert engine.asked == ["db-1", "db-2", "db-3"]


async def test_other_deployment_asks_for_all_at_once(
    gated: tuple[DockerCloud, Gated],
) -> None:
    cloud, engine = gated
    service = await cloud.services.create(
        image=IDLE, name="db", target_num_containers=3
    )

    started = await cloud.services.start(service)
    async with asyncio.timeout(PATIENCE):
        while len(engine.asked) < 3:
            engine.knocked.clear()
            await engine.knocked.wait()
    assert (await cloud.services.inspect(service))["state"] == "Starting"
    engine.gate.set()
    await done(cloud, started)


async def test_operation_while_another_runs_is_refused(
    gated: tuple[DockerCloud, Gated],
) -> None:
    cloud, engine = gated
    service = await cloud.services.create(image=IDLE)
    started = await cloud.services.start(service)

    with pytest.raises(OperationNotAllowed, match="Starting"):
        await cloud.services.stop(service)
    updated = await cloud.services.update(service, nickname="patched meanwhile")

    assert updated["state"] == "Starting"
    engine.gate.set()
    await done(cloud, started)


# --- placement ------------------------------------------------------------------------


async def test_emptiest_node_spreads_over_all(live: DockerCloud) -> None:
    service = await run(live, target_num_containers=6)

    places = nodes(await containers(live, service))

    assert sorted(places.count(place) for place in set(places)) == [2, 2, 2]


async def test_high_availability_counts_its_own_containers(live: DockerCloud) -> None:
    await run(live, name="filler", target_num_containers=3)
    first = await run(live, name="lonely", deployment_strategy="HIGH_AVAILABILITY")
    await done(live, await live.services.scale(first, 3))

    assert len(set(nodes(await containers(live, first)))) == 3


async def test_every_node_has_one_and_cannot_be_scaled(live: DockerCloud) -> None:
    service = await run(live, deployment_strategy="EVERY_NODE")

    assert len(set(nodes(await containers(live, service)))) == 3
    assert service["target_num_containers"] == 0
    assert service["state"] == "Running"
    with pytest.raises(BadRequest, match="EVERY_NODE"):
        await live.services.scale(service, 5)
    with pytest.raises(BadRequest, match="EVERY_NODE"):
        await live.services.update(service, deployment_strategy="EMPTIEST_NODE")


async def test_tags_choose_the_nodes(live: DockerCloud) -> None:
    node = (await live.nodes.list())[0]
    await live.nodes.update(node, tags=["db", "ssd"])

    service = await run(live, tags=["db"], target_num_containers=2)

    assert set(nodes(await containers(live, service))) == {node["resource_uri"]}


async def test_tags_that_no_node_has_fail_the_action(live: DockerCloud) -> None:
    service = await live.services.create(image=IDLE, tags=["gpu"])

    started = await live.services.start(service)
    with pytest.raises(WaitFailed, match="gpu"):
        await done(live, started)

    service = await live.services.inspect(service)
    assert service["state"] == "Not running"
    assert counts(service) == (1, 0, 0, 0)


async def test_volumes_from_goes_where_the_volumes_are(live: DockerCloud) -> None:
    data = await run(
        live,
        name="data",
        target_num_containers=3,
        bindings=[{"container_path": "/data"}],
    )
    user = await run(
        live,
        name="user",
        target_num_containers=3,
        bindings=[{"volumes_from": "data"}],
    )

    assert nodes(await containers(live, user)) == nodes(await containers(live, data))
    with pytest.raises(OperationNotAllowed, match="user"):
        await live.services.delete(data)
    await done(live, await live.services.delete(user))
    await done(live, await live.services.delete(data))


async def test_fixed_port_clash_fails_the_action_with_a_log(live: DockerCloud) -> None:
    service = await live.services.create(
        image=IDLE,
        name="web",
        target_num_containers=4,
        container_ports=[{"inner_port": 80, "outer_port": 10080}],
    )

    started = await live.services.start(service)
    with pytest.raises(WaitFailed, match="10080"):
        await done(live, started)

    action = await live.actions.inspect(started["dockercloud_action_uri"])
    assert action["state"] == "Failed"
    async with live.actions.logs(action, follow=False) as lines:
        log = [wire.log_text(line) async for line in lines]
    assert any("already allocated" in line for line in log)
    found = await containers(live, service)
    assert len(found) == 3
    assert {c["container_ports"][0]["outer_port"] for c in found} == {10080}


async def test_published_port_without_number_gets_one(live: DockerCloud) -> None:
    service = await run(live, container_ports=[{"inner_port": 9000, "published": True}])

    (container,) = await containers(live, service)
    (port,) = container["container_ports"]
    assert (port["outer_port"] or 0) >= 1024
    assert port["endpoint_uri"] == (
        f"tcp://{container['public_dns']}:{port['outer_port']}/"
    )
    assert service["container_ports"][0]["outer_port"] is None


async def test_calculated_variables_say_whose_they_are() -> None:
    engine = Embedded()

    @engine.image("acme/worker", environment={"MODE": "fast", "LEVEL": "1"})
    async def worker(container: Run) -> None:
        await container.wait_stopped()

    async with running(engine) as server, client_of(server) as cloud:
        db = await run(cloud, name="db", image="acme/worker")
        web = await run(
            cloud,
            name="web",
            image="acme/worker",
            container_envvars=[{"key": "LEVEL", "value": "9"}],
            linked_to_service=[{"to_service": db["resource_uri"], "name": "db"}],
        )

    found = {one["key"]: one for one in web["calculated_envvars"]}
    assert found["LEVEL"] == {"key": "LEVEL", "value": "9", "origin": "user"}
    assert found["MODE"] == {"key": "MODE", "value": "fast", "origin": "image"}
    assert found["DB_ENV_MODE"]["origin"] == "tutum"
