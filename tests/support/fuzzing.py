"""Random requests to every route, most of them wrong, and a client that sends bytes.

A request is made from the route table of the server, and then spoilt in several ways:
its path, query, headers, fields, values or bytes. All of it follows from a seed.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from aiodockercloud.server import Server
from tests.support import rights
from tests.support.facts import IDLE, PATIENCE

ROUTES = list(rights.routes())
STREAMS = ("logs", "exec", "events")

FIELDS = (
    "image name target_num_containers run_command entrypoint container_ports labels"
    " container_envvars linked_to_service bindings autorestart autodestroy autoredeploy"
    " sequential_deployment deployment_strategy tags roles privileged tty stdin_open"
    " net pid cpu_shares cpuset memory memory_swap user hostname domainname working_dir"
    " cap_add devices dns extra_hosts security_opt services username password operation"
    " target_num_nodes region node_type disk provider_options ports environment links"
    " volumes expose command nickname uuid state scopes expires namespaces namespace"
).split()
PARTS = (
    "key value name to_service inner_port outer_port protocol published host_path"
    " container_path volumes_from rewritable"
).split()
ATOMS: Sequence[Any] = (
    *(None, True, False, 0, 1, -1, 2**31, 2**63, -(2**63), 2**64 - 1, 1.5, -0.0, 1e308),
    *(
        "",
        " ",
        "a",
        "0",
        "-1",
        "1e5",
        "true",
        "null",
        "\x00",
        "\n",
        "é",
        "\u202e",
        "😀",
    ),
    *("a" * 300, "../../etc/passwd", "${X}", "{{x}}", "<script>", "';--", "\ufeff"),
    *("/api/app/v1/service/x/", IDLE, "80:80", "1/tcp", "9" * 20, "x=y", "A" * 70_000),
    *("٣", "²", "\uff11", "80-٣", "\uffff"),
)
NAMES = (
    "limit offset name state uuid__startswith name__in tail follow since seen at"
    " command type object parent include_related reuse_volumes limit__gt x"
    " deployed_datetime__gte labels tags name__isnull __ name__ auth token user until"
    " timestamps terminated state__ne dry_run"
).split()
VALUES = (
    *(
        "",
        "0",
        "-1",
        "1",
        "all",
        "1e9",
        "9" * 23,
        "nan",
        "inf",
        "true",
        "x",
        "\x00",
        "é",
    ),
    *("2016-01-01", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "a,b,c"),
    *("a" * 5000, "a:1", ":", "a:" + "9" * 20, "'", "echo 'unclosed", "sh", "٣"),
    *(
        "Tue, 1 Mar 2016 03:52:18 +9999",
        "Basic !!",
        "1_000",
        " 5 ",
        '{"a": 1}',
        "stopped",
    ),
)
SEGMENTS = (
    *("%00", "..", "%2e%2e", "%2F", "%ff", "%ed%a0%80", "%C3%A9", "a" * 3000, "-", "0"),
    *(
        "%",
        "%zz",
        ";",
        "*",
        "service",
        "trigger",
        "api",
        "v1",
        "call",
        "%0d%0a",
        "logs",
    ),
)
METHODS = "GET POST PATCH DELETE PUT HEAD OPTIONS TRACE FOO".split()
CREDENTIALS = (
    *(
        "",
        "Basic",
        "Basic !",
        "Basic " + "A" * 6000,
        "Bearer x",
        "Basic /zr/",
        "Basic =",
    ),
    *("ApiKey a:b", "Digest x", "Basic OjpcMA==", "Basic AAAA"),
)
HEADERS: Sequence[tuple[str, str]] = (
    *(("Idempotency-Key", text) for text in ("", "x", "a" * 400)),
    *(("X-HTTP-Method-Override", "DELETE"), ("Range", "bytes=0-1"), ("Accept", "a")),
    *(("Expect", "100-continue"), ("X-Request-ID", "\t"), ("X-Forwarded-For", "::1")),
    *(
        ("Content-Type", text)
        for text in ("text/plain", "a/b", "", "multipart/form-data")
    ),
    *(("Content-Type", f"application/json; charset={c}") for c in ("utf-16", "none")),
    *(("Content-Encoding", text) for text in ("gzip", "br", "x", "gzip, gzip")),
)
BODIES = (
    *(b"[" * 5000, b"{" * 5000, b'{"a":' * 900 + b"1" + b"}" * 900, b"NaN", b"null"),
    *(b'{"image":NaN}', b'{"target_num_containers":1e999}', b'{"image":"\\ud800"}'),
    *(b'{"memory":' + b"9" * 5000 + b"}", b'{"image":"x","image":1}', b'{"\\ud800":1}'),
    *(b"\xff\xfe{}", b"\xef\xbb\xbf{}", b"[]", b'"x"', b"{", b"}", b'{"a":1}}', b" "),
    *(b"\x00", b'{"image":"x"} x', b"a=b&c=d", b"image: x\nname: y\n", b"\xff"),
    *(b'{"image": "' + b"x" * 100_000 + b'"}', b'{"image":"\xed\xa0\x80"}', b'{"":0}'),
)
BOMB = gzip.compress(b"\0" * (5 << 20), 9)
FRAMES = (
    bytes([0x81, 0x82, 0, 0, 0, 0, 0xFF, 0xFE]),  # text that is not UTF-8
    bytes([0x01, 0x81, 0, 0, 0, 0, 0x61]),  # a fragment without an end
    bytes([0xF1, 0x80, 0, 0, 0, 0]),  # reserved bits
    bytes([0x81, 0x05]) + b"plain",  # not masked
    bytes([0x89, 0xFF]) + (2**62).to_bytes(8, "big"),  # a huge ping
    bytes([0x82, 0x84, 0, 0, 0, 0]) + b"\x00\xffls",
    bytes([0x81, 0x83, 0, 0, 0, 0]) + b"ls\n",
    bytes([0x88, 0x80, 0, 0, 0, 0]),  # the end
)


@dataclass
class Request:
    """One request.

    Attributes:
        id: The value of ``X-Request-ID``.
        method: The method.
        path: The path and the query, as sent.
        headers: The headers but ``Host`` and ``Content-Length``.
        body: The body.
    """

    id: str
    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def upgrade(self) -> bool:
        """Whether the request asks for a websocket."""
        return "Upgrade" in self.headers

    def encoded(self) -> bytes:
        """Return the bytes of the request."""
        lines = [f"{self.method} {self.path} HTTP/1.1", "Host: 127.0.0.1"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines += [f"Content-Length: {len(self.body)}", "", ""]
        return "\r\n".join(lines).encode() + self.body

    def __repr__(self) -> str:
        return f"{self.method} {self.path[:200]} {self.headers} {self.body[:300]!r}"


class Fuzz:
    """Makes requests from a seed and from the objects of a server."""

    def __init__(self, server: Server, seed: str, auth: str) -> None:
        self._cloud = server.cloud
        self._namespace = server.user
        self._random = random.Random(seed)
        self._auth = auth
        self._count = 0

    def request(self) -> Request:
        """Return the next request."""
        choose, chance = self._random.choice, self._random.random
        self._count += 1
        route = choose(ROUTES)
        path = route.path(choose([None, None, None, self._namespace, "acme", "é"]))
        while rights.UUID in path:
            path = path.replace(rights.UUID, self._key(route.kind), 1)
        path = path.replace("x" * 8, self._key(route.kind))
        if chance() < 0.12:
            parts = path.split("/")
            parts.insert(self._random.randrange(1, len(parts)), choose(SEGMENTS))
            path = "/".join(parts)
        if chance() < 0.05:
            path = path.replace("/", "//", self._random.randrange(3))
        if chance() < 0.35:
            pairs = [(choose(NAMES), choose(VALUES)) for _ in range(choose([1, 1, 2]))]
            path += "?" + "&".join(f"{name}={quote(value)}" for name, value in pairs)
        method = choose(METHODS) if chance() < 0.12 else route.method
        made = Request(f"fuzz-{self._count}", method, path)
        made.headers = {"X-Request-ID": made.id, "Authorization": self._auth}
        if chance() < 0.08:
            made.headers["Authorization"] = choose(CREDENTIALS)
        if method not in ("GET", "HEAD") and chance() < 0.9:
            self._fill(made, route.kind)
        if chance() < 0.1:
            made.headers.update([choose(HEADERS)])
        upgrades = route.operation in STREAMS or route.kind == "event"
        if chance() < (0.7 if upgrades else 0.01):
            self._upgrade(made)
        return made

    def _key(self, kind: str) -> str:
        """Return the key of an object, or of none."""
        if self._random.random() < 0.15:
            return self._random.choice(SEGMENTS)
        kind = "service" if kind == "trigger" else kind
        try:
            found = self._cloud.all(kind, self._namespace)[-30:]
        except KeyError:
            found = []
        return self._random.choice(found).uuid if found else rights.UUID

    def _upgrade(self, made: Request) -> None:
        choose, chance = self._random.choice, self._random.random
        made.headers |= {
            "Upgrade": "websocket" if chance() < 0.9 else choose(["", "h2c", "x"]),
            "Connection": "Upgrade" if chance() < 0.9 else choose(["", "x"]),
            "Sec-WebSocket-Version": choose(["13", "13", "13", "8", "x", ""]),
            "Sec-WebSocket-Key": choose(["dGhlIHNhbXBsZSBub25jZQ=="] * 3 + ["x", ""]),
            "Sec-WebSocket-Protocol": choose(["aiodockercloud.window.v1", "x", ","]),
        }

    def frames(self) -> bytes:
        """Return some frames of a websocket."""
        return b"".join(self._random.choices(FRAMES, k=self._random.randrange(1, 4)))

    # --- bodies -----------------------------------------------------------------------

    def _fill(self, made: Request, kind: str) -> None:
        choose, chance = self._random.choice, self._random.random
        if (way := chance()) < 0.25:
            made.body = choose(BODIES)
            return
        body: Any = self._good(kind)
        if way < 0.65:
            for _ in range(choose([1, 2])):
                body[choose(FIELDS)] = self._value()
        elif way < 0.75:
            body = {choose(FIELDS): self._value() for _ in range(choose([1, 3]))}
        elif way < 0.8:
            body = self._value()
        made.body = json.dumps(body).encode()
        if chance() < 0.05:
            encoding, made.body = choose(
                [
                    ("gzip", gzip.compress(made.body)),
                    ("deflate", zlib.compress(made.body)),
                    ("gzip", BOMB),
                ]
            )
            made.headers["Content-Encoding"] = encoding

    def _value(self, depth: int = 0) -> Any:
        choose = self._random.choice
        if (way := self._random.random()) < 0.55 or depth > 3:
            return choose(ATOMS)
        count = range(self._random.randrange(4))
        if way < 0.75:
            return [self._value(depth + 1) for _ in count]
        return {choose(PARTS): self._value(depth + 1) for _ in count}

    def _good(self, kind: str) -> dict[str, Any]:
        """Return a body that is accepted."""
        name = f"n{self._random.randrange(10**9)}"
        place = "/api/infra/v1/"
        known: Mapping[str, dict[str, Any]] = {
            "service": {
                "image": self._random.choice([IDLE, "busybox", "x/y"]),
                "name": name,
                "run_command": "sleep 5",
                "container_envvars": [{"key": "A", "value": "b"}],
                "container_ports": [{"protocol": "tcp", "inner_port": 80}],
            },
            "stack": {
                "name": name,
                "services": [
                    {"name": "a", "image": IDLE},
                    {"name": "b", "image": IDLE, "linked_to_service": ["a:a"]},
                ],
            },
            "repository": {"name": f"{name}.com/x", "username": "u", "password": "p"},
            "trigger": {"name": "t", "operation": "REDEPLOY"},
            "nodecluster": {
                "name": name,
                "region": f"{place}region/embedded/local/",
                "node_type": f"{place}nodetype/embedded/small/",
                "target_num_nodes": 1,
            },
        }
        return known.get(kind, {})


@dataclass(frozen=True)
class Response:
    """A response, or its beginning when a websocket was opened."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Connection:
    """One connection that sends bytes as they are, and connects again when closed."""

    def __init__(self, server: Server) -> None:
        _, _, address = server.url.partition("//")
        self._host, _, self._port = address.rpartition(":")
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, request: Request, frames: bytes = b"") -> Response:
        """Send a request and return its response; send *frames* to a websocket."""
        async with asyncio.timeout(PATIENCE):
            fresh = self._streams is None
            if self._streams is None:
                self._streams = await asyncio.open_connection(self._host, self._port)
            reader, writer = self._streams
            try:
                writer.write(request.encoded())
                response = await self._response(reader, request.method)
            except (ConnectionError, asyncio.IncompleteReadError):
                self.close()
                if fresh:
                    raise
                return await self.send(request, frames)  # closed after the last one
            if response.status == 101:
                writer.write(frames)
                await writer.drain()
                await reader.read(1000)
            closes = response.headers.get("connection", "").lower() == "close"
            if response.status == 101 or closes or request.upgrade:
                self.close()
            return response

    async def _response(self, reader: asyncio.StreamReader, method: str) -> Response:
        status = 100
        while status == 100:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.split("\r\n")
            status = int(first.split()[1])
        pairs = (line.partition(":") for line in lines if line)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        length = int(headers.get("content-length", 0))
        body = b"" if method == "HEAD" else await reader.readexactly(length)
        return Response(status, headers, body)

    def close(self) -> None:
        """Close the connection."""
        if self._streams is not None:
            with suppress(OSError):
                self._streams[1].close()
            self._streams = None
