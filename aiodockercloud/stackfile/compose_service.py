"""A Compose file that is being translated: its services and what they share.

Source: Compose file reference (the Compose Specification).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .documents import Path, dotted
from .remarks import Remark

__all__ = ["ComposeFile", "Keys", "Path", "Service", "Shared", "mapping"]

Keys = dict[str, Any]


def mapping(value: Any) -> Mapping[str, Any]:
    """Return a value that is a mapping, an empty mapping for any other value."""
    return value if isinstance(value, Mapping) else {}


@dataclass
class ComposeFile:
    """The services of a Compose file with the keys of stack files.

    Attributes:
        services: The keys by the name of the service, in the order of the file.
        origins: The name of a service and a key → the path of the value in the file.
        remarks: What stack files cannot express.
    """

    services: dict[str, Keys] = field(default_factory=dict)
    origins: dict[tuple[str, str], Path] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)


@dataclass(frozen=True)
class Shared:
    """The networks, volumes, secrets and configs of a file."""

    data: Mapping[str, Any]
    project: str

    def options(self, section: str, name: str) -> Mapping[str, Any]:
        return mapping(mapping(self.data.get(section)).get(name))

    def full_name(self, section: str, name: str) -> str:
        """Return the name by which all stacks know a network or another object."""
        options = self.options(section, name)
        if given := _name_of(options):
            return given
        own = section in ("secrets", "configs") or (section, name) == _PRIVATE
        if own or options.get("external") not in (None, "false"):
            return name
        return f"{self.project}_{name}"

    def remarks(
        self, section: str, name: str, options: Mapping[str, Any]
    ) -> Iterator[Remark]:
        known = {"name", "external"}
        if section == "volumes":
            known |= {"driver", "driver_opts"}
        for key, value in options.items():
            path = (section, name, key)
            if key in known or value in (None, False, "false", {}, []):
                continue
            if key.startswith("x-") or key == "labels":
                yield Remark(path, "is not kept", harmless=True)
            elif section in ("secrets", "configs"):
                kind = section.removesuffix("s")
                yield Remark(
                    path,
                    f"the content is not read; create the {kind}"
                    f" {self.full_name(section, name)} with the API first",
                    harmless=True,
                )
            elif (section, key) == ("networks", "attachable"):
                yield Remark(path, "all networks are attachable", harmless=True)
            elif (section, key, value) in _DEFAULT_DRIVERS:
                yield Remark(path, "the engine chooses the driver", harmless=True)
            else:
                yield Remark(path, f"{section} have no such option here")


#: The network of every service without ``networks``.
_PRIVATE = ("networks", "default")
_DEFAULT_DRIVERS = (
    ("networks", "driver", "overlay"),
    ("networks", "driver", "bridge"),
)


def _name_of(options: Mapping[str, Any]) -> str:
    external = options.get("external")
    name = options.get("name") or mapping(external).get("name")
    return str(name or "")


class Service:
    """One service of a Compose file, whose keys are being translated.

    Attributes:
        name: The name.
        shared: The networks and the other objects that the services share.
        keys: The keys of the stack file found so far.
    """

    def __init__(self, name: str, file: ComposeFile, shared: Shared) -> None:
        self.name = name
        self._file = file
        self.shared = shared
        self.keys: Keys = file.services.setdefault(name, {})

    def set(self, key: str, value: Any, path: Path) -> None:
        """Set a key of the stack file; the first of two different values stays."""
        if key in self.keys and self.keys[key] != value:
            self.lose(path, f"contradicts {self.origin(key)}, whose value is kept")
            return
        self.keys[key] = value
        self._file.origins.setdefault((self.name, key), self.path(path))

    def replace(self, key: str, value: Any, path: Path) -> None:
        """Set a key of the stack file in place of a former value."""
        self.keys[key] = value
        self._file.origins[self.name, key] = self.path(path)

    def remove(self, key: str) -> None:
        """Remove a key of the stack file, if there is one."""
        if self.keys.pop(key, None) is not None:
            del self._file.origins[self.name, key]

    def add(self, key: str, items: list[Any], path: Path) -> None:
        """Append items to a list of the stack file."""
        if items:
            self.keys.setdefault(key, []).extend(items)
            self._file.origins.setdefault((self.name, key), self.path(path))

    def lose(self, path: Path, why: str, *, harmless: bool = False) -> None:
        self._file.remarks.append(Remark(self.path(path), why, harmless))

    def path(self, path: Path) -> Path:
        return ("services", self.name, *path)

    def parts(self, path: Path, value: Any) -> Iterator[tuple[Path, str, Any]]:
        """Yield the path, the key and the value of each part that has a value."""
        if not isinstance(value, Mapping):
            self.lose(path, "must be a mapping")
            return
        for key, item in value.items():
            if item is not None:
                yield (*path, str(key)), str(key), item

    def items(self, path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
        """Yield the path and the value of each item of a list."""
        if not isinstance(value, list):
            yield path, value
            return
        for number, item in enumerate(value):
            yield (*path, number), item

    def origin(self, key: str) -> str:
        """Return the key of Compose that has set a key of the stack file."""
        return dotted(self._file.origins[self.name, key][2:])
