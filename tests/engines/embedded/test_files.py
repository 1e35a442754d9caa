"""The files of embedded containers: volumes, /tmp, and their bounds."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aiodockercloud.server.engines import MountSpec
from aiodockercloud.server.engines.embedded import (
    Container,
    Embedded,
    EmbeddedSettings,
)
from aiodockercloud.server.engines.embedded.clock import ManualClock
from tests.support.facts import PATIENCE
from tests.support.watches import Watch, watched

VOLUME = "0a1b2c3d-0000-4000-8000-000000000001"
DATA = [MountSpec("/data", VOLUME, None, True)]


@pytest.fixture
async def watch(clock: ManualClock) -> AsyncIterator[Watch]:
    settings = EmbeddedSettings(most_volume_bytes=1000, most_volume_files=10)
    async with watched(Embedded(nodes=2, clock=clock, settings=settings)) as watch:
        yield watch


async def shell(watch: Watch, script: str, **fields: object) -> list[str]:
    """Run a script in a container of its own; return the lines of the log."""
    id = await watch.create("busybox", command=f'sh -c "{script}"', **fields)
    await watch.until(id, "stopped")
    return await watch.log(id)


async def shell_in(watch: Watch, uuid: str, script: str) -> str:
    """Run a script in a running container; return all of its output."""
    session = await watch.engine.exec(uuid, ["sh", "-c", script])
    return b"".join([data async for _, data in session.output()]).decode()


async def function(watch: Watch, **fields: object) -> Container:
    """Return the run of a container whose function does nothing."""
    received: asyncio.Future[Container] = asyncio.get_running_loop().create_future()

    @watch.engine.image("acme/function")
    async def run(container: Container) -> None:
        received.set_result(container)
        await container.wait_stopped()

    await watch.create("acme/function", **fields)
    return await received


# --- volumes --------------------------------------------------------------------------


async def test_function_and_shell_have_the_same_files(watch: Watch) -> None:
    container = await function(watch, mounts=DATA)
    (container.volume("/data") / "greeting").write_text("bonjour\n")

    lines = await shell(
        watch, "cat /data/greeting; echo so >>/data/greeting", mounts=DATA
    )

    assert lines == ["bonjour"]
    assert container.volume("/data/greeting").read_text() == "bonjour\nso\n"


async def test_removed_container_leaves_its_volumes(watch: Watch) -> None:
    first = await watch.create("busybox", command="sleep 99", mounts=DATA)
    await shell_in(watch, first, "echo kept >/data/file")

    await watch.engine.remove_container(first, volumes=())

    assert await shell(watch, "cat /data/file", mounts=DATA) == ["kept"]


async def remove_container(watch: Watch, uuid: str) -> None:
    await watch.engine.remove_container(uuid, volumes=[VOLUME])


async def remove_volumes(watch: Watch, uuid: str) -> None:
    await watch.engine.remove_container(uuid, volumes=())
    await watch.engine.remove_volumes(watch.engine.nodes[0], [VOLUME])


@pytest.mark.parametrize("remove", [remove_container, remove_volumes])
async def test_removed_volume_loses_its_files(watch: Watch, remove: object) -> None:
    assert callable(remove)
    id = await watch.create("busybox", command="sleep 99", mounts=DATA)
    await shell_in(watch, id, "echo lost >/data/file")

    await remove(watch, id)

    assert await shell(watch, "ls -A /data", mounts=DATA) == []


async def test_nodes_do_not_share_volumes(watch: Watch) -> None:
    await shell(watch, "echo here >/data/file", mounts=DATA)

    other = watch.engine.nodes[1]
    assert await shell(watch, "ls /data", mounts=DATA, node=other) == []


async def test_volumes_from_shares_volumes_along_a_chain_but_not_tmp(
    watch: Watch,
) -> None:
    owner = await watch.create("busybox", command="sleep 99", mounts=DATA)
    middle = await watch.create("busybox", command="sleep 99", volumes_from=[owner])
    await shell_in(watch, owner, "echo shared >/data/file; echo own >/tmp/file")

    lines = await shell(watch, "cat /data/file; ls /tmp", volumes_from=[middle])

    assert lines == ["shared"]


async def test_own_volume_hides_a_shared_one(watch: Watch) -> None:
    owner = await watch.create("busybox", command="sleep 99", mounts=DATA)
    await shell_in(watch, owner, "echo shared >/data/file")

    own = [MountSpec("/data", "another", None, True)]
    assert await shell(watch, "ls /data", mounts=own, volumes_from=[owner]) == []


async def test_host_path_is_a_directory_of_the_embedded_node(
    watch: Watch, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("of the host")
    mounts = [MountSpec("/host", None, str(tmp_path), True)]

    assert await shell(watch, "ls /host; echo new >/host/file", mounts=mounts) == []

    assert os.listdir(tmp_path) == ["secret"]
    parent = [MountSpec("/up", None, str(tmp_path.parent), True)]
    name = tmp_path.name
    assert await shell(watch, f"cat /up/{name}/file", mounts=parent) == ["new"]


async def test_read_only_volume_refuses_the_shell(watch: Watch) -> None:
    mounts = [MountSpec("/data", VOLUME, None, False)]

    lines = await shell(
        watch,
        "echo x >/data/file; mkdir /data/d; touch /data/t; test -w /data || echo no",
        mounts=mounts,
    )

    assert [line.rpartition(": ")[2] for line in lines] == [
        *["Read-only file system"] * 3,
        "no",
    ]


async def test_path_without_a_volume_names_the_volumes(watch: Watch) -> None:
    container = await function(watch, mounts=DATA)

    with pytest.raises(FileNotFoundError, match="its volumes are: /data") as raised:
        container.volume("/srv")

    assert raised.value.filename == "/srv"
    assert container.volume("/tmp").is_dir()


async def test_tmp_belongs_to_one_container_and_survives_its_restart(
    watch: Watch,
) -> None:
    script = "cat /tmp/x; echo one >>/tmp/x"
    id = await watch.create("busybox", command=f'sh -c "{script}"')
    await watch.until(id, "stopped")
    await watch.engine.start_container(id)
    await watch.until(id, "stopped")

    assert (await watch.log(id))[-1] == "one"
    assert await shell(watch, "ls /tmp") == []


# --- the host -------------------------------------------------------------------------


async def test_end_of_the_engine_removes_all_files(clock: ManualClock) -> None:
    async with watched(Embedded(clock=clock)) as watch:
        container = await function(watch, mounts=DATA)
        directory = container.volume("/data")
        (directory / "file").write_text("x")
        assert directory.is_dir()

    assert not any(parent.exists() for parent in directory.parents[:4])


@pytest.mark.parametrize(
    "path",
    ["/data/../../../etc/passwd", "/etc/passwd", "/data/link", "/data/link/hosts"],
)
async def test_shell_reads_nothing_of_the_host(watch: Watch, path: str) -> None:
    container = await function(watch, mounts=DATA)
    os.symlink("/etc", container.volume("/data") / "link")

    lines = await shell(
        watch, f"cat {path}; echo x >{path}; rm -r {path}/x", mounts=DATA
    )

    assert len(lines) == 3
    assert all(
        line.endswith(("No such file or directory", "Read-only file system"))
        for line in lines
    )


@pytest.mark.parametrize(
    "script",
    [
        "while true; do echo aaaaaaaaaaaaaaaaaaaaaaaaaa >>/data/f || exit 3; done",
        "while true; do I=x$I; echo >/data/$I || exit 3; done",
        "while true; do I=$I/d; mkdir /data$I || exit 3; done",
        "echo aaaa >/tmp/f; while true; do cat /tmp/f >>/tmp/f || exit 3; done",
    ],
)
async def test_shell_cannot_fill_the_host(watch: Watch, script: str) -> None:
    async with asyncio.timeout(PATIENCE):
        lines = await shell(watch, script, mounts=DATA)

    assert lines[-1].endswith("No space left on device")


# --- commands -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "lines"),
    [
        ("echo a >f; echo b >>f; echo c >>f; cat f", ["a", "b", "c"]),
        ("echo a >f; echo b >f; cat f", ["b"]),
        ("nosuch 2>f; cat f", ["sh: nosuch: not found"]),
        ("nosuch >f 2>&1; cat f", ["sh: nosuch: not found"]),
        ("sh -c 'echo inner' >f; cat f", ["inner"]),
        ("for i in 1 2; do echo $i >>f; done; cat /data/f", ["1", "2"]),
        ("touch b a .c; ls; ls -A; ls b", ["a", "b", ".c", "a", "b", "b"]),
        ("mkdir -p x/y; touch x/y/z; ls x; ls x/y", ["y", "z"]),
        ("mkdir x; mkdir x", ["mkdir: 'x': File exists"]),
        ("mkdir x; rm x; rm -r x; ls", ["rm: 'x': Is a directory"]),
        ("touch f; rm f; rm f", ["rm: 'f': No such file or directory"]),
        ("rm -f nothing; rm -r /data", ["rm: '/data': Device or resource busy"]),
        ("touch x; echo y >x/y", ["sh: can't create x/y: Not a directory"]),
        ("mkdir x; cat x", ["cat: can't open 'x': Is a directory"]),
        ("echo x >/data", ["sh: can't create /data: Is a directory"]),
        ("ls nothing", ["ls: nothing: No such file or directory"]),
        ("ls /", ["data", "tmp"]),
        (
            "echo 1234 >f; ls -l f",
            ["-rw-r--r--    1 root     root             5 Mar  1  2016 f"],
        ),
        ("touch e; echo x >f; [ -s f ] && [ ! -s e ] && [ -e e ] && echo ok", ["ok"]),
        ("[ -d /data ] && [ ! -d f ] && [ ! -f f ] && [ -w . ] && echo ok", ["ok"]),
        ("while [ ! -f done ]; do touch done; done; echo end", ["end"]),
    ],
)
async def test_shell_reads_and_writes_files(
    watch: Watch, script: str, lines: list[str]
) -> None:
    id = await watch.create(
        "busybox",
        command="sleep 99",
        mounts=DATA,
        options={"working_dir": "/data"},
    )

    assert (await shell_in(watch, id, script)).splitlines() == lines
