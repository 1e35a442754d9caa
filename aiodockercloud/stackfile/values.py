"""Readers of the values of a stack file, one function per form.

A value is the text of the file, or has the type that another YAML parser gave it. An
invalid value raises a ``ValueError`` whose message states what is allowed. No message
has a value of ``environment`` or ``labels``, which may be a secret.

Source: Docker Cloud stack file reference.
"""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

from ..wire.service_fields import BY_NAME, LEAST_MEMORY

_T = TypeVar("_T")
Reader = Callable[[Any], Any]


# --- scalars and lists ------------------------------------------------------------


def _kind(value: Any) -> str:
    if value is None:
        return "empty"
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, list | tuple) else "text or a number"


def _rendered(value: Any) -> str:
    return str(value) if len(str(value)) <= 60 else f"{str(value)[:60]}…"


def text_of(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise ValueError(f"must be one text, not {_kind(value)}")


def filled(value: Any) -> str:
    text = text_of(value).strip()
    if not text:
        raise ValueError("must not be empty")
    return text


def items_of(value: Any) -> list[Any]:
    """Return the items; a single text or number is a list of one item."""
    if isinstance(value, list | tuple):
        return list(value)
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return [value]
    raise ValueError(f"must be a list, not {_kind(value)}")


def each(read: Callable[[Any], _T]) -> Callable[[Any], list[_T]]:
    """Return a reader of lists, given the reader of one item."""

    def convert(value: Any) -> list[_T]:
        found = []
        for number, item in enumerate(items_of(value), 1):
            try:
                if isinstance(item, Mapping):
                    # "- 80: 80" is a mapping to YAML, "- 80:80" is not.
                    raise ValueError(
                        "is a mapping; put quotes around the item, or write no"
                        " space after the colon"
                    )
                found.append(read(item))
            except ValueError as exc:
                raise ValueError(f"item {number} of the list: {exc}") from None
        return found

    return convert


def command(value: Any) -> str:
    if isinstance(value, list | tuple):
        return shlex.join(each(text_of)(value))
    return text_of(value)


_BOOLS = {"true": True, "yes": True, "on": True, "1": True}
_BOOLS |= {"false": False, "no": False, "off": False, "0": False}


def boolean(value: Any) -> bool:
    try:
        return _BOOLS[text_of(value).strip().lower()]
    except KeyError:
        raise ValueError(f"{_rendered(value)} is not true or false") from None


def count(value: Any) -> int:
    text = text_of(value).strip()
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,9}", text):
        raise ValueError(f"{_rendered(value)} is not a whole number, 0 or more")
    return int(text)


def one_of(allowed: Mapping[str, str]) -> Callable[[Any], str]:
    """Return a reader of one of some words, in any case, with ``-`` or ``_``.

    Args:
        allowed: Word of the stack file → word of the API.
    """

    def plain(word: str) -> str:
        return word.strip().lower().replace("-", "_")

    by_plain = {plain(word): meaning for word, meaning in allowed.items()}
    if "no" in by_plain:  # False for a YAML 1.1 parser.
        by_plain |= dict.fromkeys(("off", "false"), by_plain["no"])

    def convert(value: Any) -> str:
        try:
            return by_plain[plain(text_of(value))]
        except KeyError:
            raise ValueError(
                f"{_rendered(value)} is not possible; allowed: {', '.join(allowed)}"
            ) from None

    return convert


_RESTARTS = {word: api for api, word in BY_NAME["autorestart"].words.items()}


def restart(value: Any) -> str:
    if re.match(r"on[-_]failure:", text_of(value).strip(), re.IGNORECASE):
        raise ValueError(
            f"{_rendered(value)}: in this key, the number of restarts cannot be"
            " limited; write on-failure, and restart_policy: {max_attempts: …}"
        )
    return one_of(_RESTARTS)(value)


_BYTES = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30}
_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([bkmg]?)b?", re.IGNORECASE)


