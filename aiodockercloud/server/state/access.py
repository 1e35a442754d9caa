"""What the credentials of a request allow."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ...wire.scopes import ADMIN

__all__ = ["ANONYMOUS", "Access"]


@dataclass(frozen=True, slots=True)
class Access:
    """What the credentials of a request allow.

    Attributes:
        user: The user.
        namespace: The namespace of requests whose path has none.
        namespaces: The namespaces that the credentials reach; None for all.
        scopes: The scopes, with those that they include.
        key: The uuid of the key.
        container: The uuid of the container that has the key, or an empty text.
        expires: When the key, or its session, expires; None for never.
        session: The identity of the session, or an empty text.
    """

    user: str
    namespace: str
    namespaces: frozenset[str] | None
    scopes: frozenset[str]
    key: str = ""
    container: str = ""
    expires: float | None = None
    session: str = ""

    @property
    def expired(self) -> bool:
        """Whether the credentials are not valid any more."""
        return self.expires is not None and self.expires <= time.time()

    @property
    def scoped(self) -> bool:
        """Whether the credentials do not reach all namespaces."""
        return self.namespaces is not None

    @property
    def operator(self) -> bool:
        """Whether the credentials may change what all namespaces share."""
        return self.namespaces is None and ADMIN in self.scopes


#: The access of requests that need no credentials.
ANONYMOUS = Access("", "", frozenset(), frozenset())
