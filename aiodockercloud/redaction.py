"""Hiding secrets in what people get to see: URLs, header values, error texts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

__all__ = ["redact", "redact_headers", "redact_text"]

_HIDDEN = r"\1***"

_CREDENTIALS = "(?:user|token|auth|apikey)="
_SCHEMES = "(?:Basic|Bearer|ApiKey)"

_SECRET_QUERY = re.compile(rf"(?<![^?&])({_CREDENTIALS})[^&]*")
_TRIGGER = re.compile(r"(/(?:trigger|webhook/handler)/)[^/?#\s'\"]+")

_SECRET_HEADERS = frozenset(
    {
        *("authorization", "proxy-authorization", "x-registry-auth"),
        *("cookie", "set-cookie"),
    }
)

#: What secrets look like in a text, and what is left of it.
_IN_TEXT = (
    # User and password of a URL.
    (re.compile(r"(://)[^\s/?#'\"]*@"), r"\1"),
    (re.compile(rf"([?&]{_CREDENTIALS})[^&\s'\"]+"), _HIDDEN),
    (_TRIGGER, _HIDDEN),
    # A header with its value; "send Authorization: Basic" has none.
    (
        re.compile(
            rf"(\b(?:{'|'.join(sorted(_SECRET_HEADERS))})['\"]?\s*[:=]\s*['\"]?"
            rf"(?:{_SCHEMES}\s+)?)(?!{_SCHEMES}\b)[^\s'\",;]+",
            re.I,
        ),
        _HIDDEN,
    ),
    # Only a value; "Basic authentication" is none.
    (
        re.compile(
            rf"(\b{_SCHEMES} +)"
            r"(?![A-Z]?[a-z]+(?![\w+/=:-])|realm=)[^\s'\",;]+"
        ),
        _HIDDEN,
    ),
    (
        re.compile(r"((?:passw(?:or)?d|api_?key|secret|token)=)[^\s'\"&,;]+", re.I),
        _HIDDEN,
    ),
    # JSON, or the repr of a dict; quotes in a value are escaped.
    (
        re.compile(
            r"((['\"])\w*(?:passw(?:or)?d|api_?key|secret|token|auth)\2\s*:\s*(['\"]))"
            r"(?:\\.|(?!\3).)+",
            re.I,
        ),
        _HIDDEN,
    ),
)


def redact(url: str) -> str:
    """The URL as it may be shown: no userinfo, no credentials, no trigger uuid."""
    try:
        parts = urlsplit(str(url))
    except ValueError:
        return "(a URL that cannot be read)"
    host = parts.netloc.rpartition("@")[2]
    query = _SECRET_QUERY.sub(_HIDDEN, parts.query)
    shown = _TRIGGER.sub(_HIDDEN, parts.path)
    return urlunsplit((parts.scheme, host, shown, query, ""))


def redact_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that may be shown."""
    return {k: v for k, v in headers.items() if k.lower() not in _SECRET_HEADERS}


def redact_text(text: str) -> str:
    """*text* without what looks like a secret in it.

    Texts come from anywhere, so this is a net: it knows URLs, headers, and values that
    are called passwords, keys or tokens.
    """
    for pattern, left in _IN_TEXT:
        text = pattern.sub(left, text)
    return text
