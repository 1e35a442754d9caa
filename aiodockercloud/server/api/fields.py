"""Checks of request bodies: a table of fields, each with a parser and a default.

A parser gets the place (``container_ports[0].inner_port``) and the JSON value, and
returns the value as it is kept, or raises ``BadRequest`` saying what is wrong there and
what is allowed. The tables themselves stand with their resources.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ...exceptions import BadRequest
from ...wire.images import ImageName

Parser = Callable[[str, Any], Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One writable field. ``default`` is made anew for each object when callable."""

    parse: Parser
    default: Any = None

    def initial(self) -> Any:
        return self.default() if callable(self.default) else self.default


def read(
    body: Mapping[str, Any],
    table: Mapping[str, Field],
    *,
    ignored: Collection[str] = (),
    synonyms: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The fields of *body*, checked; unknown ones are refused by name.

    Args:
        ignored: Fields that real clients send back although they are read-only.
        synonyms: Other spelling → the field's name.
    """
    synonyms = synonyms or {}
    found: dict[str, Any] = {}
    for given, value in body.items():
        name = synonyms.get(given, given)
        if name != given and name in body:
            continue  # a whole object sent back has both; its own name counts
        if name in table:
            found[name] = table[name].parse(given, value)
        elif given not in ignored:
            raise BadRequest(
                f"{given}: there is no such field; fields are {', '.join(table)}"
            )
    return found


def defaults(table: Mapping[str, Field]) -> dict[str, Any]:
    return {name: field.initial() for name, field in table.items()}


# --- parsers ------------------------------------------------------------------------


def text(place: str, value: Any) -> str:
    if not isinstance(value, str):
        raise BadRequest(f"{place}: must be a text, not {_rendered(value)}")
    if "\0" in value:
        raise BadRequest(f"{place}: must not contain NUL characters")
    if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
        raise BadRequest(f"{place}: must not contain lone surrogates")
    return value


def required_text(place: str, value: Any) -> str:
    stripped = text(place, value).strip()
    if not stripped:
        raise BadRequest(f"{place}: must not be empty")
    return stripped


def optional_text(place: str, value: Any) -> str | None:
    return None if value is None else text(place, value)


def flag(place: str, value: Any) -> bool:
    """A boolean; ``null`` is false, and the words of stack files are taken."""
    words = {"true": True, "yes": True, "false": False, "no": False, "": False}
    if value is None or isinstance(value, bool):
        return bool(value)
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    raise BadRequest(f"{place}: must be true or false, not {_rendered(value)}")


def integer(minimum: int, maximum: int, *, unit: str = "") -> Parser:
    """A whole number within bounds; a text of digits counts, as the CLI sends them."""
    allowed = f"a whole number from {minimum} to {maximum}{unit}"

    def parse(place: str, value: Any) -> int:
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value.strip()):
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise BadRequest(f"{place}: must be {allowed}, not {_rendered(value)}")
        if not minimum <= value <= maximum:
            raise BadRequest(f"{place}: must be {allowed}, not {_rendered(value)}")
        return value

    return parse


def optional(parse: Parser, *, unset: Collection[Any] = (None,)) -> Parser:
    """``None`` for the values that mean "not set", else what *parse* makes of it."""

    def parse_or_none(place: str, value: Any) -> Any:
        for nothing in unset:
            if value is nothing or (
                value == nothing
                and isinstance(value, bool) == isinstance(nothing, bool)
            ):
                return None
        return parse(place, value)

    return parse_or_none


def choice(*words: str) -> Parser:
    """One of *words*, in any case and with ``-`` for ``_``, as stack files have it."""
    spelled = {word.lower().replace("_", "-"): word for word in words}

    def parse(place: str, value: Any) -> str:
        if isinstance(value, str):
            word = spelled.get(value.strip().lower().replace("_", "-"))
            if word is not None:
                return word
        raise BadRequest(
            f"{place}: must be one of {', '.join(words)}, not {_rendered(value)}"
        )

    return parse


def listing(parse: Parser, *, limit: int = 1000) -> Parser:
    """A list whose elements *parse* reads; ``null`` is the empty list."""

    def parse_all(place: str, value: Any) -> list[Any]:
        if value is None:
            return []
        if not isinstance(value, list):
            raise BadRequest(f"{place}: must be a list, not {_rendered(value)}")
        if len(value) > limit:
            raise BadRequest(f"{place}: must have at most {limit} elements")
        return [parse(f"{place}[{i}]", element) for i, element in enumerate(value)]

    return parse_all


def mapping(place: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadRequest(f"{place}: must be an object, not {_rendered(value)}")
    return value


def labels(place: str, value: Any) -> dict[str, str]:
    """``{"key": "value"}``, or the list form ``["key=value", "key"]``."""
    if value is None:
        return {}
    if isinstance(value, list):
        pairs = (text(place, item).partition("=") for item in value)
        return {key: val for key, _, val in pairs}
    return {
        text(place, key): text(f"{place}.{key}", "" if val is None else val)
        for key, val in mapping(place, value).items()
    }


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_STACK_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


def name(place: str, value: Any) -> str:
    """A name of services: it becomes part of host names and variables."""
    if _NAME.fullmatch(required_text(place, value).strip()):
        return str(value).strip()
    raise BadRequest(
        f"{place}: must be letters, digits, -, _ and ., at most 63, beginning with a"
        f" letter or digit, not {_rendered(value)}"
    )


def stack_name(place: str, value: Any) -> str:
    if _STACK_NAME.fullmatch(required_text(place, value).strip()):
        return str(value).strip()
    raise BadRequest(
        f"{place}: must be letters, digits, -, _ and ., at most 128, beginning with a"
        f" letter or digit, not {_rendered(value)}"
    )


def image(place: str, value: Any) -> str:
    """``name[:tag]`` as docker writes it; ``latest`` is added where no tag is."""
    # ``app:${TAG}`` of a stack file where TAG is not set.
    wanted = required_text(place, value).removesuffix(":")
    try:
        return str(ImageName.parse(wanted).with_tag())
    except ValueError:
        raise BadRequest(
            f"{place}: must be an image as docker writes it, [host/]name[:tag],"
            f" not {_rendered(value)}"
        ) from None


def tag(place: str, value: Any) -> str:
    """``{"name": "x"}``, or plain ``"x"`` as the Go client sends it."""
    if isinstance(value, dict):
        place, value = f"{place}.name", value.get("name")
    return required_text(place, value)


def envvar(place: str, value: Any) -> dict[str, str]:
    """``{"key": …, "value": …}``; numbers and booleans as values become texts."""
    if not isinstance(value, dict):
        # Without the value, which may be a secret.
        raise BadRequest(f"{place}: must be an object with key and value")
    item = value
    unknown = set(item) - {"key", "value", "origin"}
    if unknown:
        raise BadRequest(f"{place}: must have key and value, not {min(unknown)}")
    key = required_text(f"{place}.key", item.get("key"))
    if "=" in key:
        raise BadRequest(f"{place}.key: must not contain =")
    content = item.get("value")
    if content is None:
        content = ""
    if isinstance(content, bool):
        content = "true" if content else "false"
    if isinstance(content, int | float):
        content = str(content)
    return {"key": key, "value": text(f"{place}.value", content)}


def envvars(place: str, value: Any) -> list[dict[str, str]]:
    """A list of variables; the last of a key wins."""
    if isinstance(value, str):
        raise BadRequest(f"{place}: must be a list of objects with key and value")
    by_key = {item["key"]: item for item in listing(envvar)(place, value)}
    return list(by_key.values())


_PORT = integer(1, 65535)


def port(place: str, value: Any) -> dict[str, Any]:
    """One of ``container_ports``. An outer port of 0 is none, as the Go client means
    it, and a real one implies that the port is published."""
    item = mapping(place, value)
    known = {"protocol", "inner_port", "outer_port", "published"}
    rendered = {"port_name", "uri_protocol", "endpoint_uri", "container"}
    if unknown := set(item) - known - rendered:
        raise BadRequest(
            f"{place}: there is no field {min(unknown)}; fields are"
            f" {', '.join(sorted(known))}"
        )
    if item.get("inner_port") is None:
        raise BadRequest(f"{place}.inner_port: is missing, give 1 to 65535")
    outer = optional(_PORT, unset=(None, 0, "0", ""))(
        f"{place}.outer_port", item.get("outer_port")
    )
    return {
        "protocol": choice("tcp", "udp")(
            f"{place}.protocol", item.get("protocol") or "tcp"
        ),
        "inner_port": _PORT(f"{place}.inner_port", item["inner_port"]),
        "outer_port": outer,
        "published": flag(f"{place}.published", item.get("published"))
        or outer is not None,
    }


_LINK_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")


def _link_name(place: str, value: Any) -> str:
    alias = required_text(place, value)
    if not _LINK_NAME.fullmatch(alias):
        # It becomes part of the names of variables.
        raise BadRequest(
            f"{place}: must be letters, digits, -, _ and ., at most 128, not"
            f" {_rendered(value)}"
        )
    return alias


def link(place: str, value: Any) -> dict[str, Any]:
    """``{"to_service": URI, uuid or name, "name": alias}``; resolved elsewhere."""
    item = mapping(place, value)
    if unknown := set(item) - {"to_service", "name", "from_service"}:
        raise BadRequest(
            f"{place}: there is no field {min(unknown)}; fields are to_service, name"
        )
    return {
        "to_service": required_text(f"{place}.to_service", item.get("to_service")),
        "name": optional(_link_name, unset=(None, ""))(
            f"{place}.name", item.get("name")
        ),
    }


def binding(place: str, value: Any) -> dict[str, Any]:
    """A volume: ``container_path`` with or without ``host_path``, or
    ``volumes_from`` another service."""
    item = mapping(place, value)
    known = ("host_path", "container_path", "rewritable", "volumes_from")
    if unknown := set(item) - {*known, "volume"}:
        raise BadRequest(
            f"{place}: there is no field {min(unknown)}; fields are {', '.join(known)}"
        )
    paths = {
        key: optional(required_text, unset=(None, ""))(f"{place}.{key}", item.get(key))
        for key in ("host_path", "container_path", "volumes_from")
    }
    if (paths["volumes_from"] is None) == (paths["container_path"] is None):
        raise BadRequest(f"{place}: must have either container_path or volumes_from")
    if paths["volumes_from"] is not None and paths["host_path"] is not None:
        raise BadRequest(f"{place}: volumes_from takes no host_path")
    for key in ("host_path", "container_path"):
        if paths[key] is not None and not paths[key].startswith("/"):
            raise BadRequest(f"{place}.{key}: must be an absolute path")
    rewritable = item.get("rewritable")
    return {
        "host_path": paths["host_path"],
        "container_path": paths["container_path"],
        "rewritable": True
        if rewritable is None
        else flag(f"{place}.rewritable", rewritable),
        "volumes_from": paths["volumes_from"],
    }


def _rendered(value: Any) -> str:
    """A refused value as it may be shown: short, and never a whole structure."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    rendered = repr(value)
    return rendered if len(rendered) <= 60 else f"{rendered[:57]}…"
