"""The private network of the embedded engine: names, addresses, connections."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from aiodockercloud.server.engines import LinkTarget, NodeObservation
from aiodockercloud.server.engines.embedded import (
    Container,
    Embedded,
    EmbeddedSettings,
)
from aiodockercloud.server.engines.embedded.clock import ManualClock
from tests.support.facts import PATIENCE
from tests.support.watches import Watch, published, watched

IP = "an address"


@pytest.fixture(
    params=[EmbeddedSettings(), EmbeddedSettings(address_blocks=())],
    ids=["real", "nominal"],
)
async def watch(
    request: pytest.FixtureRequest, clock: ManualClock
) -> AsyncIterator[Watch]:
    """An engine with real addresses, and one on a system that has none."""
    async with watched(Embedded(nodes=2, clock=clock, settings=request.param)) as watch:
        runs.clear()

        @watch.engine.image("acme/echo")
        async def echo(container: Container) -> None:
            runs[container.name] = container

            async def answer(
                reader: asyncio.StreamReader, writer: asyncio.StreamWriter
            ) -> None:
                line = await reader.readline()
                writer.write(container.name.encode() + b" " + line)
                await writer.drain()

            async with container.listen(5432, answer):
                await container.wait_stopped()

        @watch.engine.image("acme/client")
        async def client(container: Container) -> None:
            runs[container.name] = container
            await container.wait_stopped()

        yield watch


#: The present run of each container by its name.
runs: dict[str, Container] = {}


async def ask(client: Container, host: str, port: int = 5432) -> str:
    """Send a line and return the answer: the name of the container that answers."""
    async with asyncio.timeout(PATIENCE):
        reader, writer = await client.connect(host, port)
        writer.write(b"hello\n")
        answer = await reader.readline()
        writer.close()
    name, said = answer.decode().split()
    assert said == "hello"
    return name


async def run(watch: Watch, image: str, **fields: object) -> str:
    id = await watch.create(image, **fields)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return id


@pytest.mark.parametrize("host", ["db", "db-1", "DB-1.", "database", IP])
@pytest.mark.parametrize("port", [[], published(5432)])
async def test_connect_reaches_a_container_of_the_stack(
    watch: Watch, host: str, port: list[object]
) -> None:
    id = await run(
        watch,
        "acme/echo",
        name="db-1",
        stack="shop",
        aliases=["db", "db-1", "database"],
        ports=port,
        node=watch.engine.nodes[1],
    )
    await run(watch, "acme/client", name="web-1", stack="shop")

    named = str(watch.last(id).private_ip) if host == IP else host
    assert await ask(runs["web-1"], named) == "db-1"


async def test_connect_uses_the_containers_of_a_service_in_turn(watch: Watch) -> None:
    for number in (1, 2, 3):
        await run(watch, "acme/echo", name=f"db-{number}", aliases=["db"])
    await run(watch, "acme/client", name="web-1")

    answers = [await ask(runs["web-1"], "db") for _ in range(6)]

    assert sorted(answers) == ["db-1", "db-1", "db-2", "db-2", "db-3", "db-3"]


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("db", "own-1"),
        ("db.blog", "other-1"),
        ("remote", "other-1"),
        ("remote-1", "other-1"),
        ("cache", "shared-1"),
        ("queue", None),
        ("secret", None),
        ("localhost.localdomain", None),
    ],
)
async def test_names_belong_to_a_stack_and_a_namespace(
    watch: Watch, host: str, found: str | None
) -> None:
    create = watch.create
    await create("acme/echo", name="own-1", stack="shop", aliases=["db"])
    await create(
        "acme/echo",
        name="other-1",
        service="other",
        stack="blog",
        aliases=["db", "db.blog", "queue"],
    )
    await create("acme/echo", name="shared-1", aliases=["cache"])
    await create("acme/echo", name="alien-1", namespace="evil", aliases=["secret"])
    await run(
        watch,
        "acme/client",
        name="web-1",
        stack="shop",
        links={"remote": LinkTarget("other", "blog")},
    )

    if found is not None:
        assert await ask(runs["web-1"], host) == found
    else:
        with pytest.raises(socket.gaierror, match=host):
            await ask(runs["web-1"], host)


async def test_address_of_another_namespace_is_unknown(watch: Watch) -> None:
    alien = await run(watch, "acme/echo", name="alien-1", namespace="evil")
    await run(watch, "acme/client", name="web-1")

    with pytest.raises(socket.gaierror):
        await ask(runs["web-1"], str(watch.last(alien).private_ip))


async def test_connect_to_the_host_is_impossible(watch: Watch) -> None:
    await run(watch, "acme/client", name="web-1")
    with socket.create_server(("127.0.0.1", 0)) as server:
        for host in ("127.0.0.1", "localhost"):
            with pytest.raises(ConnectionRefusedError):
                await ask(runs["web-1"], host, server.getsockname()[1])


async def test_connect_to_a_closed_port_or_a_stopped_container_is_refused(
    watch: Watch,
) -> None:
    id = await run(watch, "acme/echo", name="db-1", aliases=["db"])
    await run(watch, "acme/client", name="web-1")
    client = runs["web-1"]
    with pytest.raises(ConnectionRefusedError, match="db:5433"):
        await client.connect("db", 5433)

    await watch.engine.stop_container(id)
    with pytest.raises(ConnectionRefusedError):
        await client.connect("db", 5432)
    await watch.engine.start_container(id)
    await asyncio.sleep(0)
    assert await ask(client, "db") == "db-1"

    await watch.engine.remove_container(id, volumes=())
    with pytest.raises(socket.gaierror):
        await client.connect("db", 5432)


async def test_exposed_port_accepts_before_the_function_listens(watch: Watch) -> None:
    listens = asyncio.Event()

    @watch.engine.image("acme/slow", ports=[80])
    async def slow(container: Container) -> None:
        async def answer(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            writer.write(b"slow hello\n")

        await listens.wait()
        async with container.listen(80, answer):
            await container.wait_stopped()

    await run(watch, "acme/slow", name="slow-1", aliases=["slow"])
    await run(watch, "acme/client", name="web-1")
    asking = asyncio.create_task(ask(runs["web-1"], "slow", 80))
    await asyncio.sleep(0)

    listens.set()

    assert await asking == "slow"


async def test_second_listener_of_a_port_is_refused_on_stderr(watch: Watch) -> None:
    @watch.engine.image("acme/twice")
    async def twice(container: Container) -> None:
        async def answer(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None: ...

        async with container.listen(9000, answer), container.listen(9000, answer):
            pass

    id = await run(watch, "acme/twice")
    await watch.until(id, "stopped")

    [line] = await watch.log(id)
    assert line.endswith(":9000: Address already in use")


async def test_end_of_the_run_closes_its_connections(watch: Watch) -> None:
    ended = asyncio.Event()

    @watch.engine.image("acme/sink")
    async def sink(container: Container) -> None:
        async def read(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            try:
                await reader.read()
            except ConnectionError:
                pass
            ended.set()

        async with container.listen(80, read):
            await container.wait_stopped()

    await run(watch, "acme/sink", name="sink-1", aliases=["sink"])
    id = await run(watch, "acme/client", name="web-1")
    kept = await runs["web-1"].connect("sink", 80)

    await watch.engine.stop_container(id)

    async with asyncio.timeout(PATIENCE):
        await ended.wait()
    del kept


async def test_two_engines_do_not_share_addresses() -> None:
    async with watched(Embedded()) as one, watched(Embedded()) as two:
        first = one.last(await one.create("nginx")).private_ip
        second = two.last(await two.create("nginx")).private_ip

    if str(first).startswith("127."):
        assert first != second


async def test_block_of_a_closed_engine_is_free_again() -> None:
    found = set()
    for _ in range(3):
        async with watched(Embedded()) as watch:
            found.add(watch.last(await watch.create("nginx")).private_ip)
            [node] = [n for n in watch.reported if isinstance(n, NodeObservation)]
            assert node.address not in found

    assert len(found) < 3
