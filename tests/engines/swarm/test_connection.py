"""The reported reason when an Engine cannot be used; without a Swarm."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiodocker.ssh
import pytest

from aiodockercloud.server.engines import EngineError, EngineUnavailable
from aiodockercloud.server.engines.swarm import Swarm, SwarmSettings
from tests.support.facts import PATIENCE


async def test_engine_that_hangs_is_unavailable() -> None:
    never = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await never.wait()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    engine = Swarm(
        f"tcp://127.0.0.1:{port}", settings=SwarmSettings(request_timeout=0.2)
    )
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(EngineUnavailable, match="not answered"):
            await engine.start(lambda observation: None)
    await engine.close()
    never.set()
    server.close()


async def test_missing_engine_is_unavailable(tmp_path: Path) -> None:
    engine = Swarm(f"unix://{tmp_path}/docker.sock")

    with pytest.raises(EngineUnavailable, match="cannot be reached"):
        await engine.start(lambda observation: None)
    await engine.close()


async def test_missing_certificates_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path))

    with pytest.raises(EngineError, match=r"ca\.pem.*DOCKER_CERT_PATH"):
        await Swarm("tcp://127.0.0.1:2376").start(lambda observation: None)


async def test_ssh_without_its_package_names_the_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(aiodocker.ssh, "asyncssh", None)

    with pytest.raises(EngineError, match=r"ssh://host: .*aiodocker\[ssh\]"):
        await Swarm("ssh://me:s3cret@host").start(lambda observation: None)
