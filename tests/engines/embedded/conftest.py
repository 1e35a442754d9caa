"""Fixtures: an embedded engine with a clock that the test drives."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from aiodockercloud.server.engines.embedded import Embedded
from aiodockercloud.server.engines.embedded.clock import ManualClock
from tests.support.watches import Watch, watched


@pytest.fixture
def clock() -> ManualClock:
    """A clock that the test drives."""
    return ManualClock()


@pytest.fixture
async def watch(clock: ManualClock) -> AsyncIterator[Watch]:
    """An embedded engine with that clock, and its observations."""
    async with watched(Embedded(clock=clock)) as watch:
        yield watch
