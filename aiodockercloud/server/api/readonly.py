"""Read-only fields in requests: allowed with the value of the object, else refused.

Clients that send a whole object back send the object's read-only fields too. A new
value would have no effect, so that the request is refused instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ... import wire
from ...exceptions import BadRequest

#: Keys that the SDKs add to objects, not fields: the header of the last response.
_ADDED_BY_CLIENTS = frozenset({"dockercloud_action_uri", "tutum_action_uri"})
#: Fields whose values change without a request. An object sent back has a past value.
_CHANGING = frozenset(
    {
        *("actions", "calculated_envvars", "containers", "cpu", "disk", "in_use"),
        *("current_num_containers", "current_num_nodes", "deployed_datetime"),
        *("destroyed_datetime", "docker_execdriver", "docker_graphdriver"),
        *("docker_version", "last_metric", "last_seen", "link_variables"),
        *("linked_from_service", "memory", "nodes", "public_ip"),
        *("running_num_containers", "started_datetime", "state", "stopped_datetime"),
        *("stopped_num_containers", "synchronized", "version"),
        # Addresses of nodes, if the server has no domain.
        *("external_fqdn", "public_dns", "web_public_dns"),
    }
)


class Late(Mapping[str, Any]):
    """A rendered object, rendered when the first value is compared.

    Most bodies contain writable fields only, which are compared with no rendered value.

    Args:
        render: Returns the object.
    """

    def __init__(self, render: Callable[[], Mapping[str, Any]]) -> None:
        self._render = render

    @cached_property
    def _object(self) -> Mapping[str, Any]:
        return self._render()

    def __getitem__(self, name: str) -> Any:
        return self._object[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._object)

    def __len__(self) -> int:
        return len(self._object)


@dataclass(frozen=True, slots=True)
class ReadOnly:
    """The read-only fields of a kind, and their values in one object.

    Attributes:
        instead: Read-only field → the field to write instead, a sentence that states
            the alternative, or an empty text.
        current: The object as rendered; for a new object, the values that the object
            will have.
    """

    instead: Mapping[str, str]
    current: Mapping[str, Any] = field(default_factory=dict)

    def accepts(self, name: str, value: Any, body: Mapping[str, Any]) -> bool:
        """Return whether a field's value states nothing new.

        Every empty value is the same value: the Go client sends "" for null. The fields
        of a new object may be empty. An object that is sent back, which its uuid or URI
        identifies, may have past values of the fields that change without a request.
        """
        if name in _ADDED_BY_CLIENTS:
            return True
        given, current = _plain(value), _plain(self.current.get(name))
        if given == current:
            return True
        if "resource_uri" not in self.current and given is None:
            return True
        return name in _CHANGING and any(
            body.get(key) and _plain(body[key]) == _plain(self.current.get(key))
            for key in ("uuid", "resource_uri")
        )

    def refusal(self, name: str) -> BadRequest:
        """Return the error for a new value of a field."""
        instead = self.instead[name]
        if instead and " " not in instead:
            instead = f"write {instead}"
        return BadRequest(f"{name}: is read-only" + (f"; {instead}" if instead else ""))


def _plain(value: Any) -> Any:
    """Return a value for comparisons: canonical URIs, and None for an empty value."""
    if isinstance(value, dict):
        parts = {key: _plain(part) for key, part in value.items()}
        value = {key: part for key, part in parts.items() if part is not None}
    elif isinstance(value, list):
        value = [_plain(part) for part in value]
    elif isinstance(value, str) and value.startswith("/"):
        value = wire.canonical_uri(value)
    return value or None
