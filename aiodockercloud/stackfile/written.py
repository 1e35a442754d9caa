"""A stack file of either layout as it is written: its services, and where keys stand.

Deployments, the lint and the conversion read files so; variables stay in the values.

Source: Docker Cloud stack file reference; Compose file reference.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from ..exceptions import StackFileError
from ..wire.service_fields import BY_NAME, Kind
from .compose_reader import read_compose
from .documents import Document, dotted
from .keys import field_of, to_api
from .layout import (
    COMPOSE,
    DOCKER_CLOUD,
    LAYOUT,
    compose_problem,
    compose_section,
    is_compose,
    service_problem,
)
from .remarks import Loss, Remark
from .values import text_of
from .variables import has_variables

__all__ = [
    "Written",
    "compose_services",
    "document_of",
    "problem_of",
    "read_text",
    "stack_name",
    "written",
]

#: The bound on the bytes of one file.
MAX_SIZE = 2**20
TOO_LARGE = "is larger than 1 MiB"


@dataclass(frozen=True)
class Written:
    """The services of a stack file of either layout, with the keys of stack files.

    Attributes:
        file: The path of the file, for messages.
        layout: ``COMPOSE`` or ``DOCKER_CLOUD``.
        document: The content of the file.
        services: The keys by the name of the service, in the order of the file.
        losses: What stack files cannot express of a Compose file.
        origins: The name of a service and a key → the path of its value in a Compose
            file.
    """

    file: str
    layout: str
    document: Document
    services: Mapping[str, Mapping[str, Any]]
    losses: tuple[Loss, ...] = ()
    origins: Mapping[tuple[str, str], tuple[str | int, ...]] = field(
        default_factory=dict
    )

    def place(self, service: str, key: str = "") -> tuple[int, str]:
        """Return the line of a key of a service, and the key as the file has it."""
        if self.layout == DOCKER_CLOUD:
            return self.document.line((service, key)), key
        path = self.origins.get((service, key), ("services", service, key))
        return self.document.line(path), dotted(path[2:])

    def loss(self, service: str, key: str, problem: str) -> Loss:
        """Return the loss of a key of a service."""
        line, name = self.place(service, key)
        return Loss(line, service, name, problem)

    def refuse_losses(self) -> None:
        """Refuse a file of which a deployment would lose more than harmless values.

        Raises:
            StackFileError: The first loss, and the number of further ones.
        """
        lost = [loss for loss in self.losses if not loss.harmless]
        if not lost:
            return
        first, *others = lost
        line = f"line {first.line}: " if first.line else ""
        more = f" ({len(others)} more are lost; lint lists them)" if others else ""
        raise StackFileError(
            f"{line}{first.problem}{more}", self.file, first.service, first.key
        )


def read_text(path: FilePath) -> str:
    """Return the text of a stack file.

    :meta private:

    Raises:
        StackFileError: The file cannot be read, is too large, or is not UTF-8 text.
    """
    try:
        with path.open("rb") as source:
            data = source.read(MAX_SIZE + 1)
        if len(data) > MAX_SIZE:
            raise StackFileError(TOO_LARGE, str(path))
        return data.decode("utf-8-sig")
    except OSError as exc:
        problem = f"cannot be read: {exc.strerror or exc}"
        raise StackFileError(problem, str(path)) from exc
    except UnicodeDecodeError as exc:
        raise StackFileError("is not UTF-8 text", str(path)) from exc


def document_of(text: str, file: str) -> Document:
    """Return the content of a file that has the layout of a stack file or of Compose.

    Raises:
        StackFileError: The file is not valid YAML, or has neither layout.
    """
    if len(text) > MAX_SIZE:
        raise StackFileError(TOO_LARGE, file)
    # Here, because YAML takes long to import, and only stack files need YAML.
    from .yaml_text import read_document  # noqa: PLC0415

    try:
        document = read_document(text, file)
    except RecursionError:
        raise StackFileError("is nested too deeply", file) from None
    data = document.data
    if data is None or data == {}:
        raise StackFileError(f"is empty; {LAYOUT}", file)
    if not isinstance(data, dict):
        found = "a list" if isinstance(data, list) else "one text"
        raise StackFileError(f"holds {found}; {LAYOUT}", file)
    services = data
    if is_compose(data):
        services = data["services"]
    elif section := compose_section(data):
        raise StackFileError(compose_problem(section), file, key=section)
    for name, keys in services.items():
        if problem := service_problem(name, keys):
            raise StackFileError(f"{problem}; {LAYOUT}", file, str(name))
    return document


def written(document: Document, file: str, project: str = "") -> Written:
    """Return the services of a document that :func:`document_of` has checked.

    Args:
        document: The content of the file.
        file: The path of the file; its directory is the default of *project*.
        project: The name of the stack, in front of the names of networks and volumes
            that belong to a Compose file alone. The ``name`` of the file precedes the
            directory.
    """
    data = document.data
    if not is_compose(data):
        services = {
            name: {k: v for k, v in keys.items() if v is not None or k == "image"}
            for name, keys in data.items()
        }
        return Written(file, DOCKER_CLOUD, document, services)
    found = read_compose(data, project or stack_name(file, data))
    losses = sorted(_losses(found.remarks, document), key=lambda loss: loss.line)
    return Written(
        file, COMPOSE, document, found.services, tuple(losses), found.origins
    )


def _losses(remarks: Iterable[Remark], document: Document) -> Iterator[Loss]:
    for remark in remarks:
        path, service = remark.path, ""
        if path[0] == "services":
            service, path = str(path[1]), path[2:]
        line = document.line(remark.path)
        yield Loss(line, service, dotted(path), remark.problem, remark.harmless)


def stack_name(file: str, data: Mapping[str, Any]) -> str:
    """Return the name of a stack: that of a Compose file, or of the directory."""
    named = data.get("name") if is_compose(data) else None
    folder = named if isinstance(named, str) else FilePath(file).absolute().parent.name
    return re.sub(r"[^A-Za-z0-9_-]+", "-", folder).strip("-_") or "stack"


#: Kinds of fields whose values are mappings, lists, or lists or mappings.
_MAPPINGS = frozenset({Kind.HEALTHCHECK, Kind.ROLLOUT, Kind.OBJECT, Kind.JSON})
_LISTS = frozenset(
    {
        *(Kind.TEXTS, Kind.PORTS, Kind.LINKS, Kind.BINDINGS, Kind.TAGS),
        *(Kind.CHOICES, Kind.FILES, Kind.COMMAND),
    }
)
_EITHER = frozenset({Kind.LABELS, Kind.ENVVARS, Kind.HOSTS, Kind.OBJECTS, Kind.PAIRS})
#: Kinds whose lists may have mappings.
_OF_MAPPINGS = frozenset(
    {*(Kind.PORTS, Kind.BINDINGS, Kind.TAGS, Kind.FILES), *_EITHER} - {Kind.HOSTS}
)


def problem_of(key: str, value: Any) -> str:
    """Return why a key of a stack file is wrong, empty if the key is right.

    Of a value that has a variable, only the form is checked.
    """
    checked = value
    if has_variables(value):
        checked = "x" if key == "image" else None
    try:
        to_api("", {key: checked})
    except StackFileError as error:
        return error.problem
    return "" if checked is value else _form_problem(key, value)


def _form_problem(key: str, value: Any) -> str:
    """Return why a value is no text, no list or no mapping, which it should be."""
    kind = BY_NAME[field_of(key)].kind
    if isinstance(value, Mapping):
        if kind not in _MAPPINGS | _EITHER:
            return "must not be a mapping"
        deep = any(isinstance(one, list) for one in value.values())
        return "must be a mapping of texts" if deep and kind not in _MAPPINGS else ""
    if kind in _MAPPINGS:
        return "must be a mapping"
    if not isinstance(value, list):
        return ""
    if kind not in _LISTS | _EITHER:
        return "must be one text, not a list"
    for number, item in enumerate(value, 1):
        if isinstance(item, list) or item is None:
            return f"item {number} of the list: must be one text"
        if isinstance(item, Mapping) and kind not in _OF_MAPPINGS:
            return f"item {number} of the list: must not be a mapping"
    return ""


def compose_services(data: Mapping[str, Any], project: str) -> dict[str, Any]:
    """Return the services of a Compose file, each with the keys of stack files.

    :meta private:

    Args:
        data: The content of the file: ``{"services": {…}, "networks": {…}, …}``.
        project: The name of the stack.

    Raises:
        StackFileError: The file has a key that stack files cannot express.
    """
    for name, keys in data["services"].items():
        if problem := service_problem(name, keys):
            raise StackFileError(problem, service=str(name))
    found = written(Document(_as_texts(data)), "", project)
    found.refuse_losses()
    return dict(found.services)


def _as_texts(value: Any) -> Any:
    """Return JSON with its scalars as the texts of a file."""
    if isinstance(value, Mapping):
        return {str(name): _as_texts(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_as_texts(item) for item in value]
    return value if value is None else text_of(value)
