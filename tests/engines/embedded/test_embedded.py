"""The embedded engine: images as functions, their ends, their restarts, faults."""

from __future__ import annotations

import asyncio
import itertools
import sys

import pytest

from aiodockercloud.server.engines import (
    ContainerObservation,
    Engine,
    EngineError,
    NodeObservation,
)
from aiodockercloud.server.engines.embedded import Container, Embedded
from aiodockercloud.server.engines.embedded.clock import ManualClock
from tests.support.watches import Watch, published


def test_embedded_implements_the_engine_protocol() -> None:
    engine: Engine = Embedded()

    assert engine.volatile


# --- images ---------------------------------------------------------------------------


async def test_image_function_receives_the_fields_of_its_container(
    watch: Watch, clock: ManualClock
) -> None:
    received: list[Container] = []

    @watch.engine.image("acme/worker", environment={"A": "1", "B": "2"}, command="run")
    async def worker(container: Container) -> None:
        received.append(container)

    await watch.create(
        "acme/worker:2", name="w-1", environment={"B": "3"}, entrypoint=None
    )
    await watch.create(
        "acme/worker",
        entrypoint="sh -c",
        command="echo 'a b'",
        options={"hostname": "db", "domainname": "example.com", "tty": True},
    )
    await clock.advance(0)

    first, second = received
    assert (first.name, first.hostname, first.command) == ("w-1", "w-1", ["run"])
    assert first.environment["A"] == "1"
    assert first.environment["B"] == "3"
    assert first.environment["HOSTNAME"] == "w-1"
    assert not first.stdin_open
    assert second.command == ["sh", "-c", "echo", "a b"]
    assert (second.hostname, second.domainname) == ("db", "example.com")
    assert second.stdin_open


async def test_image_names_match_with_and_without_tag(watch: Watch) -> None:
    engine = watch.engine

    @engine.image("acme/worker", command="any")
    @engine.image("acme/worker:2", command="two")
    @engine.image("localhost:5000/acme/worker:latest", command="local")
    async def worker(container: Container) -> None: ...

    async def command(name: str) -> str | None:
        info = await engine.image_info(name)
        return info.command if info else None

    assert await command("acme/worker") == "any"
    assert await command("acme/worker:latest") == "any"
    assert await command("docker.io/acme/worker:1") == "any"
    assert await command("acme/worker:2") == "two"
    assert await command("localhost:5000/acme/worker") == "local"
    assert await command("localhost:5000/acme/worker:3") is None
    assert await command("docker.io/library/busybox:1.36") == "sh"
    assert await command("acme/other") is None


async def test_hello_world_exposes_its_port(watch: Watch) -> None:
    info = await watch.engine.image_info("dockercloud/hello-world:latest")

    assert info is not None
    assert info.ports == ((80, "tcp"),)


@pytest.mark.parametrize(("returned", "exit_code"), [(None, 0), (0, 0), (7, 7)])
async def test_returned_value_is_the_exit_code(
    watch: Watch, clock: ManualClock, returned: int | None, exit_code: int
) -> None:
    @watch.engine.image("acme/job")
    async def job(container: Container) -> int | None:
        return returned

    id = await watch.create("acme/job")
    await clock.advance(0)

    assert watch.states(id) == [("running", None), ("stopped", exit_code)]


async def test_exception_is_exit_code_1_and_a_line_on_stderr(
    watch: Watch, clock: ManualClock
) -> None:
    @watch.engine.image("acme/job")
    async def job(container: Container) -> None:
        raise ValueError("no queue")

    id = await watch.create("acme/job")
    await clock.advance(0)

    [line] = [line async for line in watch.engine.logs(id, tail=None, follow=False)]
    assert (line.stream, line.text) == ("stderr", "ValueError: no queue")
    assert watch.last(id).exit_code == 1
    assert watch.last(id).message == "ValueError: no queue"


async def test_system_exit_ends_the_container_only(
    watch: Watch, clock: ManualClock
) -> None:
    @watch.engine.image("acme/job")
    async def job(container: Container) -> None:
        sys.exit(5)

    id = await watch.create("acme/job")
    await clock.advance(0)

    assert watch.last(id).exit_code == 5


async def test_unknown_image_logs_its_simulation_and_idles_until_stopped(
    watch: Watch, clock: ManualClock
) -> None:
    id = await watch.create("nginx:1.9")
    await clock.advance(1_000_000)
    assert watch.states(id) == [("running", None)]

    await watch.engine.stop_container(id)

    assert watch.last(id).state == "stopped"
    assert watch.last(id).exit_code == 0
    [line] = await watch.log(id)
    assert "simulated" in line
    assert "nginx:1.9" in line


@pytest.mark.parametrize(
    ("options", "state"),
    [({}, "stopped"), ({"tty": True}, "running"), ({"stdin_open": True}, "running")],
)
async def test_busybox_without_command_lives_as_long_as_its_stdin(
    watch: Watch, clock: ManualClock, options: dict[str, bool], state: str
) -> None:
    id = await watch.create("busybox", options=options)
    await clock.advance(60)

    assert watch.last(id).state == state