def megabytes(value: Any, least: int = LEAST_MEMORY) -> int:
    """Return a size in MB, rounded up; a number without a unit is bytes."""
    match = _SIZE.fullmatch(text_of(value).strip())
    if match is None or isinstance(value, bool):
        raise ValueError(
            f"{_rendered(value)} is not a size; write a number and b, k, m or g,"
            " for example 128m"
        )
    number, unit = match.groups()
    size = math.ceil(Decimal(number) * _BYTES[unit.lower()] / _BYTES["m"])
    if size < least:
        bytes_meant = "" if unit else " (a number without a unit is bytes)"
        raise ValueError(
            f"{_rendered(value)} is too small{bytes_meant}; the least is {least}m"
        )
    return size


def mac_address(value: Any) -> str:
    # An unquoted address of digits only is one base-60 number for YAML 1.1 parsers.
    if not isinstance(value, str) or not re.fullmatch(
        r"[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}", value
    ):
        raise ValueError(
            f"{_rendered(value)} is not a MAC address such as 02:42:ac:11:65:43"
            " (put quotes around it)"
        )
    return value


# --- pairs: environment, labels -----------------------------------------------------


def environment_of(value: Any) -> dict[str, str | None]:
    """Return names and values of ``environment``, ``None`` for a name without a value.

    ``environment`` is a mapping, a list of ``K=V``, ``K`` and one-pair mappings, or one
    such text. The last value of a name wins.

    Raises:
        ValueError: The value has another form. The message has no value of a variable.
    """
    if isinstance(value, Mapping):
        return dict(_pair(key, item) for key, item in value.items())
    if isinstance(value, str | int | float) and re.fullmatch(r"[^\s:=]+", str(value)):
        raise ValueError("must be a list of K=V or a mapping, not one word")
    found: dict[str, str | None] = {}
    for number, item in enumerate(items_of(value), 1):
        try:
            if isinstance(item, Mapping):
                found |= environment_of(item)
                continue
            name, equals, rest = text_of(item).partition("=")
            if not equals and re.search(r"[\s:]", name):
                raise ValueError("is neither K=V nor K")
            found |= dict([_pair(name, rest if equals else None)])
        except ValueError as exc:
            raise ValueError(f"item {number} of the list: {exc}") from None
    return found


def _pair(key: Any, value: Any) -> tuple[str, str | None]:
    name = "" if key is None else text_of(key)
    if not name:
        raise ValueError("a name is empty; allowed: a mapping, or a list of K=V or K")
    if isinstance(value, Mapping | list | tuple):
        raise ValueError(
            f"the value of {_rendered(name)} must be text, not a collection"
        )
    return name, None if value is None else text_of(value)


def environment(value: Any) -> list[dict[str, str]]:
    return [{"key": k, "value": v or ""} for k, v in environment_of(value).items()]


def labels(value: Any) -> dict[str, str]:
    return {name: text or "" for name, text in environment_of(value).items()}


