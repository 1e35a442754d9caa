"""Canaries: secrets in every place that takes one, which no log or answer may repeat.

Each place gets a secret of its own. The server runs with its log at debug level.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import secrets
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from aiodockercloud import wire
from aiodockercloud.server import Embedded, running
from aiodockercloud.server.engines import ContainerSpec
from tests.support.facts import PATIENCE, SHELL
from tests.support.processes import Process, kept, serving

SERVICE, STACK = "/api/app/v1/service/", "/api/app/v1/stack/"
REPOSITORY, KEY = "/api/repo/v1/repository/", wire.path("key")


class Canaries:
    """The secrets, by the place that takes each of them."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def __call__(self, place: str) -> str:
        return self.texts.setdefault(place, f"canary{secrets.token_hex(10)}")

    def found(self, text: str | bytes) -> set[str]:
        """Return the places whose secret, or its form in base64, is in a text."""
        data = text if isinstance(text, bytes) else text.encode()
        return {
            place
            for place, secret in self.texts.items()
            if secret.encode() in data or _encoded(secret) in data
        }


def _encoded(secret: str) -> bytes:
    """Return a part of the base64 of a text, wherever an encoded text has it."""
    return base64.b64encode(b":" + secret.encode())[4:-4]


class Attack:
    """Requests to a server, and the answers that may have no secret."""

    def __init__(self, session: aiohttp.ClientSession, url: str, auth: str) -> None:
        self.session = session
        self.url = url
        self.auth = auth
        #: Answers of refused requests, and all others that may have no secret.
        self.shown: list[str] = []

    async def send(
        self, method: str, path: str, body: Any = None, *, auth: str = ""
    ) -> Any:
        """Send a request and return the decoded answer."""
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        headers = {
            "Authorization": auth or self.auth,
            "Content-Type": "application/json",
        }
        async with self.session.request(
            method, self.url + path, data=data, headers=headers
        ) as response:
            text = await response.text()
            if response.status >= 400:
                self.shown.append(text + str(response.headers))
        with contextlib.suppress(ValueError):
            return json.loads(text)
        return text

    async def raw(self, data: bytes) -> None:
        """Send bytes that need not be HTTP."""
        host, _, port = self.url.rpartition("/")[2].rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(data)
        writer.write_eof()
        self.shown.append((await reader.read()).decode())
        writer.close()

    async def stream(self, path: str, *sent: str, auth: str = "") -> list[str]:
        """Open a websocket, send texts and return the frames up to the end."""
        headers = {"Authorization": auth or self.auth} if auth != "-" else {}
        frames: list[str] = []
        try:
            async with self.session.ws_connect(self.url + path, headers=headers) as ws:
                for text in sent:
                    await ws.send_str(text)
                async for message in ws:
                    frames.append(str(message.data))
        except aiohttp.WSServerHandshakeError as error:
            self.shown.append(f"{error.status} {error.message} {error.headers}")
        return frames


