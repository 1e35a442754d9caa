"""The fields of a service that a request may set: one table, one row per field.

The checks of the server, the keys of stack files, the options that engines receive,
the keys of rendered containers and the spelling of Tutum all derive from the table.
A new field is a row here or in ``engine_fields``, a line in ``types.ServiceFields``,
and code in the engines that act on the field.

Source: Docker Cloud API reference, "Services", and the stack file reference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from .engine_fields import LEAST_MEMORY, engine_fields
from .field_kinds import Actor, InContainers, Kind, Part, Pattern, ServiceField
from .service_words import (
    ALWAYS,
    EMPTIEST_NODE,
    EVERY_NODE,
    HIGH_AVAILABILITY,
    HOST,
    INGRESS,
    JOB,
    OFF,
    ON_FAILURE,
    ON_SUCCESS,
    REPLICATED,
)

__all__ = [
    "ALWAYS",
    "BINDING_SINCE",
    "BY_NAME",
    "CONTAINER_FIELDS",
    "EMPTIEST_NODE",
    "ENGINE_OPTIONS",
    "EVERY_NODE",
    "FIELDS",
    "HIGH_AVAILABILITY",
    "HOST",
    "INGRESS",
    "IN_STEP",
    "JOB",
    "LEAST_MEMORY",
    "OFF",
    "ON_FAILURE",
    "ON_SUCCESS",
    "PORT_SINCE",
    "READ_ONLY",
    "REPLICATED",
    "SYNONYMS",
    "TUTUM_NAMES",
    "Actor",
    "InContainers",
    "Kind",
    "Part",
    "Pattern",
    "ServiceField",
    "complete",
]

# --- the table ------------------------------------------------------------------------


def _rows() -> Iterator[ServiceField]:
    def managed(
        name: str,
        kind: Kind,
        *keys: str,
        shown: InContainers = InContainers.ABSENT,
        **columns: Any,
    ) -> ServiceField:
        """Return a field that the control plane acts on."""
        return ServiceField(
            name=name,
            kind=kind,
            stack_keys=keys,
            actor=Actor.CONTROL_PLANE,
            in_containers=shown,
            **columns,
        )

    def option(name: str, kind: Kind, key: str = "", **columns: Any) -> ServiceField:
        """Return a field that the engine acts on."""
        return ServiceField(name=name, kind=kind, stack_keys=(key or name,), **columns)

    own, same = InContainers.OWN, InContainers.SAME
    yield managed("image", Kind.IMAGE, "image")
    yield managed("name", Kind.NAME, shown=own)
    yield managed("nickname", Kind.TEXT, redeploy=False)
    yield managed("run_command", Kind.COMMAND, "command", shown=own)
    yield managed("entrypoint", Kind.COMMAND, "entrypoint", shown=own)
    yield managed("container_envvars", Kind.ENVVARS, "environment", shown=own)
    yield managed("container_ports", Kind.PORTS, "ports", "expose", shown=own)
    yield managed("linked_to_service", Kind.LINKS, "links", redeploy=False)
    yield managed("bindings", Kind.BINDINGS, "volumes", "volumes_from", shown=own)
    yield managed("secrets", Kind.FILES, "secrets", shown=same)
    yield managed("configs", Kind.FILES, "configs", shown=same)
    yield managed(
        "target_num_containers",
        Kind.INTEGER,
        "target_num_containers",
        default=1,
        bounds=(0, 1000),
        redeploy=False,
    )
    yield managed(
        "mode",
        Kind.CHOICE,
        "mode",
        default=REPLICATED,
        words={REPLICATED: REPLICATED, JOB: JOB},
    )
    several: dict[str, Any] = {"bounds": (1, 1000), "may_be_unset": True}
    for name in ("completions", "max_concurrent"):
        yield managed(name, Kind.INTEGER, name, redeploy=False, **several)
    yield managed(
        "deployment_strategy",
        Kind.CHOICE,
        "deployment_strategy",
        default=EMPTIEST_NODE,
        words={
            EMPTIEST_NODE: "emptiest_node",
            HIGH_AVAILABILITY: "high_availability",
            EVERY_NODE: "every_node",
        },
    )
    yield managed(
        "sequential_deployment", Kind.FLAG, "sequential_deployment", default=False
    )
    yield managed("update_config", Kind.ROLLOUT, "update_config", redeploy=False)
    yield managed("rollback_config", Kind.ROLLOUT, "rollback_config", redeploy=False)
    yield managed(
        "autorestart",
        Kind.CHOICE,
        "restart",
        default=OFF,
        shown=same,
        words={OFF: "no", ON_FAILURE: "on-failure", ALWAYS: "always"},
        # Before 2015; the words are the same.
        tutum="autoreplace",
    )
    yield managed(
        "autodestroy",
        Kind.CHOICE,
        "autodestroy",
        default=OFF,
        shown=same,
        words={OFF: "no", ON_SUCCESS: "on-success", ALWAYS: "always"},
    )
    yield managed("autoredeploy", Kind.FLAG, "autoredeploy", default=False)
    yield managed("tags", Kind.TAGS, "tags")
    yield managed(
        "roles", Kind.CHOICES, "roles", shown=same, words={"global": "global"}
    )

    yield option("labels", Kind.LABELS)
    yield option("healthcheck", Kind.HEALTHCHECK)
    yield option("privileged", Kind.FLAG, default=False)
    yield option("read_only", Kind.FLAG, default=False)
    yield option("stdin_open", Kind.FLAG, default=False)
    yield option("tty", Kind.FLAG, default=False)
    yield option(
        "net",
        Kind.CHOICE,
        default="bridge",
        words={"bridge": "bridge", "host": "host"},
    )
    yield option(
        "pid", Kind.CHOICE, default="none", words={"none": "none", "host": "host"}
    )
    yield option("cap_add", Kind.TEXTS)
    yield option("cap_drop", Kind.TEXTS)
    # The attribute tables of the reference spell two fields differently from its
    # examples: "cgroup_name" and "secuirty_opt".
    yield option("cgroup_parent", Kind.TEXT, synonyms=("cgroup_name",))
    yield option("cpu_shares", Kind.INTEGER, bounds=(2, 262144), may_be_unset=True)
    yield option("cpuset", Kind.TEXT)
    yield option("devices", Kind.TEXTS)
    yield option("dns", Kind.TEXTS)
    yield option("dns_search", Kind.TEXTS, in_containers=own)
    yield option("domainname", Kind.TEXT)
    yield option("extra_hosts", Kind.HOSTS)
    yield option("hostname", Kind.TEXT)
    yield option("mac_address", Kind.MAC_ADDRESS)
    # The Go client sends 0 for an unset number.
    sizes: dict[str, Any] = {"bounds": (LEAST_MEMORY, 2**31), "may_be_unset": True}
    yield option("memory", Kind.MEGABYTES, "mem_limit", **sizes)
    yield option("memory_swap", Kind.MEGABYTES, "memswap_limit", **sizes)
    yield option("security_opt", Kind.TEXTS, synonyms=("secuirty_opt",))
    yield option("user", Kind.TEXT)
    yield option("working_dir", Kind.TEXT)
    yield from engine_fields()


#: Every writable field, in the order of an exported stack file.
FIELDS: Final[tuple[ServiceField, ...]] = tuple(_rows())

#: Keys that a rendered service has and no request may change → the field to write
#: instead, or a sentence that states the alternative. Clients that send a whole object
#: back send these keys too.
READ_ONLY: Final[Mapping[str, str]] = {
    **dict.fromkeys(("uuid", "resource_uri", "dockercloud_action_uri"), ""),
    **dict.fromkeys(("deployed_datetime", "started_datetime"), ""),
    **dict.fromkeys(("stopped_datetime", "destroyed_datetime"), ""),
    **dict.fromkeys(("public_dns", "synchronized", "stopped_num_containers"), ""),
    **dict.fromkeys(("health", "link_variables", "image_digest", "warnings"), ""),
    **dict.fromkeys(
        ("containers", "current_num_containers", "running_num_containers"),
        "target_num_containers",
    ),
    "calculated_envvars": "container_envvars",
    "image_name": "image",
    "linked_from_service": "write linked_to_service of the other service",
    "stack": "a service stays in its stack; create another service",
    "state": "change it with an operation, such as start",
    "version": "name the version in the header If-Match or in the parameter version",
}


# --- what follows from the table ------------------------------------------------------

BY_NAME: Final[Mapping[str, ServiceField]] = {row.name: row for row in FIELDS}

#: Other spelling → the field's name.
SYNONYMS: Final[Mapping[str, str]] = {
    synonym: row.name for row in FIELDS for synonym in row.synonyms
}

#: Tutum's additional name → the field's name.
TUTUM_NAMES: Final[Mapping[str, str]] = {
    row.tutum: row.name for row in FIELDS if row.tutum
}

#: Fields that engines receive as options.
ENGINE_OPTIONS: Final = frozenset(
    row.name for row in FIELDS if row.actor is Actor.ENGINE
)

#: Fields that containers have with the value of the definition, in the table's order.
CONTAINER_FIELDS: Final = tuple(
    row.name for row in FIELDS if row.in_containers is InContainers.SAME
)

#: Fields whose change leaves the containers in step.
IN_STEP: Final = frozenset(row.name for row in FIELDS if not row.redeploy)


#: The keys of a port and of a volume that the hosted API did not have, with their
#: defaults; definitions have the keys with another value only.
PORT_SINCE: Final[Mapping[str, Any]] = {"mode": HOST}
BINDING_SINCE: Final[Mapping[str, Any]] = {
    **{"volume_name": None, "volume_driver": None, "volume_options": None}
}


def complete(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return a definition with the initial value of each missing field.

    A definition stored by an older server lacks the fields added since.
    """
    known = {
        row.name: definition[row.name] if row.name in definition else row.initial()
        for row in FIELDS
    }
    return known | dict(definition)
