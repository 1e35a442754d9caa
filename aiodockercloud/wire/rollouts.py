"""The words of ``update_config`` and ``rollback_config``.

Source: Docker Engine API, "ServiceUpdate": ``UpdateConfig``.
"""

from __future__ import annotations

from typing import Final

__all__ = ["CONTINUE", "PAUSE", "ROLLBACK", "START_FIRST", "STOP_FIRST"]

#: Values of ``order``.
STOP_FIRST: Final = "stop-first"
START_FIRST: Final = "start-first"

#: Values of ``failure_action``; ``ROLLBACK`` of ``update_config`` only.
PAUSE: Final = "pause"
CONTINUE: Final = "continue"
ROLLBACK: Final = "rollback"
