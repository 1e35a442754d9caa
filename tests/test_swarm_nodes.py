"""Nodes of a Swarm: taken out, drained, lost, and their own Engines."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import shutil
import socket
import socketserver
import ssl
import subprocess
import threading
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import aiodocker.ssh
import pytest
import pytest_asyncio

import swarms
from aiodockercloud import DockerCloud, WaitFailed
from aiodockercloud.exceptions import Unavailable
from aiodockercloud.server import Embedded, Server, running
from aiodockercloud.server.engines import ContainerSpec, EngineError, swarm_spec
from aiodockercloud.server.engines.swarm import Swarm
from aiodockercloud.server.engines.swarm_api import Api
from aiodockercloud.types import Node
from flows import client_of, containers
from test_engine_contract import PATIENCE, read
from test_swarm_engine import WAIT, Swarmed, swarmed, until

pytestmark = pytest.mark.asyncio(loop_scope="module")
fixture = partial(pytest_asyncio.fixture, loop_scope="module")

#: The machine that is taken out, drained, lost; and a tag for it.
THIRD, THERE = 3, f"there-{uuid.uuid4().hex[:8]}"


@asynccontextmanager
async def node_api(number: int) -> AsyncIterator[Api]:
    """The Engine of a node itself."""
    api = Api(os.environ[f"DOCKER_HOST_{number}"])
    try:
        yield api
    finally:
        await api.close()


@fixture()
async def docker() -> AsyncIterator[Api]:
    async with node_api(1) as api:
        yield api


@fixture(scope="module")
async def server() -> AsyncIterator[Server]:
    user = f"t{uuid.uuid4().hex[:8]}"
    async with swarms.engine() as engine, running(engine, user=user) as server:
        yield server


@fixture()
async def live(server: Server) -> AsyncIterator[DockerCloud]:
    async with client_of(server) as cloud:
        yield cloud
        for service in await cloud.services.list():
            if service["state"] not in ("Terminating", "Terminated"):
                await done(cloud, await cloud.services.delete(service))
        for node in await cloud.nodes.list(state="Deployed"):
            if {"name": THERE} in node["tags"]:
                await cloud.nodes.update(node, tags=[])


async def done(cloud: DockerCloud, answer: Any) -> None:
    await cloud.actions.wait(answer, timeout=PATIENCE)


async def node_named(cloud: DockerCloud, number: int) -> Node:
    """The node with that number, of those that are there."""
    address = os.environ[f"SWARM_ADDR_{number}"]
    live = [n for n in await cloud.nodes.list() if n["state"] != "Terminated"]
    [found] = [node for node in live if node["public_ip"] == address]
    return found


async def started(cloud: DockerCloud, **fields: Any) -> Mapping[str, Any]:
    """The one container of a service that runs on the node tagged ``THERE``."""
    service = await cloud.services.create(
        **{"image": swarms.IMAGE, "run_command": WAIT, "tags": [THERE], **fields}
    )
    await done(cloud, await cloud.services.start(service))
    [container] = await containers(cloud, service)
    return container


async def bring(cloud: DockerCloud) -> None:
    """Bring the third machine as a new node, with the token for that."""
    token = await cloud.request("POST", "/api/infra/v1/token/")
    async with node_api(THIRD) as api:
        with contextlib.suppress(EngineError):  # it has left already
            await api.call("POST", "swarm/leave", params={"force": True})
        address = os.environ[f"SWARM_ADDR_{THIRD}"]
        manager = os.environ["SWARM_ADDR_1"]
        data = {
            "ListenAddr": "0.0.0.0:2377",
            "AdvertiseAddr": address,
            "RemoteAddrs": [f"{manager}:2377"],
            "JoinToken": token["token"],
        }
        await api.call("POST", "swarm/join", data=data)
    await until(partial(is_deployed, cloud))


async def is_deployed(cloud: DockerCloud) -> bool:
    """Whether the third machine is a node that does its work."""
    address = os.environ[f"SWARM_ADDR_{THIRD}"]
    live = await cloud.nodes.list(state="Deployed")
    return any(node["public_ip"] == address for node in live)


# --- taking one out -----------------------------------------------------------------


@swarms.need(3)
async def test_node_is_drained_leaves_and_can_be_brought_again(
    live: DockerCloud,
) -> None:
    third = await node_named(live, THIRD)
    tags = [tag["name"] for tag in third["tags"]]
    await live.nodes.update(third, tags=[*tags, THERE])
    moves = await started(live, name="moves", autorestart="ALWAYS")
    once = await started(live, name="once")
    keeps = await started(
        live, name="keeps", autorestart="ALWAYS", bindings=[{"container_path": "/data"}]
    )
    places = {c["node"] for c in (moves, once, keeps)}
    assert places == {third["resource_uri"]}
    second = await node_named(live, 2)
    await live.nodes.update(second, tags=[THERE])
    try:
        await done(live, await live.nodes.delete(third))

        assert (await live.nodes.inspect(third))["state"] == "Terminated"
        async with node_api(THIRD) as api:
            info = await api.call("GET", "info")
            assert info["Swarm"]["LocalNodeState"] == "inactive"
        for container in (once, keeps):
            assert (await live.containers.inspect(container))["state"] == "Terminated"
        moved = await live.containers.wait(moves, "Running", timeout=PATIENCE)
        assert moved["node"] == second["resource_uri"]
        [cluster] = await live.nodeclusters.list()
        assert cluster["target_num_nodes"] == cluster["current_num_nodes"] == 2
    finally:
        await bring(live)

    new = await node_named(live, THIRD)
    assert new["uuid"] != third["uuid"]
    [cluster] = await live.nodeclusters.list()
    assert cluster["target_num_nodes"] == cluster["current_num_nodes"] == 3
    assert cluster["state"] == "Deployed"


@swarms.need(3)
async def test_lost_node_is_taken_out_by_force(live: DockerCloud) -> None:
    third = await node_named(live, THIRD)
    await live.nodes.update(third, tags=[THERE])
    keeps = await started(live, name="keeps", bindings=[{"container_path": "/data"}])
    await swarms.tool("kill", str(THIRD))
    try:
        await live.nodes.wait(third, "Unreachable", timeout=PATIENCE)

        await done(live, await live.nodes.delete(third))

        assert (await live.nodes.inspect(third))["state"] == "Terminated"
        assert (await live.containers.inspect(keeps))["state"] == "Terminated"
    finally:
        # It has forgotten the Swarm that no longer wants it, and joins as a new one.
        home = Path(os.environ[f"DOCKER_HOST_{THIRD}"].removeprefix("unix://")).parent
        shutil.rmtree(home / "data" / "swarm")
        await swarms.tool("up", str(THIRD))
    await until(partial(is_deployed, live))


# --- drained by hand ----------------------------------------------------------------


async def set_availability(docker: Api, hostname: str, availability: str) -> None:
    wanted = {"Availability": availability}
    for node in await docker.call("GET", "nodes"):
        if node["Description"]["Hostname"] == hostname:
            await docker.update(f"nodes/{node['ID']}", lambda spec: spec | wanted)


@swarms.need(3)
@pytest.mark.parametrize("availability", ["drain", "pause"])
async def test_drained_node_is_deployed_and_says_why_it_gets_nothing(
    live: DockerCloud, docker: Api, availability: str
) -> None:
    third = await node_named(live, THIRD)
    await live.nodes.update(third, tags=[THERE])
    hostname = f"{os.environ.get('SWARM_NAME', 'swl')}-{THIRD}"
    tag = {"name": f"availability={availability}", "origin": "tutum"}

    async def told() -> bool:
        return tag in (await live.nodes.inspect(third))["tags"]

    await set_availability(docker, hostname, availability)
    try:
        await until(told)
        assert (await live.nodes.inspect(third))["state"] == "Deployed"
        with pytest.raises(WaitFailed, match=f"no node has all of the tags {THERE}"):
            await started(live, name="nowhere")
        check = await live.nodes.health_check(third)
        await done(live, check)
        logs = live.actions.logs(check["dockercloud_action_uri"])
        async with asyncio.timeout(PATIENCE), logs as lines:
            log = [line["log"] async for line in lines]
        assert f"its availability is {availability}" in "".join(log)
    finally:
        await set_availability(docker, hostname, "active")

    async def back() -> bool:
        return tag not in (await live.nodes.inspect(third))["tags"]

    await until(back)
    await started(live, name="there")


@swarms.need(3)
async def test_label_given_by_hand_is_a_tag(live: DockerCloud, docker: Api) -> None:
    third = await node_named(live, THIRD)
    await live.nodes.update(third, tags=["mine"])
    nodes = await docker.call("GET", "nodes")
    [id] = [
        n["ID"]
        for n in nodes
        if n["Spec"].get("Labels", {}).get("dc.tag.mine") == "true"
    ]

    def labelled(spec: dict[str, Any]) -> dict[str, Any]:
        return spec | {"Labels": spec["Labels"] | {"dc.tag.theirs": "true"}}

    await docker.update(f"nodes/{id}", labelled)

    async def told() -> bool:
        tags = (await live.nodes.inspect(third))["tags"]
        return {"name": "theirs"} in tags and {"name": "mine"} in tags

    await until(told)
    await live.nodes.update(third, tags=[])
    found = await docker.call("GET", f"nodes/{id}")
    assert swarm_spec.tags_of(found["Spec"]["Labels"]) == []


# --- the Engines of nodes -----------------------------------------------------------


@fixture(scope="module")
async def world() -> AsyncIterator[Swarmed]:
    async with swarmed() as world:
        yield world


@fixture(scope="module")
async def there(world: Swarmed) -> ContainerSpec:
    """A container on the second node."""
    return await world.up(node=world.nodes()[1].id)


@swarms.need(3)
async def test_storage_driver_is_known_where_the_engine_is(world: Swarmed) -> None:
    async with asyncio.timeout(PATIENCE):
        while {node.storage_driver for node in world.nodes()} != {"overlay2"}:
            await world.news()

    assert {node.disk for node in world.nodes()} == {0}
    assert all(node.docker_version.startswith("20.10") for node in world.nodes())


@swarms.need(3)
async def test_label_of_a_node_says_where_its_engine_is(
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
        await engine.start(lambda seen: None)
        with pytest.raises(EngineError, match=f"not node {node.hostname}"):
            await engine.exec(there.uuid, ["true"])

        await docker.update(path, labelled("unix:///nowhere/docker.sock"))
        await engine._watch.look()
        with pytest.raises(Unavailable, match=f"of node {node.hostname} at .*nowhere"):
            await engine.exec(there.uuid, ["true"])

        await docker.update(path, labelled(os.environ["DOCKER_HOST_2"]))
        await engine._watch.look()
        session = await engine.exec(there.uuid, ["hostname"])
        assert (await read(session))["stdout"].strip() == there.name
        await session.close()
    finally:
        await docker.update(path, labelled(None))
        await engine.close()


class Certificates:
    """A certificate authority of our own, and what it has signed; by openssl."""

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
        """Of an Engine that wants a certificate of whoever comes."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(
            self.folder / "server-cert.pem", self.folder / "server-key.pem"
        )
        context.load_verify_locations(self.folder / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        return context


class Tls(socketserver.ThreadingTCPServer):
    """The Engine of a socket on a port, as dockerd's ``--tlsverify`` has it: one side
    may end while the other goes on, which asyncio's TLS cannot."""

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
    """The second node's Engine with TLS."""
    path = os.environ["DOCKER_HOST_2"].removeprefix("unix://")
    with Tls(path, certificates.server()) as server:
        yield server
        server.shutdown()


@swarms.need(3)
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
    await engine.start(lambda seen: None)
    try:
        session = await engine.exec(
            there.uuid, ["sh", "-c", "cat; echo no >&2; yes | head -c 300000; exit 3"]
        )
        await session.write("typed\n")
        await session.write("\x04")
        output = await read(session)
        await session.close()
    finally:
        await engine.close()

    assert output["stdout"].startswith("typed\ny\n")
    assert len(output["stdout"]) == 300006
    assert output["stderr"] == "no\n"
    assert session.exit_code == 3


@swarms.need(3)
@pytest.mark.parametrize("trust", ["none", "another authority"])
async def test_engine_with_tls_and_we_need_each_others_certificates(
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
    await engine.start(lambda seen: None)
    try:
        with pytest.raises(Unavailable, match=f"Docker Engine of node {node.hostname}"):
            await engine.exec(there.uuid, ["true"])
    finally:
        await engine.close()


async def test_certificates_that_are_not_there_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path))

    with pytest.raises(EngineError, match=r"ca\.pem.*DOCKER_CERT_PATH"):
        await Swarm("tcp://127.0.0.1:2376").start(lambda seen: None)


