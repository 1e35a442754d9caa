"""Checks of request bodies: a table of fields, each with a parser and a default.

A parser receives the place (``container_ports[0].inner_port``) and the JSON value. The
parser returns the value to store, or raises ``BadRequest`` with the place, the mistake
and the allowed values. Each resource has a table of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ... import wire
from ...exceptions import BadRequest, ConflictError
from ...wire.images import ImageName
from .readonly import ReadOnly

Parser = Callable[[str, Any], Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One writable field.

    Attributes:
        parse: The parser of the field's values.
        default: The default, or a function that returns a new default per object.
    """

    parse: Parser
    default: Any = None

    def initial(self) -> Any:
        return self.default() if callable(self.default) else self.default


def read(
    body: Mapping[str, Any],
    table: Mapping[str, Field],
    *,
    read_only: ReadOnly | None = None,
    synonyms: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the checked fields of a body.

    Args:
        body: The JSON object of a request.
        table: The writable fields by name.
        read_only: The fields that no request changes, with the object's values.
        synonyms: Other spelling → the field's name.

    Raises:
        BadRequest: A field is wrong or unknown, or a read-only field has a new value.
    """
    synonyms = synonyms or {}
    read_only = read_only or ReadOnly({})
    found: dict[str, Any] = {}
    for given, value in body.items():
        name = synonyms.get(given, given)
        if name != given and name in body:
            continue  # A whole object sent back has both; the field's own name wins.
        if name in table:
            found[name] = table[name].parse(given, value)
        elif given not in read_only.instead:
            raise BadRequest(
                f"{given}: there is no such field; fields are {', '.join(table)}"
            )
    for given in (key for key in body if key in read_only.instead):
        if not (
            read_only.accepts(given, body[given], body)
            or _is_written(given, body[given], table, found, read_only)
        ):
            raise read_only.refusal(given)
    return found


def _is_written(
    place: str,
    value: Any,
    table: Mapping[str, Field],
    found: Mapping[str, Any],
    read_only: ReadOnly,
) -> bool:
    """Return whether the writable counterpart gives a read-only field this value.

    ``image_name`` may be the ``image`` of the same body, and may lack the tag.
    """
    twin = read_only.instead[place]
    if twin not in table:
        return False
    try:
        parsed = table[twin].parse(place, value)
    except BadRequest:
        return False
    return parsed in (found.get(twin), read_only.current.get(place))


def duplicated_name(kind: str, name: str) -> ConflictError:
    """Return the error for a name that another object has.

    Programs search the text for "Duplicated name", the hosted API's wording.
    """
    return ConflictError(f"name: there is a {kind} {name!r} already (Duplicated name)")


def defaults(table: Mapping[str, Field]) -> dict[str, Any]:
    return {name: field.initial() for name, field in table.items()}


# --- parsers ------------------------------------------------------------------------


def text(place: str, value: Any) -> str:
    if not isinstance(value, str):
        raise BadRequest(f"{place}: must be a text, not {rendered(value)}")
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
    """Parse a boolean, ``null`` (false), or a word of stack files."""
    words = {"true": True, "yes": True, "false": False, "no": False, "": False}
    if value is None or isinstance(value, bool):
        return bool(value)
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    raise BadRequest(f"{place}: must be true or false, not {rendered(value)}")


def integer(minimum: int, maximum: int, *, unit: str = "") -> Parser:
    """Return a parser of whole numbers, also as text, which the CLI sends."""
    allowed = f"a whole number from {minimum} to {maximum}{unit}"

    def parse(place: str, value: Any) -> int:
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value.strip()):
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise BadRequest(f"{place}: must be {allowed}, not {rendered(value)}")
        if not minimum <= value <= maximum:
            raise BadRequest(f"{place}: must be {allowed}, not {rendered(value)}")
        return value

    return parse


def optional(parse: Parser, *, unset: Collection[Any] = (None,)) -> Parser:
    """Return a parser that gives ``None`` for each of *unset*, else uses *parse*."""

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
    """Return a parser of *words*, in any case; stack files have ``-`` for ``_``."""
    spelled = {word.lower().replace("_", "-"): word for word in words}

    def parse(place: str, value: Any) -> str:
        if isinstance(value, str):
            word = spelled.get(value.strip().lower().replace("_", "-"))
            if word is not None:
                return word
        raise BadRequest(
            f"{place}: must be one of {', '.join(words)}, not {rendered(value)}"
        )

    return parse


def listing(parse: Parser, *, limit: int = 1000) -> Parser:
    """Return a parser of lists of *parse*'s values; ``null`` is the empty list."""

    def parse_all(place: str, value: Any) -> list[Any]:
        if value is None:
            return []
        if not isinstance(value, list):
            raise BadRequest(f"{place}: must be a list, not {rendered(value)}")
        if len(value) > limit:
            raise BadRequest(f"{place}: must have at most {limit} elements")
        return [parse(f"{place}[{i}]", element) for i, element in enumerate(value)]

    return parse_all


def reader(read: Callable[[Any], Any]) -> Parser:
    """Return a parser from a reader of stack files, which accepts the API's form."""

    def parse(place: str, value: Any) -> Any:
        try:
            return read(value)
        except ValueError as error:
            # A message that begins with a key continues the place.
            nested = re.match(r"[a-z_]+: ", str(error))
            raise BadRequest(f"{place}{'.' if nested else ': '}{error}") from None

    return parse


def mapping(place: str, value: Any, example: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        such = f" such as {example}" if example else ""
        raise BadRequest(f"{place}: must be an object{such}, not {rendered(value)}")
    return value


def labels(place: str, value: Any) -> dict[str, str]:
    """Parse ``{"key": "value"}``, or the list form ``["key=value", "key"]``."""
    if value is None:
        return {}
    if isinstance(value, list):
        pairs = (text(place, item).partition("=") for item in value)
        return {key: val for key, _, val in pairs}
    return {
        text(place, key): text(f"{place}.{key}", "" if val is None else val)
        for key, val in mapping(place, value).items()
    }


NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_KINDS = frozenset(wire.SUBSYSTEMS)
STACK_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


def namespace(place: str, value: Any) -> str:
    """Parse the name of a user or an organisation, which stands in paths."""
    found = required_text(place, value)
    if not NAME.fullmatch(found) or found in _KINDS:
        raise BadRequest(
            f"{place}: must have at most 63 letters, digits, _, . and -, begin with a"
            f" letter or digit, and not be the name of a kind, not {rendered(value)}"
        )
    return found


def name(place: str, value: Any) -> str:
    """Parse the name of a service, a part of host names and of variables."""
    if NAME.fullmatch(required_text(place, value).strip()):
        return str(value).strip()
    raise BadRequest(
        f"{place}: must be letters, digits, -, _ and ., at most 63, beginning with a"
        f" letter or digit, not {rendered(value)}"
    )


def stack_name(place: str, value: Any) -> str:
    if STACK_NAME.fullmatch(required_text(place, value).strip()):
        return str(value).strip()
    raise BadRequest(
        f"{place}: must be letters, digits, -, _ and ., at most 128, beginning with a"
        f" letter or digit, not {rendered(value)}"
    )


def image(place: str, value: Any) -> str:
    """Parse the name of an image; a name without a tag gets ``latest``."""
    # ``app:${TAG}`` of a stack file in which TAG is not set.
    wanted = required_text(place, value).removesuffix(":")
    try:
        return str(ImageName.parse(wanted).with_tag())
    except ValueError:
        raise BadRequest(
            f"{place}: must be an image as docker writes it, [host/]name[:tag],"
            f" not {rendered(value)}"
        ) from None


def tag(place: str, value: Any) -> str:
    """Parse ``{"name": "x"}``, or plain ``"x"``, which the Go client sends."""
    if isinstance(value, dict):
        place, value = f"{place}.name", value.get("name")
    return required_text(place, value)


def unknown(item: Mapping[str, Any], *known: str) -> str:
    """Return an unknown key of a nested object, an empty text if there is none.

    A key without a value passes, like an empty filter: the structs of the Go clients
    have keys that the API does not have.
    """
    given = {key for key, value in item.items() if value not in (None, "", [], {})}
    return min(given - {*known}, default="")


def rendered(value: Any) -> str:
    """Return a refused value for a message: short, and never a whole structure."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    rendered = repr(value)
    return rendered if len(rendered) <= 60 else f"{rendered[:57]}…"
