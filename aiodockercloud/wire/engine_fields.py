"""The rows of service fields that the Docker Engine has and the hosted API had not.

Source: Docker Engine API 1.49, "ServiceUpdate".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from .field_kinds import Actor, InContainers, Kind, Part, Pattern, ServiceField

__all__ = ["DEFAULT_NETWORK", "LEAST_MEMORY", "engine_fields"]

#: MB; Docker starts no container with less memory.
LEAST_MEMORY: Final = 4

#: The name in ``networks`` of the private network that a service has by default.
DEFAULT_NETWORK: Final = "default"

#: Seconds; the longest duration of a field.
_LONGEST = 30 * 86400
_MOST_CPUS = 100_000
_MOST = 2**31


def _part(name: str, kind: Kind, **columns: Any) -> Part:
    return Part(name=name, kind=kind, **columns)


_SECONDS: Final[Mapping[str, Any]] = {"bounds": (0, _LONGEST)}
_PATH = Pattern(r"/.*", "an absolute path")
_WORD = Pattern(r"[A-Za-z0-9_./:-]{1,128}", "letters, digits, _, ., /, : and -")
_NETWORK = Pattern(
    r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}",
    "a name of at most 63 letters, digits, _, . and -",
)
_SIGNAL = Pattern(r"(SIG)?[A-Z][A-Z0-9+-]{1,11}|[0-9]{1,2}", "a signal such as SIGINT")
_OCTAL = Pattern(r"0?[0-7]{3,4}", "a mode in octal such as 1770")
_ATTRIBUTE = (
    r"(?:node\.(?:id|hostname|role|platform\.(?:os|arch))"
    r"|(?:node|engine)\.labels\.[A-Za-z0-9_./-]+)"
)
_CONSTRAINT = Pattern(
    rf"\s*{_ATTRIBUTE}\s*[!=]=\s*[A-Za-z0-9_.:/@+-][A-Za-z0-9_.:/@+ -]*",
    "a comparison with == or != of node.id, node.hostname, node.role,"
    " node.platform.os, node.platform.arch, node.labels.NAME or engine.labels.NAME,"
    " such as node.labels.zone==a",
)
_SPREAD = Pattern(_ATTRIBUTE, "an attribute of nodes such as node.labels.zone")


def engine_fields() -> Iterator[ServiceField]:
    """Yield the fields that the Docker Engine has and the hosted API did not have."""

    def option(name: str, kind: Kind, *keys: str, **columns: Any) -> ServiceField:
        return ServiceField(name=name, kind=kind, stack_keys=keys or (name,), **columns)

    unset: dict[str, Any] = {"may_be_unset": True}
    cpus: dict[str, Any] = {"bounds": (0.01, _MOST_CPUS), **unset}
    yield option("cpus", Kind.NUMBER, **cpus)
    yield option("cpu_reservation", Kind.NUMBER, **cpus)
    yield option(
        "memory_reservation",
        Kind.MEGABYTES,
        "mem_reservation",
        bounds=(LEAST_MEMORY, _MOST),
        **unset,
    )
    yield option("pids_limit", Kind.INTEGER, bounds=(1, 2**22), **unset)
    yield option(
        "generic_resources",
        Kind.OBJECTS,
        parts=(
            _part("kind", Kind.TEXT, required=True, pattern=_WORD),
            # A number of units, or the name of one unit.
            _part("value", Kind.TEXT, required=True, pattern=_WORD),
        ),
        short="kind=value",
    )
    yield option("stop_grace_period", Kind.DURATION, **_SECONDS)
    yield option("stop_signal", Kind.TEXT, pattern=_SIGNAL)
    yield option(
        "restart_policy",
        Kind.OBJECT,
        parts=(
            _part("delay", Kind.DURATION, **_SECONDS),
            _part("max_attempts", Kind.INTEGER, bounds=(1, _MOST), **unset),
            _part("window", Kind.DURATION, **_SECONDS),
        ),
    )
    yield option(
        "placement",
        Kind.OBJECT,
        parts=(
            _part("constraints", Kind.TEXTS, pattern=_CONSTRAINT),
            _part(
                "preferences",
                Kind.OBJECTS,
                parts=(_part("spread", Kind.TEXT, required=True, pattern=_SPREAD),),
                short="spread=attribute",
            ),
            _part("max_replicas_per_node", Kind.INTEGER, bounds=(1, 1000), **unset),
            _part(
                "platforms",
                Kind.OBJECTS,
                parts=(
                    _part("os", Kind.TEXT, required=True, pattern=_WORD),
                    _part("architecture", Kind.TEXT, pattern=_WORD),
                ),
                short="os/architecture",
            ),
        ),
    )
    yield option("init", Kind.FLAG, default=False)
    yield option(
        "ulimits",
        Kind.OBJECTS,
        parts=(
            _part("name", Kind.TEXT, required=True, pattern=_WORD),
            _part("soft", Kind.INTEGER, required=True, bounds=(-1, 2**63 - 1)),
            _part("hard", Kind.INTEGER, bounds=(-1, 2**63 - 1)),
        ),
        short="name=soft:hard",
    )
    yield option(
        "networks",
        Kind.OBJECTS,
        parts=(
            _part("name", Kind.TEXT, required=True, pattern=_NETWORK),
            _part("aliases", Kind.TEXTS, pattern=_NETWORK),
        ),
        short="the name of a network",
    )
    yield option("sysctls", Kind.PAIRS)
    yield option("group_add", Kind.TEXTS)
    yield option("oom_score_adj", Kind.INTEGER, bounds=(-1000, 1000), **unset)
    yield option("dns_options", Kind.TEXTS, "dns_opt")
    yield option(
        "tmpfs",
        Kind.OBJECTS,
        parts=(
            _part("container_path", Kind.TEXT, required=True, pattern=_PATH),
            _part("size", Kind.MEGABYTES, bounds=(1, _MOST), **unset),
            _part("mode", Kind.TEXT, pattern=_OCTAL),
        ),
        short="/path:size=64m,mode=1770",
    )
    yield option(
        "log_driver",
        Kind.OBJECT,
        *("log_driver", "logging"),
        parts=(
            _part("name", Kind.TEXT, required=True, pattern=_WORD),
            _part("options", Kind.PAIRS),
        ),
    )
    yield ServiceField(
        name="pin_images",
        kind=Kind.FLAG,
        default=False,
        actor=Actor.CONTROL_PLANE,
        in_containers=InContainers.ABSENT,
        stack_keys=("pin_images",),
    )
    yield option("swarm", Kind.JSON)