async def test_ssh_without_its_package_names_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(aiodocker.ssh, "asyncssh", None)

    with pytest.raises(EngineError, match=r"ssh://host: .*aiodocker\[ssh\]"):
        await Swarm("ssh://me:s3cret@host").start(lambda seen: None)


# --- without a Swarm ----------------------------------------------------------------


class Brought(Embedded):
    """An engine whose machines somebody brings, and that outlives the server."""

    provisions = volatile = False

    async def add_node(self, node: str, tags: Sequence[str]) -> None:
        await super().add_node(node, tags)
        self._tell(self._machines[node].seen())

    async def tag_node(self, node: str, tags: Sequence[str]) -> None:
        await super().tag_node(node, tags)
        self._tell(self._machines[node].seen())


async def test_machine_that_is_brought_gets_the_tags_of_the_cluster() -> None:
    engine = Brought()
    async with running(engine) as server, client_of(server) as cloud:
        [cluster] = await cloud.nodeclusters.list()
        await cloud.nodeclusters.update(cluster, tags=["ours"])

        await engine.add_node("new", ["own"])

        async def tagged() -> bool:
            nodes = await cloud.nodes.list()
            return [len(node["tags"]) for node in nodes] == [2, 1]

        await until(tagged)
        assert engine._machines["new"].tags == ("own", "ours")


