"""Sphinx: the page of the HTTP API, written from the server's OpenAPI document.

The directive ``openapi-operations`` lists requests by kind, ``openapi-schemas`` lists
all schemas with their keys, and ``openapi-parameters`` lists the parameters that
several requests have.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

from aiodockercloud.server.api.app import RESOURCES
from aiodockercloud.server.api.openapi.document import document

_SCHEMAS = "#/components/schemas/"
#: The end of the names of pages of lists, which the page describes once.
_PAGE = "Page"
#: Statuses of errors that most requests may have; the page states them once.
_COMMON = {"400", "401", "403", "408", "413", "415", "421", "422", "429", "503"}


@cache
def _document() -> Mapping[str, Any]:
    return document(RESOURCES, "")


# --- texts ----------------------------------------------------------------------------


def _text(markdown: str) -> Iterator[nodes.Node]:
    """Yield a text of the document, whose code is between backticks."""
    for number, part in enumerate(markdown.split("`")):
        if part:
            yield nodes.literal("", part) if number % 2 else nodes.Text(part)


def _paragraph(*parts: nodes.Node | str) -> nodes.paragraph:
    found = nodes.paragraph()
    for part in parts:
        found.extend(_text(part) if isinstance(part, str) else [part])
    return found


def _separated(parts: Iterable[nodes.Node], separator: str = ", ") -> list[nodes.Node]:
    found: list[nodes.Node] = []
    for part in parts:
        found += [nodes.Text(separator), part] if found else [part]
    return found


def _anchor(name: str) -> str:
    return "schema-" + name.lower()


def _type(schema: Mapping[str, Any]) -> list[nodes.Node]:
    """Return the type of a value in words, with links to schemas."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_SCHEMAS)
        if name.endswith(_PAGE):
            of = f"{_SCHEMAS}{name.removesuffix(_PAGE)}"
            return [nodes.Text("page of "), *_type({"$ref": of})]
        return [nodes.reference("", name, refid=_anchor(name), internal=True)]
    if "anyOf" in schema:
        parts = [nodes.inline("", "", *_type(one)) for one in schema["anyOf"]]
        return _separated(parts, " or ")
    if "enum" in schema:
        return _separated([nodes.literal("", f'"{word}"') for word in schema["enum"]])
    words = schema.get("type", "any")
    if words == "array":
        return [nodes.Text("list of "), *_type(schema["items"])]
    if words == "object" and "additionalProperties" in schema:
        values = schema["additionalProperties"]
        return [nodes.Text("object of "), *_type(values)] if values else _of("object")
    return _of(words if isinstance(words, str) else " or ".join(words))


def _of(words: str) -> list[nodes.Node]:
    return [nodes.Text(words)]


def _notes(schema: Mapping[str, Any]) -> str:
    """Return the bounds and the default of a value as a text."""
    found = []
    if "maximum" in schema:
        found.append(f" {schema['minimum']} to {schema['maximum']}.")
    if "default" in schema:
        default = schema["default"]
        word = f'"{default}"' if isinstance(default, str) else str(default).lower()
        found.append(f" By default `{word}`.")
    return "".join(found)


# --- tables and lists -----------------------------------------------------------------


def _table(
    heads: tuple[str, ...],
    widths: tuple[int, ...],
    rows: Iterable[Sequence[nodes.Node]],
) -> nodes.table:
    group = nodes.tgroup("", cols=len(heads))
    group.extend(nodes.colspec(colwidth=width) for width in widths)
    group.append(nodes.thead("", _row([_paragraph(head) for head in heads])))
    group.append(nodes.tbody("", *(_row(row) for row in rows)))
    return nodes.table("", group)


def _row(cells: Sequence[nodes.Node]) -> nodes.row:
    return nodes.row("", *(nodes.entry("", cell) for cell in cells))


def _list(pairs: Iterable[tuple[str, nodes.paragraph]]) -> nodes.bullet_list:
    """Return a list of facts, each with its name in front."""
    items = []
    for name, fact in pairs:
        fact.insert(0, [nodes.strong("", name), nodes.Text(": ")])
        items.append(nodes.list_item("", fact))
    return nodes.bullet_list("", *items)


def _section(title: str, anchor: str, *content: nodes.Node) -> nodes.section:
    return nodes.section("", nodes.title("", title), *content, ids=[anchor])


# --- operations -----------------------------------------------------------------------


class Operations(Directive):
    """Every request, by kind."""

    def run(self) -> list[nodes.Node]:
        """Return one section for each kind."""
        return [
            _section(
                tag["description"].partition(":")[0],
                f"http-{tag['name']}",
                nodes.definition_list("", *_operations(tag["name"])),
            )
            for tag in _document()["tags"]
        ]


