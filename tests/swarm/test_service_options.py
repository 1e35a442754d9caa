"""Fields beyond the hosted API on a real Swarm: read back from the Engine."""

from __future__ import annotations

from typing import Any

import pytest

from aiodockercloud import BadRequest
from aiodockercloud.wire.loglines import log_text
from tests.support import swarms
from tests.support.flows import client_of

pytestmark = swarms.need(1)

SECOND = 1_000_000_000

#: What Engines from API 1.41 on honour.
FIELDS: dict[str, Any] = {
    "cpus": 0.5,
    "memory": 64,
    "cpu_reservation": 0.1,
    "memory_reservation": 8,
    "pids_limit": 100,
    "stop_grace_period": "2s",
    "stop_signal": "SIGTERM",
    "init": True,
    "ulimits": ["nofile=1024:2048"],
    "sysctls": {"net.core.somaxconn": 1024},
    "group_add": ["1000"],
    "dns_options": ["ndots:2"],
    "tmpfs": ["/cache:size=4m,mode=1770"],
    "log_driver": {"name": "json-file", "options": {"max-file": 3}},
    "restart_policy": {"delay": "0s", "max_attempts": 2, "window": "1h"},
    "autorestart": "ON_FAILURE",
    "placement": {
        "constraints": ["node.role==manager"],
        "max_replicas_per_node": 2,
        "platforms": ["linux"],
    },
    "bindings": [{"container_path": "/named", "volume_name": "test-shared"}],
    "swarm": {
        "TaskTemplate": {"ContainerSpec": {"Labels": {"extra": "1"}, "Shiny": True}}
    },
}


async def test_fields_are_in_the_spec_and_in_the_container() -> None:
    script = (
        "ulimit -n; cat /proc/sys/net/core/somaxconn; id -G; grep -c cache"
        " /proc/mounts; cat /etc/resolv.conf | grep ndots; cat /proc/1/comm"
    )
    async with swarms.server() as server, client_of(server) as cloud:
        service = await swarms.run(
            cloud, run_command=swarms.sh(f"{script}; {swarms.WAIT}"), **FIELDS
        )
        (uuid,) = (uri.split("/")[-2] for uri in service["containers"])
        async with swarms.manager() as docker:
            found = (await swarms.services(docker, server.user))[uuid]["Spec"]

            async def written() -> bool:
                text = await log_of(cloud, service)
                return "init" in text

            await swarms.until(written)
        task, container = found["TaskTemplate"], found["TaskTemplate"]["ContainerSpec"]
        lines = (await log_of(cloud, service)).splitlines()
        volumes = await cloud.services.inspect(service)

    assert task["Resources"] == {
        "Limits": {"NanoCPUs": SECOND // 2, "MemoryBytes": 67108864, "Pids": 100},
        "Reservations": {"NanoCPUs": SECOND // 10, "MemoryBytes": 8388608},
    }
    assert task["RestartPolicy"] == {
        "Condition": "on-failure",
        "Delay": 0,
        "MaxAttempts": 2,
        "Window": 3600 * SECOND,
    }
    assert "node.role==manager" in task["Placement"]["Constraints"]
    assert task["Placement"]["Platforms"] == [{"OS": "linux"}]
    assert task["LogDriver"]["Options"] == {"max-file": "3"}
    assert container["StopGracePeriod"] == 2 * SECOND
    assert container["StopSignal"] == "SIGTERM"
    assert container["Init"] is True
    assert container["Ulimits"] == [{"Name": "nofile", "Soft": 1024, "Hard": 2048}]
    assert container["Sysctls"] == {"net.core.somaxconn": "1024"}
    assert container["Groups"] == ["1000"]
    assert container["DNSConfig"]["Options"] == ["ndots:2"]
    assert container["Labels"]["extra"] == "1"
    assert {mount["Target"]: mount["Type"] for mount in container["Mounts"]} == {
        "/named": "volume",
        "/cache": "tmpfs",
    }
    assert lines[:2] == ["1024", "1024"]
    assert "1000" in lines[2].split()
    assert lines[3] == "1"
    assert "ndots:2" in lines[4]
    assert lines[5] in ("docker-init", "tini")
    assert volumes["warnings"] == [
        "swarm: the Engine does not know TaskTemplate.ContainerSpec.Shiny and has"
        " dropped it"
    ]
    assert volumes["bindings"][0]["volume_name"] == "test-shared"


async def log_of(cloud: Any, service: Any) -> str:
    lines = cloud.services.logs(service, follow=False)
    texts = [log_text(line).rstrip("\n") async for line in lines]
    return "\n".join(texts)


async def test_restarts_end_after_max_attempts() -> None:
    async with swarms.server() as server, client_of(server) as cloud:
        service = await swarms.run(
            cloud,
            run_command=swarms.sh("echo run; sleep 0.2; exit 3"),
            autorestart="ALWAYS",
            restart_policy={"delay": 0, "max_attempts": 2},
        )
        stopped = await cloud.services.wait(service, "Stopped", timeout=swarms.PATIENCE)
        (container,) = await cloud.services.containers(stopped)
        text = await log_of(cloud, service)

    assert container["exit_code"] == 3
    assert text.split() == ["run"] * 3


async def test_fields_that_the_engine_is_too_old_for_are_refused() -> None:
    async with swarms.manager() as docker:
        version = await docker.call("GET", "version")
    new = tuple(map(int, version["ApiVersion"].split("."))) >= (1, 46)

    async with swarms.server() as server, client_of(server) as cloud:
        wanted: dict[str, Any] = {
            "security_opt": ["no-new-privileges"],
            "oom_score_adj": 100,
        }
        if new:
            made = await swarms.run(cloud, run_command=swarms.sh(swarms.WAIT), **wanted)
            assert made["state"] == "Running"
        else:
            with pytest.raises(BadRequest, match="needs API 1"):
                await cloud.services.create(image=swarms.IMAGE, **wanted)
        assert new or await cloud.services.list() == []


async def test_warning_of_the_engine_is_in_the_dicts_and_in_the_log() -> None:
    """No registry confirms the image of the nodes, so the Engine warns."""
    async with swarms.server() as server, client_of(server) as cloud:
        service = await cloud.services.create(
            image=swarms.IMAGE, run_command=swarms.sh(swarms.WAIT), pin_images=True
        )
        started = await cloud.services.start(service)
        await swarms.done(cloud, started)
        found = await cloud.services.inspect(service)
        (container,) = await cloud.services.containers(service)
        action = started["dockercloud_action_uri"]
        log = [line["log"] async for line in cloud.actions.logs(action, follow=False)]

    assert any("digest" in text for text in found["warnings"])
    assert container["warnings"] == found["warnings"]
    assert any("warning: pin_images: the digest" in line for line in log)
