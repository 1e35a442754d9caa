"""Sessions: logins that a browser keeps in a cookie, in the memory of the server."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from ..settings import Settings


@dataclass(frozen=True, slots=True)
class Session:
    """A login of a browser.

    Attributes:
        id: The identity of the session, by which no one can use the session.
        key: The uuid of the key that opened the session.
        expires: When the session ends, in seconds since 1970.
    """

    id: str
    key: str
    expires: float


class Sessions:
    """The sessions of a server, bounded in number and in time.

    A session beyond the number replaces the oldest session of the same key, if the key
    has too many, else the oldest session. The token of a session is in the browser
    only; the server keeps a hash of the token.

    Args:
        settings: The number of sessions, and their life.
        clock: Returns the time in seconds since 1970.
    """

    def __init__(
        self, settings: Settings | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        settings = settings or Settings()
        self._limits, self._life = settings.limits, settings.timings.session
        self._clock = clock
        #: Identity → session, the oldest first.
        self._sessions: dict[str, Session] = {}
        #: Called with each session that was closed.
        self.on_closed: Callable[[Session], None] = lambda _: None

    def __len__(self) -> int:
        return len(self._sessions)

    def open(self, key: str) -> tuple[str, Session]:
        """Return the token of a new session, readable only now, and the session."""
        token = secrets.token_urlsafe(32)
        session = Session(_identity(token), key, self._clock() + self._life)
        self._sessions[session.id] = session
        self._close_beyond(
            self._limits.sessions_of_key,
            [one for one in self._sessions.values() if one.key == key],
        )
        self._close_beyond(self._limits.sessions, list(self._sessions.values()))
        return token, session

    def find(self, token: str) -> Session | None:
        """Return the open session with a token."""
        session = self._sessions.get(_identity(token))
        if session is not None and session.expires <= self._clock():
            self.close(session)
            return None
        return session

    def close(self, session: Session) -> None:
        """Close a session, if the session is open."""
        if self._sessions.pop(session.id, None) is not None:
            self.on_closed(session)

    def _close_beyond(self, number: int, sessions: list[Session]) -> None:
        """Close the oldest of some sessions until no more than *number* are left."""
        for session in sessions[: max(0, len(sessions) - number)]:
            self.close(session)


def _identity(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
