"""Translate stack files, ``docker-cloud.yml`` and ``tutum.yml``, to API JSON and back.

A stack file has the services of one stack at the top level, like a Compose file of
version 1. A Compose file of today, with its ``services``, is read as well, as far as
stack files can express its keys. :func:`find` returns the stack files of a directory,
:func:`load` reads files, :func:`parse` reads a text. :func:`to_api` and
:func:`to_stackfile` translate the keys of one service. :func:`lint` states what each
engine does with each key, and :func:`convert` converts one layout to the other.

Each scalar stays the text of the file until its key defines the type: ``22:22`` is a
pair of ports and not a number to the base 60, ``1.10`` keeps its zero, ``no`` is a
word.

Source: Docker Cloud stack file reference. The official command line client defines
which files belong to a directory, how variables are replaced, and how names without a
value in ``environment`` are completed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..exceptions import StackFileError
from .conversion import Conversion, convert
from .files import file_mounts
from .forms import api_fields
from .keys import API_KEYS, STACK_KEYS, to_api, to_stackfile, unsupported
from .layout import COMPOSE, compose_problem, compose_section, is_compose
from .linting import Finding, lint
from .objects import reader_of, with_json_types
from .policies import healthcheck, rollback_config, update_config
from .remarks import Loss
from .targets import missing_targets
from .values import environment_of
from .variables import Place, Variables
from .written import (
    Written,
    compose_services,
    document_of,
    read_text,
    stack_name,
    written,
)

__all__ = [
    "API_KEYS",
    "STACK_KEYS",
    "Conversion",
    "Finding",
    "Loss",
    "StackFile",
    "api_fields",
    "compose_problem",
    "compose_section",
    "compose_services",
    "convert",
    "file_mounts",
    "find",
    "healthcheck",
    "is_compose",
    "lint",
    "load",
    "parse",
    "read_text",
    "reader_of",
    "rollback_config",
    "to_api",
    "to_stackfile",
    "unsupported",
    "update_config",
]

FILE_NAMES = (
    "docker-cloud.yml",
    "docker-cloud.yaml",
    "tutum.yml",
    "tutum.yaml",
    "docker-compose.yml",
    "docker-compose.yaml",
    "compose.yaml",
    "compose.yml",
)


@dataclass(frozen=True)
class StackFile:
    """The services of one stack file, or of several files together.

    Attributes:
        name: A name for the stack: the ``name`` of a Compose file, or the name of the
            first file's directory.
        services: API JSON, ready to be posted as ``services`` of a stack, in the order
            of the file. Links name services.
        warnings: Messages for the user: about each variable that is not set, and about
            each key of a Compose file that has no effect.
        unset: The messages about variables alone.
    """

    name: str
    services: list[dict[str, Any]]
    warnings: tuple[str, ...] = ()
    unset: tuple[str, ...] = ()


def find(directory: str | os.PathLike[str]) -> list[Path]:
    """Return the stack files of a directory, the nearest ones up to the root.

    ``docker-cloud.yml`` precedes ``tutum.yml``, and ``tutum.yml`` precedes
    ``docker-compose.yml``.

    Args:
        directory: The directory where the search starts; the parents follow.

    Returns:
        The first stack file found, then its ``.override`` file
        (``docker-cloud.override.yml``) if that file exists. An empty list if no
        directory up to the root has a stack file.

    Source:
        The official command line client.
    """
    start = Path(directory).absolute()
    for folder in (start, *start.parents):
        for name in FILE_NAMES:
            path = folder / name
            if path.is_file():
                override = path.with_name(f"{path.stem}.override{path.suffix}")
                return [path, override] if override.is_file() else [path]
    return []


def load(
    path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    environ: Mapping[str, str] | None = None,
    name: str | None = None,
) -> StackFile:
    """Read one stack file, or several files of which a later one replaces services.

    Args:
        path: A file, or files in order, as :func:`find` returns them. A service in a
            later file replaces the whole service of the same name.
        environ: The variables for ``$NAME`` and ``environment``, by default the
            variables of the process.
        name: The name of the stack; by default the ``name`` of a Compose file, or
            the name of the file's directory. In a Compose file, the name precedes the
            names of volumes and networks that belong to the file alone.

    Returns:
        The services as API JSON, the name of the stack, and warnings.

    Raises:
        StackFileError: No file was given, a file cannot be read, or a file has a
            mistake. The error names file, service and key, and states what is allowed.

    Source:
        Docker Cloud stack file reference.
    """
    paths = [path] if isinstance(path, str | os.PathLike) else list(path)
    if not paths:
        raise StackFileError(
            f"no stack file was given or found; one is called {', '.join(FILE_NAMES)}"
        )
    return _build(
        [(str(each), read_text(Path(each))) for each in paths], environ, name or ""
    )


def parse(
    text: str,
    *,
    file: str = "docker-cloud.yml",
    environ: Mapping[str, str] | None = None,
    name: str | None = None,
) -> StackFile:
    """Read the text of a stack file.

    Args:
        text: The YAML text.
        file: The path for messages; its directory names the stack. No file is read.
        environ: The variables for ``$NAME`` and ``environment``, by default the
            variables of the process.
        name: The name of the stack; by default the ``name`` of a Compose file, or
            the name of the file's directory. In a Compose file, the name precedes the
            names of volumes and networks that belong to the file alone.

    Returns:
        The services as API JSON, the name of the stack, and warnings.

    Raises:
        StackFileError: The text has a mistake. The error names service and key, and
            states what is allowed.

    Source:
        Docker Cloud stack file reference.
    """
    return _build([(file, text)], environ, name or "")


def _build(
    sources: Sequence[tuple[str, str]], environ: Mapping[str, str] | None, name: str
) -> StackFile:
    variables = Variables(os.environ if environ is None else environ)
    read: dict[str, Written] = {}
    warnings: list[str] = []
    for file, text in sources:
        try:
            document = document_of(text, file)
            data = _replaced(document.data, file, variables)
        except RecursionError:
            raise StackFileError("is nested too deeply", file) from None
        name = name or stack_name(file, data)
        source = written(replace(document, data=data), file, name)
        source.refuse_losses()
        warnings += [f"{file}: {loss}" for loss in source.losses]
        read |= dict.fromkeys(source.services, source)
    services = []
    for service, source in read.items():
        try:
            found = _service(service, source.services[service], variables.environ)
            for key, problem in missing_targets(found, read.keys()):
                raise StackFileError(problem, key=key)
        except StackFileError as exc:
            raise _placed(exc, source, service, variables) from None
        services.append(found)
    unset = tuple(variables.warnings())
    return StackFile(name, services, (*unset, *warnings), unset)


def _replaced(data: Mapping[str, Any], file: str, variables: Variables) -> Any:
    """Return the content of a file with the variables of its values replaced."""
    compose = is_compose(data)

    def replaced(services: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: {
                key: variables.replace(
                    value, Place(file, name, str(key)), defaults=compose
                )
                for key, value in keys.items()
            }
            for name, keys in services.items()
        }

    if not compose:
        return replaced(data)
    return {
        section: replaced(value)
        if section == "services"
        else variables.replace(value, Place(file, "", section), defaults=True)
        for section, value in data.items()
    }


def _placed(
    error: StackFileError, source: Written, service: str, variables: Variables
) -> StackFileError:
    """Return the error of a key of a service with its place in the file."""
    if not error.key:
        return StackFileError(error.problem, source.file, service)
    line, key = source.place(service, error.key)
    compose = source.layout == COMPOSE
    top = key.partition(".")[0] if compose else key
    problem = variables.missing_at(Place(source.file, service, top)) + error.problem
    if compose:
        problem = f"line {line}: {problem}"
    return StackFileError(problem, source.file, service, key)


def _service(
    name: str, keys: Mapping[str, Any], environ: Mapping[str, str]
) -> dict[str, Any]:
    """Return the API JSON of one service."""
    given = dict(keys)
    if "environment" in given:
        with suppress(ValueError):  # to_api reports the mistake.
            named = environment_of(given["environment"])
            given["environment"] = {
                k: v or environ.get(k, "") for k, v in named.items()
            }
    if "swarm" in given:
        given["swarm"] = with_json_types(given["swarm"])
    service = to_api(name, given)
    if "image" not in service:
        raise StackFileError(
            "is missing; every service must name its image", key="image"
        )
    if service.setdefault("name", name) != name:
        problem = "differs from the name of the service in the file"
        raise StackFileError(problem, key="name")
    return {"name": name, **service}
