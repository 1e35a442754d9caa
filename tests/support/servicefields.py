"""The fields of services in words, for the docs.

``docs/service_fields.csv`` is the overview, ``docs/service_field_list.txt`` explains
each field; ``python -m tests.support.servicefields`` writes both. The words come from
the table of fields, from its notes and from the docstring of ``ServiceFields``.
"""

from __future__ import annotations

import csv
import inspect
import io
import json
import re
from collections.abc import Iterator, Mapping
from textwrap import fill
from typing import Any, get_args, get_type_hints, is_typeddict

import yaml

from aiodockercloud import stackfile, types
from aiodockercloud.server.api import definitions
from aiodockercloud.wire.engine_fields import engine_fields
from aiodockercloud.wire.engine_support import EMULATED, ENGINES
from aiodockercloud.wire.field_notes import EXAMPLES, UNITS
from aiodockercloud.wire.service_fields import FIELDS, Actor, Kind, ServiceField
from tests.support.facts import ROOT

OVERVIEW = ROOT / "docs" / "service_fields.csv"
LIST = ROOT / "docs" / "service_field_list.txt"

#: What the engines honour in part.
PARTLY = {
    ("swarm", "pid"): "``none`` only",
    ("swarm", "memory_swap"): "twice the memory only",
    ("swarm", "oom_score_adj"): "honoured; Engine 27",
    ("swarm", "security_opt"): "honoured; Engine 25, labels on each",
    ("swarm", "healthcheck"): "honoured",
    ("embedded", "log_driver"): "the drivers of Docker that keep logs, without effect",
}

#: The kinds of values in words; a choice has its words instead.
KINDS: Mapping[Kind, str] = {
    Kind.IMAGE: "text, the name of an image",
    Kind.NAME: "text, a name",
    Kind.TEXT: "text",
    Kind.COMMAND: "text, or a list of words",
    Kind.MAC_ADDRESS: "text, a MAC address",
    Kind.FLAG: "``True`` or ``False``",
    Kind.INTEGER: "whole number",
    Kind.MEGABYTES: "whole number, or a text with a unit such as ``512m``",
    Kind.DURATION: "number, or a text with units such as ``1m30s``",
    Kind.NUMBER: "number",
    Kind.TEXTS: "list of texts",
    Kind.HOSTS: "list of texts ``name:address``",
    Kind.LABELS: "mapping of texts",
    Kind.TAGS: "list of texts",
    Kind.PAIRS: "mapping of texts, or a list of texts ``name=value``",
    Kind.PORTS: "list of ports",
    Kind.ENVVARS: "mapping, or a list of variables",
    Kind.LINKS: "list of links",
    Kind.BINDINGS: "list of volumes",
    Kind.FILES: "list of names and of objects",
    Kind.HEALTHCHECK: "object",
    Kind.ROLLOUT: "object",
    Kind.OBJECT: "object",
    Kind.OBJECTS: "list of texts and of objects",
    Kind.JSON: "object with keys of Docker",
}


def _on(engine: str, row: ServiceField) -> str:
    if row.actor is Actor.CONTROL_PLANE:
        return "control plane"
    if (engine, row.name) in PARTLY:
        return PARTLY[engine, row.name]
    support = ENGINES[engine]
    if row.name in support.refused:
        return f"refused: {support.refused[row.name].partition(';')[0]}"
    word = support.of(row.name)
    return "without effect" if word == EMULATED else word