def _operations(tag: str) -> Iterator[nodes.definition_list_item]:
    for path, item in _document()["paths"].items():
        for method, operation in item.items():
            if method != "parameters" and tag in operation["tags"]:
                request = f"{method.upper()} {path}"
                yield nodes.definition_list_item(
                    "",
                    nodes.term("", "", nodes.literal("", request)),
                    nodes.definition(
                        "",
                        _paragraph(operation["summary"]),
                        *(
                            [_paragraph(operation["description"])]
                            if "description" in operation
                            and "parameters list" not in operation["description"]
                            else []
                        ),
                        _list(_facts(operation)),
                    ),
                    ids=[operation["operationId"].replace("_", "-")],
                )


def _facts(operation: Mapping[str, Any]) -> Iterator[tuple[str, nodes.paragraph]]:
    scopes = operation["security"][0]["basic"] if operation["security"] else None
    word = "no key" if scopes is None else f"`{scopes[0]}`" if scopes else "any key"
    yield "Scope", _paragraph(word)
    if "requestBody" in operation:
        content = operation["requestBody"]["content"]
        yield "Body", _contents(content)
        for one in content.values():
            if "example" in one:
                text = json.dumps(one["example"])
                yield "Example", _paragraph(nodes.literal("", text))
    answers, errors = [], []
    for status, answer in operation["responses"].items():
        if "$ref" in answer:
            errors += [status] if status not in _COMMON else []
        else:
            content = answer.get("content")
            body = _contents(content).children if content else []
            answers.append(nodes.inline("", f"{status} ", *body))
    yield "Answers", _paragraph(*_separated(answers))
    if errors:
        yield "Errors", _paragraph(", ".join(errors))
    if names := [f"`{name}`" for name in _names(operation, inline=False)]:
        yield "Parameters", _paragraph(", ".join(names))
    if names := [f"`{name}`" for name in _names(operation, inline=True)]:
        yield "Filters", _paragraph(", ".join(names))
    if "x-frames" in operation:
        frames = operation["x-frames"]
        types = [nodes.inline("", "", *_type(one)) for one in frames["server"]]
        yield "Frames", _paragraph(*_separated(types))
        if frames["client"]:
            yield "Input", _paragraph(frames["client"])


def _contents(content: Mapping[str, Any]) -> nodes.paragraph:
    """Return the types of a body or an answer."""
    parts = [
        nodes.inline("", "", *_type(one["schema"]))
        if media == "application/json"
        else nodes.literal("", media)
        for media, one in content.items()
    ]
    return _paragraph(*_separated(parts, " or "))


def _names(operation: Mapping[str, Any], *, inline: bool) -> Iterator[str]:
    """Yield the parameters that requests share, or those of this request only."""
    for one in operation["parameters"]:
        if inline and "name" in one:
            yield one["name"]
        elif not inline and "$ref" in one:
            name = one["$ref"].rpartition("/")[2]
            yield _document()["components"]["parameters"][name]["name"]


# --- parameters and schemas -----------------------------------------------------------


class Parameters(Directive):
    """The parameters that requests share."""

    def run(self) -> list[nodes.Node]:
        """Return one table."""
        found = _document()["components"]["parameters"].values()
        rows = [
            [
                _paragraph(nodes.literal("", one["name"])),
                _paragraph(one["in"]),
                _paragraph(*_type(one["schema"])),
                _paragraph(one["description"] + _notes(one["schema"])),
            ]
            for one in found
        ]
        return [_table(("Parameter", "In", "Type", "Meaning"), (20, 8, 16, 56), rows)]


class SchemasOfBodies(Directive):
    """Every schema of a body, an answer or a frame."""

    def run(self) -> list[nodes.Node]:
        """Return one section for each schema."""
        return [
            _section(name, _anchor(name), *_keys(schema))
            for name, schema in _document()["components"]["schemas"].items()
            if not name.endswith(_PAGE)
        ]


def _keys(schema: Mapping[str, Any]) -> Iterator[nodes.Node]:
    if "description" in schema:
        yield _paragraph(schema["description"])
    required = schema.get("required", ())
    optional = [key for key in schema["properties"] if key not in required]
    if optional and required:
        yield _paragraph("Optional: " + ", ".join(f"`{key}`" for key in optional))
    rows = [
        [
            _paragraph(nodes.literal("", key)),
            _paragraph(*_type(value)),
            _paragraph(_sentence(value.get("description", "")) + _notes(value)),
        ]
        for key, value in schema["properties"].items()
    ]
    yield _table(("Key", "Type", "Meaning"), (22, 26, 52), rows)


def _sentence(text: str) -> str:
    return re.sub(r"(?<=[^.])$", ".", text) if text else ""


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directives."""
    app.add_directive("openapi-operations", Operations)
    app.add_directive("openapi-parameters", Parameters)
    app.add_directive("openapi-schemas", SchemasOfBodies)
    return {"parallel_read_safe": True}
