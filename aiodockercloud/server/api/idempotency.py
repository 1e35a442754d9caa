"""Idempotency keys: a repeated request is carried out once and has the first response.

A client without a response cannot know whether the server carried out its request. When
the client repeats the request with the same ``Idempotency-Key``, the server sends the
first response again. The server stores the responses of successful requests (2xx), each
in the same transaction as the changes of its request, so that neither exists without
the other. A refused request changed nothing: its repetition is a new attempt.

A key belongs to an account and a namespace. The key of a trigger call, which needs no
account, belongs to the trigger. The store has only digests of keys and requests: the
stored responses contain no secret that other rows do not contain.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from aiohttp import web

from ... import wire
from ...exceptions import BadRequest, OperationNotAllowed
from ..settings import Settings
from ..state.access import Access
from ..state.store import Store
from .resource import SAFE

#: The kind of stored responses. The value stays: existing databases contain it.
ANSWER = "answer"
#: The largest number of characters of a key.
LONGEST_KEY = 255


class _StoredResponse(NamedTuple):
    """A response as a row of the store; the names are those of existing rows."""

    user: str
    #: Seconds since 1970.
    at: float
    #: The digest of the request, to recognize its repetition.
    digest: str
    status: int
    headers: dict[str, str]
    body: str

    @property
    def size(self) -> int:
        """The number of characters of the body."""
        return len(self.body)

    def response(self) -> web.Response:
        """Return a new response, equal to the first one."""
        if self.status == 204:
            return web.Response(status=204, headers=self.headers)
        return web.Response(
            status=self.status, headers=self.headers, body=self.body.encode()
        )


class IdempotencyKeys:
    """The responses that repeated requests receive.

    Args:
        store: The store for the responses.
        settings: Limits of the number and size of responses, and their retention.

    Attributes:
        retention: Seconds for which a response is kept.
        retention_text: The value of the header ``Idempotency-Kept``.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._limits = settings.limits
        self.retention: float = settings.retention.answers
        self.retention_text: str = f"{self.retention:g}"
        #: The responses of each account by the digest of the key, oldest first.
        self._stored: dict[str, dict[str, _StoredResponse]] = defaultdict(dict)
        self._sizes: Counter[str] = Counter()
        #: Requests in progress by the digest of the key: the digest of the request, and
        #: an event for its end.
        self._running: dict[str, tuple[str, asyncio.Event]] = {}

    # --- the store and the retention ------------------------------------------------

    def load(self, key: str, body: dict[str, Any]) -> None:
        """Add a response from the store; ``loaded`` follows the last one."""
        response = _StoredResponse(**body)
        self._stored[response.user][key] = response
        self._sizes[response.user] += response.size

    def revert(self, key: str, before: dict[str, Any] | None) -> None:
        """Take a change of a refused request back; None for a new row."""
        for user, stored in self._stored.items():
            if (response := stored.pop(key, None)) is not None:
                self._sizes[user] -= response.size
        if before is not None:
            self.load(key, before)

    def loaded(self) -> None:
        """Sort the loaded responses by age and remove those without retention."""
        for user, stored in self._stored.items():
            by_age = sorted(stored.items(), key=lambda item: item[1].at)
            self._stored[user] = dict(by_age)
        self.sweep()

    def sweep(self) -> None:
        """Remove the responses whose retention has ended."""
        before = time.time() - self.retention
        for user, stored in list(self._stored.items()):
            while stored and next(iter(stored.values())).at < before:
                self._remove_oldest(user)
            if not stored:
                del self._stored[user]

    def _remove_oldest(self, user: str) -> None:
        stored = self._stored[user]
        key = next(iter(stored))
        self._sizes[user] -= stored.pop(key).size
        self._store.put_row(ANSWER, key, None)

    # --- requests -------------------------------------------------------------------

    async def run(
        self,
        request: web.Request,
        access: Access,
        scope: str,
        respond: Callable[[], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        """Return the stored response to a repeated request, else call *respond*.

        A repetition waits for the end of the first request. Errors of *respond* are
        raised and not stored.

        Args:
            request: The request, with or without a key.
            access: The access of the request.
            scope: The namespace or the path of the trigger to which the key belongs.
            respond: Carries out the request.

        Raises:
            BadRequest: The key is empty or too long.
            OperationNotAllowed: The key was used by another request.
        """
        sent_key = request.headers.get(wire.IDEMPOTENCY_KEY)
        if sent_key is None or request.method in SAFE:
            return await respond()
        if not 0 < len(sent_key) <= LONGEST_KEY:
            raise BadRequest(
                f"{wire.IDEMPOTENCY_KEY}: must have 1 to {LONGEST_KEY} characters"
            )
        key = _digest(access.user, scope, sent_key)
        # The digest includes the key, which cannot be guessed: otherwise the digest
        # would reveal a short password in the body to a search.
        body = await request.read()
        digest = _digest(sent_key, request.method, request.path_qs, body)
        while (running := self._running.get(key)) is not None:
            first, ended = running
            _check(first, digest)
            await ended.wait()
        stored = self._stored[access.user].get(key)
        if stored is not None and stored.at >= time.time() - self.retention:
            _check(stored.digest, digest)
            return stored.response()
        ended = asyncio.Event()
        self._running[key] = digest, ended
        try:
            response = await respond()
            # Errors are raised. A new key is in one answer only, and never stored.
            kept = response.headers.get(wire.IDEMPOTENCY_KEPT) != "0"
            if isinstance(response, web.Response) and kept:
                self._put(access.user, key, digest, response)
            return response
        finally:
            del self._running[key]
            ended.set()

    def _put(self, user: str, key: str, digest: str, response: web.Response) -> None:
        body = response.body
        stored = _StoredResponse(
            user,
            time.time(),
            digest,
            response.status,
            {str(name): value for name, value in response.headers.items()},
            body.decode() if isinstance(body, bytes) else "",
        )
        of_user, limits = self._stored[user], self._limits
        if (old := of_user.pop(key, None)) is not None:
            self._sizes[user] -= old.size
        of_user[key] = stored
        self._sizes[user] += stored.size
        self._store.put_row(ANSWER, key, stored._asdict())
        while len(of_user) > limits.kept_answers or (
            self._sizes[user] > limits.kept_answer_characters and len(of_user) > 1
        ):
            self._remove_oldest(user)


def _digest(*parts: str | bytes) -> str:
    """Return a digest that differs for every other sequence of parts."""
    digest = hashlib.sha256()
    for part in parts:
        # Bytes of a header that are not UTF-8 arrive as lone surrogates.
        data = part if isinstance(part, bytes) else part.encode(errors="surrogatepass")
        digest.update(b"%d:" % len(data))
        digest.update(data)
    return digest.hexdigest()


def _check(first: str, second: str) -> None:
    """Compare the digests of two requests with the same key.

    Raises:
        OperationNotAllowed: The requests differ.
    """
    if first != second:
        raise OperationNotAllowed(
            f"{wire.IDEMPOTENCY_KEY}: was used by another request;"
            " each request needs its own key"
        )
