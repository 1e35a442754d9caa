"""The words for the health of containers and services.

Source: Docker Engine API, "ContainerInspect", ``Health``.
"""

from __future__ import annotations

from typing import Final

__all__ = ["HEALTHY", "STARTING", "UNHEALTHY"]

STARTING: Final = "starting"
HEALTHY: Final = "healthy"
UNHEALTHY: Final = "unhealthy"
