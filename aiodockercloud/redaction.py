"""Redaction of secrets in URLs, headers and error messages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from urllib.parse import urlsplit, urlunsplit

__all__ = ["redact", "redact_headers", "redact_text"]

_HIDDEN = r"\1***"

#: Parameters of a query that hold credentials, or a command that may contain some.
_PARAMETERS = "(?:user|token|auth|apikey|command)="
_SCHEMES = "(?:Basic|Bearer|ApiKey)"

_SECRET_QUERY = re.compile(rf"(?<![^?&])({_PARAMETERS})[^&]*")
_TRIGGER = re.compile(r"(/(?:trigger|webhook/handler)/)[^/?#\s'\"]+")

_SECRET_HEADERS = frozenset(
    {
        *("authorization", "proxy-authorization", "x-registry-auth"),
        *("cookie", "set-cookie"),
    }
)


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return the patterns of secrets in a text, each with the replacement.

    They are compiled for the first text, because most programs redact none.
    """
    return (
        # The user and password of a URL.
        (re.compile(r"(://)[^\s/?#'\"]*@"), r"\1"),
        (re.compile(rf"([?&]{_PARAMETERS})[^&\s'\"]+"), _HIDDEN),
        (_TRIGGER, _HIDDEN),
        # A header with a value; "send Authorization: Basic" has no value.
        (
            re.compile(
                rf"(\b(?:{'|'.join(sorted(_SECRET_HEADERS))})['\"]?\s*[:=]\s*['\"]?"
                rf"(?:{_SCHEMES}\s+)?)(?!{_SCHEMES}\b)[^\s'\",;]+",
                re.I,
            ),
            _HIDDEN,
        ),
        # A value without the header; "Basic authentication" is no value.
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
        # JSON, or the repr of a dict, where quotes in a value are escaped.
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
    """Return a URL without userinfo, trigger uuids, credentials and commands."""
    try:
        parts = urlsplit(str(url))
    except ValueError:
        return "(a URL that cannot be read)"
    host = parts.netloc.rpartition("@")[2]
    query = _SECRET_QUERY.sub(_HIDDEN, parts.query)
    path = _TRIGGER.sub(_HIDDEN, parts.path)
    return urlunsplit((parts.scheme, host, path, query, ""))


def redact_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers without those that carry secrets."""
    return {k: v for k, v in headers.items() if k.lower() not in _SECRET_HEADERS}


def redact_text(text: str) -> str:
    """Return a text without the parts that look like secrets.

    The origin of a text is unknown, so this is a safety net for URLs, headers, and
    values with names like password, key or token.
    """
    for pattern, replacement in _patterns():
        text = pattern.sub(replacement, text)
    return text
