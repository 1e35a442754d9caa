"""Stacks: created from stack files and JSON, operated, updated and terminated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aiodockercloud import (
    BadRequest,
    ConflictError,
    DockerCloud,
    OperationNotAllowed,
    StackFileError,
    WaitFailed,
    wire,
)
from aiodockercloud.server import running
from aiodockercloud.types import Service, Stack
from aiodockercloud.wire import loglines
from tests.support.facts import IDLE, PATIENCE, SHELL
from tests.support.flows import Gated, Raw, client_of, containers, done, environment

#: The body that the old CLI posts: the unchanged keys of the stack file.
VERBATIM: list[dict[str, Any]] = [
    {
        "name": "web",
        "image": SHELL,
        "command": "sleep 1000",
        "environment": {"COLOUR": "red", "COUNT": 3},
        "ports": ["10080:80", "443"],
        "expose": ["9000"],
        "links": ["db:database"],
        "restart": "on-failure",
        "autodestroy": "no",
        "deployment_strategy": "high_availability",
        "target_num_containers": 2,
        "labels": ["tier=front"],
        "mem_limit": "64m",
    },
    {"name": "db", "image": "acme/db", "expose": ["5432"], "volumes": ["/data"]},
]


async def members(cloud: DockerCloud, stack: Stack) -> dict[str, Service]:
    """Return the services of a stack by name."""
    stack = await cloud.stacks.inspect(stack)
    found = [await cloud.services.inspect(uri) for uri in stack["services"]]
    return {service["name"]: service for service in found}


@pytest.fixture
async def shop(live: DockerCloud) -> Stack:
    """Return a running stack of ``web`` and ``db``."""
    stack = await live.stacks.create(name="shop", services=VERBATIM)
    await done(live, await live.stacks.start(stack))
    return await live.stacks.inspect(stack)


# --- create and operate ---------------------------------------------------------------


async def test_create_accepts_stack_file_keys(live: DockerCloud) -> None:
    stack = await live.stacks.create(name="shop", services=VERBATIM)

    assert stack["state"] == "Not running"
    found = await members(live, stack)
    web, db = found["web"], found["db"]
    assert web["run_command"] == "sleep 1000"
    assert web["container_envvars"] == [
        {"key": "COLOUR", "value": "red"},
        {"key": "COUNT", "value": "3"},
    ]
    ports = {
        p["inner_port"]: (p["outer_port"], p["published"])
        for p in web["container_ports"]
    }
    assert ports == {80: (10080, True), 443: (None, True), 9000: (None, False)}
    assert web["linked_to_service"] == [
        {
            "name": "database",
            "from_service": web["resource_uri"],
            "to_service": db["resource_uri"],
        }
    ]
    assert web["autorestart"] == "ON_FAILURE"
    assert web["autodestroy"] == "OFF"
    assert web["deployment_strategy"] == "HIGH_AVAILABILITY"
    assert web["labels"] == {"tier": "front"}
    assert web["memory"] == 64
    assert db["bindings"][0]["container_path"] == "/data"
    assert {service["stack"] for service in found.values()} == {stack["resource_uri"]}


async def test_create_accepts_api_fields_with_links_by_name(live: DockerCloud) -> None:
    stack = await live.stacks.create(
        name="shop",
        services=[
            {
                "name": "web",
                "image": IDLE,
                "linked_to_service": [{"to_service": "db", "name": "db"}],
            },
            {"name": "db", "image": IDLE},
        ],
    )

    found = await members(live, stack)
    (link,) = found["web"]["linked_to_service"]
    assert link["to_service"] == found["db"]["resource_uri"]


async def test_create_with_a_taken_name_is_409(live: DockerCloud) -> None:
    await live.stacks.create(name="shop")

    with pytest.raises(ConflictError, match="shop"):
        await live.stacks.create(name="shop")


async def test_start_starts_all_services_with_dependencies_first() -> None:
    engine = Gated(nodes=3)
    engine.gate.set()
    async with running(engine) as server, client_of(server) as cloud:
        stack = await cloud.stacks.create(name="shop", services=VERBATIM)
        starting = await cloud.stacks.start(stack)
        assert starting["state"] == "Starting"
        await done(cloud, starting)

        found = await members(cloud, stack)
        assert engine.asked[0] == "db-1"
        assert sorted(engine.asked) == ["db-1", "web-1", "web-2"]
        assert {service["state"] for service in found.values()} == {"Running"}
        assert (await cloud.stacks.inspect(stack))["state"] == "Running"


async def test_containers_of_a_stack_have_its_variables(
    live: DockerCloud, shop: Stack
) -> None:
    web = (await members(live, shop))["web"]
    first = (await containers(live, web))[0]

    variables = await environment(live, first)

    assert variables["DOCKERCLOUD_STACK_NAME"] == "shop"
    assert variables["COLOUR"] == "red"
    assert variables["DATABASE_1_PORT_5432_TCP"].startswith(
        ("tcp://127.", "tcp://10.7.")
    )


async def test_stop_start_redeploy_and_delete(live: DockerCloud, shop: Stack) -> None:
    before = await containers(live, (await members(live, shop))["web"])

    await done(live, await live.stacks.stop(shop))
    assert (await live.stacks.inspect(shop))["state"] == "Stopped"
    await done(live, await live.stacks.start(shop))
    assert (await live.stacks.inspect(shop))["state"] == "Running"
    web = (await members(live, shop))["web"]
    assert web["containers"] == [c["resource_uri"] for c in before]

    redeploying = await live.stacks.redeploy(shop)
    assert redeploying["state"] == "Redeploying"
    await done(live, redeploying)
    web = (await members(live, shop))["web"]
    assert not set(web["containers"]) & {c["resource_uri"] for c in before}

    found = await members(live, shop)
    deleting = await live.stacks.delete(shop)
    assert deleting["state"] == "Terminating"
    await done(live, deleting)
    terminated = await live.stacks.inspect(shop)
    assert terminated["state"] == "Terminated"
    assert terminated["destroyed_datetime"]
    assert terminated["services"] == []
    for service in found.values():
        assert (await live.services.inspect(service))["state"] == "Terminated"
    assert {c["state"] for c in await live.containers.list()} == {"Terminated"}


async def test_operation_that_the_state_forbids_is_refused(
    live: DockerCloud, shop: Stack
) -> None:
    with pytest.raises(OperationNotAllowed, match="Running"):
        await live.stacks.start(shop)


async def test_start_that_fails_names_the_failed_service(live: DockerCloud) -> None:
    stack = await live.stacks.create(
        name="shop",
        services=[
            {"name": "good", "image": IDLE},
            {"name": "bad", "image": IDLE, "tags": ["gpu"]},
        ],
    )

    with pytest.raises(WaitFailed, match=r"bad.*gpu"):
        await done(live, await live.stacks.start(stack))

    found = await members(live, stack)
    assert found["bad"]["state"] == "Not running"
    assert found["good"]["state"] == "Running"
    assert (await live.stacks.inspect(stack))["state"] == "Partly running"


async def test_stack_state_follows_its_services(live: DockerCloud, shop: Stack) -> None:
    found = await members(live, shop)

    await done(live, await live.services.stop(found["web"]))
    assert (await live.stacks.inspect(shop))["state"] == "Partly running"
    await done(live, await live.services.stop(found["db"]))
    assert (await live.stacks.inspect(shop))["state"] == "Stopped"


# --- update ---------------------------------------------------------------------------


async def test_update_with_prune_changes_adds_and_terminates(
    live: DockerCloud, shop: Stack
) -> None:
    before = await members(live, shop)

    updated = await live.stacks.update(
        shop,
        prune=True,
        services=[
            {**VERBATIM[0], "links": [], "environment": {"COLOUR": "blue"}},
            {"name": "cache", "image": "acme/cache"},
        ],
    )

    await live.services.wait(before["db"], "Terminated", timeout=60)
    after = await members(live, updated)
    assert set(after) == {"web", "cache"}
    assert after["web"]["uuid"] == before["web"]["uuid"]
    assert after["web"]["synchronized"] is False
    assert after["web"]["containers"] == before["web"]["containers"]
    assert after["cache"]["state"] == "Not running"
    await done(live, await live.stacks.redeploy(shop))
    after = await members(live, shop)
    assert {service["state"] for service in after.values()} == {"Running"}
    (first, _) = await containers(live, after["web"])
    assert (await environment(live, first))["COLOUR"] == "blue"
    assert (await live.stacks.inspect(shop))["state"] == "Running"


@pytest.mark.parametrize("services", [[], [VERBATIM[0]]])
async def test_update_keeps_the_services_that_it_leaves_out(
    live: DockerCloud, shop: Stack, services: list[Any]
) -> None:
    """The official command line sends an empty list when it finds no stack file."""
    before = await members(live, shop)

    await live.stacks.update(shop, services=services)

    after = await members(live, shop)
    assert set(after) == {"web", "db"}
    assert {one["state"] for one in after.values()} == {"Running"}
    assert after["db"] == before["db"]


async def test_prune_in_the_body_terminates_what_an_empty_list_leaves_out(
    live: DockerCloud, raw: Raw, shop: Stack
) -> None:
    before = await members(live, shop)

    body = wire.dumps({"services": [], "prune": True})
    assert (await raw("PATCH", shop["resource_uri"], body)).status == 200

    for service in before.values():
        await live.services.wait(service, "Terminated", timeout=PATIENCE)


async def test_deploy_prunes_only_on_request(
    live: DockerCloud, file: StackFile
) -> None:
    stack = await live.stacks.deploy(file.path, name="shop", timeout=PATIENCE)
    db = (await members(live, stack))["db"]
    file.write("web: {image: acme/web}\n")

    stack = await live.stacks.deploy(file.path, name="shop", timeout=PATIENCE)
    assert set(await members(live, stack)) == {"web", "db"}
    await live.stacks.deploy(file.path, name="shop", prune=True, timeout=PATIENCE)

    await live.services.wait(db, "Terminated", timeout=PATIENCE)
    assert set(await members(live, stack)) == {"web"}


async def test_update_with_a_bad_service_changes_nothing(
    live: DockerCloud, shop: Stack
) -> None:
    before = await members(live, shop)

    with pytest.raises(BadRequest, match="cache"):
        await live.stacks.update(
            shop,
            services=[
                {"name": "web", "image": "acme/other"},
                {"name": "cache", "image": "acme/cache", "links": ["missing"]},
            ],
        )

    assert await members(live, shop) == before


# --- export ---------------------------------------------------------------------------


async def test_export_has_the_form_of_a_stack_file_and_can_be_created(
    live: DockerCloud, shop: Stack
) -> None:
    exported = await live.stacks.export(shop)

    assert set(exported) == {"web", "db"}
    assert exported["web"]["command"] == "sleep 1000"
    assert exported["web"]["links"] == ["db:database"]
    assert exported["db"]["image"].startswith("acme/db")
    again = await live.stacks.create(
        name="copy",
        services=[{"name": name, **keys} for name, keys in exported.items()],
    )
    assert await live.stacks.export(again) == exported


# --- deploy ---------------------------------------------------------------------------

FILE = """\
web:
  image: busybox
  command: sleep 1000
  links: [db]
  target_num_containers: 2
