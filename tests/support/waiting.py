"""Waits by events alone, for tests with any server."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from aiodockercloud import DockerCloud
from aiodockercloud.resources.managed import Managed
from tests.support.facts import PATIENCE

#: No test reaches this poll: it must get by on events.
LONG = 3 * PATIENCE


def wait(
    cloud: DockerCloud, thing: Any, *states: str, kind: str = "services"
) -> Awaitable[Any]:
    api: Managed[Any] = getattr(cloud, kind)
    return api.wait(thing, states, timeout=PATIENCE, poll=LONG)
