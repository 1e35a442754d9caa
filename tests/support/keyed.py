"""Requests with an ``Idempotency-Key``."""

from __future__ import annotations

from aiodockercloud import wire
from aiodockercloud.server import Server
from aiodockercloud.server.api.idempotency import ANSWER, IdempotencyKeys
from tests.support.facts import IDLE
from tests.support.flows import Answer, Raw

SERVICES = "/api/app/v1/service/"
STACKS = "/api/app/v1/stack/"
TOKENS = "/api/infra/v1/token/"
REPOSITORIES = "/api/repo/v1/repository/"
BODY = wire.dumps({"image": IDLE})
KEY = "4cb3a5d0c4d94d6a9e1d3f8a7a4d2b11"


async def create(raw: Raw, key: str = KEY, body: bytes = BODY) -> Answer:
    """Create a service by a request with an idempotency key."""
    return await raw("POST", SERVICES, body, Idempotency_Key=key)


def keys_of(server: Server) -> IdempotencyKeys:
    """Return the idempotency keys of a server."""
    rows = server.cloud.stored[ANSWER]
    assert isinstance(rows, IdempotencyKeys)
    return rows
