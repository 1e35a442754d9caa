"""``/healthz`` and ``/readyz``: whether the server runs, and whether it can work.

Both need no key, and reveal nothing but true and false; the log has the reasons.
"""

from __future__ import annotations

import asyncio
import logging
import time

from aiohttp import web

from ..control.control_plane import ControlPlane
from ..engines import EngineError
from .resource import PUBLIC, Call, Reply, Resource

log: logging.Logger = logging.getLogger(__name__)

healthz: Resource = Resource("healthz")
readyz: Resource = Resource("readyz")

RESOURCES = (healthz, readyz)


class EngineProbe:
    """Asks whether the engine can be reached, at most once in an interval.

    Requests without a key cannot cause more requests to the engine.

    Args:
        cloud: The control plane.
    """

    def __init__(self, cloud: ControlPlane) -> None:
        self._cloud = cloud
        self._lock = asyncio.Lock()
        self._reached = False
        self._until = float("-inf")

    async def reached(self) -> bool:
        """Return whether the engine answered the latest question."""
        interval = self._cloud.settings.timings.ready
        async with self._lock:
            if time.monotonic() >= self._until:
                self._reached = await self._ask(interval)
                self._until = time.monotonic() + interval
            return self._reached

    async def _ask(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._cloud.engine.ping()
        except EngineError as error:
            log.warning("not ready: %s", error)
        except TimeoutError:
            log.warning("not ready: the engine has not answered within %g s", seconds)
        else:
            return True
        return False


PROBE: web.AppKey[EngineProbe] = web.AppKey("engine probe", EngineProbe)


@healthz.route("GET", key=False, scope=PUBLIC)
async def healthy(call: Call) -> Reply:
    """Answer 200: the event loop of the server runs."""
    return Reply({"healthy": True})


@readyz.route("GET", key=False, scope=PUBLIC)
async def ready(call: Call) -> Reply:
    """Answer 200 if the server can carry out writes, otherwise 503 with the cause."""
    cloud = call.cloud
    parts = {
        "engine": await call.request.app[PROBE].reached(),
        "store": cloud.store.failing is None,
    }
    able = all(parts.values()) and not cloud.closing
    return Reply({"ready": able, **parts}, 200 if able else 503)
