"""Fields beyond the hosted API on the embedded engine: ends, restarts, files."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aiodockercloud.server.engines import MountSpec, PortSpec, UnsupportedField
from aiodockercloud.server.engines.embedded import Container, Embedded
from aiodockercloud.server.engines.embedded.clock import ManualClock
from tests.support.watches import Watch


def busy(watch: Watch) -> list[str]:
    """Register an image that is asked to stop and does not end; return what happens."""
    seen: list[str] = []

    @watch.engine.image("acme/busy")
    async def image(container: Container) -> None:
        try:
            await container.wait_stopped()
            seen.append("asked")
            await container.sleep(1000)
        finally:
            seen.append("ended")

    return seen


# --- the end ------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["stop", "remove"])
async def test_stop_grace_period_is_the_time_until_the_kill(
    watch: Watch, clock: ManualClock, end: str
) -> None:
    seen = busy(watch)
    uuid = await watch.create("acme/busy", options={"stop_grace_period": 30})
    await clock.advance(0)
    call = (
        watch.engine.stop_container(uuid)
        if end == "stop"
        else watch.engine.remove_container(uuid, volumes=())
    )
    task = asyncio.create_task(call)
    await clock.advance(29)
    assert seen == ["asked"]
    await clock.advance(2)
    await task

    assert seen == ["asked", "ended"]
    assert watch.last(uuid).exit_code == 137


@pytest.mark.parametrize(
    "options",
    [{"stop_grace_period": 0}, {"stop_signal": "SIGKILL"}, {"stop_signal": "9"}],
    ids=str,
)
async def test_container_without_grace_is_killed_at_once(
    watch: Watch, clock: ManualClock, options: dict[str, Any]
) -> None:
    seen = busy(watch)
    uuid = await watch.create("acme/busy", options=options)
    await clock.advance(0)

    await watch.engine.stop_container(uuid)

    assert seen == ["ended"]
    assert watch.last(uuid).exit_code == 137


@pytest.mark.parametrize(
    ("signal", "code"), [("SIGINT", 130), ("QUIT", 131), ("15", 143), (None, 143)]
)
async def test_stop_signal_is_part_of_the_exit_code(
    watch: Watch, clock: ManualClock, signal: str | None, code: int
) -> None:
    @watch.engine.image("acme/sleeper")
    async def image(container: Container) -> None:
        await container.sleep(1000)

    uuid = await watch.create("acme/sleeper", options={"stop_signal": signal})
    await clock.advance(0)

    await watch.engine.stop_container(uuid)

    assert watch.last(uuid).exit_code == code


# --- restarts -----------------------------------------------------------------------


def policy(**parts: Any) -> dict[str, Any]:
    unset = {"delay": None, "max_attempts": None, "window": None}
    return {"restart_policy": {**unset, **parts}}


def failing(watch: Watch) -> list[float]:
    runs: list[float] = []

    @watch.engine.image("acme/failing")
    async def image(container: Container) -> int:
        runs.append(container.clock.monotonic())
        return 3

    return runs


async def test_restarts_end_after_max_attempts(
    watch: Watch, clock: ManualClock
) -> None:
    runs = failing(watch)
    uuid = await watch.create(
        "acme/failing", autorestart="ALWAYS", options=policy(delay=5, max_attempts=2)
    )
    for _ in range(20):
        await clock.advance(5)

    assert [at - runs[0] for at in runs] == [0, 5, 10]
    assert (watch.last(uuid).state, watch.last(uuid).exit_code) == ("stopped", 3)


async def test_restarts_outside_of_the_window_do_not_count(
    watch: Watch, clock: ManualClock
) -> None:
    runs = failing(watch)
    await watch.create(
        "acme/failing",
        autorestart="ON_FAILURE",
        options=policy(delay=10, max_attempts=2, window=15),
    )
    for _ in range(10):
        await clock.advance(10)

    assert len(runs) > 3


# --- files --------------------------------------------------------------------------


async def test_tmpfs_is_empty_in_each_run(watch: Watch, clock: ManualClock) -> None:
    uuid = await watch.create(
        "alpine",
        command="sh -c 'cat /run/a; echo x > /run/a && cat /run/a'",
        options={
            "tmpfs": [{"container_path": "/run", "size": None, "mode": None}],
            **policy(delay=1, max_attempts=1),
        },
        autorestart="ALWAYS",
    )
    for _ in range(20):
        await clock.advance(1)

    lines = await watch.log(uuid)
    assert lines.count("x") == 2
    assert len([line for line in lines if "No such file" in line]) == 2


async def test_volume_of_a_name_is_shared_and_outlives_its_containers(
    watch: Watch, clock: ManualClock
) -> None:
    mounts = [MountSpec("/data", None, None, True, "shared")]
    first = await watch.create(
        "alpine", command="sh -c 'echo x > /data/a'", mounts=mounts
    )
    await watch.until(first, "stopped")
    await watch.engine.remove_container(first, volumes=())
    second = await watch.create("alpine", command="cat /data/a", mounts=mounts)
    await watch.until(second, "stopped")

    assert await watch.log(second) == ["x"]
    assert watch.engine.volumes == frozenset()


# --- nodes --------------------------------------------------------------------------


async def test_tags_of_a_node_are_labels_for_constraints() -> None:
    engine = Embedded(nodes=[["zone=a", "ssd"], []])
    observed: list[Any] = []
    await engine.start(observed.append)
    first, second = (one.attributes for one in observed)
    await engine.tag_node(engine.nodes[1], ["zone=b"])
    await engine.close()

    assert first["node.labels.zone"] == "a"
    assert first["node.labels.ssd"] == "true"
    assert (first["node.role"], second["node.role"]) == ("manager", "worker")
    assert observed[-1].attributes["node.labels.zone"] == "b"


# --- refusals -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "ports", "mounts", "message"),
    [
        ({"log_driver": {"name": "syslog", "options": {}}}, [], [], "log_driver: "),
        ({}, [PortSpec(80, "tcp", True, 80, "ingress")], [], "leave mode out"),
        ({}, [], [MountSpec("/d", None, None, True, "x", "nfs")], "volume_driver"),
        (
            {},
            [],
            [MountSpec("/d", None, None, True, None, "local", {"o": "bind"})],
            "volume_options out",
        ),
    ],
)
def test_what_has_no_counterpart_is_refused(
    options: dict[str, Any],
    ports: list[PortSpec],
    mounts: list[MountSpec],
    message: str,
) -> None:
    with pytest.raises(UnsupportedField, match=message):
        Embedded().check(options, ports, mounts)
