"""The shapes of the dicts that the client sends and returns, for type checkers.

Each result is an ordinary ``dict``. The types list the documented keys; a dict keeps
further keys that a newer server adds. The keys of results are those of aiodockercloud's
server, which sends all of them in lists, too; the hosted service sent fewer keys in
lists, and Tutum sent others.

Dates are RFC 2822 text in UTC, which ``wire.parse_date`` reads. Memory is in MB, disks
are in GB. A reference to another object is its ``resource_uri``.

Source: Docker Cloud API reference, the tables "Attributes" and "JSON Parameters".
"""

# These modules lack "from __future__ import annotations": with text as annotations, the
# types do not know at run time which of their keys are required.

from .fields import (
    BindingFields,
    LinkFields,
    NodeClusterChanges,
    NodeClusterFields,
    NodeFields,
    PortFields,
    RepositoryChanges,
    RepositoryFields,
    ServiceChanges,
    ServiceFields,
    StackChanges,
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
    RunResult,
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
    CalculatedEnvVar,
    Changed,
    ContainerBinding,
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
    "BindingFields",
    "CalculatedEnvVar",
    "Changed",
    "Container",
    "ContainerBinding",
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
    "LinkFields",
    "LogLine",
    "Node",
    "NodeCluster",
    "NodeClusterChanges",
    "NodeClusterFields",
    "NodeClusterFilters",
    "NodeClusterState",
    "NodeFields",
    "NodeFilters",
    "NodeState",
    "NodeType",
    "NodeTypeFilters",
    "Port",
    "PortFields",
    "Provider",
    "ProviderFilters",
    "Reference",
    "Region",
    "RegionFilters",
    "Registry",
    "RegistryFilters",
    "Repository",
    "RepositoryChanges",
    "RepositoryFields",
    "RepositoryFilters",
    "RunResult",
    "Service",
    "ServiceChanges",
    "ServiceFields",
    "ServiceFilters",
    "ServiceState",
    "Stack",
    "StackChanges",
    "StackFields",
    "StackFilters",
    "StackState",
    "Tag",
    "Trigger",
    "TriggerFields",
]
