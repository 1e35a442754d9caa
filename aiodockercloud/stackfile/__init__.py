"""Translate stack files, ``docker-cloud.yml`` and ``tutum.yml``, to API JSON and back.

A stack file has the services of one stack at the top level, like a Compose file of
version 1. :func:`find` returns the stack files of a directory, :func:`load` reads
files, :func:`parse` reads a text. :func:`to_api` and :func:`to_stackfile` translate the
keys of one service.

Each scalar stays the text of the file until its key defines the type: ``22:22`` is a
pair of ports and not a number to the base 60, ``1.10`` keeps its zero, ``no`` is a
word.

Source: Docker Cloud stack file reference. The official command line client defines
which files belong to a directory, how variables are replaced, and how names without a
value in ``environment`` are completed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..exceptions import StackFileError
from .files import file_mounts
from .forms import api_fields
from .keys import API_KEYS, STACK_KEYS, to_api, to_stackfile, unsupported
from .layout import LAYOUT, compose_problem, compose_section
from .objects import reader_of, with_json_types
from .policies import healthcheck, rollback_config, update_config
from .values import environment_of
from .variables import Place, Variables

__all__ = [
    "API_KEYS",
    "STACK_KEYS",
    "StackFile",
    "api_fields",
    "compose_problem",
    "compose_section",
    "file_mounts",
    "find",
    "healthcheck",
    "load",
    "parse",
    "reader_of",
    "rollback_config",
    "to_api",
    "to_stackfile",
    "unsupported",
    "update_config",
]

#: The bound on the bytes of one file.
MAX_SIZE = 2**20
TOO_LARGE = "is larger than 1 MiB"

FILE_NAMES = (
    "docker-cloud.yml",
    "docker-cloud.yaml",
    "tutum.yml",
    "tutum.yaml",
    "docker-compose.yml",
    "docker-compose.yaml",
)


@dataclass(frozen=True)
class StackFile:
    """The services of one stack file, or of several files together.

    Attributes:
        name: A name for the stack: the name of the first file's directory.
        services: API JSON, ready to be posted as ``services`` of a stack, in the order
            of the file. Links name services.
        warnings: Messages for the user, such as a variable that is not set.
    """

    name: str
    services: list[dict[str, Any]]
    warnings: tuple[str, ...] = ()


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
) -> StackFile:
    """Read one stack file, or several files of which a later one replaces services.

    Args:
        path: A file, or files in order, as :func:`find` returns them. A service in a
            later file replaces the whole service of the same name.
        environ: The variables for ``$NAME`` and ``environment``, by default the
            variables of the process.

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
    return _build([(str(each), _read(Path(each))) for each in paths], environ)


def parse(
    text: str,
    *,
    file: str = "docker-cloud.yml",
    environ: Mapping[str, str] | None = None,
) -> StackFile:
    """Read the text of a stack file.

    Args:
        text: The YAML text.
        file: The path for messages; its directory names the stack. No file is read.
        environ: The variables for ``$NAME`` and ``environment``, by default the
            variables of the process.

    Returns:
        The services as API JSON, the name of the stack, and warnings.

    Raises:
        StackFileError: The text has a mistake. The error names service and key, and
            states what is allowed.

    Source:
        Docker Cloud stack file reference.
    """
    return _build([(file, text)], environ)


def _read(path: Path) -> str:
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


def _build(
    sources: Sequence[tuple[str, str]], environ: Mapping[str, str] | None
) -> StackFile:
    variables = Variables(os.environ if environ is None else environ)
    read: dict[str, tuple[Place, dict[str, Any]]] = {}
    for file, text in sources:
        try:
            for name, keys in _services(text, file).items():
                read[name] = (
                    Place(file, name),
                    {
                        key: variables.replace(value, Place(file, name, str(key)))
                        for key, value in keys.items()
                    },
                )
        except RecursionError:
            raise StackFileError("is nested too deeply", file) from None
    services = []
    for place, keys in read.values():
        try:
            service = _service(place, keys, variables.environ)
            _check_targets(place, service, read.keys())
        except StackFileError as exc:
            raise variables.explained(exc, place) from None
        services.append(service)
    return StackFile(_stack_name(sources[0][0]), services, tuple(variables.warnings()))


def _stack_name(file: str) -> str:
    folder = Path(file).absolute().parent.name
    return re.sub(r"[^A-Za-z0-9_-]+", "-", folder).strip("-_") or "stack"


# --- the layout ---------------------------------------------------------------------


def _services(text: str, file: str) -> dict[str, dict[str, Any]]:
    """Return the services of a file, untranslated; check the layout of the file."""
    if len(text) > MAX_SIZE:
        raise StackFileError(TOO_LARGE, file)
    # Here, because YAML takes long to import, and only stack files need YAML.
    from .yaml_text import read_yaml  # noqa: PLC0415

    data = read_yaml(text, file)
    if data is None or data == {}:
        raise StackFileError(f"is empty; {LAYOUT}", file)
    if not isinstance(data, dict):
        found = "a list" if isinstance(data, list) else "one text"
        raise StackFileError(f"holds {found}; {LAYOUT}", file)
    if section := compose_section(data):
        raise StackFileError(compose_problem(section), file, key=section)
    for name, keys in data.items():
        if not isinstance(name, str) or not name.strip():
            raise StackFileError(f"a service has no name; {LAYOUT}", file, str(name))
        if not isinstance(keys, dict):
            found = "no keys" if keys is None else "no mapping but other content"
            raise StackFileError(f"the service has {found}; {LAYOUT}", file, name)
    return data


# --- services -----------------------------------------------------------------------


def _service(
    place: Place, keys: Mapping[str, Any], environ: Mapping[str, str]
) -> dict[str, Any]:
    """Return the API JSON of one service. A key without a value has no effect."""
    given = {k: v for k, v in keys.items() if v is not None or k == "image"}
    if "environment" in given:
        with suppress(ValueError):  # to_api reports the mistake.
            named = environment_of(given["environment"])
            given["environment"] = {
                k: v or environ.get(k, "") for k, v in named.items()
            }
    if "swarm" in given:
        given["swarm"] = with_json_types(given["swarm"])
    service = to_api(place.service, given, file=place.file)
    if "image" not in service:
        raise place.error("is missing; every service must name its image", "image")
    if service.setdefault("name", place.service) != place.service:
        raise place.error("differs from the name of the service in the file", "name")
    return {"name": place.service, **service}


def _check_targets(
    place: Place, service: Mapping[str, Any], known: Collection[str]
) -> None:
    """Check that the files have each plain name; ``name.stack`` is another stack's."""
    wanted = [
        (key, entry.get(part))
        for key, field_name, part in (
            ("links", "linked_to_service", "to_service"),
            ("volumes_from", "bindings", "volumes_from"),
        )
        for entry in _dicts(service.get(field_name))
    ]
    for key, target in wanted:
        # API fields may have resource URIs, which only the server can resolve.
        if isinstance(target, str) and target not in known and not {*"./"} & {*target}:
            raise place.error(
                f"there is no service {target} in the file; there are"
                f" {', '.join(sorted(known))}; a service of another stack is written"
                " service.stack",
                key,
            )


def _dicts(entries: Any) -> list[dict[str, Any]]:
    given = entries if isinstance(entries, list) else []
    return [entry for entry in given if isinstance(entry, dict)]
