"""Running a service in one call, to the state "Running" or to its end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aiodockercloud import (
    BadRequest,
    DockerCloud,
    Limits,
    ObjectNotFound,
    OutputTooLarge,
    WaitFailed,
)
from aiodockercloud.server import Server
from aiodockercloud.server.engines.embedded import Container
from tests.support.facts import IDLE, PATIENCE
from tests.support.flows import client_of, done, run
from tests.support.waits import Engine


class Jobs(Engine):
    """An engine with an image that writes to both outputs and exits with its number."""

    def __init__(self) -> None:
        super().__init__()
        self.image("acme/report")(self.report)

    async def report(self, container: Container) -> int:
        container.print("first")
        container.error("careful")
        container.print("last")
        return int(container.environment.get("CODE", "0"))


@pytest.fixture
def engine() -> Jobs:
    return Jobs()


async def test_run_returns_the_running_service(live: DockerCloud) -> None:
    web = await live.services.run(image=IDLE, name="web", target_num_containers=2)

    assert (web["name"], web["state"]) == ("web", "Running")
    assert web["running_num_containers"] == 2


async def test_run_in_a_stack_with_docker_style_fields_returns_the_service(
    live: DockerCloud,
) -> None:
    shop = await live.stacks.create(name="shop")

    web = await live.services.run(
        stack=shop, image=IDLE, container_ports=["80"], container_envvars={"A": "1"}
    )

    assert web["stack"] == shop["resource_uri"]
    assert web["container_envvars"] == [{"key": "A", "value": "1"}]


@pytest.mark.parametrize("code", [0, 3])
async def test_run_of_a_job_that_ends_fails_with_its_exit_code_and_output(
    live: DockerCloud, code: int
) -> None:
    with pytest.raises(WaitFailed) as caught:
        await live.services.run(
            image="acme/report", name="job", container_envvars={"CODE": code}
        )

    (service,) = await live.services.list(name="job")
    assert service["uuid"] in str(caught.value)
    assert f"job-1 is Stopped (exit code {code}" in str(caught.value)
    assert "first" in str(caught.value)


@pytest.mark.parametrize("code", [0, 3])
async def test_run_until_stopped_returns_exit_code_and_output(
    live: DockerCloud, code: int
) -> None:
    result = await live.services.run(
        image="acme/report", until="stopped", container_envvars={"CODE": code}
    )

    assert result["stdout"] == "first\nlast\n"
    assert result["stderr"] == "careful\n"
    assert result["exit_code"] == code
    assert result["service"]["state"] == "Stopped"


async def test_run_until_stopped_of_several_containers_returns_all_output(
    live: DockerCloud, engine: Jobs
) -> None:
    engine.code = 4
    running = asyncio.ensure_future(
        live.services.run(image="acme/job", target_num_containers=3, until="stopped")
    )
    await engine.began.wait()

    engine.end.set()

    assert (await running)["exit_code"] == 4


async def test_run_until_stopped_reads_more_lines_than_the_default_tail(
    live: DockerCloud, engine: Jobs
) -> None:
    @engine.image("acme/long")
    async def long(container: Container) -> int:
        for number in range(1000):
            container.print(str(number))
        return 0

    result = await live.services.run(image="acme/long", until="stopped")

    assert result["stdout"] == "".join(f"{number}\n" for number in range(1000))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"autorestart": "ALWAYS", "until": "stopped"}, "has no end"),
        ({"autodestroy": "ALWAYS", "until": "stopped"}, "autodestroy"),
        ({"until": "Stopped"}, "until must be"),
    ],
)
async def test_run_that_could_not_end_is_refused_before_a_request(
    live: DockerCloud, fields: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        await live.services.run(image=IDLE, **fields)
    assert not await live.services.list()


async def test_run_with_a_missing_image_quotes_the_log(live: DockerCloud) -> None:
    with pytest.raises(WaitFailed, match="pull access denied"):
        await live.services.run(image="acme/missing")


async def test_run_that_takes_too_long_fails(live: DockerCloud, engine: Jobs) -> None:
    engine.hold.clear()

    with pytest.raises(TimeoutError, match=r"after 0\.2 s"):
        await live.services.run(image=IDLE, timeout=0.2)
    engine.hold.set()


async def test_run_with_an_invalid_field_names_the_field(live: DockerCloud) -> None:
    with pytest.raises(BadRequest, match="container_ports"):
        await live.services.run(image=IDLE, container_ports=["http"])


# --- containers ---------------------------------------------------------------------


@pytest.mark.parametrize("form", ["dict", "uri", "uuid"])
async def test_containers_are_those_of_the_service_in_their_order(
    live: DockerCloud, form: str
) -> None:
    web = await run(live, name="web", target_num_containers=11)
    await run(live, name="db")
    (first, *_) = await live.services.containers(web)
    await done(live, await live.containers.redeploy(first))
    reference: Any = {"dict": web, "uri": web["resource_uri"], "uuid": web["uuid"]}

    found = await live.services.containers(reference[form])

    assert [one["name"] for one in found] == [f"web-{n}" for n in range(1, 12)]
    assert {one["state"] for one in found} == {"Running"}


async def test_containers_of_a_new_service_are_none(live: DockerCloud) -> None:
    web = await live.services.create(image=IDLE)

    assert await live.services.containers(web) == []


async def test_containers_of_an_unknown_service_are_an_error(live: DockerCloud) -> None:
    with pytest.raises(ObjectNotFound):
        await asyncio.wait_for(
            live.services.containers("7eaf7fff-882c-4f3d-9a8f-a22317ac00ce"), PATIENCE
        )


async def test_run_of_a_job_with_more_output_than_allowed_raises(
    server: Server,
) -> None:
    async with client_of(server, limits=Limits(output_bytes=15)) as cloud:
        with pytest.raises(OutputTooLarge, match="more than 15 bytes"):
            await cloud.services.run(image="acme/report", name="job", until="stopped")
    async with client_of(server, limits=Limits(output_bytes=19)) as cloud:
        result = await cloud.services.run(image="acme/report", until="stopped")

    assert result["stdout"] == "first\nlast\n"
