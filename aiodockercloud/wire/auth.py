"""The ``Authorization`` header. No I/O.

Source: Docker Cloud API reference, "Authentication".
"""

from __future__ import annotations

import base64
import binascii

__all__ = ["basic_auth", "parse_authorization"]


def basic_auth(user: str, key: str) -> str:
    """Return the value of ``Authorization`` for a user and an API key or password."""
    return "Basic " + base64.b64encode(f"{user}:{key}".encode()).decode()


def parse_authorization(value: str) -> tuple[str, str] | None:
    """Return user and key of an ``Authorization`` value.

    All clients send ``Basic``; Tutum's clients before 2016 send ``ApiKey user:key``.
    ``None`` is returned for a value in neither form.
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