def extra_hosts(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [f"{text_of(host)}:{text_of(ip)}" for host, ip in value.items()]
    return each(filled)(value)


# --- ports --------------------------------------------------------------------------

_PORT = re.compile(
    r"(?:(?P<outer>\d{1,5})(?:-(?P<outer_end>\d{1,5}))?:)?"
    r"(?P<inner>\d{1,5})(?:-(?P<inner_end>\d{1,5}))?"
    r"(?:/(?P<protocol>tcp|udp))?",
    re.IGNORECASE | re.ASCII,
)
#: Media servers publish 16384-32768, which this bound must allow.
_MOST_PORTS = 20_000


def _port_range(first: str, last: str | None) -> range:
    ports = range(int(first), int(last or first) + 1)
    if not ports or ports[0] < 1 or ports[-1] > 65535:
        written = first if last is None else f"{first}-{last}"
        raise ValueError(f"{written}: a port is 1 to 65535, a range goes upwards")
    return ports


def _port(value: Any, published: bool) -> list[dict[str, Any]]:
    form = '"80:8080", "80", "53:53/udp"' if published else '"80", "53/udp"'
    text = text_of(value).strip()
    if isinstance(value, int) and value > 65535:
        # A YAML 1.1 parser reads 3000:22 as a number to the base 60.
        raise ValueError(
            f"{text} is not a port; put quotes around a pair of ports, as in {form}"
        )
    match = _PORT.fullmatch(text)
    if match is None and (text.count(":") > 1 or re.search(r"\..*:", text)):
        raise ValueError(
            f"{_rendered(text)}: a host address cannot be chosen, ports are published"
            f" on all addresses of the node; allowed: {form}"
        )
    if match is None or (match["outer"] and not published):
        raise ValueError(f"{_rendered(text)} is not a port; allowed: {form}")
    inner = _port_range(match["inner"], match["inner_end"])
    outer: Iterable[int | None] = [None] * len(inner)
    if match["outer"]:
        outer = _port_range(match["outer"], match["outer_end"])
        if len(outer) != len(inner):
            raise ValueError(f"{text}: the two ranges have different lengths")
    return [
        {
            "protocol": (match["protocol"] or "tcp").lower(),
            "inner_port": inside,
            "outer_port": outside,
            "published": published,
        }
        for inside, outside in zip(inner, outer, strict=True)
    ]


def ports(published: bool) -> Reader:
    def convert(value: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []

        def add(item: Any) -> None:
            found.extend(_port(item, published))
            if len(found) > _MOST_PORTS:
                raise ValueError(f"a service has at most {_MOST_PORTS} ports")

        each(add)(value)
        return found

    return convert


def settle_ports(ports: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return each port once; a port both exposed and published is published."""
    distinct = {
        (
            port["inner_port"],
            port.get("protocol") or "tcp",
            port.get("outer_port"),
            bool(port.get("published")),
        ): port
        for port in ports
    }
    published = {key[:2] for key in distinct if key[3]}
    return [
        port for key, port in distinct.items() if key[3] or key[:2] not in published
    ]


# --- links and volumes --------------------------------------------------------------

_LINK = re.compile(r"([\w-]+(?:\.[\w-]+)*)(?::([\w.-]+))?", re.ASCII)


def link(value: Any) -> dict[str, str]:
    match = _LINK.fullmatch(filled(value))
    if match is None:
        raise ValueError(
            f"{_rendered(value)} is not a link; allowed: service, service:alias,"
            " service.stack:alias"
        )
    target, alias = match.groups()
    return {"to_service": target, "name": alias or target.partition(".")[0]}


def volume(value: Any) -> dict[str, Any]:
    text = filled(value)
    *paths, mode = text.split(":")
    if mode not in ("ro", "rw") or not paths:
        paths, mode = [*paths, mode], "rw"
    host, inside = paths if len(paths) == 2 else (None, paths[0])
    if host is not None and not host.startswith("/"):
        if not host:
            why = "the path on the node is empty (a variable that is not set?)"
        elif host[0] in ".~":
            why = (
                "a path on the node begins with /, there is no directory to start from"
            )
        else:
            why = (
                f"named volumes do not exist in this form; write {inside} for a volume"
                f" of the container, /path:{inside} for a directory of the node, or"
                f" {{volume_name: {host}, container_path: {inside}}} for a volume that"
                " all containers of a node share"
            )
        raise ValueError(f"{_rendered(text)}: {why}")
    if len(paths) > 2 or not inside.startswith("/"):
        raise ValueError(
            f"{_rendered(text)} is not a volume; allowed: /path, /host/path:/path, with"
            " :ro or :rw behind it"
        )
    return {"host_path": host, "container_path": inside, "rewritable": mode == "rw"}


def volumes_from(value: Any) -> dict[str, Any]:
    match = _LINK.fullmatch(filled(value))
    if match is None or match[2] not in (None, "ro", "rw"):
        raise ValueError(
            f"{_rendered(value)} is not possible; allowed: service, service:ro,"
            " service:rw, service.stack"
        )
    return {"volumes_from": match[1], "rewritable": match[2] != "ro"}


def tags(value: Any) -> list[Any]:
    # The API's own form, {"name": …}, has the same key.
    if isinstance(value, list) and any(isinstance(tag, Mapping) for tag in value):
        return value
    return [{"name": name} for name in each(filled)(value)]
