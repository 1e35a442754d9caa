"""The ``Authorization`` header, written and read. No I/O."""

from __future__ import annotations

import base64
import binascii

__all__ = ["basic_auth", "parse_authorization"]


def basic_auth(user: str, key: str) -> str:
    """The value of ``Authorization`` for a user with an API key or password."""
    return "Basic " + base64.b64encode(f"{user}:{key}".encode()).decode()


def parse_authorization(value: str) -> tuple[str, str] | None:
    """User and key from an ``Authorization`` value; ``None`` when it is neither.

    ``Basic`` is what all clients send; ``ApiKey user:key`` is Tutum before 2016.
    """
    scheme, _, rest = value.strip().partition(" ")
    rest = rest.strip()
    if scheme.lower() == "basic":
        try:
            rest = base64.b64decode(rest, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return None
    elif scheme.lower() != "apikey":
        return None
    user, colon, key = rest.partition(":")
    return (user, key) if colon else None
