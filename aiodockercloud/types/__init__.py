"""The shapes of the dicts that the client sends and returns, for type checkers.

Each result is an ordinary ``dict``. The types list the documented keys; a dict keeps
further keys that a newer server adds. An entry of a list can have fewer keys than the
result of ``inspect``, so all keys of results are optional to a type checker.

Dates are RFC 2822 text in UTC, which ``wire.parse_date`` reads. Memory is in MB, disks
are in GB. A reference to another object is its ``resource_uri``.

Source: Docker Cloud API reference, the tables "Attributes" and "JSON Parameters".
"""

from __future__ import annotations

from .fields import (
    NodeClusterFields,
    NodeFields,
    RepositoryFields,
    ServiceFields,
    StackFields,
    TriggerFields,
)
from .filters import (
    ActionFilters,
    AvailabilityZoneFilters,
    ContainerFilters,
    NodeClusterFilters,
    NodeFilters,
    NodeTypeFilters,
    ProviderFilters,
    Reference,
    RegionFilters,
    RegistryFilters,
    RepositoryFilters,
    ServiceFilters,
    StackFilters,
)
from .frames import (
    Event,
    ExecBytesFrame,
    ExecBytesResult,
    ExecFrame,
    ExecResult,
    LogLine,
)
from .infrastructure import (
    AvailabilityZone,
    Node,
    NodeCluster,
    NodeType,
    Provider,
    Region,
    Registry,
    Repository,
)
from .objects import (
    Action,
    Container,
    Service,
    Stack,
    Trigger,
)
from .parts import (
    Binding,
    ContainerLink,
    EnvVar,
    Link,
    Port,
    Tag,
)
from .words import (
    ActionState,
    Autodestroy,
    Autorestart,
    ContainerState,
    DeploymentStrategy,
    NodeClusterState,
    NodeState,
    ServiceState,
    StackState,
)

__all__ = [
    "Action",
    "ActionFilters",
    "ActionState",
    "Autodestroy",
    "Autorestart",
    "AvailabilityZone",
    "AvailabilityZoneFilters",
    "Binding",
    "Container",
    "ContainerFilters",
    "ContainerLink",
    "ContainerState",
    "DeploymentStrategy",
    "EnvVar",
    "Event",
    "ExecBytesFrame",
    "ExecBytesResult",
    "ExecFrame",
    "ExecResult",
    "Link",
    "LogLine",
    "Node",
    "NodeCluster",
    "NodeClusterFields",
    "NodeClusterFilters",
    "NodeClusterState",
    "NodeFields",
    "NodeFilters",
    "NodeState",
    "NodeType",
    "NodeTypeFilters",
    "Port",
    "Provider",
    "ProviderFilters",
    "Reference",
    "Region",
    "RegionFilters",
    "Registry",
    "RegistryFilters",
    "Repository",
    "RepositoryFields",
    "RepositoryFilters",
    "Service",
    "ServiceFields",
    "ServiceFilters",
    "ServiceState",
    "Stack",
    "StackFields",
    "StackFilters",
    "StackState",
    "Tag",
    "Trigger",
    "TriggerFields",
]
