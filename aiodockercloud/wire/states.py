"""The names of states in requests and responses.

Source: Docker Cloud API reference: the states of stacks, services, containers, nodes,
node clusters and actions.
"""

from __future__ import annotations

from typing import Final

# --- stacks, services and containers ------------------------------------------------

NOT_RUNNING: Final = "Not running"
STARTING: Final = "Starting"
RUNNING: Final = "Running"
PARTLY_RUNNING: Final = "Partly running"
SCALING: Final = "Scaling"
REDEPLOYING: Final = "Redeploying"
STOPPING: Final = "Stopping"
STOPPED: Final = "Stopped"
TERMINATING: Final = "Terminating"
TERMINATED: Final = "Terminated"

# --- volumes and volume groups, of Tutum only ----------------------------------------

CREATED: Final = "Created"

# --- nodes and node clusters ----------------------------------------------------------

INIT: Final = "Init"
DEPLOYING: Final = "Deploying"
DEPLOYED: Final = "Deployed"
PARTLY_DEPLOYED: Final = "Partly deployed"
EMPTY_CLUSTER: Final = "Empty cluster"
UNREACHABLE: Final = "Unreachable"
UPGRADING: Final = "Upgrading"

# --- actions --------------------------------------------------------------------------

PENDING: Final = "Pending"
IN_PROGRESS: Final = "In progress"
SUCCESS: Final = "Success"
FAILED: Final = "Failed"
CANCELING: Final = "Canceling"
CANCELED: Final = "Canceled"

# --- sets of states -----------------------------------------------------------------

#: States in which an operation changes the object; the end of the operation leads out
#: of the state.
TRANSITIONAL_STATES: Final = frozenset(
    {STARTING, SCALING, REDEPLOYING, DEPLOYING, UPGRADING, STOPPING, TERMINATING}
)

#: States in which an action has ended.
ENDED: Final = frozenset({SUCCESS, FAILED, CANCELED})
