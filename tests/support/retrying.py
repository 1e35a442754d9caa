"""Tests of repeated requests: a client without pauses, and answers."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from aioresponses import aioresponses
from yarl import URL

from aiodockercloud import DockerCloud, Retry

BASE = "https://cloud.example.com"
PATH = "/api/app/v1/service/"
PROVIDERS = "/api/infra/v1/provider/"
#: The header of a server with idempotency keys.
KEEPS = {"Idempotency-Kept": "600"}
AT_ONCE = Retry(attempts=3, first=0, cap=0)
WRITES = ["POST", "PATCH", "DELETE"]


def eager(retry: Retry | None = AT_ONCE) -> DockerCloud:
    return DockerCloud(BASE, user="alice", apikey="s3cret", retry=retry)


def calls(api: aioresponses, method: str, path: str = PATH) -> list[Any]:
    return api.requests.get((method, URL(BASE + path)), [])


def good() -> web.Response:
    return web.json_response({})
