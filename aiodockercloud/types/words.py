"""The words of states and of fields that have a fixed set of words."""

from typing import Literal

__all__ = [
    "ActionState",
    "Autodestroy",
    "Autorestart",
    "ContainerState",
    "DeploymentStrategy",
    "EventType",
    "Health",
    "Mode",
    "NodeClusterState",
    "NodeState",
    "ServiceState",
    "StackState",
]


ServiceState = Literal[
    "Not running",
    "Starting",
    "Running",
    "Partly running",
    "Scaling",
    "Redeploying",
    "Stopping",
    "Stopped",
    "Terminating",
    "Terminated",
]
StackState = Literal[
    "Not running",
    "Starting",
    "Running",
    "Partly running",
    "Stopping",
    "Stopped",
    "Redeploying",
    "Terminating",
    "Terminated",
]
ContainerState = Literal[
    "Starting", "Running", "Stopping", "Stopped", "Terminating", "Terminated"
]
NodeState = Literal[
    "Deploying", "Deployed", "Unreachable", "Upgrading", "Terminating", "Terminated"
]
NodeClusterState = Literal[
    "Init",
    "Deploying",
    "Deployed",
    "Partly deployed",
    "Scaling",
    "Terminating",
    "Terminated",
    "Empty cluster",
]
ActionState = Literal[
    "Pending", "In progress", "Canceling", "Canceled", "Success", "Failed"
]
#: The health of containers and services with a health check.
Health = Literal["starting", "healthy", "unhealthy"]
Autorestart = Literal["OFF", "ON_FAILURE", "ALWAYS"]
Autodestroy = Literal["OFF", "ON_SUCCESS", "ALWAYS"]
#: The kinds of objects that events are about.
EventType = Literal["stack", "service", "container", "nodecluster", "node", "action"]
DeploymentStrategy = Literal["EMPTIEST_NODE", "HIGH_AVAILABILITY", "EVERY_NODE"]
Mode = Literal["replicated", "job"]