async def test_command_with_open_quote_is_refused_by_an_error_without_its_text(
    watch: Watch,
) -> None:
    with pytest.raises(EngineError, match="run_command") as raised:
        await watch.create("busybox", command="echo 'secret")

    assert "secret" not in str(raised.value)


# --- stopping -------------------------------------------------------------------------


async def test_stop_cancels_a_function_that_does_not_wait_for_it(
    watch: Watch, clock: ManualClock
) -> None:
    @watch.engine.image("acme/job")
    async def job(container: Container) -> None:
        await container.sleep(3600)

    id = await watch.create("acme/job", autorestart="ALWAYS")
    await clock.advance(0)
    await watch.engine.stop_container(id)
    await clock.advance(3600)

    assert watch.states(id) == [("running", None), ("stopped", 143)]


async def test_stop_lets_a_cancelled_function_choose_its_code(
    watch: Watch, clock: ManualClock
) -> None:
    @watch.engine.image("acme/job")
    async def job(container: Container) -> int:
        try:
            await container.sleep(3600)
        except asyncio.CancelledError:
            return 4
        return 0

    id = await watch.create("acme/job")
    await clock.advance(0)
    await watch.engine.stop_container(id)

    assert watch.last(id).exit_code == 4


async def test_stop_gives_ten_seconds_to_a_function_that_waits_for_it(
    watch: Watch, clock: ManualClock
) -> None:
    @watch.engine.image("acme/server")
    async def server(container: Container) -> None:
        await container.wait_stopped()
        await container.sleep(float(container.environment["CLEANUP"]))
        container.print("clean")

    quick = await watch.create("acme/server", environment={"CLEANUP": "9"})
    slow = await watch.create("acme/server", environment={"CLEANUP": "11"})
    await clock.advance(0)
    async with asyncio.TaskGroup() as group:
        group.create_task(watch.engine.stop_container(quick))
        group.create_task(watch.engine.stop_container(slow))
        await clock.advance(10)

    assert (watch.last(quick).exit_code, await watch.log(quick)) == (0, ["clean"])
    assert (watch.last(slow).exit_code, await watch.log(slow)) == (137, [])


async def test_remove_gives_ten_seconds_to_a_function_that_waits_for_it(
    watch: Watch, clock: ManualClock
) -> None:
    @watch.engine.image("acme/server")
    async def server(container: Container) -> None:
        await container.wait_stopped()
        await container.sleep(float(container.environment["CLEANUP"]))
        container.print("clean")

    await watch.engine.add_node("n2", [])
    quick = await watch.create("acme/server", environment={"CLEANUP": "9"})
    slow = await watch.create("acme/server", environment={"CLEANUP": "11"})
    other = await watch.create("acme/server", environment={"CLEANUP": "9"}, node="n2")
    await clock.advance(0)
    async with asyncio.TaskGroup() as group:
        group.create_task(watch.engine.remove_container(quick, volumes=()))
        group.create_task(watch.engine.remove_container(slow, volumes=()))
        group.create_task(watch.engine.remove_node("n2"))
        await clock.advance(10)

    for id, code, lines in (
        (quick, 0, ["clean"]),
        (slow, 137, []),
        (other, 0, ["clean"]),
    ):
        assert watch.states(id)[-2:] == [("stopped", code), ("gone", code)]
        assert await watch.log(id) == lines


async def test_stop_that_is_cancelled_leaves_no_task(
    watch: Watch, clock: ManualClock
) -> None:
    @watch.engine.image("acme/server")
    async def server(container: Container) -> None:
        await container.wait_stopped()
        await container.sleep(5)

    id = await watch.create("acme/server")
    await clock.advance(0)
    before = asyncio.all_tasks()
    stopping = asyncio.create_task(watch.engine.stop_container(id))
    await clock.advance(1)

    stopping.cancel()
    await clock.advance(1)

    assert stopping.cancelled()
    assert asyncio.all_tasks() == before


async def test_stop_before_the_first_run_ends_in_stopped(watch: Watch) -> None:
    id = await watch.create("busybox", command="sleep 1")

    await watch.engine.stop_container(id)

    assert watch.states(id) == [("running", None), ("stopped", 143)]


# --- restarting -----------------------------------------------------------------------


async def test_restart_pauses_grow_and_are_reported_as_starting(
    watch: Watch, clock: ManualClock
) -> None:
    began: list[float] = []

    @watch.engine.image("acme/job")
    async def job(container: Container) -> int:
        began.append(clock.monotonic())
        return 2

    id = await watch.create("acme/job", autorestart="ON_FAILURE")
    await clock.advance(400)

    pauses = [round(b - a, 3) for a, b in itertools.pairwise(began)]
    assert pauses[:5] == [0.1, 0.2, 0.4, 0.8, 1.6]
    assert max(pauses) == 60
    assert watch.states(id)[:3] == [
        ("running", None),
        ("starting", 2),
        ("running", None),
    ]
    assert "stopped" not in dict(watch.states(id))


