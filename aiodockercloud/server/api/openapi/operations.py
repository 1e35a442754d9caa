"""The table of operations: what each request does, and what its answers contain.

A row's key is the method and the path behind the version, as in
``POST service/{uuid}/start``. The routes of the server and the rows of this table are
the same, as the tests check.
"""

from __future__ import annotations

from collections.abc import Mapping

from . import app_operations, infra_operations, store_operations
from .operation import Operation

__all__ = ["OPERATIONS", "TAGS"]

#: Kind → what its objects are, in the plural.
TAGS: Mapping[str, str] = {
    "service": "Services: containers of one image",
    "stack": "Stacks: services that are deployed together",
    "container": "Containers",
    "trigger": "Triggers: URLs that redeploy or scale a service without credentials",
    "node": "Nodes: hosts that run containers",
    "nodecluster": "Node clusters: nodes of one type that are scaled together",
    "action": "Actions: the records of calls that change objects",
    "events": "Events: changes of objects, as a stream",
    "provider": "Providers of nodes",
    "region": "Regions of providers",
    "az": "Availability zones of regions",
    "nodetype": "Node types",
    "tag": "Tags of nodes",
    "token": "Tokens with which nodes join",
    "repository": "Repositories of images, with credentials",
    "registry": "Registries of images",
    "secret": "Secrets: files of containers whose content no answer has",
    "config": "Configs: files of containers",
    "account": "Accounts",
    "key": "API keys",
    "server": "The server itself",
}

OPERATIONS: Mapping[str, Operation] = {
    **dict(app_operations.rows()),
    **dict(infra_operations.rows()),
    **dict(store_operations.rows()),
}