db:
  image: acme/db
"""


class StackFile:
    """A stack file, at first with ``web`` and ``db``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.write(FILE)

    def write(self, text: str) -> None:
        self.path.write_text(text, encoding="utf-8")


@pytest.fixture
def file(tmp_path: Path) -> StackFile:
    return StackFile(tmp_path / "docker-cloud.yml")


async def test_deploy_creates_a_stack_and_returns_when_it_is_running(
    live: DockerCloud, file: StackFile
) -> None:
    stack = await live.stacks.deploy(file.path, name="shop", timeout=60)

    assert stack["state"] == "Running"
    found = await members(live, stack)
    assert found["web"]["running_num_containers"] == 2


async def test_deploy_again_updates_the_same_stack(
    live: DockerCloud, file: StackFile
) -> None:
    first = await live.stacks.deploy(file.path, name="shop", timeout=60)
    before = await members(live, first)
    file.write(FILE.replace("sleep 1000", "sleep 2000"))

    second = await live.stacks.deploy(file.path, name="shop", timeout=60)

    assert second["uuid"] == first["uuid"]
    after = await members(live, second)
    assert after["web"]["uuid"] == before["web"]["uuid"]
    assert after["web"]["run_command"] == "sleep 2000"
    assert after["web"]["containers"] != before["web"]["containers"]
    assert after["web"]["synchronized"] is True


