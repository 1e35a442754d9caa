"""Which parts of a log are read: outputs, time stamps, details."""

from __future__ import annotations

from typing import Any

import pytest

from aiodockercloud import DockerCloud, NotSupported
from tests.support.flows import Raw, run

#: Writes a line to each output in turn: o1, e1, o2, e2, …
COMMAND = " ; ".join(f"echo o{i} ; echo e{i} >&2" for i in range(1, 5))


async def job(live: DockerCloud) -> Any:
    """Return a service whose containers have written all their lines."""
    service = await run(
        live,
        image="busybox",
        run_command=["sh", "-c", f"{COMMAND} ; sleep 1000"],
        target_num_containers=2,
    )
    async with live.services.logs(service, timestamps=False) as lines:
        seen = 0
        async for line in lines:
            seen += line["log"] in ("o4\n", "e4\n")
            if seen == 4:
                return service


async def read(log: Any) -> list[str]:
    async with log as lines:
        return [line["log"] async for line in lines]


async def test_one_output_is_read_and_tail_counts_its_lines(live: DockerCloud) -> None:
    service = await job(live)
    (one, *_) = await live.services.containers(service)
    options: dict[str, Any] = {"follow": False, "timestamps": False}

    out = await read(live.containers.logs(one, stderr=False, **options))
    err = await read(live.containers.logs(one, stdout=False, tail=2, **options))
    of_service = await read(live.services.logs(service, stdout=False, **options))

    assert out == ["o1\n", "o2\n", "o3\n", "o4\n"]
    assert err == ["e3\n", "e4\n"]
    assert sorted(of_service) == sorted(["e1\n", "e2\n", "e3\n", "e4\n"] * 2)


async def test_followed_log_of_one_output_begins_with_its_tail(
    live: DockerCloud,
) -> None:
    service = await job(live)
    (one, *_) = await live.services.containers(service)
    log = live.containers.logs(one, stderr=False, tail=3, timestamps=False)

    async with log as lines:
        assert [(await anext(lines))["log"] for _ in range(3)] == [
            "o2\n",
            "o3\n",
            "o4\n",
        ]


async def test_merged_logs_without_time_stamps_are_in_their_order(
    live: DockerCloud,
) -> None:
    service = await job(live)
    options: dict[str, Any] = {"follow": False, "stderr": False}

    stamped = await read(live.logs([service], **options))
    plain = await read(live.logs([service], timestamps=False, **options))

    assert len(stamped) == 8
    assert stamped == sorted(stamped)
    assert plain == [line.partition(" ")[2] for line in stamped]


async def test_server_leaves_out_time_stamps(live: DockerCloud, raw: Raw) -> None:
    service = await job(live)
    path = f"{service['resource_uri']}logs/"

    frames = await raw.frames(f"{path}?follow=false&timestamps=false&stdout=0&tail=1")

    assert [frame["log"] for frame in frames] == ["e4\n"]
    assert frames[0]["timestamp"] > 0


async def test_details_of_the_embedded_engine_are_refused_by_name(
    live: DockerCloud,
) -> None:
    service = await job(live)

    with pytest.raises(NotSupported, match="details: log lines of the embedded engine"):
        await read(live.services.logs(service, details=True))


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("stdout=maybe", "stdout: must be true or false"),
        ("timestamps=2", "timestamps: must be true or false"),
        ("stdout=false&stderr=false", "stdout, stderr: one of them must be true"),
    ],
)
async def test_wrong_option_is_refused(
    live: DockerCloud, raw: Raw, query: str, problem: str
) -> None:
    service = await run(live)

    answer = await raw("GET", f"{service['resource_uri']}logs/?{query}")

    assert (answer.status, answer.error) == (400, problem)


def test_no_output_is_an_error_before_the_request() -> None:
    cloud = DockerCloud("http://localhost:1", auth="x")

    with pytest.raises(ValueError, match="stdout, stderr"):
        cloud.services.logs("a", stdout=False, stderr=False)
    with pytest.raises(ValueError, match="stdout, stderr"):
        cloud.logs(["a"], stdout=False, stderr=False)
