"""The conversion of a stack file to a Compose file, and back.

Source: Docker Cloud stack file reference; Compose file reference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from ..exceptions import StackFileError
from ..wire.service_fields import FIELDS, Kind
from .compose_writer import UNREADABLE, written_compose
from .keys import STACK_KEYS, to_api, to_stackfile
from .layout import COMPOSE, DOCKER_CLOUD
from .natives import native_parts
from .remarks import Loss
from .variables import has_variables, without_defaults
from .written import Written, document_of, problem_of, written

__all__ = ["Conversion", "convert"]

Layout = Literal["compose", "docker-cloud"]
#: Kinds whose values are numbers, booleans, or mappings that have such parts.
_NATIVE = frozenset(
    {
        *(Kind.FLAG, Kind.INTEGER, Kind.NUMBER, Kind.ROLLOUT, Kind.HEALTHCHECK),
        *(Kind.OBJECT, Kind.OBJECTS, Kind.BINDINGS),
    }
)
_KINDS = {key: row.kind for row in FIELDS for key in row.stack_keys}
_ORDER = [*_KINDS]


class Conversion(NamedTuple):
    """A converted stack file.

    Attributes:
        text: The YAML text of the new file.
        losses: What the new file lacks or has otherwise, in the order of the lines.
        layout: The layout of the new file, ``"compose"`` or ``"docker-cloud"``.
    """

    text: str
    losses: list[Loss]
    layout: str


def convert(
    text: str, to: Layout | None = None, *, file: str = "docker-cloud.yml"
) -> Conversion:
    """Convert a stack file to a Compose file, or a Compose file to a stack file.

    Variables stay variables. Each value that the other layout cannot express is left
    out and reported; nothing else is.

    Args:
        text: The YAML text of either layout.
        to: The layout of the new file: ``"compose"`` or ``"docker-cloud"``; by default
            the other layout.
        file: The path of the file, for messages; its directory names the networks and
            volumes of a Compose file.

    Returns:
        The new text, the losses, and the new layout.

    Raises:
        StackFileError: The text is not valid YAML, has neither layout, or has the
            layout *to* already.

    Source:
        Docker Cloud stack file reference; Compose file reference.
    """
    # Here, because YAML takes long to import, and only stack files need YAML.
    from .yaml_text import comment_lines, write_yaml  # noqa: PLC0415

    source = written(document_of(text, file), file)
    target = to or (DOCKER_CLOUD if source.layout == COMPOSE else COMPOSE)
    if target == source.layout:
        raise StackFileError(f"has the layout {target} already", file)
    losses = list(source.losses)
    services = {name: dict(_valid(source, name, losses)) for name in source.services}
    if target == COMPOSE:
        data = _compose(source, services, losses)
    else:
        if "name" in source.document.data:
            line = source.document.line(("name",))
            problem = "a stack file has no name; deploy it under the name"
            losses.append(Loss(line, "", "name", problem, harmless=True))
        data = {
            name: dict(_ordered(source, name, keys, losses))
            for name, keys in services.items()
        }
    if comments := comment_lines(text):
        count = (
            "1 comment is" if len(comments) == 1 else f"{len(comments)} comments are"
        )
        losses.append(Loss(comments[0], "", "", f"{count} not kept", harmless=True))
    losses.sort(key=lambda loss: loss.line)
    return Conversion(write_yaml(data), losses, target)


def _valid(
    source: Written, service: str, losses: list[Loss]
) -> Iterator[tuple[str, Any]]:
    """Yield the keys of a service that are right; the others are lost."""
    keys = source.services[service]
    for key, value in keys.items():
        if problem := problem_of(key, value):
            losses.append(source.loss(service, key, problem))
        else:
            yield key, value
    if "image" not in keys:
        losses.append(source.loss(service, "image", "is missing"))


def _ordered(
    source: Written, service: str, keys: Mapping[str, Any], losses: list[Loss]
) -> Iterator[tuple[str, Any]]:
    """Yield the keys of a service in the order of an exported stack file."""
    for key in sorted(keys, key=_ORDER.index):
        value = without_defaults(keys[key])
        if value != keys[key]:
            problem = "a variable has no default in a stack file; set the variable"
            losses.append(source.loss(service, key, problem))
        yield key, native_parts(value) if _KINDS[key] in _NATIVE else value


def _compose(
    source: Written, services: Mapping[str, Mapping[str, Any]], losses: list[Loss]
) -> dict[str, Any]:
    renamed = {
        name: dict(_stack_keys(source, name, keys, losses))
        for name, keys in services.items()
    }
    data, remarks = written_compose(renamed)
    for remark in remarks:
        service, key = str(remark.path[0]), str(remark.path[1])
        line = source.document.line(remark.path)
        losses.append(Loss(line, service, key, remark.problem))
    return data


def _stack_keys(
    source: Written, service: str, keys: Mapping[str, Any], losses: list[Loss]
) -> Iterator[tuple[str, Any]]:
    """Yield the keys of a service by the names of stack files, not of the API."""
    for key, value in keys.items():
        if key in STACK_KEYS:
            yield key, value
        elif key == "autorestart":
            yield "restart", value
        elif has_variables(value):
            problem = "has a variable and the name of a field of the API"
            losses.append(source.loss(service, key, problem))
        elif key != "name":
            try:
                yield from to_stackfile(to_api("", {key: value})).items()
            except UNREADABLE:
                # No value of the API's form is checked before.
                problem = "has neither the form of the API nor that of a stack file"
                losses.append(source.loss(service, key, problem))
