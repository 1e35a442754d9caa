"""Checks of the values that start a server, as options and as arguments.

Each function returns the value, and raises a ``ValueError`` of one line that shows the
value and the form that is allowed. No I/O.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from .redaction import redact

__all__ = [
    "directory",
    "docker_url",
    "domain",
    "duration",
    "host",
    "http_url",
    "nodes",
    "port",
    "user",
]

_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?")
_LONGEST_NAME = 253
_LAST_PORT = 65_535
_MOST_NODES = 10_000


def port(value: int) -> int:
    """Return the number of a TCP port; 0 stands for a free port.

    Raises:
        ValueError: The number is not between 0 and 65535.
    """
    if not 0 <= value <= _LAST_PORT:
        raise ValueError(f"{value} is not a port: a number from 0 to {_LAST_PORT}")
    return value


def nodes(value: int) -> int:
    """Return a number of nodes, 0 or more.

    Raises:
        ValueError: The number is negative or above 10,000.
    """
    if not 0 <= value <= _MOST_NODES:
        raise ValueError(f"{value} is not possible: a number from 0 to {_MOST_NODES}")
    return value


def duration(value: float) -> float:
    """Return a number of seconds above 0.

    Raises:
        ValueError: The number is 0, negative, infinite or not a number.
    """
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{value} is not a duration: a number of seconds above 0")
    return value


def host(value: str) -> str:
    """Return an address to listen on: IPv4, IPv6 without brackets, or a host name.

    Raises:
        ValueError: The text is none of these.
    """
    if _is_host(value):
        return value
    raise ValueError(
        f"{value!r} is not a host: an IPv4 address, an IPv6 address or a host name"
    )


def domain(value: str) -> str:
    """Return the name of a domain, or an empty text.

    Raises:
        ValueError: The text cannot be the end of a DNS name.
    """
    if not value or (_is_name(value) and not value.endswith(".")):
        return value
    raise ValueError(f"{value!r} is not a domain: a name such as example.com")


def http_url(value: str) -> str:
    """Return the address of a server, ``http://HOST[:PORT]`` or ``https://…``.

    Raises:
        ValueError: The text is another URL, or contains credentials, a query or a
            fragment. The message does not repeat a text with credentials.
    """
    form = "an address such as http://HOST:PORT or https://HOST"
    if "@" in value:
        raise ValueError(f"the URL must not contain credentials: {form}")
    if not _is_url(value, ("http", "https")):
        raise ValueError(f"{value!r} is not a URL: {form}")
    return value


def docker_url(value: str) -> str:
    """Return the address of a Docker Engine, as ``DOCKER_HOST`` has it.

    Raises:
        ValueError: The text is no such address. The message contains no password.
    """
    scheme, _, path = value.partition("://")
    if scheme == "unix" and path.startswith("/") and "\0" not in path:
        return value
    if _is_url(value, ("tcp", "http", "https", "ssh")):
        return value
    raise ValueError(
        f"{redact(value)!r} is not an address of Docker: tcp://HOST:PORT,"
        " https://HOST:PORT, ssh://USER@HOST or unix:///PATH"
    )


def directory(value: str | Path) -> Path:
    """Return the path of a directory, which may not exist yet.

    Raises:
        ValueError: The path is empty or contains a NUL character.
    """
    text = str(value)
    if not text or "\0" in text:
        raise ValueError(f"{text!r} is not the path of a directory")
    return Path(text)


def user(value: str) -> str:
    """Return the name of a user, as HTTP can send the name with Basic credentials.

    Raises:
        ValueError: The name is empty, or contains a colon or a control character.
    """
    if not value or ":" in value or not value.isprintable():
        raise ValueError(f"{value!r} is not a user: a name without a colon")
    return value


def _is_url(text: str, schemes: Sequence[str]) -> bool:
    """Return whether a text is SCHEME://HOST[:PORT][/PATH]."""
    try:
        parts = urlsplit(text)
        valid_port = parts.port != 0
    except ValueError:  # the port is no number, or too large
        return False
    return (
        valid_port
        and not parts.netloc.endswith(":")
        and parts.scheme in schemes
        and _is_host(parts.hostname or "")
        and not parts.query
        and not parts.fragment
        and all("!" <= letter <= "~" for letter in text)
    )


def _is_host(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        # The last label of a name is never a number: 1.2.3 and 300.1.1.1 are mistakes.
        last = text.removesuffix(".").rpartition(".")[2]
        return _is_name(text) and not last.isdigit()
    return True


def _is_name(text: str) -> bool:
    return len(text) <= _LONGEST_NAME and _NAME.fullmatch(text) is not None
