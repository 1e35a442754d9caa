"""The output of embedded containers: their logs, and exec sessions."""

from __future__ import annotations

import asyncio
import contextlib
import os

import pytest

from aiodockercloud.server.engines.embedded import Container
from aiodockercloud.server.engines.embedded.clock import ManualClock
from tests.support.watches import Watch

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


async def test_print_takes_values_as_python_does(
    watch: Watch, clock: ManualClock
) -> None:
    @watch.engine.image("acme/job")
    async def job(container: Container) -> None:
        container.print("done", 3, None, [1.5])
        container.error(1, 2, sep=", ")

    id = await watch.create("acme/job")
    await clock.advance(0)

    assert await watch.log(id) == ["done 3 None [1.5]", "1, 2"]


@pytest.mark.parametrize("image", ["dockercloud/hello-world", "tutum/hello-world"])
async def test_hello_world_logs_its_start(
    watch: Watch, clock: ManualClock, image: str
) -> None:
    id = await watch.create(image)
    await clock.advance(0)

    [line] = await watch.log(id)
    assert line.startswith(f"{image} listens on port 80 of ")


async def test_pieces_of_a_long_line_are_marked_up_to_the_last(
    watch: Watch, clock: ManualClock
) -> None:
    @watch.engine.image("acme/job")
    async def job(container: Container) -> None:
        container.print("a\n" + "x" * 40_000 + "\nb")
        container.write("stdout", "c", partial=True)
        container.write("stdout", "d\ne")

    id = await watch.create("acme/job")
    await clock.advance(0)

    lines = [
        (line.text[:1], len(line.text), line.partial)
        async for line in watch.engine.logs(id, tail=None, follow=False)
    ]
    assert lines == [
        ("a", 1, False),
        ("x", 16_384, True),
        ("x", 16_384, True),
        ("x", 7_232, False),
        ("b", 1, False),
        ("c", 1, True),
        ("d", 1, False),
        ("e", 1, False),
    ]


async def test_pieces_of_a_long_line_of_the_shell_are_marked(
    watch: Watch, clock: ManualClock
) -> None:
    script = f"for i in 1 2 3; do echo -n {'x' * 10_000}; done; echo; echo next"
    id = await watch.create("alpine", command=f'sh -c "{script}"')
    await clock.advance(0)

    lines = [line async for line in watch.engine.logs(id, tail=None, follow=False)]
    *pieces, last, following = lines
    assert pieces
    assert all(piece.partial for piece in pieces)
    assert (last.partial, following.text) == (False, "next")
    assert sum(len(line.text) for line in (*pieces, last)) == 30_000


@pytest.mark.parametrize(
    ("printed", "kept"),
    [
        (os.fsdecode(b"caf\xe9.txt"), "caf\ufffd.txt"),
        (os.fsdecode("café".encode()), "café"),
        ("\ud800 \udfff \U0001f433", "\ufffd \ufffd \U0001f433"),
    ],
)
async def test_text_that_is_not_valid_unicode_is_replaced(
    watch: Watch, clock: ManualClock, printed: str, kept: str
) -> None:
    @watch.engine.image("acme/job")
    async def job(container: Container) -> None:
        container.print(printed)
        container.error(printed)
        container.print("after")

    id = await watch.create("acme/job")
    await clock.advance(0)

    assert await watch.log(id) == [kept, kept, "after"]


async def test_shell_output_becomes_lines(watch: Watch, clock: ManualClock) -> None:
    id = await watch.create("alpine", command="sh -c 'echo -n a; echo b; echo -n c'")
    await clock.advance(0)

    assert await watch.log(id) == ["ab", "c"]


async def test_slow_log_reader_receives_the_number_of_missed_lines(
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
    async with contextlib.aclosing(logs), asyncio.timeout(60):
        assert (await anext(logs)).text == "first"
        await clock.advance(1)

        line = await anext(logs)

    assert line.stream == "stderr"
    assert line.missing == 1
    assert "1 lines are missing" in line.text


# --- exec -----------------------------------------------------------------------------


async def test_exec_without_command_runs_a_shell_until_the_end_of_input(
    watch: Watch,
) -> None:
    id = await watch.create("nginx")

    session = await watch.engine.exec(id, [])
    await session.write(b"echo one\necho two\n")
    await session.end_input()

    async with asyncio.timeout(60):
        assert [data async for _, data in session.output()] == [b"one\n", b"two\n"]
    assert session.exit_code == 0


async def test_exec_with_slow_reader_waits_for_the_reader(
    watch: Watch, clock: ManualClock
) -> None:
    id = await watch.create("nginx")

    session = await watch.engine.exec(id, ["sh", "-c", "seq 500; date +%s"])
    for _ in range(1000):
        await asyncio.sleep(0)
    await clock.advance(60)

    async with asyncio.timeout(60):
        *numbers, date = [data.decode() async for _, data in session.output()]
    assert numbers == [f"{n}\n" for n in range(1, 501)]
    assert date == f"{clock.time_ns() // 10**9}\n"


async def test_exec_ends_when_its_container_stops(
    watch: Watch, clock: ManualClock
) -> None:
    id = await watch.create("nginx")
    await clock.advance(0)
    session = await watch.engine.exec(id, ["sleep", "3600"])
    await clock.advance(0)

    await watch.engine.stop_container(id)

    async with asyncio.timeout(60):
        assert [chunk async for chunk in session.output()] == []
    assert session.exit_code == 137
