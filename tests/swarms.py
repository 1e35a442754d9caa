"""A real Swarm for tests: where it is, and a clean engine on it.

``../shared/tools/swarm up N`` makes one and prints its addresses; the tests take them
from the environment and are left out, with a reason, when there is none.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from aiodockercloud.server.engines.swarm import Swarm

#: The only image that the nodes have: busybox with a web server.
IMAGE = "hello:latest"


def nodes() -> int:
    """How many nodes the Swarm has; none: there is no Swarm to test on."""
    number = 0
    while f"SWARM_ADDR_{number + 1}" in os.environ and "DOCKER_HOST" in os.environ:
        number += 1
    return number


def need(number: int) -> pytest.MarkDecorator:
    """Skip unless there is a Swarm with that many nodes."""
    return pytest.mark.skipif(
        nodes() < number,
        reason=f"needs a Swarm of {number} nodes: ../shared/tools/swarm up {number},"
        " its output in the environment",
    )


def node_engines() -> dict[str, str]:
    """Hostname → URL of every node's Engine."""
    name = os.environ.get("SWARM_NAME", "swl")
    return {
        f"{name}-{i}": os.environ[f"DOCKER_HOST_{i}"] for i in range(1, nodes() + 1)
    }


@asynccontextmanager
async def engine() -> AsyncIterator[Swarm]:
    """An engine that looks often and gives containers little time to end."""
    yield Swarm(node_engines=node_engines(), poll=0.3, grace=1.0)
