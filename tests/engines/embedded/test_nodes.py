"""The nodes of the embedded engine: their addresses, their ports, their sockets."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import aiohttp
import pytest

from aiodockercloud.server.engines import EngineError, NodeObservation
from aiodockercloud.server.engines.embedded import Container, Embedded, EmbeddedSettings
from aiodockercloud.server.engines.embedded.clock import ManualClock
from tests.support.watches import Watch, published, watched

# --- nodes ----------------------------------------------------------------------------


async def test_nodes_have_tags_and_addresses_of_their_own(clock: ManualClock) -> None:
    async with watched(Embedded(nodes=[["web"], ["web", "db"]], clock=clock)) as watch:
        await watch.engine.add_node("n3", ["cache"])

        nodes = [
            found for found in watch.reported if isinstance(found, NodeObservation)
        ]
        assert [list(node.tags) for node in nodes] == [
            ["web"],
            ["web", "db"],
            ["cache"],
        ]
        assert [node.id for node in nodes] == list(watch.engine.nodes)
        assert nodes[2].id == "n3"
        assert len({node.hostname for node in nodes}) == 3


async def test_remove_node_removes_its_containers(watch: Watch) -> None:
    await watch.engine.add_node("n2", [])
    id = await watch.create("nginx", node="n2")
    other = await watch.create("nginx")

    await watch.engine.remove_node("n2")

    assert watch.last(id).state == "gone"
    assert watch.last(other).state == "running"
    last = watch.reported[-1]
    assert isinstance(last, NodeObservation)
    assert (last.id, last.state) == ("n2", "gone")
    with pytest.raises(EngineError, match="No such node"):
        await watch.engine.remove_node("n2")


# --- addresses and ports --------------------------------------------------------------


async def test_private_ips_are_unique_and_reused_after_removal(watch: Watch) -> None:
    ids = [await watch.create("nginx") for _ in range(300)]
    addresses = [watch.last(id).private_ip for id in ids]
    assert len(set(addresses)) == 300
    first, last = str(addresses[0]), str(addresses[299])
    block = first.removesuffix(".0.1")
    assert block == "10.7" or block.startswith("127.")
    assert last == f"{block}.1.44"

    await watch.engine.remove_container(ids[7], volumes=())
    again = await watch.create("nginx")

    assert watch.last(again).private_ip == addresses[7]


async def test_volumes_from_a_container_of_another_node_is_refused(
    watch: Watch,
) -> None:
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
    [node] = [found for found in watch.reported if isinstance(found, NodeObservation)]
    [port] = watch.last(id).ports[80, "tcp"]
    url = f"http://{node.address}:{port}/path?x=1"
    async with asyncio.timeout(60), aiohttp.ClientSession() as session:
        async with session.get(url) as response:
            text = await response.text()
            assert response.status == 200
            assert response.content_type == "text/html"

        assert "Hello &lt;you&gt;!" in text
        assert "web-1" in text
        [_, line] = await watch.log(id)  # the first line reports the start
        assert line.endswith('"GET /path?x=1" 200')
        # The connection is still open; the stop must not wait for its end.
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
    async with asyncio.timeout(60):
        await watch.until(id, "starting")
    await clock.advance(1)

    async with asyncio.timeout(60), aiohttp.ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{port}/") as response:
            assert response.status == 200


async def test_fixed_port_of_another_process_is_reported_on_stderr(
    watch: Watch, clock: ManualClock
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        id = await watch.create("tutum/hello-world", ports=published(80, port))
        await clock.advance(0)

        line, _ = [
            line async for line in watch.engine.logs(id, tail=None, follow=False)
        ]

    assert line.stream == "stderr"
    assert f"cannot listen on 127.0.0.1:{port}" in line.text
    assert watch.last(id).state == "running"


@pytest.mark.parametrize("port", [1, 80, 1023])
async def test_privileged_port_is_not_opened(
    watch: Watch, clock: ManualClock, port: int
) -> None:
    id = await watch.create("tutum/hello-world", ports=published(80, port))
    await clock.advance(0)

    line, _ = await watch.log(id)
    assert line.startswith(f"cannot listen on 127.0.0.1:{port}: ports below 1024")
    assert "--privileged-ports" in line
    assert watch.last(id).state == "running"
    assert watch.last(id).ports == {(80, "tcp"): (port,)}
    with pytest.raises(EngineError, match="already allocated"):
        await watch.create("nginx", ports=published(80, port))


async def test_privileged_port_is_opened_when_allowed(clock: ManualClock) -> None:
    settings = EmbeddedSettings(privileged_ports=True)
    async with watched(Embedded(clock=clock, settings=settings)) as watch:
        id = await watch.create("tutum/hello-world", ports=published(80, 1023))
        await clock.advance(0)
        lines = await watch.log(id)

    # Without the privilege, the system refuses the port.
    assert not any("--privileged-ports" in line for line in lines)


async def test_listen_serves_tcp_and_closes_connections_at_the_end(
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
    async with asyncio.timeout(60):
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


@pytest.fixture
def listening(watch: Watch) -> str:
    """An image that accepts connections and never answers."""

    @watch.engine.image("acme/listening", ports=(80,))
    async def listening(container: Container) -> None:
        async def handler(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            await asyncio.Event().wait()

        async with container.listen(80, handler):
            await container.wait_stopped()

    return "acme/listening"


@pytest.mark.parametrize("http", [True, False])
async def test_listening_image_stopped_while_starting_refuses_connections(
    watch: Watch, listening: str, http: bool
) -> None:
    image = "tutum/hello-world" if http else listening
    for steps in range(5):
        id = await watch.create(image, ports=published(80))
        [port] = watch.last(id).ports[80, "tcp"]
        for _ in range(steps):
            await asyncio.sleep(0)

        await watch.engine.stop_container(id)

        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)


@pytest.mark.parametrize("steps", [2, 3])
async def test_listen_closes_a_connection_made_just_before_the_end(
    watch: Watch, clock: ManualClock, listening: str, steps: int
) -> None:
    id = await watch.create(listening, ports=published(80))
    await clock.advance(0)
    with socket.create_connection(
        ("127.0.0.1", watch.last(id).ports[80, "tcp"][0])
    ) as connection:
        connection.setblocking(False)
        for _ in range(steps):  # accepted, but the handler has not begun
            await asyncio.sleep(0)

        await watch.engine.stop_container(id)

        async with asyncio.timeout(60):
            with contextlib.suppress(ConnectionResetError):
                loop = asyncio.get_running_loop()
                assert await loop.sock_recv(connection, 1) == b""
