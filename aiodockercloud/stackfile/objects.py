"""Readers of values that the table of service fields describes part by part.

The API and stack files share the readers: a number may be a text, a duration and a size
may have a unit, and an object of a list may be one text, as docker writes the object.
An invalid value raises a ``ValueError`` whose message begins with the name of the part.

Source: Docker Engine API 1.49, "ServiceUpdate"; Compose file reference; the options of
``docker service create``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ..wire.field_kinds import Kind, Part
from ..wire.values import parse_duration
from . import values

__all__ = ["reader_of", "with_json_types"]


def reader_of(row: Part) -> values.Reader:
    """Return the reader of a field of one of the kinds of this module.

    :meta private:
    """
    match row.kind:
        case Kind.OBJECT:
            return lambda value: _object(row, value)
        case Kind.OBJECTS:
            return lambda value: _objects(row, value)
        case Kind.PAIRS:
            return _pairs
        case Kind.DURATION:
            return lambda value: _unset(row, value, _duration)
        case Kind.NUMBER:
            return lambda value: _unset(row, value, _number)
        case Kind.INTEGER:
            return lambda value: _unset(row, value, _whole)
        case Kind.MEGABYTES:
            return lambda value: _unset(row, value, _size)
        case Kind.TEXTS:
            return values.each(lambda value: _text(row, value))
        case Kind.TEXT:
            return lambda value: _text(row, value) if row.required or value else None
        case kind:
            raise AssertionError(f"{kind} has another reader")


# --- objects ------------------------------------------------------------------------


def _object(row: Part, value: Any) -> dict[str, Any] | None:
    """Return an object with every part, ``None`` for an empty object."""
    if not isinstance(value, Mapping):
        raise ValueError(f"must be an object with {_names(row)}")
    value = _renamed(row, value)
    found: dict[str, Any] = {}
    for name in value:
        if name not in {part.name for part in row.parts}:
            instead = _INSTEAD.get((row.name, name))
            why = f"; {instead}" if instead else ""
            raise ValueError(f"{name}: there is no such key{why}; keys: {_names(row)}")
    for part in row.parts:
        item = value.get(part.name)
        if item is None or (item in ("", [], {}) and not part.required):
            if part.required:
                raise ValueError(f"{part.name}: is missing")
            found[part.name] = part.initial()
            continue
        try:
            found[part.name] = reader_of(part)(item)
        except ValueError as error:
            raise ValueError(f"{part.name}: {error}") from None
    return found if value else None


def _objects(row: Part, value: Any) -> list[dict[str, Any]]:
    if isinstance(value, Mapping):
        if row.name not in _MAPPINGS:
            raise ValueError(f"must be a list of objects with {_names(row)}")
        value = [
            {"name": name, **_MAPPINGS[row.name](item)} for name, item in value.items()
        ]
    found = []
    for number, item in enumerate(values.items_of(value), 1):
        try:
            if not isinstance(item, Mapping):
                item = _from_text(row, values.filled(item))
            if (one := _object(row, item)) is None:
                raise ValueError(f"must be an object with {_names(row)}")
        except ValueError as error:
            raise ValueError(f"item {number} of the list: {error}") from None
        found.append(one)
    return found


def _from_text(row: Part, text: str) -> Mapping[str, Any]:
    found = _TEXTS[row.name](text)
    if found is None:
        raise ValueError(f"{text[:60]} is not {row.short}")
    return found


def _names(row: Part) -> str:
    return ", ".join(part.name for part in row.parts)


#: Other names of keys: those of Compose.
_RENAMED = {("log_driver", "driver"): "name", ("tmpfs", "target"): "container_path"}
#: Keys of Compose without a counterpart here → what to use.
_INSTEAD = {("restart_policy", "condition"): "the condition is the field autorestart"}


def _renamed(row: Part, value: Mapping[str, Any]) -> Mapping[str, Any]:
    if row.name == "generic_resources" and len(value) == 1:
        (inner,) = value.values()  # "discrete_resource_spec" of Compose
        if isinstance(inner, Mapping):
            value = inner
    return {_RENAMED.get((row.name, key), key): item for key, item in value.items()}


def _ulimit(value: Any) -> Mapping[str, Any]:
    """Return a limit of Compose: one number, or a mapping of soft and hard."""
    return value if isinstance(value, Mapping) else {"soft": value, "hard": value}


def _network(value: Any) -> Mapping[str, Any]:
    """Return the options of a network of Compose: a mapping, or nothing."""
    if value is None or isinstance(value, Mapping):
        return value or {}
    raise ValueError("the options of a network must be a mapping")


#: Fields whose list may be a mapping of the names → the reader of a value.
_MAPPINGS: Mapping[str, Callable[[Any], Mapping[str, Any]]] = {
    "networks": _network,
    "ulimits": _ulimit,
}


def _groups(expression: str) -> Callable[[str], Mapping[str, Any] | None]:
    compiled = re.compile(expression)

    def read(text: str) -> Mapping[str, Any] | None:
        match = compiled.fullmatch(text)
        return None if match is None else match.groupdict()

    return read


def _tmpfs(text: str) -> Mapping[str, Any] | None:
    """Return a mount of ``docker run --tmpfs``, whose plain sizes are bytes."""
    path, _, options = text.partition(":")
    found: dict[str, Any] = {"container_path": path}
    for option in filter(None, options.split(",")):
        name, _, value = option.partition("=")
        if name not in ("size", "mode") or not value:
            return None
        found[name] = f"{value}b" if name == "size" and value.isdigit() else value
    return found


_TEXTS: Mapping[str, Callable[[str], Mapping[str, Any] | None]] = {
    "generic_resources": _groups(r"(?P<kind>[^=]+)=(?P<value>[^=]+)"),
    "networks": _groups(r"(?P<name>.+)"),
    "platforms": _groups(r"(?P<os>[^/]+)(?:/(?P<architecture>.+))?"),
    "preferences": _groups(r"spread=(?P<spread>.+)"),
    "tmpfs": _tmpfs,
    "ulimits": _groups(r"(?P<name>[a-z]+)=(?P<soft>-?[0-9]+)(?::(?P<hard>-?[0-9]+))?"),
}


def _pairs(value: Any) -> dict[str, str]:
    if isinstance(value, Mapping):
        return {
            values.filled(key): "" if item is None else values.text_of(item)
            for key, item in value.items()
        }
    found = {}
    for item in values.each(values.filled)(value):
        name, equals, text = item.partition("=")
        if not name or not equals:
            raise ValueError(f"{item[:60]} is not name=value")
        found[name] = text
    return found


# --- scalars ------------------------------------------------------------------------


def _unset(row: Part, value: Any, read: Callable[[Part, Any], Any]) -> Any:
    if value in (None, "") or (row.may_be_unset and value in (0, "0")):
        return row.default
    return read(row, value)


def _text(row: Part, value: Any) -> str:
    text = values.filled(value)
    if row.pattern and not re.fullmatch(row.pattern.expression, text):
        raise ValueError(f"{text[:60]!r} is not {row.pattern.words}")
    return text


def _within(row: Part, value: Any, found: float, unit: str = "") -> Any:
    least, most = row.bounds
    if isinstance(value, bool) or not least <= found <= most:
        raise ValueError(f"must be from {least:.15g} to {most:.15g}{unit}, not {value}")
    return int(found) if found == int(found) else found


def _duration(row: Part, value: Any) -> Any:
    return _within(row, value, parse_duration(value), " seconds")


def _number(row: Part, value: Any) -> Any:
    text = values.text_of(value).strip()
    if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,9})?", text):
        raise ValueError(f"{text[:60]!r} is not a number, such as 0.5")
    return _within(row, value, float(text))


def _whole(row: Part, value: Any) -> Any:
    text = values.text_of(value).strip().removesuffix(".0")
    if not re.fullmatch(r"-?[0-9]{1,19}", text):
        raise ValueError(f"{text[:60]!r} is not a whole number")
    return _within(row, value, int(text))


def _size(row: Part, value: Any) -> Any:
    """Return a size in MB; a plain number is in MB."""
    text = values.text_of(value).strip()
    plain = re.fullmatch(r"[0-9]{1,12}", text)
    return _within(row, value, int(text) if plain else values.megabytes(text, 1), " MB")


# --- objects of any form ------------------------------------------------------------

#: Keys of Docker's JSON whose values are texts, whatever a value looks like.
_TEXTS_BELOW = frozenset({"Labels", "Options", "DriverOpts", "Sysctls"})


def with_json_types(value: Any) -> Any:
    """Return the value of ``swarm`` in a stack file with the types of Docker's JSON.

    A stack file has texts only: ``true`` and ``5`` become a boolean and a number,
    except in mappings such as ``Labels``, whose values are texts in Docker's JSON.
    """
    if isinstance(value, Mapping):
        return {
            str(key): item if key in _TEXTS_BELOW else with_json_types(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [with_json_types(item) for item in value]
    if value in ("true", "false"):
        return value == "true"
    if isinstance(value, str) and re.fullmatch(r"-?(0|[1-9][0-9]{0,18})", value):
        return int(value)
    return value
