"""TLS: no key crosses the network in clear text, and certificates are renewed."""

from __future__ import annotations

import asyncio
import logging
import signal
import ssl
from pathlib import Path

import pytest

from aiodockercloud import ConnectError, DockerCloud
from aiodockercloud.__main__ import main
from aiodockercloud.server import running
from aiodockercloud.server.settings import Limits, Settings, Timings
from aiodockercloud.server.tls import Certificate
from tests.support import certificates
from tests.support.facts import until
from tests.support.processes import serving
from tests.support.sockets import connected, many


async def served(url: str) -> bytes:
    """Return the certificate that a server presents."""
    port = int(url.rpartition(":")[2])
    context = ssl._create_unverified_context()
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    found: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return found


async def test_requests_and_streams_use_tls(tmp_path: Path) -> None:
    certificate, key = certificates.make(tmp_path)

    async with running(tls_cert=certificate, tls_key=key) as server:
        assert server.url.startswith("https://127.0.0.1:")
        assert server.stream_url.startswith("wss://127.0.0.1:")
        cloud = DockerCloud(
            server.url,
            user=server.user,
            apikey=server.apikey,
            ssl=certificates.trusting(certificate),
        )
        async with cloud, cloud.events.subscribe() as events:
            created = await cloud.services.create(image="web", name="web")
            event = await anext(aiter(events))
        assert event.get("resource_uri") == created["resource_uri"]


async def test_other_certificate_is_not_trusted_by_the_client(tmp_path: Path) -> None:
    certificate, key = certificates.make(tmp_path)

    async with running(tls_cert=certificate, tls_key=key) as server:
        cloud = DockerCloud(
            server.url, user=server.user, apikey=server.apikey, retry=None
        )
        async with cloud:
            with pytest.raises(ConnectError, match="certificate verify failed"):
                await cloud.services.list()


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n"])
async def test_handshake_that_is_not_completed_ends(
    tmp_path: Path, sent: bytes
) -> None:
    certificate, key = certificates.make(tmp_path)
    settings = Settings(timings=Timings(headers=0.3))

    async with (
        running(tls_cert=certificate, tls_key=key, settings=settings) as server,
        connected(server.url, sent) as connection,
    ):
        await connection.ended()


async def test_owner_is_served_beside_many_handshakes(tmp_path: Path) -> None:
    certificate, key = certificates.make(tmp_path)
    settings = Settings(limits=Limits(connections=20))

    async with (
        running(tls_cert=certificate, tls_key=key, settings=settings) as server,
        many(server.url, 100, b"\x16\x03\x01") as connections,
    ):
        cloud = DockerCloud(
            server.url,
            user=server.user,
            apikey=server.apikey,
            ssl=certificates.trusting(certificate),
        )
        async with cloud:
            await cloud.services.list()
        await until(lambda: sum(one.is_open for one in connections) <= 20)


# --- renewal ------------------------------------------------------------------------


async def test_sighup_reads_the_certificate_again(tmp_path: Path) -> None:
    certificate, key = certificates.make(tmp_path, name="first")
    options = ("--tls-cert", str(certificate), "--tls-key", str(key))

    async with serving(None, _account(), *options, "--log-level", "info") as process:
        url = await process.ready()
        first = await served(url)
        certificates.make(tmp_path, name="second")
        process.process.send_signal(signal.SIGHUP)
        while (second := await served(url)) == first:
            process.process.send_signal(signal.SIGHUP)
        assert await process.end(signal.SIGTERM) == 0

    assert second == ssl.PEM_cert_to_DER_cert(certificate.read_text())
    assert f"read {certificate}" in process.err


@pytest.mark.parametrize(
    "damage", ["missing", "empty", "no PEM", "expired", "other key", "password"]
)
async def test_certificate_that_cannot_be_used_leaves_the_old_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    used = Certificate(*certificates.make(tmp_path))
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    first = ssl.PEM_cert_to_DER_cert(certificate.read_text())
    if damage == "missing":
        key.unlink()
    elif damage == "empty":
        certificate.write_bytes(b"")
    elif damage == "no PEM":
        certificate.write_bytes(b"\xff" * 100)
    elif damage == "expired":
        certificates.make(tmp_path, days=-1)
    elif damage == "other key":
        kept = certificate.read_bytes()
        certificates.make(tmp_path)
        certificate.write_bytes(kept)
    else:
        certificates.make(tmp_path, password=b"secret")

    assert not used.reload()

    [message] = caplog.messages
    assert message.startswith("kept the certificate in use: ")
    server = await asyncio.start_server(
        lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=used.context
    )
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert await served(f"https://127.0.0.1:{port}") == first


def test_expired_certificate_is_reported_at_the_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)

    Certificate(*certificates.make(tmp_path, days=-1))

    assert "expired on" in caplog.text


# --- without TLS --------------------------------------------------------------------


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
async def test_other_machines_reach_no_server_without_tls(host: str) -> None:
    with pytest.raises(ValueError, match="--insecure-plain-http"):
        async with running(host=host):
            pass
    async with running(host=host, insecure_plain_http=True) as server:
        async with connected(server.url.replace("0.0.0.0", "127.0.0.1")):
            pass


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1"])
async def test_loopback_needs_no_tls(host: str) -> None:
    async with running(host=host):
        pass


async def test_other_machines_reach_a_server_with_tls(tmp_path: Path) -> None:
    certificate, key = certificates.make(tmp_path)

    async with running(host="0.0.0.0", tls_cert=certificate, tls_key=key):
        pass


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--host=0.0.0.0"], "--insecure-plain-http"),
        (["--tls-cert=/nowhere"], "give both, or neither"),
        (["--tls-key=/nowhere"], "give both, or neither"),
        (["--tls-cert=/nowhere", "--tls-key=/nowhere"], "/nowhere: No such file"),
    ],
)
def test_command_refuses_in_one_line(
    options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", "--port=0", *options]) == 2

    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("aiodockercloud: ")
    assert words in line


def _account() -> dict[str, str]:
    return {"DOCKERCLOUD_USER": "alice", "DOCKERCLOUD_APIKEY": "s3cret-key"}
