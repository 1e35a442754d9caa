"""Waiting for "Running", with containers that end at once, whatever object is given."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from aiodockercloud import TUTUM, DockerCloud, ObjectNotFound, WaitFailed
from aiodockercloud.server import Server
from aiodockercloud.server.engines.embedded import Container
from tests.support.facts import IDLE, PATIENCE
from tests.support.flows import client_of, containers, done, run
from tests.support.waiting import wait
from tests.support.waits import Engine, inspected

FORMS = ("created", "inspected", "started", "uri", "uuid", "name")


class Dying(Engine):
    """An engine whose image ``acme/dying`` writes a line and exits with 3 at once."""

    def __init__(self) -> None:
        super().__init__()
        self.image("acme/dying")(self.dying)

    async def dying(self, container: Container) -> int:
        container.print("no configuration file")
        return 3


@pytest.fixture
def engine() -> Dying:
    return Dying()


async def form_of(cloud: Any, created: Any, started: Any, form: str) -> Any:
    """Return a reference to an object, as a caller may have it."""
    return {
        "created": created,
        "inspected": await cloud.inspect(created),
        "started": started,
        "uri": created["resource_uri"],
        "uuid": created["uuid"],
        "name": created["name"],
    }[form]


@pytest.mark.parametrize("settled", [False, True])
@pytest.mark.parametrize("form", FORMS)
async def test_wait_for_a_service_that_dies_at_once_fails_with_code_and_log(
    live: DockerCloud, form: str, settled: bool
) -> None:
    web = await live.services.create(image="acme/dying", name="web")
    started = await live.services.start(web)
    if settled:
        await done(live, started)
        await wait(live, web["uuid"], "Stopped")

    thing = await form_of(live.services, web, started, form)

    with pytest.raises(WaitFailed) as caught:
        await wait(live, thing, "Running")

    assert "web-1 is Stopped (exit code 3" in str(caught.value)
    assert "no configuration file" in str(caught.value)


@pytest.mark.parametrize("form", FORMS)
async def test_wait_for_a_stack_that_dies_at_once_fails_with_code_and_log(
    live: DockerCloud, form: str
) -> None:
    shop = await live.stacks.create(
        name="shop",
        services=[
            {"name": "web", "image": IDLE},
            {"name": "job", "image": "acme/dying"},
        ],
    )
    started = await live.stacks.start(shop)
    await done(live, started)
    (job,) = await live.services.list(name="job")
    await wait(live, job["uuid"], "Stopped")

    thing = await form_of(live.stacks, shop, started, form)

    with pytest.raises(WaitFailed) as caught:
        await wait(live, thing, "Running", kind="stacks")

    assert "job-1 is Stopped (exit code 3" in str(caught.value)
    assert "no configuration file" in str(caught.value)


@pytest.mark.parametrize("form", ["inspected", "uri", "uuid", "name"])
async def test_wait_for_a_container_that_died_at_once_fails_with_code_and_log(
    live: DockerCloud, form: str
) -> None:
    web = await live.services.create(image="acme/dying", name="web")
    await done(live, await live.services.start(web))
    await wait(live, web["uuid"], "Stopped")
    (container,) = await containers(live, web)

    thing = await form_of(live.containers, container, None, form)

    with pytest.raises(WaitFailed) as caught:
        await wait(live, thing, "Running", kind="containers")

    assert "web-1 is Stopped (exit code 3" in str(caught.value)
    assert "no configuration file" in str(caught.value)


async def test_wait_for_a_service_of_a_stack_that_was_started_fails(
    live: DockerCloud,
) -> None:
    services = [{"name": "job", "image": "acme/dying"}]
    shop = await live.stacks.create(name="shop", services=services)
    await done(live, await live.stacks.start(shop))
    (job,) = await live.services.list(name="job")

    with pytest.raises(WaitFailed, match=r"job-1 is Stopped \(exit code 3"):
        await wait(live, job["uuid"], "Running")


async def test_wait_for_a_service_whose_start_has_failed_quotes_the_log(
    live: DockerCloud,
) -> None:
    web = await live.services.create(image="acme/missing", name="web")
    started = await live.services.start(web)
    with pytest.raises(WaitFailed):
        await done(live, started)

    with pytest.raises(WaitFailed, match="pull access denied"):
        await wait(live, web, "Running")


async def test_wait_for_a_stopped_service_continues_until_another_start(
    live: DockerCloud,
) -> None:
    web = await run(live, name="web")
    await done(live, await live.services.stop(web))
    waiting = asyncio.ensure_future(wait(live, web["uuid"], "Running"))
    (container,) = await containers(live, web)
    both = asyncio.ensure_future(wait(live, container, "Running", kind="containers"))
    await inspected(live, web)
    assert not waiting.done()

    await live.services.start(web)

    assert (await waiting)["state"] == (await both)["state"] == "Running"


async def test_wait_for_a_stopped_service_ignores_a_refused_stop(
    live: DockerCloud,
) -> None:
    """A refused operation is recorded as a failed action, and starts nothing."""
    web = await live.services.create(image="acme/dying", name="web")
    await done(live, await live.services.start(web))
    await wait(live, web["uuid"], "Stopped")
    with pytest.raises(Exception, match="stop"):
        await live.services.stop(web)

    with pytest.raises(WaitFailed, match=r"web-1 is Stopped \(exit code 3"):
        await wait(live, web["uuid"], "Running")


async def test_wait_for_a_new_service_in_a_started_stack_continues(
    live: DockerCloud,
) -> None:
    shop = await live.stacks.create(
        name="shop", services=[{"name": "web", "image": IDLE}]
    )
    await done(live, await live.stacks.start(shop))
    later = await live.services.create(image=IDLE, name="later", stack=shop)
    waiting = asyncio.ensure_future(wait(live, later["uuid"], "Running"))
    await inspected(live, later)
    assert not waiting.done()

    await live.services.start(later)

    assert (await waiting)["state"] == "Running"


@pytest.mark.parametrize("policy", ["ALWAYS", "ON_FAILURE"])
async def test_wait_for_a_container_that_restarts_itself_succeeds(
    live: DockerCloud, policy: Any
) -> None:
    web = await live.services.create(image="acme/dying", autorestart=policy)
    await live.services.start(web)

    assert (await wait(live, web, "Running"))["state"] == "Running"


async def test_wait_for_an_unknown_name_fails_at_once(live: DockerCloud) -> None:
    with pytest.raises(ObjectNotFound, match="no service 'nothing'"):
        await live.services.wait("nothing", "Running", timeout=PATIENCE)


async def test_deploy_of_a_service_that_dies_at_once_quotes_its_last_lines(
    live: DockerCloud, tmp_path: Path
) -> None:
    file = tmp_path / "docker-cloud.yml"
    file.write_text("web:\n  image: acme/dying\n")

    with pytest.raises(WaitFailed, match=r"web-1 Stopped \(exit code 3\)") as caught:
        await live.stacks.deploy(file, "shop", timeout=PATIENCE)
    assert "no configuration file" in str(caught.value)


async def test_wait_in_tutums_dialect_finds_the_latest_operation_too(
    server: Server,
) -> None:
    async with client_of(server, dialect=TUTUM) as tutum:
        web = await tutum.services.create(image="acme/dying", name="web")
        await done(tutum, await tutum.services.start(web))

        with pytest.raises(WaitFailed, match=r"web-1 is Stopped \(exit code 3"):
            await wait(tutum, web["uuid"], "Running")
