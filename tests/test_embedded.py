"""What is the embedded engine's own: images as functions, time, faults, sockets."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import sys
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any

import aiohttp
import pytest

from aiodockercloud.server.engines import (
    ContainerSeen,
    ContainerSpec,
    Engine,
    EngineError,
    NodeSeen,
    Observation,
    PortSpec,
)
from aiodockercloud.server.engines.clock import Clock, ManualClock
from aiodockercloud.server.engines.embedded import Container, Embedded


class Watch:
    """An engine and what it tells."""

    def __init__(self, engine: Embedded) -> None:
        self.engine = engine
        self.told: list[Observation] = []
        self._news = asyncio.Event()

    def observe(self, observation: Observation) -> None:
        self.told.append(observation)
        self._news.set()

    async def until(self, uuid: str, state: str) -> None:
        while self.last(uuid).state != state:
            self._news.clear()
            await self._news.wait()

    def containers(self, uuid: str) -> list[ContainerSeen]:
        return [
            seen
            for seen in self.told
            if isinstance(seen, ContainerSeen) and seen.uuid == uuid
        ]

    def last(self, uuid: str) -> ContainerSeen:
        return self.containers(uuid)[-1]

    def states(self, uuid: str) -> list[tuple[str, int | None]]:
        return [(seen.state, seen.exit_code) for seen in self.containers(uuid)]

    async def create(self, image: str, **fields: Any) -> str:
        id = str(uuid.uuid4())
        defaults: dict[str, Any] = {"name": "web-1", "node": self.engine.nodes[0]}
        await self.engine.create(
            ContainerSpec(
                uuid=id,
                service="s",
                stack=None,
                namespace="acme",
                image=image,
                **{**defaults, **fields},
            )
        )
        return id

    async def log(self, uuid: str) -> list[str]:
        logs = self.engine.logs(uuid, tail=None, follow=False)
        return [line.text async for line in logs]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


async def watched(engine: Embedded) -> AsyncIterator[Watch]:
    watch = Watch(engine)
    await engine.start(watch.observe)
    yield watch
    async with asyncio.timeout(20):
        await engine.close()


@pytest.fixture
async def watch(clock: ManualClock) -> AsyncIterator[Watch]:
    async for watch in watched(Embedded(clock=clock)):
        yield watch


def published(inner: int, outer: int | None = None) -> Sequence[PortSpec]:
    return [PortSpec(inner, "tcp", True, outer)]


def test_embedded_is_an_engine() -> None:
    engine: Engine = Embedded()

    assert engine.volatile


# --- clock ----------------------------------------------------------------------------


async def test_clock_is_the_real_time() -> None:
    clock = Clock()
    before = time.time_ns(), time.monotonic()

    await clock.sleep(0)

    assert before[0] <= clock.time_ns() <= time.time_ns()
    assert before[1] <= clock.monotonic() <= time.monotonic()


async def test_manual_clock_wakes_in_order_at_their_own_moments() -> None:
    clock = ManualClock(0)
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, *pauses: float) -> None:
        for pause in pauses:
            await clock.sleep(pause)
            woken.append((name, clock.monotonic()))

    async with asyncio.TaskGroup() as group:
        group.create_task(sleeper("a", 3, 1))
        group.create_task(sleeper("b", 1, 2.5))
        group.create_task(sleeper("c", 10))
        await clock.advance(5)
        assert woken == [("b", 1), ("a", 3), ("b", 3.5), ("a", 4)]
        await clock.advance(5)

    assert woken[-1] == ("c", 10)
    assert clock.time_ns() == 10_000_000_000


# --- images ---------------------------------------------------------------------------


async def test_image_function_gets_what_the_container_has(
    watch: Watch, clock: ManualClock
) -> None:
    got: list[Container] = []

    @watch.engine.image("acme/worker", environment={"A": "1", "B": "2"}, command="run")
    async def worker(container: Container) -> None:
        got.append(container)

    await watch.create(
        "acme/worker:2", name="w-1", environment={"B": "3"}, entrypoint=None
    )
    await watch.create(
        "acme/worker",
        entrypoint="sh -c",
        command="echo 'a b'",
        options={"hostname": "db", "tty": True},
    )
    await clock.advance(0)

    first, second = got
    assert (first.name, first.hostname, first.command) == ("w-1", "w-1", ["run"])
    assert first.environment["A"] == "1"
    assert first.environment["B"] == "3"
    assert first.environment["HOSTNAME"] == "w-1"
    assert not first.stdin_open
    assert second.command == ["sh", "-c", "echo", "a b"]
    assert second.hostname == "db"
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


async def test_exception_is_exit_code_1_and_its_line_on_stderr(
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


async def test_unknown_image_says_so_and_idles_until_stopped(
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


async def test_command_with_open_quote_is_refused_without_showing_it(
    watch: Watch,
) -> None:
    with pytest.raises(EngineError, match="run_command") as raised:
        await watch.create("busybox", command="echo 'secret")

    assert "secret" not in str(raised.value)


# --- logs -----------------------------------------------------------------------------


async def test_log_keeps_the_last_lines_only(watch: Watch, clock: ManualClock) -> None:
    @watch.engine.image("acme/job")
    async def job(container: Container) -> None:
        for n in range(10_050):
            container.print(str(n))

    id = await watch.create("acme/job")
    await clock.advance(0)

    lines = await watch.log(id)
    assert (len(lines), lines[0], lines[-1]) == (10_000, "50", "10049")


async def test_log_splits_text_into_lines_and_long_lines_into_pieces(
    watch: Watch, clock: ManualClock
) -> None:
    @watch.engine.image("acme/job")
    async def job(container: Container) -> None:
        container.print("a\nb")
        container.print()
        container.error("x" * 16_385)

    id = await watch.create("acme/job")
    await clock.advance(0)

    assert await watch.log(id) == ["a", "b", "", "x" * 16_384, "x"]


async def test_shell_output_becomes_lines(watch: Watch, clock: ManualClock) -> None:
    id = await watch.create("alpine", command="sh -c 'echo -n a; echo b; echo -n c'")
    await clock.advance(0)

    assert await watch.log(id) == ["ab", "c"]


async def test_slow_log_reader_is_told_what_it_missed(
    watch: Watch, clock: ManualClock
) -> None:
    @watch.engine.image("acme/job")
    async def job(container: Container) -> None:
        container.print("first")
        await container.sleep(1)
        for n in range(10_001):
            container.print(str(n))

    id = await watch.create("acme/job")
    await clock.advance(0)
    logs = watch.engine.logs(id, tail=None, follow=True)
    async with contextlib.aclosing(logs), asyncio.timeout(5):
        assert (await anext(logs)).text == "first"
        await clock.advance(1)

        line = await anext(logs)

    assert line.stream == "stderr"
    assert line.missing == 1
    assert "1 lines are missing" in line.text


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


async def test_stop_before_it_began_is_stopped(watch: Watch) -> None:
    id = await watch.create("busybox", command="sleep 1")

    await watch.engine.stop_container(id)

    assert watch.states(id) == [("running", None), ("stopped", 143)]


# --- restarting -----------------------------------------------------------------------


async def test_restart_pauses_grow_and_are_told_as_starting(
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


async def test_restart_after_a_good_run_pauses_shortly_again(
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
async def test_crash_ends_it_with_the_given_code(
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


async def test_lost_node_says_nothing_until_it_is_back(
    watch: Watch, clock: ManualClock
) -> None:
    engine, node = watch.engine, watch.engine.nodes[0]
    id = await watch.create("busybox", command="sleep 5")
    known = len(watch.told)

    engine.lose_node(node)
    await clock.advance(10)
    [lost] = watch.told[known:]
    assert isinstance(lost, NodeSeen)
    assert lost.state == "unreachable"
    assert not await engine.check_node(node)
    for refused in (
        engine.stop_container(id),
        engine.remove_container(id, volumes=True),
        watch.create("busybox"),
        watch.log(id),
    ):
        with pytest.raises(EngineError, match="unreachable"):
            await refused

    engine.recover_node(node)
    back, container = watch.told[known + 1 :]
    assert isinstance(back, NodeSeen)
    assert back.state == "ready"
    assert isinstance(container, ContainerSeen)
    assert (container.state, container.exit_code) == ("stopped", 0)
    assert await engine.check_node(node)


# --- nodes ----------------------------------------------------------------------------


async def test_nodes_have_tags_and_addresses_of_their_own(clock: ManualClock) -> None:
    async for watch in watched(Embedded(nodes=[["web"], ["web", "db"]], clock=clock)):
        await watch.engine.add_node("n3", ["cache"])

        nodes = [seen for seen in watch.told if isinstance(seen, NodeSeen)]
        assert [list(node.tags) for node in nodes] == [
            ["web"],
            ["web", "db"],
            ["cache"],
        ]
        assert [node.id for node in nodes] == list(watch.engine.nodes)
        assert nodes[2].id == "n3"
        assert len({node.hostname for node in nodes}) == 3


async def test_remove_node_takes_its_containers_along(watch: Watch) -> None:
    await watch.engine.add_node("n2", [])
    id = await watch.create("nginx", node="n2")
    other = await watch.create("nginx")

    await watch.engine.remove_node("n2")

    assert watch.last(id).state == "gone"
    assert watch.last(other).state == "running"
    last = watch.told[-1]
    assert isinstance(last, NodeSeen)
    assert (last.id, last.state) == ("n2", "gone")
    with pytest.raises(EngineError, match="No such node"):
        await watch.engine.remove_node("n2")


# --- addresses and ports --------------------------------------------------------------


async def test_private_ips_are_unique_and_used_again(watch: Watch) -> None:
    ids = [await watch.create("nginx") for _ in range(300)]
    given = [watch.last(id).private_ip for id in ids]
    assert len(set(given)) == 300
    assert (given[0], given[299]) == ("10.7.0.1", "10.7.1.44")

    await watch.engine.remove_container(ids[7], volumes=True)
    again = await watch.create("nginx")

    assert watch.last(again).private_ip == given[7]


async def test_volumes_from_needs_its_peer_on_the_same_node(watch: Watch) -> None:
    await watch.engine.add_node("n2", [])
    peer = await watch.create("busybox")

    await watch.create("busybox", volumes_from=[peer])
    with pytest.raises(EngineError, match="volumes_from"):
        await watch.create("busybox", volumes_from=[peer], node="n2")


async def test_dynamic_ports_of_simulated_images_are_unique_per_node(
    watch: Watch,
) -> None:
    ids = [await watch.create("nginx", ports=published(80)) for _ in range(50)]

    numbers = [watch.last(id).ports[80, "tcp"][0] for id in ids]

    assert numbers == list(range(32768, 32818))


async def test_fixed_port_twice_on_a_node_is_refused_until_freed(watch: Watch) -> None:
    await watch.engine.add_node("n2", [])
    first = await watch.create("nginx", ports=published(80, 80))
    await watch.create("nginx", ports=published(80, 80), node="n2")

    with pytest.raises(EngineError, match=":80 failed: port is already allocated"):
        await watch.create("nginx", ports=published(80, 80))
    await watch.engine.stop_container(first)
    second = await watch.create("nginx", ports=published(80, 80))

    assert watch.last(second).ports == {(80, "tcp"): (80,)}
    with pytest.raises(EngineError, match="already allocated"):
        await watch.engine.start_container(first)
    assert watch.last(first).state == "stopped"


async def test_hello_world_answers_on_its_port_and_logs(watch: Watch) -> None:
    id = await watch.create(
        "tutum/hello-world",
        ports=published(80),
        environment={"NAME": "<you>"},
    )
    [node] = [seen for seen in watch.told if isinstance(seen, NodeSeen)]
    [port] = watch.last(id).ports[80, "tcp"]
    url = f"http://{node.address}:{port}/path?x=1"
    async with asyncio.timeout(10), aiohttp.ClientSession() as session:
        async with session.get(url) as response:
            text = await response.text()
            assert response.status == 200
            assert response.content_type == "text/html"

        assert "Hello &lt;you&gt;!" in text
        assert "web-1" in text
        assert [
            line.endswith('"GET /path?x=1" 200') for line in await watch.log(id)
        ] == [True]
        # With the connection still open: stopping must not wait for it.
        await watch.engine.stop_container(id)
        assert watch.last(id).exit_code == 0
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(url)

        await watch.engine.start_container(id)
        [port] = watch.last(id).ports[80, "tcp"]
        async with session.get(f"http://{node.address}:{port}/") as response:
            assert response.status == 200


async def test_listening_image_survives_a_restart_on_the_same_port(
    watch: Watch, clock: ManualClock
) -> None:
    id = await watch.create(
        "dockercloud/hello-world", ports=published(80), autorestart="ALWAYS"
    )
    [port] = watch.last(id).ports[80, "tcp"]
    await clock.advance(0)
    watch.engine.crash(id)
    async with asyncio.timeout(10):
        await watch.until(id, "starting")
    await clock.advance(1)

    async with asyncio.timeout(10), aiohttp.ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{port}/") as response:
            assert response.status == 200


async def test_fixed_port_of_another_process_is_told_on_stderr(
    watch: Watch, clock: ManualClock
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        id = await watch.create("tutum/hello-world", ports=published(80, port))
        await clock.advance(0)

        [line] = [line async for line in watch.engine.logs(id, tail=None, follow=False)]

    assert line.stream == "stderr"
    assert f"cannot listen on 127.0.0.1:{port}" in line.text
    assert watch.last(id).state == "running"


async def test_listen_serves_tcp_and_hangs_up_at_the_end(
    watch: Watch, clock: ManualClock
) -> None:
    @watch.engine.image("acme/echo", ports=(7,))
    async def echo(container: Container) -> None:
        async def handler(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            while line := await reader.readline():
                if line == b"fail\n":
                    raise ValueError("failed")
                writer.write(line)

        async with container.listen(7, handler):
            await container.wait_stopped()

    id = await watch.create("acme/echo", ports=published(7))
    [port] = watch.last(id).ports[7, "tcp"]
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"hi\n")
        assert await reader.readline() == b"hi\n"
        bad_reader, bad_writer = await asyncio.open_connection("127.0.0.1", port)
        bad_writer.write(b"fail\n")
        assert await bad_reader.read() == b""
        bad_writer.close()
        assert await watch.log(id) == ["connection failed: ValueError: failed"]

        await watch.engine.stop_container(id)
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()


# --- exec -----------------------------------------------------------------------------


async def test_exec_without_command_is_a_shell_until_eot(watch: Watch) -> None:
    id = await watch.create("nginx")

    session = await watch.engine.exec(id, [])
    await session.write("echo one\necho two\n\x04")

    async with asyncio.timeout(5):
        assert [text async for _, text in session.output()] == ["one\n", "two\n"]
    assert session.exit_code == 0


async def test_exec_with_slow_reader_waits_for_it(watch: Watch) -> None:
    id = await watch.create("nginx")

    session = await watch.engine.exec(id, ["seq", "100000"])
    for _ in range(1000):
        await asyncio.sleep(0)

    async with asyncio.timeout(20):
        numbers = [text async for _, text in session.output()]
    assert numbers == [f"{n}\n" for n in range(1, 100_001)]


async def test_exec_ends_with_its_container(watch: Watch, clock: ManualClock) -> None:
    id = await watch.create("nginx")
    await clock.advance(0)
    session = await watch.engine.exec(id, ["sleep", "3600"])
    await clock.advance(0)

    await watch.engine.stop_container(id)

    async with asyncio.timeout(5):
        assert [chunk async for chunk in session.output()] == []
    assert session.exit_code == 137


# --- the whole ------------------------------------------------------------------------


async def test_close_leaves_no_task_behind(clock: ManualClock) -> None:
    before = asyncio.all_tasks()
    engine = Embedded(nodes=2, clock=clock)
    watch = Watch(engine)
    await engine.start(watch.observe)
    hello = await watch.create("tutum/hello-world", ports=published(80))
    await watch.create("busybox", command="sleep 99", autorestart="ALWAYS")
    await watch.create("busybox", command="false", autorestart="ALWAYS")
    await clock.advance(0.05)
    await engine.exec(hello, ["cat"])
    known = len(watch.told)

    async with asyncio.timeout(10):
        await engine.close()
        await engine.close()

    assert asyncio.all_tasks() == before
    assert len(watch.told) == known


async def test_a_thousand_idle_containers_are_quick(watch: Watch) -> None:
    began = time.process_time()

    ids = [await watch.create("nginx", ports=published(80)) for _ in range(1000)]
    spent = time.process_time() - began

    assert {watch.last(id).state for id in ids[-10:]} == {"running"}
    assert spent < 2
