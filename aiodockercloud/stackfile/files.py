"""Readers of the fields ``secrets`` and ``configs``, in the forms of API and Compose.

Source: Compose file reference, ``secrets`` and ``configs`` of a service.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from . import values

__all__ = ["exported", "file_mounts"]

_DEFAULT_MODE = 0o444
_KEYS = ("source", "target", "mode", "uid", "gid")
#: The largest uid and gid of Linux.
_MOST = 2**32 - 2


def file_mounts(value: Any) -> list[dict[str, Any]]:
    """Return secrets or configs of a service in the form of the API, with all keys.

    Raises:
        ValueError: The value is not a list of names and objects, or a key is wrong.

    :meta private:
    """
    if value is None:
        return []
    if isinstance(value, Mapping):
        raise ValueError('must be a list, such as ["name"] or [{"source": "name"}]')
    found = []
    for number, item in enumerate(values.items_of(value), 1):
        try:
            found.append(_file_mount(item))
        except ValueError as error:
            raise ValueError(f"item {number} of the list: {error}") from None
    return found


def _file_mount(item: Any) -> dict[str, Any]:
    given = item if isinstance(item, Mapping) else {"source": values.filled(item)}
    if unknown := sorted(str(key) for key in given.keys() - set(_KEYS)):
        raise ValueError(f"there is no key {unknown[0]}; keys are {', '.join(_KEYS)}")
    if not given.get("source"):
        raise ValueError("source is missing, the name of a secret or config")
    source = values.filled(given["source"])
    target = values.filled(given.get("target") or source.rstrip("/").rpartition("/")[2])
    if ".." in target.split("/") or target.endswith("/") or "\0" in target:
        raise ValueError("target must be the path of a file, without ..")
    return {
        "source": source,
        "target": target,
        "mode": _mode(given.get("mode")),
        "uid": _owner("uid", given.get("uid")),
        "gid": _owner("gid", given.get("gid")),
    }


def _mode(value: Any) -> int:
    """Return permissions, of a number or an octal text such as ``0440``."""
    if value is None or value == "":
        return _DEFAULT_MODE
    if isinstance(value, str) and re.fullmatch(r"(?:0o)?[0-7]{1,5}", value.strip()):
        value = int(value.strip().removeprefix("0o"), 8)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 0o777:
        raise ValueError(
            'mode must be permissions from 0 to 0777, such as "0440" or the number 288'
        )
    return value


def _owner(key: str, value: Any) -> str:
    text = "0" if value is None or value == "" else values.text_of(value).strip()
    if not re.fullmatch(r"[0-9]{1,10}", text) or int(text) > _MOST:
        raise ValueError(f"{key} must be a number from 0 to {_MOST}")
    return str(int(text))


def exported(value: list[dict[str, Any]]) -> list[Any]:
    """Return secrets or configs of the API as a stack file has them."""
    found: list[Any] = []
    for mount in value:
        plain = file_mounts([mount["source"]])[0]
        changed = {k: v for k, v in mount.items() if k in _KEYS and v != plain[k]}
        if "mode" in changed:
            changed["mode"] = f"0{changed['mode']:o}"
        source = mount["source"]
        found.append({"source": source, **changed} if changed else source)
    return found