async def spread(attack: Attack, canary: Canaries) -> None:
    """Bring a secret to every place that takes one, rightly and wrongly."""
    variable = {"key": "PASSWORD", "value": canary("environment value")}
    fields = {
        "image": SHELL,
        "name": "web",
        "run_command": f"sh -c 'sleep 9999' -p{canary('command')}",
        "container_envvars": [variable],
        "roles": ["global"],
    }
    service = await attack.send("POST", SERVICE, fields)
    uri = service["resource_uri"]
    await attack.send("POST", f"{uri}start/")
    for value in (
        [[canary("list")]],
        [{"key": "K", "value": {"a": canary("object")}}],
        [{"key": "K=", "value": canary("value of a wrong name")}],
        canary("text without a name"),
    ):
        await attack.send("POST", SERVICE, {**fields, "container_envvars": value})
        await attack.send("PATCH", uri, {"container_envvars": value})
    await attack.send(
        "POST", SERVICE, {"image": SHELL, "environment": [f"A={canary('e')}"]}
    )
    await attack.send(
        "POST", SERVICE, b'{"environment": {"A": "%s"' % canary("broken JSON").encode()
    )
    content = {
        "name": "app",
        "services": [
            {"name": "db", "image": SHELL, "environment": {"A": canary("stack")}}
        ],
    }
    stack = await attack.send("POST", STACK, content)
    await attack.send(
        "PATCH",
        stack["resource_uri"],
        {
            **content,
            "services": [
                {
                    "name": "db",
                    "image": SHELL,
                    "links": ["none"],
                    "environment": [f"A={canary('refused stack')}"],
                }
            ],
        },
    )

    for name, password in (
        ("r.io/x", canary("registry password")),
        ("r.io/y", {"a": canary("password in an object")}),
        ("not a name", canary("password of a wrong name")),
    ):
        await attack.send(
            "POST", REPOSITORY, {"name": name, "username": "u", "password": password}
        )

    for kind in ("secret", "config"):
        path, text = wire.path(kind), base64.b64encode(canary(kind).encode()).decode()
        canary.texts[f"{kind} in base64"] = text
        stored = await attack.send("POST", path, {"name": "s", "data": text})
        await attack.send("PATCH", uri, {f"{kind}s": ["s"]})
        for data in (canary(f"{kind} in clear"), {"a": canary(f"{kind} in an object")}):
            await attack.send("POST", path, {"name": "t", "data": data})
            await attack.send("PATCH", stored["resource_uri"], {"data": data})
        await attack.send("DELETE", stored["resource_uri"])
    await attack.send("POST", f"{uri}redeploy/")

    trigger = await attack.send(
        "POST",
        f"{uri}trigger/",
        {"name": "t", "operation": "REDEPLOY", "secret": canary("trigger secret")},
    )
    plain = await attack.send(
        "POST", f"{uri}trigger/", {"name": "u", "operation": "REDEPLOY"}
    )
    for made, place in ((trigger, "signed trigger"), (plain, "trigger")):
        canary.texts[place] = made["uuid"]
        call = f"{uri}trigger/{made['uuid']}/call/"
        await attack.send("POST", call, {"repository": {"repo_name": canary("pushed")}})
        await attack.send("POST", call, canary("wrong push").encode())
        await attack.send("PUT", call, {})
    wrong = canary("wrong trigger")
    await attack.send("POST", f"{uri}trigger/{wrong}/call/", {})

    made = await attack.send("POST", KEY, {"name": "k", "scopes": ["admin"]})
    canary.texts["created key"] = made["key"]
    await attack.send("GET", SERVICE, auth=wire.basic_auth("alice", made["key"]))
    for place, scheme in (("wrong key", "Basic"), ("wrong scheme", "Digest")):
        auth = wire.basic_auth("alice", canary(place)).replace("Basic", scheme)
        await attack.send("GET", SERVICE, auth=auth)
    await attack.send("GET", SERVICE, auth=f"Basic {canary('malformed key')}")
    await attack.send(
        "GET", f"{SERVICE}?user=alice&token={canary('token in a query')}", auth="x"
    )
    await attack.send("GET", f"{SERVICE}?auth={canary('auth in a query')}")
    events = "/api/audit/v1/events/"
    await attack.stream(
        f"{events}?user=alice&token={canary('token of a stream')}", auth="-"
    )
    encoded = quote(wire.basic_auth("alice", canary("auth of a stream")))
    await attack.stream(f"{events}?auth={encoded}", auth="-")
    for line in (b"GET /x\x01 HTTP/1.1", b"FOO BAR", b"GET / HTTP/9.9"):
        header = f"\r\nHost: x\r\nAuthorization: {canary('header that is no HTTP')}\r\n"
        await attack.raw(line + header.encode() + b"\x00bad\r\n\r\n")

    container = await running_container(attack, uri)
    [frames] = [
        await attack.stream(f"{container}exec/?command=printenv%20DOCKERCLOUD_AUTH")
    ]
    texts = [json.loads(frame).get("output", "") for frame in frames]
    canary.texts["key of a container"] = (
        base64.b64decode("".join(texts).split()[1]).decode().rpartition(":")[2]
    )
    await attack.stream(
        f"{container}exec/?command=sh", f"echo {canary('input')}\n", "exit\n"
    )
    await attack.stream(f"{container}exec/?command=" + quote(f"echo {canary('exec')}"))


