"""Random requests: no internal error, no change by a request that is refused.

Each change is attributed to its request by the request's id, so that requests can run
at the same time, beside the operations that earlier ones have begun.
"""

from __future__ import annotations

import asyncio
import copy
import logging
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from aiodockercloud import wire
from aiodockercloud.server import Embedded, Server
from aiodockercloud.server.log import REQUEST_ID
from aiodockercloud.server.settings import Settings
from aiodockercloud.server.state.records import Record
from aiodockercloud.server.state.store import Store
from aiodockercloud.wire import json_text
from tests.support.fuzzing import Connection, Fuzz, Request, Response

#: Requests of one test, of which each JSON library has eight.
REQUESTS = 2_600
#: A refused operation leaves a ``Failed`` action, and a key notes its last use.
NOTES = {"action", "account", "key"}


@pytest.fixture
def engine() -> Embedded:
    return Embedded(nodes=3)


@pytest.fixture
def settings() -> Settings:
    """Return settings without a bound on failed attempts."""
    default = Settings()
    return replace(default, limits=replace(default.limits, failed_logins=10**6))


@pytest.fixture(params=["orjson", "json"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let the server use one of the two JSON libraries."""
    if request.param == "orjson":
        orjson = pytest.importorskip("orjson")
        dumps, loads = orjson.dumps, orjson.loads
    else:
        dumps, loads = json_text.dumps, json_text.loads
    monkeypatch.setattr(wire, "dumps", dumps)
    monkeypatch.setattr(wire, "loads", loads)
    return str(request.param)


class Changes:
    """All changes of rows: by request, and the last body of each row."""

    def __init__(self) -> None:
        self.kinds: dict[str, set[str]] = defaultdict(set)
        self.rows: dict[tuple[str, str], Any] = {}

    def note(self, kind: str, key: str, row: object) -> None:
        self.kinds[REQUEST_ID.get()].add(kind)
        if isinstance(row, Record):
            row = copy.deepcopy(row.as_json())
        self.rows[kind, key] = row


@pytest.fixture
def changes(monkeypatch: pytest.MonkeyPatch) -> Changes:
    found = Changes()
    put_row = Store.put_row

    def noting(store: Store, kind: str, key: str, row: Any) -> None:
        found.note(kind, key, row)
        put_row(store, kind, key, row)

    monkeypatch.setattr(Store, "put_row", noting)
    return found


def faults(request: Request, response: Response) -> Iterator[str]:
    """Yield what is wrong with a response."""
    status, body = response.status, response.body
    if status >= 500 and status != 501:
        yield "is an internal error"
    if b"Traceback" in body:
        yield "has a traceback"
    if status >= 400 and request.method != "HEAD":
        if response.headers.get("content-type") != "application/json":
            yield "is no JSON"
        elif list(wire.loads(body)) != ["error"]:
            yield "has no error"


async def limit_objects(server: Server, sender: Connection, auth: str) -> None:
    """Terminate services and stacks beyond a few, so that the test stays fast."""
    for kind in ("service", "stack", "nodecluster"):
        live = [
            record
            for record in server.cloud.all(kind, server.user)
            if record.state not in ("Terminated", "Terminating")
        ]
        for record in live[20:]:
            request = Request("end", "DELETE", record.uri, {"Authorization": auth})
            await sender.send(request)


@pytest.mark.parametrize("seed", range(8))
async def test_random_requests_cause_no_internal_error_and_no_refused_change(
    library: str,
    seed: int,
    changes: Changes,
    server: Server,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert server.apikey is not None
    auth = wire.basic_auth(server.user, server.apikey)
    fuzz = Fuzz(server, f"{library} {seed}", auth)
    wrong: list[str] = []
    refused: dict[str, Request] = {}
    done = 0

    async def one(sender: Connection) -> None:
        nonlocal done
        while done < REQUESTS:
            done += 1
            request = fuzz.request()
            response = await sender.send(request, fuzz.frames())
            for fault in faults(request, response):
                body = response.body[:300]
                wrong.append(f"{fault}: {request} {response.status} {body!r}")
            if 400 <= response.status < 500:
                refused[request.id] = request
            if done % 100 == 0:
                await limit_objects(server, sender, auth)

    senders = [Connection(server) for _ in range(6)]
    async with asyncio.TaskGroup() as group:
        for sender in senders:
            group.create_task(one(sender))
    for sender in senders:
        sender.close()

    assert not wrong, "\n".join(wrong[:20])
    assert len(refused) > REQUESTS // 4
    changed = {id: changes.kinds[id] - NOTES for id in refused if id in changes.kinds}
    assert [f"{refused[id]}: {kinds}" for id, kinds in changed.items() if kinds] == []
    errors = [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR]
    assert errors == []
    assert [r.exc_text for r in caplog.records if r.exc_info] == []
    unsaved = [
        record
        for kind in ("service", "stack", "repository", "trigger", "nodecluster")
        for record in server.cloud.all(kind, server.user)
        if changes.rows.get((kind, record.uuid)) != record.as_json()
    ]
    assert unsaved == []
