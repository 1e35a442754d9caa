"""Definitions with values as docker writes them, from the client to the container."""

from __future__ import annotations

from typing import Any

import pytest

from aiodockercloud import BadRequest, DockerCloud
from tests.support.facts import IDLE
from tests.support.flows import containers, environment, run

PORTS = [(80, 8080, True), (53, None, True)]


def ports(found: Any) -> list[tuple[int, int | None, bool]]:
    return [
        (port["inner_port"], port["outer_port"], port["published"])
        for port in found["container_ports"]
    ]


async def test_create_with_variables_and_ports_reaches_the_container(
    live: DockerCloud,
) -> None:
    service = await run(
        live,
        container_envvars={"A": "1", "B": True},
        container_ports=["8080:80"],
        run_command=["sleep", "60"],
        memory="64m",
    )

    (container,) = await containers(live, service)
    found = await environment(live, container)
    assert (found["A"], found["B"]) == ("1", "true")
    assert ports(service) == [(80, 8080, True)]
    assert (service["run_command"], service["memory"]) == ("sleep 60", 64)


async def test_update_with_variables_and_ports_replaces_the_lists(
    live: DockerCloud,
) -> None:
    service = await live.services.create(image=IDLE, container_envvars=["A=1", "B=2"])

    changed = await live.services.update(
        service, container_envvars={"C": "3"}, container_ports="80"
    )

    assert changed["container_envvars"] == [{"key": "C", "value": "3"}]
    assert ports(changed) == [(80, None, True)]


async def test_stack_with_variables_and_ports_in_services_is_created(
    live: DockerCloud,
) -> None:
    web: dict[str, Any] = {
        "name": "web",
        "image": IDLE,
        "container_envvars": {"A": "1"},
        "container_ports": ["8080:80", "53/udp"],
    }
    shop = await live.stacks.create(name="shop", services=[web])
    await live.stacks.update(shop, services=[{**web, "container_envvars": ["A=2"]}])

    (found,) = await live.services.list(stack=shop["resource_uri"])
    assert found["container_envvars"] == [{"key": "A", "value": "2"}]
    assert ports(found) == PORTS


async def test_create_with_a_value_in_neither_form_is_refused_with_the_forms(
    live: DockerCloud,
) -> None:
    with pytest.raises(BadRequest, match=r'container_ports: .*\["8080:80"\]'):
        await live.services.create(image=IDLE, container_ports="http")
