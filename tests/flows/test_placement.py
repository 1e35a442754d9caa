"""Placement of containers: strategies, tags, volumes of other services, ports."""

from __future__ import annotations

import pytest

from aiodockercloud import BadRequest, DockerCloud, OperationNotAllowed, WaitFailed
from aiodockercloud.types import Container, DeploymentStrategy, PortFields
from aiodockercloud.wire import loglines
from tests.support.facts import IDLE
from tests.support.flows import containers, counts, done, run
from tests.support.talking import texts


def nodes(found: list[Container]) -> list[str]:
    return [container["node"] for container in found]


async def test_emptiest_node_spreads_over_all_nodes(live: DockerCloud) -> None:
    service = await run(live, target_num_containers=6)

    places = nodes(await containers(live, service))

    assert sorted(places.count(place) for place in set(places)) == [2, 2, 2]


async def test_high_availability_counts_its_own_containers(live: DockerCloud) -> None:
    await run(live, name="filler", target_num_containers=3)
    first = await run(live, name="lonely", deployment_strategy="HIGH_AVAILABILITY")
    await done(live, await live.services.scale(first, 3))

    assert len(set(nodes(await containers(live, first)))) == 3


async def test_every_node_gets_one_container_and_cannot_be_scaled(
    live: DockerCloud,
) -> None:
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


async def test_volumes_from_places_containers_on_the_nodes_of_the_volumes(
    live: DockerCloud,
) -> None:
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
        log = [loglines.log_text(line) async for line in lines]
    assert any("already allocated" in line for line in log)
    found = await containers(live, service)
    assert len(found) == 3
    assert {c["container_ports"][0]["outer_port"] for c in found} == {10080}


async def test_published_port_without_a_number_gets_a_number(live: DockerCloud) -> None:
    service = await run(live, container_ports=[{"inner_port": 9000, "published": True}])

    (container,) = await containers(live, service)
    (port,) = container["container_ports"]
    assert (port["outer_port"] or 0) >= 1024
    assert port["endpoint_uri"] == (
        f"tcp://{container['public_dns']}:{port['outer_port']}/"
    )
    assert service["container_ports"][0]["outer_port"] is None


async def test_scaling_leaves_room_for_the_host_port_of_a_connected_service(
    live: DockerCloud,
) -> None:
    await run(live, name="app")
    port = {"inner_port": 80, "outer_port": 10080}
    bindings = [{"volumes_from": "app"}]
    web = await run(live, name="web", container_ports=[port], bindings=bindings)
    await run(live, name="filler", target_num_containers=4)
    app = (await live.services.list(name="app"))[0]
    await done(live, await live.services.scale(app, 2))

    await done(live, await live.services.scale(web, 2))

    assert nodes(await containers(live, web)) == nodes(await containers(live, app))


async def test_sharer_of_two_services_scales_when_only_one_of_them_has_scaled(
    live: DockerCloud,
) -> None:
    made = await live.stacks.create(
        name="made",
        services=[
            {"name": "one", "image": IDLE},
            {"name": "other", "image": IDLE},
            {"name": "user", "image": IDLE, "volumes_from": ["one", "other"]},
        ],
    )
    await done(live, await live.stacks.start(made))
    one, _, user = (await live.stacks.inspect(made))["services"]
    await done(live, await live.services.scale(one, 2))

    await done(live, await live.services.scale(user, 2))

    assert len(await containers(live, await live.services.inspect(user))) == 2


async def test_service_on_every_node_redeploys_beside_sharers_with_other_numbers(
    live: DockerCloud,
) -> None:
    certs = await run(live, name="certs", deployment_strategy="EVERY_NODE")
    last = (await containers(live, certs))[-1]
    await run(live, name="filler", target_num_containers=3)
    for node in await live.nodes.list():
        if node["resource_uri"] == last["node"]:
            await live.nodes.update(node, tags=["web"])
    await run(live, name="web", tags=["web"], bindings=[{"volumes_from": "certs"}])

    await done(live, await live.services.redeploy(certs))

    assert len(set(nodes(await containers(live, certs)))) == 3


@pytest.mark.parametrize("strategy", ["EMPTIEST_NODE", "HIGH_AVAILABILITY"])
async def test_stopped_containers_do_not_count(
    live: DockerCloud, strategy: DeploymentStrategy
) -> None:
    """The documented strategies count running containers."""
    filler = await run(live, name="filler", target_num_containers=2)
    full = {one["node"] for one in await containers(live, filler)}
    await done(live, await live.services.stop(filler))
    service = await run(
        live, name="web", deployment_strategy=strategy, target_num_containers=2
    )
    first = (await containers(live, service))[0]["node"]
    assert first in full

    for one in await containers(live, service):
        await done(live, await live.containers.stop(one))
    await done(live, await live.services.scale(service, 3))

    assert (await containers(live, service))[2]["node"] == first


async def test_stopped_container_keeps_its_host_port_and_its_node(
    live: DockerCloud,
) -> None:
    port: PortFields = {"inner_port": 80, "outer_port": 18080, "published": True}
    web = await run(live, name="web", target_num_containers=3, container_ports=[port])
    daemon = await run(live, name="daemon", deployment_strategy="EVERY_NODE")
    for service in (web, daemon):
        await done(live, await live.services.stop(service))

    other = await live.services.create(image=IDLE, name="b", container_ports=[port])
    started = await live.services.start(other)
    with pytest.raises(WaitFailed, match="port is already allocated"):
        await done(live, started)
    await done(live, await live.services.start(daemon))

    assert len(set(nodes(await containers(live, daemon)))) == 3
    assert len(await containers(live, daemon)) == 3


async def test_bindings_of_a_container_show_the_shared_volumes(
    live: DockerCloud,
) -> None:
    data = await run(
        live,
        name="data",
        target_num_containers=2,
        bindings=[
            {"container_path": "/data"},
            {"container_path": "/etc/x", "host_path": "/x", "rewritable": False},
        ],
    )
    user = await run(
        live,
        name="user",
        target_num_containers=2,
        bindings=[{"volumes_from": "data"}, {"container_path": "/own"}],
    )
    last = await run(
        live,
        name="last",
        target_num_containers=2,
        bindings=[{"volumes_from": "user"}, {"container_path": "/data"}],
    )

    for number in range(2):
        owner, one, two = [
            {b["container_path"]: b for b in found[number]["bindings"]}
            for found in [await containers(live, s) for s in (data, user, last)]
        ]
        assert set(owner) == {"/data", "/etc/x"}
        assert set(one) == {"/own", "/data", "/etc/x"}
        assert {**one, **owner} == one
        assert set(two) == {"/data", "/own", "/etc/x"}
        assert two["/own"] == one["/own"]
        assert two["/data"] != owner["/data"]


async def test_hostname_of_a_container_shows_the_expanded_variables(
    live: DockerCloud,
) -> None:
    service = await run(
        live,
        image="busybox",
        run_command="sh -c 'hostname'",
        name="web",
        target_num_containers=2,
        hostname="at-$DOCKERCLOUD_CONTAINER_HOSTNAME-${TUTUM_SERVICE_HOSTNAME}-$HOME",
    )
    first, second = await containers(live, service)

    assert first["hostname"] == "at-web-1-web-$HOME"
    assert second["hostname"] == "at-web-2-web-$HOME"
    log = await texts(live.containers.logs(first, until="stopped"))
    assert log == [first["hostname"]]
