"""Addresses of servers, and the URLs of requests."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Set
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlencode
from urllib.request import getproxies, proxy_bypass
from uuid import UUID

from yarl import URL

from .. import wire

__all__ = [
    "SEVERAL",
    "RestAddress",
    "address_text",
    "find_addresses",
    "handshake_url",
    "parse_address",
    "proxy_for",
    "url_text",
]

#: The types of values that repeat a parameter.
SEVERAL = (list, tuple, Set)


def find_addresses(
    url: str | None,
    stream_url: str | None,
    dialect: wire.Dialect,
    environ: Mapping[str, str],
) -> tuple[URL, URL]:
    """Return the addresses of the REST API and of the streams.

    Args:
        url: The address that the caller passed.
        stream_url: The address for streams that the caller passed.
        dialect: The API, which determines the names of the variables.
        environ: The environment variables.

    Raises:
        ValueError: No address was passed or set, or an address is invalid.
    """
    name = f"{dialect.env_prefix}_REST_HOST"
    rest = url or environ.get(name)
    if not rest:
        raise ValueError(
            f"no server is named: pass a url, or set {name}, e.g. to"
            f" http://127.0.0.1:8008; {dialect.env_prefix}_USER and"
            f" {dialect.env_prefix}_APIKEY are the credentials"
        )
    if stream_url is None and url is None:
        stream_url = environ.get(f"{dialect.env_prefix}_STREAM_HOST")
    base = parse_address(rest, "http")
    return base, parse_address(stream_url or wire.stream_url(str(base)), "ws")


def parse_address(url: str, scheme: str) -> URL:
    """Return the address of a server.

    Args:
        url: The address as text.
        scheme: ``"http"`` or ``"ws"``; the secure scheme is allowed as well.

    Raises:
        ValueError: The address has another scheme, no host or no valid port. The
            message contains no secret.
        TypeError: The address is no text.
    """
    if not isinstance(url, str | URL):
        raise TypeError(f"an address is a text, not {type(url).__name__}")
    try:
        parsed = URL(url)
    except ValueError:  # a port that is none, brackets that do not match
        parsed = URL()
    odd = any(map(str.isspace, parsed.host or " "))
    if parsed.scheme not in (scheme, f"{scheme}s") or odd:
        raise ValueError(
            f"{wire.redact(url)!r} is not an address: it must begin with {scheme}://"
            f" or {scheme}s:// and name a host, and the port is a number up to 65535"
        )
    return parsed


def address_text(base: URL) -> str:
    """Return an address without user, password, query and last slash."""
    return str(base.with_user(None).with_query(None)).rstrip("/")


def handshake_url(stream_url: str) -> URL:
    """Return the URL of the request with which a stream begins.

    aiohttp accepts ``ws`` as well, but proxies and redirects are those of ``http``.
    """
    return URL("http" + stream_url.removeprefix("ws"), encoded=True)


def proxy_for(address: str) -> str | None:
    """Return the proxy that the environment names for an address.

    ``HTTP_PROXY``, ``HTTPS_PROXY`` and ``NO_PROXY`` count, as for most programs, for
    requests and streams alike.
    """
    url = handshake_url(address) if address.startswith("ws") else URL(address)
    if proxy_bypass(f"{url.host}:{url.port}"):
        return None
    return getproxies().get(url.scheme)


def url_text(base: str, path: str, params: Mapping[str, Any] | None) -> str:
    """Return the URL of a request.

    Args:
        base: The address of the server, without a slash at the end.
        path: The path, quoted.
        params: The query, not quoted. ``None`` values are left out, booleans become
            ``true`` or ``false``, an object's dict becomes its resource URI, a
            ``datetime`` ISO 8601 text, and labels JSON. A parameter is repeated for
            each value of a list, tuple or set.

    Raises:
        TypeError: A query cannot contain a value; the message names the parameter.
        ValueError: A dict has no resource URI, or a ``datetime`` has no time zone.
    """
    if not params:
        return base + path
    pairs = [
        (name, _text(name, one))
        for name, value in params.items()
        if value is not None
        for one in (value if isinstance(value, SEVERAL) else [value])
    ]
    return f"{base}{path}?{urlencode(pairs, quote_via=quote)}" if pairs else base + path


#: A path without a query, a fragment, or characters that a parser would remove.
_is_plain_path = re.compile(r"/[!$-;=@-_a-z~]*").fullmatch


class RestAddress:
    """The address of a server, which makes the URLs of requests to the server.

    Args:
        address: The address as text.

    Attributes:
        url: Returns the URL for its text, quoted, which begins with the address. The
            URLs of the last requests are kept, with the parts that aiohttp reads.
    """

    def __init__(self, address: str) -> None:
        self._address = URL(address, encoded=True)
        self._path_start = len(
            f"{self._address.scheme}://{self._address.raw_authority}"
        )
        self.url: Callable[[str], URL] = lru_cache(256)(self._new_url)

    def _new_url(self, text: str) -> URL:
        path = text[self._path_start :]
        if _is_plain_path(path):  # such a path is not parsed again
            return self._address.with_path(path, encoded=True)
        return URL(text, encoded=True)


def _text(name: str, value: Any) -> str:
    """Return the text of one value of the parameter *name*."""
    if isinstance(value, str):
        return str.__str__(value)  # the value of a member of an Enum
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | UUID):
        return str(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"{name}: a datetime needs a time zone, as in UTC")
        return value.isoformat()
    if isinstance(value, Mapping):
        return _mapping_text(name, value)
    raise TypeError(
        f"{name}: {type(value).__name__} is no type of a query; use a text, a number,"
        " a bool, a datetime, the dict of an object, or a list of these"
    )


def _mapping_text(name: str, value: Mapping[str, Any]) -> str:
    # Here, because the table takes long to build, and few requests select by labels.
    from ..wire.service_fields import BY_NAME, Kind  # noqa: PLC0415

    field = BY_NAME.get(name)
    if field is not None and field.kind is Kind.LABELS:
        return wire.dumps(dict(value)).decode()
    uri = value.get("resource_uri")
    if not isinstance(uri, str) or not uri:
        raise ValueError(f"{name}: the dict has no resource_uri")
    return uri
