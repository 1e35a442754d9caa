"""A tiny registry for tests: images made of ``hello:latest``, with or without a login.

The registry implements the part of the protocol that a Docker Engine needs for pulls.

Source: Distribution, "HTTP API V2" and "Image Manifest V 2, Schema 2".
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from aiodockercloud.server.engines.swarm.docker_api import Api
from aiodockercloud.wire import basic_auth
from tests.support import swarms

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


class Registry:
    """Images by ``name`` and tag, all of one layer.

    Attributes:
        host: The address for Engines, such as ``10.0.0.1:5000``.
        login: The required user and password, None for no login.
    """

    def __init__(self, config: bytes, layer: bytes) -> None:
        self.host = ""
        self.login: tuple[str, str] | None = None
        self._blobs: dict[str, bytes] = {}
        self._config = json.loads(config)
        self._layer = self._keep(gzip.compress(layer, 1))
        self._tags: dict[tuple[str, str], str] = {}

    def push(self, name: str, tag: str, text: str) -> str:
        """Push an image that prints *text* and waits; return the digest."""
        script = f'echo {text}; trap "exit 0" TERM; sleep 3600 & wait'
        config = {**self._config["config"], "Cmd": ["sh", "-c", script]}
        made = json.dumps({**self._config, "config": config}).encode()
        manifest = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": self._described(_CONFIG, self._keep(made)),
            "layers": [self._described(_LAYER, self._layer)],
        }
        digest = self._keep(json.dumps(manifest).encode())
        self._tags[name, tag] = digest
        return digest

    def _keep(self, blob: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(blob).hexdigest()}"
        self._blobs[digest] = blob
        return digest

    def _described(self, kind: str, digest: str) -> dict[str, object]:
        return {"mediaType": kind, "size": len(self._blobs[digest]), "digest": digest}

    async def answer(self, request: web.Request) -> web.Response:
        wanted = basic_auth(*self.login) if self.login else None
        if wanted not in (None, request.headers.get("Authorization")):
            challenge = {"WWW-Authenticate": 'Basic realm="test"'}
            return web.Response(status=401, headers=challenge)
        if request.path == "/v2/":
            return web.json_response({})
        name, kind, reference = request.path.removeprefix("/v2/").rsplit("/", 2)
        digest = self._tags.get((name, reference), reference)
        if digest not in self._blobs:
            code = "MANIFEST_UNKNOWN" if kind == "manifests" else "BLOB_UNKNOWN"
            error = {"code": code, "message": "unknown"}
            return web.json_response({"errors": [error]}, status=404)
        return web.Response(
            body=self._blobs[digest],
            content_type=_MANIFEST if kind == "manifests" else None,
            headers={"Docker-Content-Digest": digest},
        )


@asynccontextmanager
async def registry() -> AsyncIterator[Registry]:
    """Start a registry that all nodes of the Swarm can reach over plain HTTP."""
    api = Api(os.environ["DOCKER_HOST"])
    try:
        async with api.stream(f"images/{swarms.IMAGE}/get", {}) as response:
            saved = await response.read()
    finally:
        await api.close()
    with tarfile.open(fileobj=io.BytesIO(saved)) as tar:

        def content(name: str) -> bytes:
            file = tar.extractfile(name)
            assert file is not None
            return file.read()

        [image] = json.loads(content("manifest.json"))
        [layer] = image["Layers"]
        made = Registry(content(image["Config"]), content(layer))
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    # The host of the nodes has the first address of the nodes' network.
    here = os.environ["SWARM_ADDR_1"].rpartition(".")[0] + ".1"
    site = web.TCPSite(runner, here, 0)
    await site.start()
    made.host = "{}:{}".format(*runner.addresses[0][:2])
    try:
        yield made
    finally:
        await runner.cleanup()
