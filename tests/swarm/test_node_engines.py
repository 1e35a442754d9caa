"""The Engines of a Swarm's nodes: their URLs, and connections with TLS."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import socket
import socketserver
import ssl
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from aiodockercloud.server.engines import ContainerSpec, EngineError, EngineUnavailable
from aiodockercloud.server.engines.swarm import Swarm
from aiodockercloud.server.engines.swarm.docker_api import Api
from tests.support import swarms
from tests.support.worlds import PATIENCE, Swarmed, read, swarmed

pytestmark = [swarms.need(3), pytest.mark.asyncio(loop_scope="module")]
fixture = partial(pytest_asyncio.fixture, loop_scope="module")


@fixture()
async def docker() -> AsyncIterator[Api]:
    async with swarms.manager() as api:
        yield api


@fixture(scope="module")
async def world() -> AsyncIterator[Swarmed]:
    async with swarmed() as world:
        yield world


@fixture(scope="module")
async def there(world: Swarmed) -> ContainerSpec:
    """Create a container on the second node."""
    return await world.up(node=world.nodes()[1].id)


async def test_storage_driver_is_known_for_nodes_with_known_engines(
    world: Swarmed,
) -> None:
    async with asyncio.timeout(PATIENCE):
        while {node.storage_driver for node in world.nodes()} != {"overlay2"}:
            await world.news()

    assert {node.disk for node in world.nodes()} == {0}
    assert all(node.docker_version.startswith("20.10") for node in world.nodes())


async def test_label_of_a_node_has_the_url_of_its_engine(
    world: Swarmed, there: ContainerSpec, docker: Api
) -> None:
    node = world.nodes()[1]

    def labelled(url: str | None) -> Any:
        def change(spec: dict[str, Any]) -> dict[str, Any]:
            others = {k: v for k, v in spec["Labels"].items() if k != "dc.engine"}
            more = {"dc.engine": url} if url else {}
            return spec | {"Labels": others | more}

        return change

    engine = Swarm(poll=0.2)
    path = f"nodes/{node.id}"
    try:
        await docker.update(path, labelled(os.environ["DOCKER_HOST_3"]))
        await engine.start(lambda observation: None)
        with pytest.raises(EngineError, match=f"not node {node.hostname}"):
            await engine.exec(there.uuid, ["true"])

        await docker.update(path, labelled("unix:///nowhere/docker.sock"))
        await engine._watch.look()
        with pytest.raises(
            EngineUnavailable, match=f"of node {node.hostname} at .*nowhere"
        ):
            await engine.exec(there.uuid, ["true"])

        await docker.update(path, labelled(os.environ["DOCKER_HOST_2"]))
        await engine._watch.look()
        session = await engine.exec(there.uuid, ["hostname"])
        assert (await read(session))["stdout"].strip() == there.name
        await session.close()
    finally:
        await docker.update(path, labelled(None))
        await engine.close()


# --- with TLS -------------------------------------------------------------------------


class Certificates:
    """A certificate authority and its certificates, created by openssl."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._run("req", "-x509", *self._new("ca"), "-subj", "/CN=test-ca")
        self.sign("server", "subjectAltName=IP:127.0.0.1")
        self.sign("", "extendedKeyUsage=clientAuth")

    def sign(self, kind: str, extension: str) -> None:
        """``server-cert.pem`` and ``server-key.pem``, as Docker names them."""
        name = f"{kind}-" if kind else ""
        (self.folder / "ext").write_text(extension)
        self._run(
            *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-keyout", f"{name}key.pem", "-out", "csr", "-subj", "/CN=test"),
        )
        self._run(
            *("x509", "-req", "-in", "csr", "-CA", "ca.pem", "-CAkey", "ca-key.pem"),
            *("-CAcreateserial", "-days", "2", "-extfile", "ext"),
            *("-out", f"{name}cert.pem"),
        )

    @staticmethod
    def _new(name: str) -> list[str]:
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        return [*curve, "-keyout", f"{name}-key.pem", "-out", f"{name}.pem"]

    def _run(self, *arguments: str) -> None:
        subprocess.run(
            ["openssl", *arguments], cwd=self.folder, check=True, capture_output=True
        )

    def server(self) -> ssl.SSLContext:
        """Return the TLS context of an Engine that requires client certificates."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(
            self.folder / "server-cert.pem", self.folder / "server-key.pem"
        )
        context.load_verify_locations(self.folder / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        return context


class Tls(socketserver.ThreadingTCPServer):
    """A TLS port for the Engine of a socket, like dockerd's ``--tlsverify``.

    Each direction can be closed alone, which is not possible with asyncio's TLS.
    """

    daemon_threads = True

    def __init__(self, path: str, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), Tls.Pass)
        self.path = path
        self.context = context
        threading.Thread(target=self.serve_forever, args=[0.01], daemon=True).start()

    @property
    def url(self) -> str:
        return f"tcp://127.0.0.1:{self.server_address[1]}"

    class Pass(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            assert isinstance(self.server, Tls)
            plain = socket.socket(socket.AF_UNIX)
            with contextlib.suppress(OSError), plain:
                plain.connect(self.server.path)
                with self.server.context.wrap_socket(self.request, True) as tls:
                    self.both_ways(tls, plain)

        @staticmethod
        def both_ways(tls: ssl.SSLSocket, plain: socket.socket) -> None:
            open: list[socket.socket] = [tls, plain]
            while True:
                ready, _, _ = select.select(open, [], [])
                for side in [tls] if tls in open and tls.pending() else ready:
                    if data := side.recv(65536):
                        (plain if side is tls else tls).sendall(data)
                    elif side is plain:
                        return
                    else:
                        plain.shutdown(socket.SHUT_WR)
                        open.remove(tls)


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


@pytest.fixture
def secured(certificates: Certificates) -> Iterator[Tls]:
    """Start a TLS port for the second node's Engine."""
    path = os.environ["DOCKER_HOST_2"].removeprefix("unix://")
    with Tls(path, certificates.server()) as server:
        yield server
        server.shutdown()


