"""The refusal of options, ports and volumes that Swarm cannot honour.

``wire.engine_support`` has what Swarm supports; this module adds what depends on the
version of the Docker Engine, and on the forms of Docker's spec.

Source: Docker Engine API, "Version history" and "ServiceCreate".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ....wire.engine_support import SWARM, swarm_port_problems
from .. import MountSpec, PortSpec, UnsupportedField
from . import options as parts

__all__ = ["check", "check_ports"]

_ApiVersion = tuple[int, int]
#: Keys of Docker's spec that Engines before a version drop → the version.
_SINCE: Mapping[str, _ApiVersion] = {
    "oom_score_adj": (1, 46),
    "NoNewPrivileges": (1, 44),
    "Seccomp": (1, 44),
    "AppArmor": (1, 44),
}
_RELEASES: Mapping[_ApiVersion, str] = {(1, 44): "25", (1, 46): "27"}


def check(
    options: Mapping[str, Any],
    ports: Sequence[PortSpec] = (),
    mounts: Sequence[MountSpec] = (),
    *,
    api: _ApiVersion | None = None,
) -> None:
    """Refuse options, ports and volumes that Swarm cannot honour.

    Args:
        options: The options of a definition.
        ports: The ports.
        mounts: The volumes, all of which Swarm supports.
        api: The version of the manager's Engine API; ``None`` for the newest one.

    Raises:
        UnsupportedField: The text names the field, the reason and an alternative.
    """
    for field, why in SWARM.problems(options, ports, mounts):
        raise UnsupportedField(f"{field}: {why}")
    for field, value in options.items():
        if value:
            _check_version(field, field, api)
    parts.hosts(options.get("extra_hosts") or ())
    for key in parts.privileges(options.get("security_opt") or ()) or ():
        _check_version("security_opt", key, api)


def _check_version(field: str, key: str, api: _ApiVersion | None) -> None:
    needed = _SINCE.get(key)
    if needed and api and api < needed:
        named = "" if key == field else f"{key} "
        raise UnsupportedField(
            f"{field}: {named}needs API {needed[0]}.{needed[1]} of the Docker Engine,"
            f" and the manager has {api[0]}.{api[1]}; install Docker Engine"
            f" {_RELEASES[needed]} or later on all nodes, or leave the field out"
        )


def check_ports(ports: Sequence[PortSpec], *, host_net: bool) -> None:
    """Refuse ports that Swarm cannot publish.

    Raises:
        UnsupportedField: The text names the port.
    """
    for field, why in swarm_port_problems(ports, host_net=host_net):
        raise UnsupportedField(f"{field}: {why}")
