"""Compose files that are deployed and posted, on a server."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from aiodockercloud import DockerCloud, StackFileError
from tests.support.facts import IDLE
from tests.support.flows import Raw

STACKS = "/api/app/v1/stack/"
FILE = f"""\
version: "3.8"
services:
  web:
    image: {IDLE}
    container_name: web
    depends_on: [db]
    environment:
      GREETING: ${{GREETING:-hello}}
    deploy:
      replicas: 2
      restart_policy:
        condition: on-failure
  db:
    image: {IDLE}
    volumes:
      - data:/data
volumes:
  data:
"""


async def services_of(cloud: DockerCloud, stack: str) -> dict[str, Any]:
    found = await cloud.stacks.find(stack)
    services = [await cloud.services.inspect(uri) for uri in found["services"]]
    return {service["name"]: service for service in services}


def check(services: dict[str, Any], stack: str) -> None:
    """Check that the services are those of the file."""
    web, db = services["web"], services["db"]
    assert web["target_num_containers"] == 2
    assert web["autorestart"] == "ON_FAILURE"
    assert web["container_envvars"] == [{"key": "GREETING", "value": "hello"}]
    assert web["linked_to_service"][0]["to_service"] == db["resource_uri"]
    [binding] = db["bindings"]
    assert binding["volume_name"] == f"{stack}_data"


async def test_deploy_of_a_compose_file_runs_its_services(
    live: DockerCloud, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "compose.yaml"
    path.write_text(FILE)

    with caplog.at_level(logging.WARNING, "aiodockercloud.stackfile"):
        stack = await live.stacks.deploy(path, "shop", environ={})

    assert stack["state"] == "Running"
    check(await services_of(live, "shop"), "shop")
    warnings = [record.getMessage() for record in caplog.records]
    assert len(warnings) == 2
    assert warnings[1].startswith(f"{path}: line 5: service web: key container_name: ")


async def test_deploy_again_updates_the_services(
    live: DockerCloud, tmp_path: Path
) -> None:
    path = tmp_path / "compose.yaml"
    path.write_text(FILE)
    await live.stacks.deploy(path, "shop", environ={})
    path.write_text(FILE.replace("replicas: 2", "replicas: 3"))

    await live.stacks.deploy(path, "shop", environ={})

    services = await services_of(live, "shop")
    assert services["web"]["running_num_containers"] == 3


async def test_deploy_of_a_compose_file_outside_the_common_part_changes_nothing(
    live: DockerCloud, tmp_path: Path
) -> None:
    path = tmp_path / "compose.yaml"
    path.write_text(FILE.replace("container_name: web", "ipc: host"))

    with pytest.raises(StackFileError, match="line 5: containers have their own IPC"):
        await live.stacks.deploy(path, "shop", environ={})

    assert await live.stacks.list() == []


async def test_posted_compose_file_becomes_a_stack(raw: Raw, live: DockerCloud) -> None:
    answer = await raw(
        "POST", f"{STACKS}?name=shop", FILE, Content_Type="application/yaml"
    )

    assert answer.status == 201
    check(await services_of(live, "shop"), "shop")


async def test_patched_compose_file_changes_the_stack(
    raw: Raw, live: DockerCloud
) -> None:
    stack = await live.stacks.create(
        name="shop", services=[{"name": "db", "image": IDLE}]
    )

    answer = await raw(
        "PATCH", stack["resource_uri"], FILE, Content_Type="application/yaml"
    )

    assert answer.status == 200
    check(await services_of(live, "shop"), "shop")


def posted(**file: Any) -> str:
    """Return a Compose file as the old command line posts it, in JSON."""
    services = [{"name": key, **below} for key, below in file.items()]
    return json.dumps({"name": "shop", "services": services})


async def test_compose_file_posted_by_the_old_command_line_becomes_a_stack(
    raw: Raw, live: DockerCloud
) -> None:
    web = {"image": IDLE, "tty": True, "deploy": {"replicas": 2}}
    db = {"image": IDLE, "volumes": ["data:/data"]}

    answer = await raw(
        "POST",
        STACKS,
        posted(services={"web": web, "db": db}, volumes={"data": {"external": False}}),
    )

    assert answer.status == 201
    services = await services_of(live, "shop")
    assert services["web"]["tty"] is True
    assert services["web"]["target_num_containers"] == 2
    assert services["db"]["bindings"][0]["volume_name"] == "shop_data"


@pytest.mark.parametrize(
    ("web", "error"),
    [
        ({"image": IDLE, "ipc": "host"}, "service web: key ipc: containers have"),
        ({"image": IDLE, "deploy": {"replicas": "x"}}, "services[0] (web)."),
        (None, "service web: the service has no keys"),
    ],
)
async def test_wrong_compose_file_posted_by_the_old_command_line_is_refused(
    raw: Raw, live: DockerCloud, web: Any, error: str
) -> None:
    answer = await raw("POST", STACKS, posted(services={"web": web}))

    assert answer.status == 400
    assert error in answer.error
    assert await live.stacks.list() == []