async def test_command_runs_through_an_engine_with_tls(
    world: Swarmed,
    there: ContainerSpec,
    secured: Tls,
    certificates: Certificates,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(certificates.folder))
    node = world.nodes()[1]
    engine = Swarm(node_engines={node.hostname: secured.url})
    await engine.start(lambda observation: None)
    try:
        session = await engine.exec(
            there.uuid, ["sh", "-c", "cat; echo no >&2; yes | head -c 300000; exit 3"]
        )
        await session.write(b"typed\n")
        await session.end_input()
        output = await read(session)
        await session.close()
    finally:
        await engine.close()

    assert output["stdout"].startswith("typed\ny\n")
    assert len(output["stdout"]) == 300006
    assert output["stderr"] == "no\n"
    assert session.exit_code == 3


@pytest.mark.parametrize("trust", ["none", "another authority"])
async def test_engine_with_tls_requires_certificates_of_both_sides(
    world: Swarmed,
    there: ContainerSpec,
    secured: Tls,
    certificates: Certificates,
    monkeypatch: pytest.MonkeyPatch,
    trust: str,
) -> None:
    if trust == "another authority":
        folder = certificates.folder / "other"
        folder.mkdir()
        monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
        monkeypatch.setenv("DOCKER_CERT_PATH", str(Certificates(folder).folder))
    node = world.nodes()[1]
    engine = Swarm(node_engines={node.hostname: secured.url})
    await engine.start(lambda observation: None)
    try:
        with pytest.raises(
            EngineUnavailable, match=f"Docker Engine of node {node.hostname}"
        ):
            await engine.exec(there.uuid, ["true"])
    finally:
        await engine.close()