async def test_machine_that_went_while_the_server_was_down_is_terminated(
    tmp_path: Path,
) -> None:
    engine = Brought(nodes=2)
    account: dict[str, Any] = {"data_dir": tmp_path, "apikey": "s3cret"}
    async with running(engine, **account) as server, client_of(server) as cloud:
        assert (await cloud.nodeclusters.list())[0]["state"] == "Deployed"
    await engine.remove_node(engine.nodes[1])
    engine.lose_node(engine.nodes[0])

    async with running(engine, **account) as server, client_of(server) as cloud:
        states = [node["state"] for node in await cloud.nodes.list()]
        assert sorted(states) == ["Terminated", "Unreachable"]
        [cluster] = await cloud.nodeclusters.list()
        assert cluster["target_num_nodes"] == cluster["current_num_nodes"] == 1


class Clinging(Embedded):
    """An engine that does not let its machines go."""

    async def remove_node(self, node: str) -> None:
        raise EngineError("the containers on it do not end")


@pytest.mark.parametrize(
    ("lost", "state"), [(False, "Deployed"), (True, "Unreachable")]
)
async def test_node_that_cannot_be_taken_out_is_what_it_was(
    lost: bool, state: str
) -> None:
    engine = Clinging()
    async with running(engine) as server, client_of(server) as cloud:
        if lost:
            engine.lose_node(engine.nodes[0])
        [node] = await cloud.nodes.list()

        with pytest.raises(WaitFailed, match="do not end"):
            await done(cloud, await cloud.nodes.delete(node))

        assert (await cloud.nodes.inspect(node))["state"] == state
