"""JSON Schemas, from the types of the client and from the table of service fields.

The docstrings of the types describe the keys. The table of service fields adds bounds,
patterns and defaults to the schemas of a service's body, and its notes an example.
"""

from __future__ import annotations

import re
import types as python_types
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import (
    Any,
    Literal,
    NotRequired,
    Required,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from .... import types
from ....wire import images
from ....wire.field_notes import EXAMPLES
from ....wire.service_fields import FIELDS, TUTUM_NAMES, Kind, Part, ServiceField
from .. import fields
from .own import NewService, StoredFileChanges, StoredFileFields

__all__ = ["Schema", "Schemas", "descriptions", "plain"]

Schema = dict[str, Any]

_PLAIN: Mapping[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    datetime: {"type": "string"},
    type(None): {"type": "null"},
    Any: {},
}
#: Keys that the client adds to answers, and keys of Tutum's bodies.
_OMITTED = frozenset({*types.Changed.__annotations__, *TUTUM_NAMES})
#: The bodies of services.
_OF_SERVICES = (NewService, types.ServiceChanges)
#: Values in the docstrings of Python → their spelling in JSON.
_WORDS = {"None": "null", "True": "true", "False": "false"}
#: Kinds of texts whose form the table does not state → regular expression.
_FORMS = {Kind.IMAGE: images.PATTERN, Kind.NAME: fields.NAME.pattern}
#: The alphabets of files and of URLs.
_BASE64 = (
    "([A-Za-z0-9+/_-]{4})*([A-Za-z0-9+/_-]{2}(==|[A-Za-z0-9+/_-](=|[A-Za-z0-9+/_-])))"
)
#: Bodies besides services → the forms of their keys.
_NAMED: Mapping[Any, Mapping[str, str]] = {
    types.StackFields: {"name": fields.STACK_NAME.pattern},
    types.NodeClusterFields: {"name": fields.NAME.pattern},
    types.RepositoryFields: {"name": images.PATTERN},
    types.AccountFields: {"user": fields.NAME.pattern},
    StoredFileFields: {"name": fields.NAME.pattern, "data": _BASE64},
    StoredFileChanges: {"data": _BASE64},
}
_NUMBERS = frozenset({Kind.INTEGER, Kind.MEGABYTES, Kind.NUMBER})
_REFERENCE = "#/components/schemas/"


class Schemas:
    """The schemas of a document.

    Attributes:
        components: Name → schema, for ``components`` of the document.
    """

    def __init__(self) -> None:
        self.components: dict[str, Schema] = {}

    def answer(self, kind: Any) -> Schema:
        """Return a reference to the schema of an object that the server sends."""
        return self._reference(kind)

    def body(self, kind: Any) -> Schema:
        """Return a reference to the schema of a body, which has no further keys."""
        schema = self._reference(kind)
        component = self.components[_name(kind)]
        component["additionalProperties"] = False
        if kind in _OF_SERVICES:
            self._constrain(component, FIELDS)
        for key, form in _NAMED.get(kind, {}).items():
            component["properties"][key]["pattern"] = _whole(form)
        return schema

    def named(self, name: str, schema: Schema) -> Schema:
        """Return a reference to a schema that becomes a component."""
        self.components[name] = schema
        return {"$ref": f"{_REFERENCE}{name}"}

    def of(self, hint: Any, variables: Mapping[Any, Any] | None = None) -> Schema:
        """Return the schema of a type hint.

        Args:
            hint: The type hint.
            variables: The values of type variables.
        """
        origin, arguments = get_origin(hint), get_args(hint)
        if isinstance(hint, TypeVar):
            return self.of((variables or {})[hint])
        if origin in (Required, NotRequired):
            return self.of(arguments[0], variables)
        if origin is Literal:
            return {"type": "string", "enum": list(arguments)}
        if origin in (Union, python_types.UnionType):
            return _any_of([self.of(one, variables) for one in arguments])
        if is_typeddict(origin or hint):
            return self._reference(hint)
        if origin is not None and issubclass(origin, Mapping):
            return {
                "type": "object",
                "additionalProperties": self.of(arguments[1], variables),
            }
        if origin is not None and issubclass(origin, Collection):
            return {"type": "array", "items": self.of(arguments[0], variables)}
        return dict(_PLAIN[hint])

    def _reference(self, hint: Any) -> Schema:
        name = _name(hint)
        if name not in self.components:
            self.components[name] = {}  # for types that contain themselves
            self.components[name] = self._object(hint)
        return {"$ref": f"{_REFERENCE}{name}"}

    def _object(self, hint: Any) -> Schema:
        kind = get_origin(hint) or hint
        variables = dict(
            zip(getattr(kind, "__parameters__", ()), get_args(hint), strict=True)
        )
        described = descriptions(kind)
        properties = {
            name: _described(self.of(one, variables), described.get(name, ""))
            for name, one in get_type_hints(kind, include_extras=True).items()
            if name not in _OMITTED
        }
        summary = plain((kind.__doc__ or "").partition("\n\n")[0])
        required = [name for name in properties if name in kind.__required_keys__]
        return {
            "type": "object",
            **({"description": summary} if summary else {}),
            "properties": properties,
            **({"required": required} if required else {}),
        }

    def _constrain(self, schema: Schema, rows: Collection[Part]) -> None:
        """Add what the rows of a table state to the properties of an object."""
        for row in rows:
            found = schema["properties"].get(row.name)
            if found is None:
                continue
            if row.kind in _NUMBERS:
                found |= dict(zip(("minimum", "maximum"), row.bounds, strict=True))
            form = row.pattern.expression if row.pattern else _FORMS.get(row.kind)
            if form is not None and row.kind is not Kind.TEXTS:
                found["pattern"] = _whole(form)
            if row.default is not None:
                found["default"] = row.default
            if isinstance(row, ServiceField):
                found["examples"] = [EXAMPLES[row.name]]
            for name in _names(found):
                if row.parts and name.endswith("Fields"):
                    self._constrain(self.components[name], row.parts)


def _whole(expression: str) -> str:
    """Return a regular expression that a whole text must match."""
    return f"^(?:{expression})$"


def _name(hint: Any) -> str:
    """Return the name of a type; of a generic type, with the first argument's word."""
    origin = get_origin(hint)
    if origin is None:
        return str(hint.__name__)
    (word,) = get_args(get_args(hint)[0])
    return f"{str(word).capitalize()}{origin.__name__}"


def _names(schema: Any) -> Iterator[str]:
    """Yield the names of the components to which a schema refers."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield schema["$ref"].removeprefix(_REFERENCE)
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            yield from _names(part)


def descriptions(kind: Any) -> dict[str, str]:
    """Return the descriptions of a type's keys, from its docstring.

    A docstring may name another type for further keys.
    """
    found: dict[str, str] = {}
    text = kind.__doc__ or ""
    if other := re.search(r"further keys are those of :class:`(\w+)`", text):
        found = descriptions(getattr(types, other[1]))
    _, _, listed = text.partition("Attributes:")
    for key in re.finditer(r"^ {8}(\w+): (.*(?:\n {12}.*)*)", listed, re.MULTILINE):
        found[key[1]] = plain(key[2])
    return found


def plain(text: str) -> str:
    """Return a text of a docstring as Markdown, with the values of JSON."""
    text = " ".join(text.split())
    for word, spelled in _WORDS.items():
        text = text.replace(f"``{word}``", f"``{spelled}``")
    return re.sub(r":\w+:`[~!]*([^`]*)`|``([^`]*)``", r"`\1\2`", text)


def _described(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description} if description else schema


def _any_of(schemas: list[Schema]) -> Schema:
    """Return the schema of a union; plain types become one list of types."""
    parts = [one for one in schemas if one.keys() != {"type"}]
    words = [one["type"] for one in schemas if one.keys() == {"type"}]
    if words:
        parts.append({"type": words if words[1:] else words[0]})
    return parts[0] if len(parts) == 1 else {"anyOf": parts}
