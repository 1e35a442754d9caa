"""The contract of every engine, tested through the ``Engine`` protocol alone.

A new engine is one more entry in ``ENGINES``. The containers need an image with a shell
and the usual commands.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import replace
from typing import NamedTuple

import pytest

from aiodockercloud.server.engines import (
    Engine,
    EngineError,
    MountSpec,
    NoSuchContainer,
    PortSpec,
)
from aiodockercloud.server.engines.embedded import Embedded
from tests.support import swarms
from tests.support.worlds import PATIENCE, World, read, sh


@asynccontextmanager
async def embedded() -> AsyncIterator[Engine]:
    yield Embedded()


class Kind(NamedTuple):
    """How to create an engine, and an image that the engine has."""

    engine: Callable[[], AbstractAsyncContextManager[Engine]]
    image: str
    marks: Sequence[pytest.MarkDecorator] = ()


ENGINES: dict[str, Kind] = {
    "embedded": Kind(embedded, "busybox"),
    "swarm": Kind(swarms.engine, swarms.IMAGE, [swarms.need(1)]),
}


@pytest.fixture(
    params=[pytest.param(name, marks=kind.marks) for name, kind in ENGINES.items()]
)
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    kind = ENGINES[request.param]
    async with kind.engine() as engine:
        world = World(engine, kind.image)
        await engine.start(world.observe)
        try:
            yield world
        finally:
            await world.clear()


# --- nodes ----------------------------------------------------------------------------


async def test_start_reports_ready_nodes(world: World) -> None:
    node = world.node()

    assert node.cpu > 0
    assert node.memory > 0
    assert node.docker_version
    assert await world.engine.check_node(node.id)


async def test_check_unknown_node_is_false(world: World) -> None:
    assert not await world.engine.check_node(str(uuid.uuid4()))


async def test_create_on_unknown_node_is_refused(world: World) -> None:
    spec = replace(world.spec(), node=str(uuid.uuid4()))

    with pytest.raises(EngineError):
        await world.engine.create(spec)


# --- life of a container --------------------------------------------------------------


async def test_create_runs_the_container(world: World) -> None:
    spec = await world.create()

    seen = await world.until(spec, "running")

    assert seen.exit_code is None
    assert seen.docker_id


async def test_create_again_changes_nothing(world: World) -> None:
    spec = await world.create()
    first = await world.until(spec, "running")

    await world.engine.create(spec)

    assert {seen.docker_id for seen in world.history(spec)} >= {first.docker_id}
    assert world.history(spec)[-1] == first


@pytest.mark.parametrize("exit_code", [0, 3])
async def test_end_of_command_is_stopped_with_its_code(
    world: World, exit_code: int
) -> None:
    spec = await world.create(sh(f"exit {exit_code}"))

    seen = await world.until(spec, "stopped")

    assert seen.exit_code == exit_code


async def test_stop_ends_a_container_for_good(world: World) -> None:
    spec = await world.create(autorestart="ALWAYS")
    await world.until(spec, "running")

    await world.engine.stop_container(spec.uuid)
    seen = await world.until(spec, "stopped")

    assert seen.exit_code is not None
    await world.engine.stop_container(spec.uuid)
    assert world.history(spec)[-1].state == "stopped"


async def test_repeated_operation_reports_the_state_again(world: World) -> None:
    spec = await world.create()
    for operation, state in (
        (world.engine.start_container, "running"),
        (world.engine.stop_container, "stopped"),
    ):
        await operation(spec.uuid)
        await world.until(spec, state)
        known = len(world.history(spec))

        await operation(spec.uuid)

        await world.until(spec, state, since=known)


async def test_start_runs_a_stopped_container_again_and_keeps_its_log(
    world: World,
) -> None:
    spec = await world.create(sh("echo round"))
    await world.until(spec, "stopped")
    known = len(world.history(spec))

    await world.engine.start_container(spec.uuid)
    await world.until(spec, "stopped", since=known)

    assert await world.lines(spec) == [("stdout", "round")] * 2


async def test_remove_of_a_running_container_removes_it(world: World) -> None:
    spec = await world.create()
    await world.until(spec, "running")

    await world.engine.remove_container(spec.uuid, volumes=())

    await world.until(spec, "gone")
    with pytest.raises(NoSuchContainer):
        await world.engine.start_container(spec.uuid)


async def test_remove_of_an_unknown_container_succeeds(world: World) -> None:
    await world.engine.remove_container(str(uuid.uuid4()), volumes=())


async def test_operations_on_unknown_container_are_refused(world: World) -> None:
    unknown = str(uuid.uuid4())

    with pytest.raises(NoSuchContainer):
        await world.engine.start_container(unknown)
    with pytest.raises(EngineError):
        await world.engine.stop_container(unknown)
    with pytest.raises(EngineError):
        await world.engine.exec(unknown, ["true"])
    with pytest.raises(EngineError):
        await anext(world.engine.logs(unknown, tail=None, follow=False))


async def test_autorestart_on_failure_runs_a_failed_container_again(
    world: World,
) -> None:
    spec = await world.create(sh("echo try; exit 1"), autorestart="ON_FAILURE")
    logs = world.engine.logs(spec.uuid, tail=None, follow=True)

    async with asyncio.timeout(PATIENCE), aclosing(logs):
        assert [(await anext(logs)).text for _ in range(3)] == ["try"] * 3

    assert "stopped" not in {seen.state for seen in world.history(spec)}


async def test_autorestart_on_failure_leaves_success_alone(world: World) -> None:
    spec = await world.create(sh("echo done"), autorestart="ON_FAILURE")

    assert (await world.until(spec, "stopped")).exit_code == 0
    assert await world.lines(spec) == [("stdout", "done")]


async def test_autorestart_always_restarts_success(world: World) -> None:
    spec = await world.create(sh("echo done"), autorestart="ALWAYS")
    logs = world.engine.logs(spec.uuid, tail=None, follow=True)

    async with asyncio.timeout(PATIENCE), aclosing(logs):
        assert [(await anext(logs)).text for _ in range(2)] == ["done"] * 2


# --- the fields of a container --------------------------------------------------------


async def test_environment_reaches_the_command(world: World) -> None:
    spec = await world.create(
        sh("echo $GREETING"), environment={"GREETING": "bon jour"}
    )
    await world.until(spec, "stopped")

    assert await world.lines(spec) == [("stdout", "bon jour")]


async def test_entrypoint_goes_before_command(world: World) -> None:
    spec = await world.create("one two", entrypoint="echo zero")
    await world.until(spec, "stopped")

    assert await world.lines(spec) == [("stdout", "zero one two")]


async def test_dynamic_port_is_reported(world: World) -> None:
    spec = await world.create(
        ports=[PortSpec(80, "tcp", True, None), PortSpec(81, "tcp", False, None)]
    )

    seen = await world.until(spec, "running")
    while not seen.ports:  # an engine may report the ports a moment later
        known = len(world.history(spec))
        seen = await world.until(spec, "running", since=known)

    [(inner, outer)] = seen.ports.items()
    assert inner == (80, "tcp")
    assert len(outer) == 1
    assert 1024 < outer[0] < 65536


async def test_volume_keeps_its_files_for_the_next_container(world: World) -> None:
    volume = str(uuid.uuid4())
    mounts = [MountSpec("/data", volume, None, True)]
    node = world.node().id
    first = await world.create(mounts=mounts)
    await world.until(first, "running")
    session = await world.engine.exec(
        first.uuid, ["sh", "-c", "echo kept >/data/file; echo own >/tmp/file"]
    )
    await read(session)
    await session.close()
    await world.engine.remove_container(first.uuid, volumes=())
    await world.until(first, "gone")

    second = await world.create(sh("cat /data/file; ls /tmp"), mounts=mounts, node=node)
    await world.until(second, "stopped")
    assert await world.lines(second) == [("stdout", "kept")]

    # An engine may remove volumes later, in the background.
    await world.engine.remove_container(second.uuid, volumes=[volume])


async def test_volumes_from_shares_files(world: World) -> None:
    volume = str(uuid.uuid4())
    owner = await world.create(mounts=[MountSpec("/data", volume, None, True)])
    await world.until(owner, "running")
    node = world.node().id

    peer = await world.create(
        sh("echo from peer >/data/file"), volumes_from=[owner.uuid], node=node
    )
    await world.until(peer, "stopped")

    session = await world.engine.exec(owner.uuid, ["cat", "/data/file"])
    assert (await read(session))["stdout"].split() == ["from", "peer"]
    await session.close()
    for spec, volumes in ((peer, []), (owner, [volume])):
        await world.engine.remove_container(spec.uuid, volumes=volumes)


# --- logs -----------------------------------------------------------------------------


async def test_logs_separate_the_streams(world: World) -> None:
    spec = await world.create(sh("echo out; echo err >&2"))
    await world.until(spec, "stopped")

    assert sorted(await world.lines(spec)) == [("stderr", "err"), ("stdout", "out")]


async def test_logs_tail_is_the_end(world: World) -> None:
    spec = await world.create(sh("echo 1; echo 2; echo 3"))
    await world.until(spec, "stopped")

    assert await world.lines(spec, tail=2) == [("stdout", "2"), ("stdout", "3")]
    assert await world.lines(spec, tail=0) == []


async def test_logs_since_omits_older_lines(world: World) -> None:
    spec = await world.create(sh("echo 1; sleep 0.01; echo 2"))
    await world.until(spec, "stopped")
    logs = world.engine.logs(spec.uuid, tail=None, follow=False)
    times = [line.time_ns async for line in logs]

    assert times[0] < times[1]
    assert await world.lines(spec, since_ns=times[1]) == [("stdout", "2")]
    assert await world.lines(spec, since_ns=times[1] + 1) == []


async def test_logs_follow_until_removed(world: World) -> None:
    spec = await world.create(sh("echo first; sleep 3600"))
    logs = world.engine.logs(spec.uuid, tail=None, follow=True)

    async with asyncio.timeout(PATIENCE), aclosing(logs):
        assert (await anext(logs)).text == "first"
        await world.engine.remove_container(spec.uuid, volumes=())
        assert [line async for line in logs] == []


# --- exec -----------------------------------------------------------------------------


async def test_exec_returns_output_and_exit_code(world: World) -> None:
    spec = await world.create(environment={"GREETING": "hi"})
    await world.until(spec, "running")

    session = await world.engine.exec(
        spec.uuid, ["sh", "-c", "echo $GREETING; echo no >&2; exit 3"]
    )
    assert session.exit_code is None
    output = await read(session)
    exit_code = session.exit_code
    await session.close()

    assert output == {"stdout": "hi\n", "stderr": "no\n"}
    assert exit_code == 3


async def test_exec_reads_what_is_written_to_it(world: World) -> None:
    spec = await world.create()
    await world.until(spec, "running")

    session = await world.engine.exec(spec.uuid, ["sh"])
    await session.write(b"echo typed\nexit 5\n")
    output = await read(session)
    await session.close()

    # A terminal shows a prompt and the typed text as well.
    assert "typed" in output["stdout"].splitlines()
    assert session.exit_code == 5


@pytest.mark.parametrize("size", [0, 1, 100_000])
async def test_exec_passes_all_bytes_of_input_and_output(
    world: World, size: int
) -> None:
    spec = await world.create()
    await world.until(spec, "running")
    data = (bytes(range(256)) * (size // 256 + 1))[:size]

    session = await world.engine.exec(spec.uuid, ["cat"])
    # In two parts, because a character of several bytes may be split.
    await session.write(data[: size // 2 + 1])
    await session.write(data[size // 2 + 1 :])
    await session.end_input()
    await session.end_input()
    await session.write(b"late")
    output = b""
    async with asyncio.timeout(PATIENCE):
        async for _, piece in session.output():
            output += piece
    await session.close()

    assert output == data
    assert session.exit_code == 0


async def test_exec_writes_while_it_reads(world: World) -> None:
    spec = await world.create()
    await world.until(spec, "running")
    sent = b"x" * 79 + b"\n"

    session = await world.engine.exec(spec.uuid, ["cat"])

    async def write() -> None:
        for _ in range(64):
            await session.write(sent * 800)
        await session.end_input()

    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        group.create_task(write())
        received = b"".join([piece async for _, piece in session.output()])
    await session.close()

    assert received == sent * 800 * 64


async def test_exec_in_a_stopped_container_is_refused(world: World) -> None:
    spec = await world.create(sh("exit 0"))
    await world.until(spec, "stopped")

    with pytest.raises(EngineError):
        await world.engine.exec(spec.uuid, ["true"])


async def test_close_of_a_running_exec_ends_the_command(world: World) -> None:
    spec = await world.create()
    await world.until(spec, "running")
    session = await world.engine.exec(spec.uuid, ["sleep", "3600"])

    async with asyncio.timeout(PATIENCE):
        await session.close()
        await read(session)


# --- the end --------------------------------------------------------------------------


async def test_close_twice_is_safe_and_reports_nothing_more(world: World) -> None:
    spec = await world.create()
    await world.until(spec, "running")
    await world.engine.close()
    known = len(world.reported)
    await world.engine.close()

    assert len(world.reported) == known
