"""The server's process: its start, its end, and its state after a restart."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from aiodockercloud import AuthError, DockerCloud, WaitFailed
from aiodockercloud.server import Embedded, running
from aiodockercloud.types import RolloutFields
from tests.support.facts import IDLE, PATIENCE, SHELL
from tests.support.flows import Gated, client_of, containers, done, run
from tests.support.processes import alice, kept, serving

# --- the process ----------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_signal_ends_the_server_with_status_0(number: signal.Signals) -> None:
    async with serving() as process:
        await process.ready()
        async with alice(process) as cloud:
            await run(cloud, target_num_containers=3)
            # Open streams must not delay the end of the server.
            async with cloud.events.subscribe(reconnect=False):
                status = await process.end(number)

    assert status == 0
    assert process.err == ""
    assert process.out.count("\n") == 1


async def test_first_start_prints_a_key_and_later_starts_do_not(tmp_path: Path) -> None:
    async with serving(tmp_path, {}) as first:
        await first.ready()
        await first.end(signal.SIGTERM)
    (key,) = re.findall(r"\b[0-9a-f]{64}\b", first.out + first.err)
    assert "admin" in first.err

    async with serving(tmp_path, {}) as second:
        url = await second.ready()
        async with DockerCloud(url, user="admin", apikey=key) as cloud:
            await cloud.services.list()
        async with DockerCloud(url, user="admin", apikey="wrong") as cloud:
            with pytest.raises(AuthError):
                await cloud.services.list()
        await second.end(signal.SIGTERM)
    assert key not in second.out + second.err
    (line,) = second.err.splitlines()
    assert "failed login of admin from 127.0.0.1" in line
    assert key.encode() not in kept(tmp_path)


async def test_key_of_the_environment_is_neither_printed_nor_stored(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path) as process:
        await process.ready()
        async with alice(process) as cloud:
            await cloud.services.create(image=IDLE)
        await process.end(signal.SIGTERM)

    assert "s3cret-key" not in process.out + process.err
    assert b"s3cret-key" not in kept(tmp_path)


async def test_second_server_on_a_directory_fails(tmp_path: Path) -> None:
    async with serving(tmp_path) as first:
        await first.ready()
        async with serving(tmp_path) as second:
            status = await second.ended()

        assert status == 1
        assert f"{tmp_path}: another server is using it" in second.err
        assert "Traceback" not in second.err
        async with alice(first) as cloud:
            await cloud.services.create(image=IDLE)


@pytest.mark.parametrize("what", ["a file", "no database", "no access"])
async def test_unusable_directory_fails(tmp_path: Path, what: str) -> None:
    place = tmp_path / "data"
    if what == "a file":
        place.write_text("")
    else:
        place.mkdir()
        database = place / "aiodockercloud.sqlite3"
        if what == "no database":
            database.write_text("something else " * 100)
        else:
            database.mkdir()
    async with serving(place) as process:
        status = await process.ended()

    assert status == 1
    assert str(place) in process.err
    assert "Traceback" not in process.err


async def test_port_in_use_fails() -> None:
    async with running() as server:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "aiodockercloud", "serve"),
            *("--port", server.url.rpartition(":")[2]),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(PATIENCE):
            out, err = await process.communicate()

    assert process.returncode == 1
    assert out == b""
    assert b"Traceback" not in err
    assert err


async def test_acknowledged_changes_survive_a_kill(tmp_path: Path) -> None:
    async with serving(tmp_path) as process:
        await process.ready()
        async with alice(process) as cloud:
            web = await run(cloud, image=SHELL, run_command="sleep 9999", name="web")
            stack = await cloud.stacks.create(
                name="shop", services=[{"name": "db", "image": IDLE}]
            )
            last = await cloud.services.create(image=IDLE, nickname="last")
            await process.end(signal.SIGKILL)

    async with serving(tmp_path) as process:
        await process.ready()
        async with alice(process) as cloud:
            assert (await cloud.services.inspect(last))["nickname"] == "last"
            assert (await cloud.stacks.inspect(stack))["name"] == "shop"
            await cloud.services.wait(web, "Running", timeout=PATIENCE)
            (container,) = await containers(cloud, web)
            result = await cloud.containers.run(container, "echo back")
            assert result["stdout"] == "back\n"
            assert await cloud.actions.list(state="In progress") == []
        assert await process.end(signal.SIGTERM) == 0
    assert process.err == ""


@pytest.mark.parametrize("operation", ["start", "redeploy", "scale", "delete"])
async def test_action_killed_right_after_the_response_continues_to_success(
    tmp_path: Path, operation: str
) -> None:
    async with serving(tmp_path) as process:
        await process.ready()
        async with alice(process) as cloud:
            if operation == "start":
                service = await cloud.services.create(image=IDLE)
            else:
                service = await run(cloud)
            service = await cloud.services.update(service, target_num_containers=20)
            answer = await getattr(cloud.services, operation)(service)
            await process.end(signal.SIGKILL)

    async with serving(tmp_path) as process:
        await process.ready()
        async with alice(process) as cloud:
            await done(cloud, answer)
            service = await cloud.services.inspect(service)
            if operation == "delete":
                assert service["state"] == "Terminated"
            else:
                assert service["state"] == "Running"
                assert service["running_num_containers"] == 20
                assert service["synchronized"] is True
                names = [c["name"] for c in await containers(cloud, service)]
                assert len(set(names)) == 20
        assert await process.end(signal.SIGTERM) == 0
    assert process.err == ""


@pytest.mark.parametrize("order", ["start-first", "stop-first"])
@pytest.mark.parametrize(
    ("command", "state"), [("sleep 8888", "Success"), ("exit 3", "Failed")]
)
async def test_rollout_killed_in_the_middle_ends_by_itself(
    tmp_path: Path, order: Any, command: str, state: str
) -> None:
    policy: RolloutFields = {
        "order": order,
        "failure_action": "rollback",
        "monitor": 0.2,
        "max_failure_ratio": 0.2,
    }
    async with serving(tmp_path) as process:
        await process.ready()
        async with alice(process) as cloud:
            web = await run(
                cloud,
                image=SHELL,
                run_command="sleep 9999",
                target_num_containers=6,
                update_config=policy,
                rollback_config={"monitor": 0.2},
            )
            await cloud.services.update(web, run_command=command)
            uri = (await cloud.services.redeploy(web))["dockercloud_action_uri"]
            await ended_containers(cloud, uri, 1)
            await process.end(signal.SIGKILL)

    async with serving(tmp_path) as process:
        await process.ready()
        async with alice(process) as cloud:
            with suppress(WaitFailed):
                await cloud.actions.wait(uri, timeout=PATIENCE)
            action = await cloud.actions.inspect(uri)
            assert action["state"] == state
            web = await cloud.services.wait(web, "Running", timeout=PATIENCE)
            assert web["synchronized"]
            found = await containers(cloud, web)
            worked = "sleep 9999" if state == "Failed" else command
            assert [c["run_command"] for c in found] == [worked] * 6
        assert await process.end(signal.SIGTERM) == 0
    assert process.err == ""


async def ended_containers(cloud: DockerCloud, uri: str, number: int) -> None:
    """Wait until a number of new containers count or have failed."""
    async with asyncio.timeout(PATIENCE):
        while True:
            progress = (await cloud.actions.inspect(uri))["progress"]
            if progress and progress["done"] + progress["failed"] >= number:
                return
            await asyncio.sleep(0.01)


# --- in process -----------------------------------------------------------------------


async def picture(cloud: DockerCloud) -> dict[str, Any]:
    """Return everything that a restart must not change.

    Link variables contain the server's port, which a restart changes.
    """
    found = await cloud.containers.list()
    services = [dict(service) for service in await cloud.services.list()]
    for service in services:
        del service["link_variables"]
    return {
        "services": services,
        "containers": [(c["uuid"], c["node"], c["state"]) for c in found],
        "actions": await cloud.actions.list(),
        "nodes": [
            (n["uuid"], n["nickname"], n["tags"], n["state"])
            for n in await cloud.nodes.list()
        ],
    }


async def test_state_is_the_same_after_a_restart(tmp_path: Path) -> None:
    async with running(Embedded(nodes=2), data_dir=tmp_path) as server:
        key = server.apikey
        async with client_of(server) as cloud:
            node = (await cloud.nodes.list())[0]
            await cloud.nodes.update(node, nickname="big", tags=["db"])
            web = await run(cloud, name="web", target_num_containers=2)
            db = await run(cloud, name="db", tags=["db"])
            terminated = await run(cloud, name="terminated")
            await done(cloud, await cloud.services.delete(terminated))
            await done(cloud, await cloud.services.stop(db))
            before = await picture(cloud)

    async with running(Embedded(nodes=2), data_dir=tmp_path) as server:
        assert server.apikey is None
        async with DockerCloud(server.url, user=server.user, apikey=key) as cloud:
            assert await picture(cloud) == before
            await done(cloud, await cloud.services.start(db))
            await done(cloud, await cloud.services.scale(web, 3))
            names = [c["name"] for c in await containers(cloud, web)]
            assert names == ["web-1", "web-2", "web-3"]


async def test_logs_of_a_service_with_a_stopped_container_can_be_read_after_a_restart(
    tmp_path: Path,
) -> None:
    async with running(data_dir=tmp_path) as server, client_of(server) as cloud:
        key = server.apikey
        web = await run(cloud, name="web", target_num_containers=2)
        _, second = await containers(cloud, web)
        await done(cloud, await cloud.containers.stop(second))

    async with (
        running(data_dir=tmp_path) as server,
        DockerCloud(server.url, user=server.user, apikey=key) as cloud,
        cloud.services.logs(web, follow=False) as lines,
        asyncio.timeout(PATIENCE),
    ):
        found = [line["source"] async for line in lines]

    assert "web-1" in found


@pytest.mark.parametrize("operation", ["start", "redeploy"])
async def test_action_interrupted_by_a_restart_continues(
    tmp_path: Path, operation: str
) -> None:
    engine = Gated()
    async with running(engine, data_dir=tmp_path) as server:
        key = server.apikey
        async with client_of(server) as cloud:
            stack = await cloud.stacks.create(
                name="shop", services=[{"name": "web", "image": IDLE}]
            )
            answer = await getattr(cloud.stacks, operation)(stack)
            async with asyncio.timeout(PATIENCE):
                await engine.knocked.wait()

    async with running(Embedded(), data_dir=tmp_path) as server:
        async with DockerCloud(server.url, user=server.user, apikey=key) as cloud:
            await done(cloud, answer)
            assert (await cloud.stacks.inspect(stack))["state"] == "Running"
            actions = await cloud.actions.list()
            assert {action["state"] for action in actions} == {"Success"}
            did = [action["action"] for action in actions]
            assert did.count(f"Service {operation.title()}") == 1


class Lasting(Embedded):
    """An engine that outlives the server; a removal waits for ``gate`` afterwards."""

    volatile = False

    def __init__(self) -> None:
        super().__init__(nodes=2)
        self.removed = asyncio.Event()
        self.gate = asyncio.Event()

    async def remove_container(self, uuid: str, *, volumes: Collection[str]) -> None:
        await super().remove_container(uuid, volumes=volumes)
        self.removed.set()
        await self.gate.wait()

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("kind", ["services", "containers"])
async def test_redeploy_interrupted_between_removal_and_deployment_keeps_the_volumes(
    tmp_path: Path, kind: str
) -> None:
    engine = Lasting()
    async with running(engine, data_dir=tmp_path) as server, client_of(server) as cloud:
        key = server.apikey
        web = await run(cloud, bindings=[{"container_path": "/data"}])
        (before,) = await containers(cloud, web)
        thing = web if kind == "services" else before
        answer = await getattr(cloud, kind).redeploy(thing)
        async with asyncio.timeout(PATIENCE):
            await engine.removed.wait()

    engine.gate.set()
    async with (
        running(engine, data_dir=tmp_path) as server,
        DockerCloud(server.url, user=server.user, apikey=key) as cloud,
    ):
        await done(cloud, answer)
        (after,) = await containers(cloud, web)
    await Embedded.close(engine)

    assert after["uuid"] != before["uuid"]
    assert after["bindings"][0]["volume"] == before["bindings"][0]["volume"]
    assert after["node"] == before["node"]


async def test_missing_nodes_after_a_restart_are_created_again(tmp_path: Path) -> None:
    async with running(Embedded(nodes=3), data_dir=tmp_path) as server:
        key = server.apikey
        async with client_of(server) as cloud:
            web = await run(cloud, target_num_containers=3)

    async with running(Embedded(nodes=1), data_dir=tmp_path) as server:
        async with DockerCloud(server.url, user=server.user, apikey=key) as cloud:
            assert (await cloud.services.inspect(web))["state"] == "Running"
            assert len(await cloud.nodes.list(state="Deployed")) == 3


async def test_fields_of_another_version_are_ignored(tmp_path: Path) -> None:
    async with running(data_dir=tmp_path) as server, client_of(server) as cloud:
        await cloud.services.create(image=IDLE, name="web")
        key = server.apikey
        (service,) = server.cloud.services.values()
        row = {**service.as_json(), "of_another_version": 1}
        server.cloud.store.put_row("service", service.uuid, row)

    async with (
        running(data_dir=tmp_path) as server,
        DockerCloud(server.url, user=server.user, apikey=key) as cloud,
    ):
        assert [one["name"] for one in await cloud.services.list()] == ["web"]
