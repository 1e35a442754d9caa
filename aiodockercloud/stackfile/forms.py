"""Values of API fields in the form of docker and stack files, such as ``"8080:80"``.

The client and the server accept both forms; this module returns that of the API. A list
with an object in it, and every value of another kind, is already in the API's form.

Source: Docker Cloud stack file reference; Docker Cloud API reference, "Services".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any

from ..wire.service_fields import BY_NAME, SYNONYMS, Kind
from . import files, policies, values

__all__ = ["api_fields", "api_value"]


def _lists(read: values.Reader, allowed: str) -> values.Reader:
    """Return a reader of lists, whose form in the API is a list of objects."""

    def convert(value: Any) -> Any:
        if isinstance(value, list | tuple) and any(
            isinstance(item, Mapping) for item in value
        ):
            return value
        try:
            return read(value)
        except ValueError as exc:
            raise ValueError(f"{exc}; the value may be {allowed}") from None

    return convert


def _environment(value: Any) -> Any:
    if isinstance(value, Mapping) and value.keys() == {"key", "value"}:
        raise ValueError("must be a list of variables, not one variable")
    return values.environment(value)


def _ports(value: Any) -> Any:
    return values.settle_ports(values.ports(published=True)(value))


def _command(value: Any) -> Any:
    return values.command(value) if isinstance(value, list | tuple) else value


def _size(value: Any) -> Any:
    """Read a size with a unit; a plain number is in MB in the API."""
    if isinstance(value, str) and re.search(r"[0-9]\s*[bkmg]b?\s*$", value, re.I):
        return values.megabytes(value)
    return value


_READERS: Mapping[Kind, values.Reader] = {
    Kind.HEALTHCHECK: policies.healthcheck,
    Kind.FILES: files.file_mounts,
    Kind.COMMAND: _command,
    Kind.MEGABYTES: _size,
    Kind.ENVVARS: _lists(
        _environment, '{"A": "1"}, ["A=1"] or [{"key": "A", "value": "1"}]'
    ),
    Kind.PORTS: _lists(
        _ports,
        '["8080:80"] or [{"inner_port": 80, "outer_port": 8080}]',
    ),
    Kind.LINKS: _lists(
        values.each(values.link),
        '["db:alias"] or [{"to_service": "db", "name": "alias"}]',
    ),
    Kind.BINDINGS: _lists(
        values.each(values.volume),
        '["/host:/data:ro"] or [{"host_path": "/host", "container_path": "/data"}]',
    ),
}


@lru_cache(256)
def _reader(field: str) -> values.Reader | None:
    """Return the reader of a field's values; None when each has the API's form."""
    row = BY_NAME.get(SYNONYMS.get(field, field))
    return None if row is None else _READERS.get(row.kind)


def api_value(field: str, value: Any) -> Any:
    """Return the value of an API field in the API's form.

    Args:
        field: The name of the field; the values of an unknown field stay unchanged.
        value: The value in either form. ``None`` stays ``None``.

    Raises:
        ValueError: The value has neither form; the message states both.
    """
    read = _reader(field)
    return value if read is None or value is None else read(value)


def api_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields with their values in the API's form.

    A value with neither form stays unchanged, for the server to refuse.

    Args:
        fields: The fields of a service, by name.

    :meta private:
    """
    found = dict(fields)
    for name, value in fields.items():
        if _reader(name) is not None:
            with suppress(ValueError):
                found[name] = api_value(name, value)
    return found