def overview() -> str:
    """Return the text of the table."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for row in FIELDS:
        keys = ", ".join(f"``{key}``" for key in row.stack_keys)
        name = f":ref:`{row.name} <field-{row.name}>`"
        writer.writerow((name, keys, _on("embedded", row), _on("swarm", row)))
    return text.getvalue()


# --- each field -----------------------------------------------------------------------


def described() -> dict[str, str]:
    """Return the description of each field, from the docstring of the type."""
    docstring = inspect.getdoc(types.ServiceFields) or ""
    found = re.findall(
        r"^    (\w+): (.*(?:\n        .*)*)",
        docstring.partition("Attributes:")[2],
        re.MULTILINE,
    )
    return {
        name: re.sub(
            r":class:`(\w+)`",
            r":class:`~aiodockercloud.types.\1`",
            " ".join(text.split()),
        )
        for name, text in found
    }


def _objects(hint: Any) -> Iterator[str]:
    """Yield the names of the types of objects that a field may have, for a request."""
    if is_typeddict(hint) and hint.__name__.endswith(("Fields", "EnvVar")):
        yield hint.__name__
    for part in get_args(hint):
        yield from _objects(part)


def _type(row: ServiceField) -> str:
    if row.words:
        *first, last = (f'``"{word}"``' for word in row.words)
        words = f"{', '.join(first)} or {last}" if first else last
        return f"list of {words}" if row.kind is Kind.CHOICES else words
    hint = get_type_hints(types.ServiceFields)[row.name]
    names = [f":class:`~aiodockercloud.types.{name}`" for name in _objects(hint)]
    return KINDS[row.kind] + (f"; see {' and '.join(names)}" if names else "")


def _default(row: ServiceField, description: str) -> str:
    if row.name == "image":
        return "none: the field is required"
    match row.initial():
        case None:
            stated = re.search(r"by default ([^;.]+)", description)
            return stated[1] if stated else "unset"
        case []:
            return "an empty list"
        case {}:
            return "an empty mapping"
        case value:
            return f"``{_python(value)}``"


def _acting(row: ServiceField) -> str:
    if row.actor is Actor.CONTROL_PLANE:
        return "the control plane, on every engine"
    engines = f"embedded: {_on('embedded', row)}; Swarm: {_on('swarm', row)}"
    return f"the engine ({engines})"


def _change(row: ServiceField) -> str:
    if row.name == "name":
        return "is refused"
    if row.redeploy:
        return "reaches the containers at the next redeploy"
    return "leaves the containers as they are, without a need for a redeploy"


def _python(value: Any) -> str:
    """Return a value as a program has the value."""
    return str(value) if isinstance(value, bool) else json.dumps(value)


def _as_stackfile(row: ServiceField) -> str:
    """Return the example as a line of a stack file."""
    read = definitions.read({"image": "nginx", row.name: EXAMPLES[row.name]})
    keys = stackfile.to_stackfile({"image": "nginx", row.name: read[row.name]})
    written = {key: keys[key] for key in keys if key in row.stack_keys}
    line = yaml.safe_dump(written, default_flow_style=True, sort_keys=False, width=500)
    return line.strip()[1:-1]


def _lines(row: ServiceField, description: str) -> Iterator[str]:
    yield f".. _field-{row.name}:\n"
    yield f"``{row.name}``\n{'~' * (len(row.name) + 4)}\n"
    yield fill(description, 88, break_long_words=False, break_on_hyphens=False) + "\n"
    facts = {"Type": _type(row)}
    if row.kind in UNITS:
        facts["Unit"] = UNITS[row.kind]
    if any(row.bounds):
        facts["Range"] = " to ".join(f"{bound:,}" for bound in row.bounds)
    facts["Default"] = _default(row, description)
    facts["Acted on by"] = _acting(row)
    facts["A change"] = _change(row)
    facts["Example"] = f"``{row.name}={_python(EXAMPLES[row.name])}``"
    if row.stack_keys:
        facts["Stack file"] = f"``{_as_stackfile(row)}``"
    yield ".. rst-class:: facts\n"
    yield "\n".join(f":{title}: {text}" for title, text in facts.items()) + "\n"


def explained() -> str:
    """Return the text that explains each field."""
    of_docker = {row.name for row in engine_fields()}
    groups: dict[str, list[ServiceField]] = {
        "What runs, and how it is deployed": [],
        "Options of Docker Cloud": [],
        "Options of the Docker Engine": [],
    }
    managed, hosted, docker = groups.values()
    for row in FIELDS:
        if row.actor is Actor.CONTROL_PLANE:
            managed.append(row)
        else:
            (docker if row.name in of_docker else hosted).append(row)
    texts = described()
    parts = [".. Written by python -m tests.support.servicefields\n"]
    for title, rows in groups.items():
        parts.append(f"{title}\n{'-' * len(title)}\n")
        for row in rows:
            parts += _lines(row, texts[row.name])
    return "\n".join(parts)


if __name__ == "__main__":
    OVERVIEW.write_text(overview(), encoding="utf-8")
    LIST.write_text(explained(), encoding="utf-8")