async def test_deploy_of_one_off_jobs_returns_when_the_jobs_have_succeeded(
    live: DockerCloud, file: StackFile
) -> None:
    file.write("job:\n  image: busybox\n  command: echo done\n")

    stack = await live.stacks.deploy(file.path, name="jobs", timeout=60)

    assert stack["state"] in ("Stopped", "Running")


async def test_deploy_that_fails_names_the_failed_service(
    live: DockerCloud, file: StackFile
) -> None:
    file.write("job:\n  image: busybox\n  command: exit 3\n")

    with pytest.raises(WaitFailed, match=r"service job.*exit code 3"):
        await live.stacks.deploy(file.path, name="jobs", timeout=60)


async def test_deploy_of_a_bad_file_sends_nothing(
    live: DockerCloud, file: StackFile
) -> None:
    file.write("web:\n  image: busybox\n  colour: red\n")

    with pytest.raises(StackFileError, match=r"docker-cloud.yml.*web.*colour"):
        await live.stacks.deploy(file.path, name="shop")

    assert await live.stacks.list() == []


async def test_deploy_does_not_wait_for_a_service_with_the_target_zero(
    live: DockerCloud, file: StackFile
) -> None:
    file.write(
        "web:\n  image: acme/web\nspare:\n  image: acme/web\n"
        "  target_num_containers: 0\n"
    )

    stack = await live.stacks.deploy(file.path, name="shop", timeout=60)

    states = {name: one["state"] for name, one in (await members(live, stack)).items()}
    assert states == {"web": "Running", "spare": "Not running"}


async def test_operations_on_a_stack_record_actions_of_its_services(
    live: DockerCloud, shop: Stack
) -> None:
    await done(live, await live.stacks.delete(shop))

    actions = await live.actions.list()

    assert {action["state"] for action in actions} == {"Success"}
    of_stack = await live.actions.list(object=shop["resource_uri"])
    assert [action["action"] for action in reversed(of_stack)] == [
        *("Stack Create", "Stack Start", "Stack Terminate")
    ]
    related = await live.actions.list(object=shop["resource_uri"], include_related=True)
    assert {a["action"] for a in related} >= {"Service Start", "Service Terminate"}
    async with live.actions.logs(of_stack[-2], follow=False) as lines:
        log = [loglines.log_text(line) async for line in lines]
    assert log == ["start db", "start web"]
