"""The services that the keys ``links`` and ``volumes_from`` of a stack file name."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

__all__ = ["missing_targets"]

_PARTS = (
    ("links", "linked_to_service", "to_service"),
    ("volumes_from", "bindings", "volumes_from"),
)


def missing_targets(
    service: Mapping[str, Any], known: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Yield the key and the problem of each name that no service of the file has.

    ``name.stack`` is a service of another stack.

    Args:
        service: The service as API JSON.
        known: The names of the services of the file.
    """
    for key, field_name, part in _PARTS:
        for entry in _dicts(service.get(field_name)):
            target = entry.get(part)
            # API fields may have resource URIs, which only the server can resolve.
            if (
                isinstance(target, str)
                and target not in known
                and not {*"./"} & {*target}
            ):
                yield (
                    key,
                    f"there is no service {target} in the file; there are"
                    f" {', '.join(sorted(known))}; a service of another stack is"
                    " written service.stack",
                )


def _dicts(entries: Any) -> list[dict[str, Any]]:
    given = entries if isinstance(entries, list) else []
    return [entry for entry in given if isinstance(entry, dict)]
