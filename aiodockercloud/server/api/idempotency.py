"""A request that is sent again is done once: its first answer is repeated.

A client that got no answer cannot know whether its request was done. When it sends it
again with the same ``Idempotency-Key``, it gets the answer of the first time. Kept are
the answers that say that something was done (2xx), in the store and noted together
with what was done, so one is never there without the other; a refusal changed nothing,
so its repeat is simply tried. Keys belong to an account and a namespace, those of
trigger calls, which need no account, to the trigger.

Of key and request only digests are kept, so nothing is kept that the answer and the
store's other rows do not have.
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
from ..state.accounts import Account
from ..state.store import Store

#: The kind under which answers are stored.
ANSWER = "answer"
#: The longest key.
LONGEST_KEY = 255


class _Answer(NamedTuple):
    user: str
    at: float
    #: What shows that a request is the same one.
    digest: str
    status: int
    headers: dict[str, str]
    body: str

    @property
    def size(self) -> int:
        return len(self.body)

    def response(self) -> web.Response:
        if self.status == 204:
            return web.Response(status=204, headers=self.headers)
        return web.Response(
            status=self.status, headers=self.headers, body=self.body.encode()
        )


class IdempotencyKeys:
    """The answers that can be repeated."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._limits = settings.limits
        #: Seconds for which an answer is kept.
        self.retention = settings.retention.answers
        #: Of each account by the digest of the key, the oldest first.
        self._kept: dict[str, dict[str, _Answer]] = defaultdict(dict)
        self._sizes: Counter[str] = Counter()
        #: Requests that are being answered, with their own digests.
        self._running: dict[str, tuple[str, asyncio.Event]] = {}

    # --- beginning and end of a time ------------------------------------------------

    def load(self, key: str, body: dict[str, Any]) -> None:
        """Take in an answer from the store; ``loaded`` comes after the last."""
        answer = _Answer(**body)
        self._kept[answer.user][key] = answer
        self._sizes[answer.user] += answer.size

    def loaded(self) -> None:
        for user, kept in self._kept.items():
            self._kept[user] = dict(sorted(kept.items(), key=lambda item: item[1].at))
        self.sweep()

    def sweep(self) -> None:
        """Forget what has been kept long enough."""
        before = time.time() - self.retention
        for user, kept in list(self._kept.items()):
            while kept and next(iter(kept.values())).at < before:
                self._forget_oldest(user)
            if not kept:
                del self._kept[user]

    def _forget_oldest(self, user: str) -> None:
        kept = self._kept[user]
        key = next(iter(kept))
        self._sizes[user] -= kept.pop(key).size
        self._store.put_row(ANSWER, key, None)

    # --- a request ------------------------------------------------------------------

    async def run(
        self,
        request: web.Request,
        account: Account,
        scope: str,
        answer: Callable[[], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        """What *answer* returns, or what it returned to the same key before.

        A repeat that comes while the first is under way waits for it. *scope* is in
        what the same key means the same: a namespace, or one trigger.

        Raises:
            BadRequest: The key is empty or too long.
            OperationNotAllowed: The key was that of another request.
            Whatever *answer* raises.
        """
        given = request.headers.get(wire.IDEMPOTENCY_KEY)
        if given is None or request.method == "GET":
            return await answer()
        if not 0 < len(given) <= LONGEST_KEY:
            raise BadRequest(
                f"{wire.IDEMPOTENCY_KEY}: must have 1 to {LONGEST_KEY} characters"
            )
        key = _digest(account.user, scope, given)
        # The key is in it as what nobody can guess: else a short password in a body
        # could be found by trying.
        digest = _digest(given, request.method, request.path_qs, await request.read())
        while (running := self._running.get(key)) is not None:
            first, ended = running
            _check(first, digest)
            await ended.wait()
        kept = self._kept[account.user].get(key)
        if kept is not None and kept.at >= time.time() - self.retention:
            _check(kept.digest, digest)
            return kept.response()
        ended = asyncio.Event()
        self._running[key] = digest, ended
        try:
            response = await answer()
            if isinstance(response, web.Response):  # refusals are raised
                self._keep(account.user, key, digest, response)
            return response
        finally:
            del self._running[key]
            ended.set()

    def _keep(self, user: str, key: str, digest: str, response: web.Response) -> None:
        body = response.body
        answer = _Answer(
            user,
            time.time(),
            digest,
            response.status,
            {str(name): value for name, value in response.headers.items()},
            body.decode() if isinstance(body, bytes) else "",
        )
        kept = self._kept[user]
        if (old := kept.pop(key, None)) is not None:
            self._sizes[user] -= old.size
        kept[key] = answer
        self._sizes[user] += answer.size
        self._store.put_row(ANSWER, key, answer._asdict())
        limits = self._limits
        while len(kept) > limits.kept_answers or (
            self._sizes[user] > limits.kept_answer_characters and len(kept) > 1
        ):
            self._forget_oldest(user)


def _digest(*parts: str | bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        # Headers may hold bytes that are no text, which come as lone surrogates.
        data = part if isinstance(part, bytes) else part.encode(errors="surrogatepass")
        digest.update(b"%d:" % len(data))
        digest.update(data)
    return digest.hexdigest()


def _check(first: str, second: str) -> None:
    if first != second:
        raise OperationNotAllowed(
            f"{wire.IDEMPOTENCY_KEY}: was sent with another request before;"
            " each request needs a key of its own"
        )