async def running_container(attack: Attack, service: str) -> str:
    """Return the URI of the service's container, as soon as the container runs."""
    headers = {"Authorization": attack.auth}
    url = f"{attack.url}/api/audit/v1/events/?since=0"
    async with (
        asyncio.timeout(PATIENCE),
        attack.session.ws_connect(url, headers=headers) as events,
    ):
        while True:
            for container in (await attack.send("GET", service))["containers"]:
                if (await attack.send("GET", container))["state"] == "Running":
                    return str(container)
            await events.receive_str()


async def collect(attack: Attack) -> None:
    """Keep what may have no secret: all events, actions, metrics and probes."""
    marker = await attack.send("POST", SERVICE, {"image": SHELL, "name": "marker"})
    headers = {"Authorization": attack.auth}
    url = f"{attack.url}/api/audit/v1/events/?since=0"
    async with (
        asyncio.timeout(PATIENCE),
        attack.session.ws_connect(url, headers=headers) as events,
    ):
        while marker["resource_uri"] not in (frame := await events.receive_str()):
            attack.shown.append(frame)
    for path in ("/metrics", "/healthz", "/readyz", "/api/audit/v1/action/?limit=500"):
        attack.shown.append(json.dumps(await attack.send("GET", path)))
    actions = await attack.send("GET", "/api/audit/v1/action/?limit=500")
    for action in actions["objects"]:
        found = await attack.send("GET", action["resource_uri"])
        attack.shown.append(json.dumps(found))


@contextlib.asynccontextmanager
async def attacked(
    canary: Canaries, *options: str, data: Path | None = None
) -> AsyncIterator[tuple[Process, Attack]]:
    environ = {"DOCKERCLOUD_USER": "alice", "DOCKERCLOUD_APIKEY": canary("first key")}
    auth = wire.basic_auth("alice", canary("first key"))
    async with (
        serving(data, environ, "--log-level", "debug", *options) as process,
        aiohttp.ClientSession() as session,
    ):
        attack = Attack(session, await process.ready(), auth)
        await spread(attack, canary)
        yield process, attack


@pytest.mark.parametrize("form", ["text", "json"])
async def test_secrets_are_in_no_log_error_event_action_metric_or_file(
    form: str, tmp_path: Path
) -> None:
    canary = Canaries()
    async with attacked(canary, "--log-format", form, data=tmp_path) as (
        process,
        attack,
    ):
        await collect(attack)
        assert await process.end(signal.SIGTERM) == 0

    shown = {text[:300] for text in attack.shown if canary.found(text)}
    assert not shown
    lines = (process.out + process.err).splitlines()
    assert [line for line in lines if canary.found(line)] == []
    assert "Traceback" not in process.err
    assert canary.found(kept(tmp_path)) == set()


async def test_secrets_are_in_no_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    canary = Canaries()
    specs: list[ContainerSpec] = []
    create = Embedded.create

    async def noting(engine: Embedded, spec: ContainerSpec) -> None:
        specs.append(spec)
        await create(engine, spec)

    monkeypatch.setattr(Embedded, "create", noting)
    async with (
        running(user="alice", apikey=canary("first key")) as server,
        aiohttp.ClientSession() as session,
    ):
        auth = wire.basic_auth("alice", canary("first key"))
        await spread(Attack(session, server.url, auth), canary)
        cloud = server.cloud
        kinds = (
            *("service", "stack", "container", "trigger", "repository", "action"),
            *("secret", "config"),
        )
        shown = [
            *specs,
            cloud,
            cloud.accounts,
            cloud.settings,
            *(record for kind in kinds for record in cloud.all(kind, "alice")),
        ]
        assert specs
        assert [type(one) for one in shown if canary.found(repr(one))] == []
