"""The checks of the fields of a service, from the table in ``wire.service_fields``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ... import stackfile
from ...exceptions import BadRequest
from ...wire.service_fields import Kind, Part
from . import fields, service_values
from .fields import (
    Parser,
    choice,
    flag,
    integer,
    listing,
    optional,
    optional_text,
)

#: Values that clients send for an unset number: the Go client 0, the CLI texts.
_UNSET = (None, 0, "", "0")
#: The deepest nesting of a value of the kind JSON.
_DEEPEST = 20

_PARSERS: Mapping[Kind, Parser] = {
    Kind.IMAGE: fields.image,
    Kind.NAME: fields.name,
    Kind.TEXT: optional_text,
    Kind.TEXTS: listing(fields.required_text),
    Kind.COMMAND: optional_text,
    Kind.MAC_ADDRESS: optional_text,
    Kind.FLAG: flag,
    Kind.HOSTS: listing(fields.required_text),
    Kind.LABELS: fields.labels,
    Kind.TAGS: listing(fields.tag),
    Kind.PORTS: listing(service_values.port),
    Kind.ENVVARS: service_values.envvars,
    Kind.LINKS: listing(service_values.link),
    Kind.BINDINGS: listing(service_values.binding),
    Kind.HEALTHCHECK: fields.reader(stackfile.healthcheck),
    Kind.FILES: fields.reader(stackfile.file_mounts),
    Kind.JSON: lambda place, value: _object(place, value),
}
_PARSERS_BY_NAME: Mapping[str, Parser] = {
    "update_config": fields.reader(stackfile.update_config),
    "rollback_config": fields.reader(stackfile.rollback_config),
}
#: Kinds that have one reader for the API and for stack files.
_READ = frozenset({Kind.OBJECT, Kind.OBJECTS, Kind.PAIRS, Kind.DURATION, Kind.NUMBER})


def parser_of(row: Part) -> Parser:
    """Return the check of a value of the API's JSON."""
    if row.pattern or row.kind in _READ:
        return _read(row)
    match row.kind:
        case Kind.INTEGER | Kind.MEGABYTES:
            unit = " (MB) or a size such as 512m" if row.kind is Kind.MEGABYTES else ""
            least, most = map(int, row.bounds)
            parse = integer(least, most, unit=unit)
            return optional(parse, unset=_UNSET) if row.may_be_unset else parse
        case Kind.CHOICE:
            return choice(*row.words)
        case Kind.CHOICES:
            return listing(choice(*row.words))
        case Kind.ROLLOUT:
            return _PARSERS_BY_NAME[row.name]
        case kind:
            return _PARSERS[kind]


def _read(row: Part) -> Parser:
    """Return a parser from the reader of the field, which stack files use, too."""
    parse = fields.reader(stackfile.reader_of(row))
    return lambda place, value: (
        row.initial() if value is None else parse(place, _json(place, value))
    )


def _object(place: str, value: Any) -> Any:
    return {} if value is None else _json(place, fields.mapping(place, value))


def _json(place: str, value: Any, depth: int = 0) -> Any:
    """Parse JSON of any form, with texts that the store can write."""
    if depth > _DEEPEST:
        raise BadRequest(f"{place}: must be nested at most {_DEEPEST} deep")
    if isinstance(value, dict):
        return {
            fields.text(place, key): _json(f"{place}.{key}", inner, depth + 1)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [
            _json(f"{place}[{i}]", inner, depth + 1) for i, inner in enumerate(value)
        ]
    return fields.text(place, value) if isinstance(value, str) else value
