"""The volumes of a service in a Compose file: one text each, or a mapping.

Source: Compose file reference, ``volumes`` of a service.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Volume", "read_volume"]


@dataclass
class Volume:
    """A volume of Compose, in the words of stack files.

    Exactly one of *text*, *name* and *tmpfs* has a value, or none when the volume
    cannot exist.

    Attributes:
        text: The volume as stack files spell it: ``/host:/path:ro``.
        name: The name of a volume that the file shares, mounted at *target*.
        tmpfs: The mount of memory as ``docker run --tmpfs`` spells it.
        target: The path in the container.
        read_only: Whether the container may not write; *text* has it, too.
        lost: The key of the mapping, or an empty text, and what is lost.
    """

    text: str = ""
    name: str = ""
    tmpfs: str = ""
    target: str = ""
    read_only: bool = False
    lost: list[tuple[str, str]] = field(default_factory=list)


_RELATIVE = (
    "a path on the node begins with /, there is no directory to start from; copy the"
    " files into the image, or use a config"
)
#: Access modes that change nothing here.
_WITHOUT_EFFECT = frozenset({"rw", "cached", "delegated", "consistent"})


def read_volume(item: Any) -> Volume:
    """Return a volume of Compose."""
    return _long(item) if isinstance(item, Mapping) else _short(str(item))


def _split(text: str) -> list[str]:
    """Return the parts between colons that are not in the braces of a variable."""
    return re.findall(r"(?:^|:)((?:\$\{[^}]*\}|[^:])*)", text)


def _short(text: str) -> Volume:
    first, *rest = _split(text.strip())
    if not rest:
        return Volume(text=first)
    target, *modes = rest
    volume = Volume(target=target)
    for mode in ",".join(modes).split(","):
        if mode == "ro":
            volume.read_only = True
        elif mode and mode not in _WITHOUT_EFFECT:
            volume.lost.append(("", f"the option {mode} of a volume does not exist"))
    _set_source(volume, first)
    return volume


def _set_source(volume: Volume, source: str) -> None:
    if source.startswith(("/", "$")):
        mode = ":ro" if volume.read_only else ""
        volume.text = f"{source}:{volume.target}{mode}"
    elif source.startswith((".", "~")) or "/" in source or "\\" in source:
        volume.lost.append(("", _RELATIVE))
    else:
        volume.name = source


def _long(item: Mapping[str, Any]) -> Volume:
    given = {key: value for key, value in item.items() if value is not None}
    kind, source = given.pop("type", "volume"), str(given.pop("source", ""))
    volume = Volume(target=str(given.pop("target", "")))
    volume.read_only = given.pop("read_only", "false") in ("true", "yes", "on", True)
    options = given.pop(kind, {}) if kind in ("bind", "volume", "tmpfs") else {}
    volume.lost += [(key, "volumes have no such key") for key in given]
    if not volume.target:
        volume.lost.append(("target", "is missing"))
    elif kind == "tmpfs":
        parts = [f"{k}={options[k]}" for k in ("size", "mode") if options.get(k)]
        volume.tmpfs = ":".join(filter(None, [volume.target, ",".join(parts)]))
    elif kind == "volume" and not source:
        volume.text = volume.target + (":ro" if volume.read_only else "")
    elif kind in ("bind", "volume"):
        _set_source(volume, source)
    else:
        volume.lost.append(("type", f"{kind} is not possible; allowed: bind, volume"))
    if kind == "bind" and volume.name:
        volume.name = ""
        volume.lost.append(("source", _RELATIVE))
    if kind != "tmpfs":
        volume.lost += [
            (
                kind,
                f"no effect: {key}"
                if key == "create_host_path"
                else f"the option {key} of a volume does not exist",
            )
            for key in options
        ]
    return volume
