"""Waits by events alone, for tests with any server."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from aiodockercloud import DockerCloud
from aiodockercloud.resources.managed import Managed
from tests.support.facts import PATIENCE

#: Seconds of a poll that no test reaches, because events end its waits.
LONG = 3 * PATIENCE


def wait(
    cloud: DockerCloud, thing: Any, *states: str, kind: str = "services"
) -> Awaitable[Any]:
    api: Managed[Any, str] = getattr(cloud, kind)
    return api.wait(thing, states, timeout=PATIENCE, poll=LONG)
