"""Addresses of servers, and the URLs of requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from yarl import URL

from .. import wire

__all__ = ["address_text", "parse_address", "url_text"]


def parse_address(url: str, scheme: str) -> URL:
    """Return the address of a server.

    Args:
        url: The address as text.
        scheme: ``"http"`` or ``"ws"``; the secure scheme is allowed as well.

    Raises:
        ValueError: The address has another scheme or no host. The message contains no
            secret.
    """
    parsed = URL(url)
    if parsed.scheme not in (scheme, f"{scheme}s") or not parsed.host:
        raise ValueError(
            f"{wire.redact(url)!r} is not an address: it must begin with {scheme}://"
            f" or {scheme}s:// and name a host"
        )
    return parsed


def address_text(base: URL) -> str:
    """Return an address without user, password, query and last slash."""
    return str(base.with_user(None).with_query(None)).rstrip("/")


def url_text(base: str, path: str, params: Mapping[str, Any] | None) -> str:
    """Return the URL of a request.

    Args:
        base: The address of the server, without a slash at the end.
        path: The path, quoted.
        params: The query, not quoted. ``None`` values are left out, booleans become
            ``true`` or ``false``, and an object's dict becomes its resource URI.
    """
    if not params:
        return base + path
    pairs = [(k, _value(v)) for k, v in params.items() if v is not None]
    return f"{base}{path}?{urlencode(pairs, quote_via=quote)}" if pairs else base + path


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return str(value["resource_uri"])
    return str(value)
