"""The names and labels of the objects that this engine creates in a Swarm.

The labels of a Swarm service state which container the service runs, so that a
restarted server finds its containers again.

Source: Docker Engine API, "ServiceCreate", "NetworkCreate" and "NodeUpdate".
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ....wire.engine_fields import DEFAULT_NETWORK
from .. import ContainerSpec

#: Labels of the Swarm services of containers. A changed label restarts nothing.
CONTAINER_LABEL = "aiodockercloud.container"
NAME_LABEL = "aiodockercloud.name"
SERVICE_LABEL = "aiodockercloud.service"
NAMESPACE_LABEL = "aiodockercloud.namespace"
STACK_LABEL = "aiodockercloud.stack"
#: Names of the volumes that the container owns, without those of ``volumes_from``.
VOLUMES_LABEL = "aiodockercloud.volumes"
#: Names of the networks that the container names.
NETWORKS_LABEL = "aiodockercloud.networks"
#: Label of the networks; the value is the stack, empty for a namespace's network.
NETWORK_LABEL = "aiodockercloud.network"
#: Label of the secrets and configs; the value is the name in the API.
FILE_LABEL = "aiodockercloud.file"
#: Label of a node; the value is the URL of the node's Engine.
ENGINE_LABEL = "dc.engine"
_TAG_LABEL, _HEX = "dc.tag.", "hex."

#: Query parameters that select the services or the tasks of containers.
OURS = {"filters": {"label": [CONTAINER_LABEL]}}


def _slug(*parts: str | None) -> str:
    text = "-".join(part for part in parts if part).lower()
    return re.sub(r"[^a-z0-9]+", "-", text).strip("-")


def service_name(spec: ContainerSpec) -> str:
    """Return a readable and unique DNS label for the Swarm service of a container."""
    head = _slug("dc", spec.namespace, spec.stack, spec.name)[:50].strip("-")
    return f"{head}-{spec.uuid.replace('-', '')[:12]}"


def volume_name(volume: str) -> str:
    """Return the name that a volume has on its node."""
    return f"dc-{volume}"


# --- networks -----------------------------------------------------------------------


def network_name(namespace: str, stack: str | None) -> str:
    """Return the name of the overlay network of a stack, or of a namespace."""
    exact = hashlib.sha256(f"{namespace}\0{stack or ''}".encode()).hexdigest()[:8]
    head = _slug("dc", namespace, stack)[:50].strip("-")
    return f"{head}-{exact}"


def own_network_name(namespace: str, name: str) -> str:
    """Return the name of the overlay network that services name in ``networks``."""
    exact = hashlib.sha256(f"{namespace}\0\0{name}".encode()).hexdigest()[:8]
    head = _slug("dc", namespace, "net", name)[:50].strip("-")
    return f"{head}-{exact}"


def own_networks(spec: ContainerSpec) -> dict[str, Sequence[str]]:
    """Return the networks that a container names, each with the aliases on it."""
    return {
        own_network_name(spec.namespace, network["name"]): network["aliases"]
        for network in spec.options.get("networks") or ()
        if network["name"] != DEFAULT_NETWORK
    }


def network_names(spec: ContainerSpec) -> list[str]:
    """Return the names of the overlay networks that a container needs."""
    if spec.options.get("net") == "host":
        return []
    home = network_name(spec.namespace, spec.stack)
    private = [home, network_name(spec.namespace, None)]
    named = {network["name"] for network in spec.options.get("networks") or ()}
    if named and DEFAULT_NETWORK not in named:
        private = []
    return list(dict.fromkeys((*private, *own_networks(spec))))


def networks_of(service: Mapping[str, Any]) -> set[str]:
    """Return the names of the overlay networks that an existing service may use."""
    labels = service["Spec"]["Labels"]
    namespace, stack = labels.get(NAMESPACE_LABEL, ""), labels.get(STACK_LABEL) or None
    own = filter(None, labels.get(NETWORKS_LABEL, "").split(","))
    return {network_name(namespace, stack), network_name(namespace, None), *own}


# --- tags ---------------------------------------------------------------------------


def tag_label(tag: str) -> str:
    """Return the node label of a tag.

    A placement constraint allows few characters in a label: other tags are written in
    hexadecimal.
    """
    if re.fullmatch(r"[A-Za-z0-9_.-]+", tag) and not tag.startswith(_HEX):
        return _TAG_LABEL + tag
    return f"{_TAG_LABEL}{_HEX}{tag.encode().hex()}"


def tags_of(labels: Mapping[str, str]) -> list[str]:
    """Return the tags among the labels of a node."""
    found = []
    for label, value in labels.items():
        if label.startswith(_TAG_LABEL) and value == "true":
            tag = label.removeprefix(_TAG_LABEL)
            if re.fullmatch(rf"{re.escape(_HEX)}([0-9a-f]{{2}})+", tag):
                tag = bytes.fromhex(tag.removeprefix(_HEX)).decode(errors="replace")
            found.append(tag)
    return sorted(found)


def with_tags(labels: Mapping[str, str], tags: Iterable[str]) -> dict[str, str]:
    """Return the labels of a node, with *tags* in place of the former tags."""
    others = {k: v for k, v in labels.items() if not k.startswith(_TAG_LABEL)}
    return others | {tag_label(tag): "true" for tag in tags}