async def test_restart_after_a_good_run_waits_for_a_short_pause_again(
    watch: Watch, clock: ManualClock
) -> None:
    began: list[float] = []

    @watch.engine.image("acme/job")
    async def job(container: Container) -> int:
        began.append(clock.monotonic())
        await container.sleep(10 if len(began) == 4 else 0)
        return 1

    await watch.create("acme/job", autorestart="ALWAYS")
    await clock.advance(12)

    pauses = [round(b - a, 3) for a, b in itertools.pairwise(began)]
    assert pauses[:5] == [0.1, 0.2, 0.4, 10.1, 0.2]


async def test_stop_in_the_pause_before_a_restart_keeps_the_last_code(
    watch: Watch, clock: ManualClock
) -> None:
    id = await watch.create("busybox", command="sh -c 'exit 9'", autorestart="ALWAYS")
    await clock.advance(0)
    assert watch.last(id).state == "starting"

    await watch.engine.stop_container(id)
    await clock.advance(60)

    assert (watch.last(id).state, watch.last(id).exit_code) == ("stopped", 9)


# --- faults ---------------------------------------------------------------------------


@pytest.mark.parametrize("began", [True, False])
async def test_crash_ends_the_run_with_the_given_code(
    watch: Watch, clock: ManualClock, began: bool
) -> None:
    id = await watch.create("nginx")
    if began:
        await clock.advance(0)

    watch.engine.crash(id, exit_code=139)
    await clock.advance(0)

    assert watch.states(id) == [("running", None), ("stopped", 139)]
    with pytest.raises(EngineError, match="not running"):
        watch.engine.crash(id)


async def test_crash_is_followed_by_a_restart(watch: Watch, clock: ManualClock) -> None:
    id = await watch.create("nginx", autorestart="ON_FAILURE")
    await clock.advance(0)

    watch.engine.crash(id)
    await clock.advance(1)
    assert watch.states(id)[1:] == [("starting", 1), ("running", None)]
    watch.engine.crash(id)
    await clock.advance(1)

    assert watch.states(id)[3:] == [("starting", 1), ("running", None)]


async def test_lost_node_reports_nothing_until_recovered(
    watch: Watch, clock: ManualClock
) -> None:
    engine, node = watch.engine, watch.engine.nodes[0]
    id = await watch.create("busybox", command="sleep 5")
    known = len(watch.reported)

    engine.lose_node(node)
    await clock.advance(10)
    [lost] = watch.reported[known:]
    assert isinstance(lost, NodeObservation)
    assert lost.state == "unreachable"
    assert not await engine.check_node(node)
    for refused in (
        engine.stop_container(id),
        engine.remove_container(id, volumes=()),
        watch.create("busybox"),
        watch.log(id),
    ):
        with pytest.raises(EngineError, match="unreachable"):
            await refused

    engine.recover_node(node)
    back, container = watch.reported[known + 1 :]
    assert isinstance(back, NodeObservation)
    assert back.state == "ready"
    assert isinstance(container, ContainerObservation)
    assert (container.state, container.exit_code) == ("stopped", 0)
    assert await engine.check_node(node)


# --- the whole engine -----------------------------------------------------------------


async def test_close_leaves_no_task(clock: ManualClock) -> None:
    before = asyncio.all_tasks()
    engine = Embedded(nodes=2, clock=clock)
    watch = Watch(engine)
    await engine.start(watch.observe)
    hello = await watch.create("tutum/hello-world", ports=published(80))
    await watch.create("busybox", command="sleep 99", autorestart="ALWAYS")
    await watch.create("busybox", command="false", autorestart="ALWAYS")
    await clock.advance(0.05)
    await engine.exec(hello, ["cat"])
    known = len(watch.reported)

    async with asyncio.timeout(60):
        await engine.close()
        await engine.close()

    assert asyncio.all_tasks() == before
    assert len(watch.reported) == known


async def test_a_thousand_idle_containers_run(watch: Watch) -> None:
    """``make bench`` measures how long the engine takes."""
    ids = [await watch.create("nginx", ports=published(80)) for _ in range(1000)]

    assert {watch.last(id).state for id in ids} == {"running"}


async def test_message_of_an_exception_is_valid_and_bounded(
    watch: Watch, clock: ManualClock
) -> None:
    @watch.engine.image("acme/job")
    async def job(container: Container) -> None:
        raise ValueError("\ud800" + "x" * 100_000)

    id = await watch.create("acme/job")
    await clock.advance(0)

    message = watch.last(id).message
    assert message.startswith("ValueError: \N{REPLACEMENT CHARACTER}xxx")
    assert len(message) == 16_384
