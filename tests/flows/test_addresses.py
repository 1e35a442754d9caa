"""The address of a published port, from where the program runs."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import unused_port

from aiodockercloud import DockerCloud, ObjectNotFound
from aiodockercloud.resources.addresses import Address, address_of
from aiodockercloud.server import running
from tests.support.facts import IDLE
from tests.support.flows import client_of, done, run

WEB = "dockercloud/hello-world"


@pytest.mark.parametrize("domain", ["", "apps.invalid"])
@pytest.mark.parametrize("fixed", [False, True])
async def test_address_of_a_published_port_answers(domain: str, fixed: bool) -> None:
    async with (
        running(domain=domain) as server,
        client_of(server) as live,
        aiohttp.ClientSession() as session,
    ):
        outer = f"{unused_port()}:" if fixed else ""
        service = await run(live, image=WEB, container_ports=[f"{outer}80"])
        (container,) = await live.services.containers(service)

        host, port = address = await live.containers.address(container, 80)

        async with session.get(f"http://{address}/") as answer:
            assert container["name"] in await answer.text()
        assert str(address) == f"{host}:{port}"
        assert outer in ("", f"{port}:")


async def test_address_of_a_port_that_is_not_published_names_the_others(
    live: DockerCloud,
) -> None:
    service = await run(live, name="web", container_ports=["80", "53/udp"])

    for port, protocol in ((81, "tcp"), (80, "udp"), (53, "tcp")):
        with pytest.raises(ObjectNotFound) as caught:
            await live.containers.address(
                service["containers"][0],
                port,
                protocol,  # type: ignore[arg-type]  # one of both words
            )
        assert f"web-1 (Running) publishes no port {port}/{protocol}" in str(
            caught.value
        )
        assert "published ports: 80/tcp, 53/udp" in str(caught.value)
    assert (await live.containers.address(service["containers"][0], 53, "udp")).port


@pytest.mark.parametrize("port", ["80", "80/tcp", None])
async def test_address_of_a_port_of_a_wrong_type_raises(port: Any) -> None:
    async with DockerCloud("http://127.0.0.1:9", auth="Basic x") as cloud:
        with pytest.raises(TypeError, match="port: must be an int"):
            await cloud.containers.address("some", port)


async def test_address_of_a_container_without_ports_states_how_to_publish(
    live: DockerCloud,
) -> None:
    service = await run(live, image=IDLE)
    await done(live, await live.services.stop(service))

    with pytest.raises(ObjectNotFound, match=r'none; container_ports=\["80"\]'):
        await live.containers.address(service["containers"][0], 80)


@pytest.mark.parametrize(
    ("public", "server", "host"),
    [
        ("192.0.2.5", "http://cloud.example:8008", "192.0.2.5"),
        ("127.0.0.1", "http://192.0.2.1:8008", "192.0.2.1"),
        ("localhost", "https://192.0.2.1/cloud", "192.0.2.1"),
        ("127.0.0.2", "http://127.0.0.1:8008", "127.0.0.2"),
        ("127.0.0.2", "http://localhost:8008", "127.0.0.2"),
        ("web-1.c3c1.cont.apps.invalid", "http://192.0.2.1:8008", "192.0.2.1"),
        ("", "http://[::1]:8008", "::1"),
        (None, "http://192.0.2.1:8008", "192.0.2.1"),
    ],
)
async def test_address_is_on_the_node_or_else_on_the_server(
    public: str | None, server: str, host: str
) -> None:
    port = {"inner_port": 80, "protocol": "tcp", "outer_port": 32768}
    container: dict[str, Any] = {"public_dns": public, "container_ports": [port]}

    found = await address_of(container, 80, "tcp", server)

    assert found == (host, 32768)


def test_text_of_an_address_of_ip_version_6_has_brackets() -> None:
    assert str(Address("::1", 80)) == "[::1]:80"
