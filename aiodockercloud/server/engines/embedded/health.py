"""The health of one run of a container: by a command, or by the image's function.

Source: Docker documentation, "HEALTHCHECK".
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .. import Health
from .clock import Clock
from .exec import ShellSession

__all__ = ["HealthCheck"]

#: Docker's defaults, in seconds; ``retries`` is a number.
_DEFAULTS: Mapping[str, Any] = {
    "interval": 30,
    "timeout": 30,
    "retries": 3,
    "start_period": 0,
    "start_interval": 5,
}
_FAILED = 1


class HealthCheck:
    """The health of a container, from the start of its present run.

    With a command as the test, the command determines the health. Otherwise, the
    function of the image determines the health, with ``Container.healthy``.

    Args:
        definition: The field ``healthcheck`` of the service, or ``None``.
        expected: Whether the image states that its function reports the health.
        execute: Runs a command in the container.
        clock: The clock of the engine.
        changed: Called with each change of the health.
    """

    def __init__(
        self,
        definition: Mapping[str, Any] | None,
        *,
        expected: bool,
        execute: Callable[[Sequence[str]], ShellSession],
        clock: Clock,
        changed: Callable[[], None],
    ) -> None:
        self.health: Health | None = None
        self._settings = {**_DEFAULTS, **(definition or {})}
        words = list(self._settings.get("test") or ())
        self._disabled = words == ["NONE"]
        self._command = [] if self._disabled else _command(words)
        self._expected = definition is not None or expected
        self._execute = execute
        self._clock = clock
        self._changed = changed
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Begin with a new run; the health is ``starting`` if it is checked."""
        self.end()
        if self._expected and not self._disabled:
            self.health = "starting"
        if self._command:
            self._task = asyncio.create_task(self._check_forever())

    def end(self) -> None:
        """End the checks; a container that does not run has no health."""
        self.health = None
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def report(self, healthy: bool) -> None:
        """Set the health that the image's function reports."""
        if not self._command and not self._disabled:
            self._set("healthy" if healthy else "unhealthy")

    def _set(self, health: Health) -> None:
        if self.health != health:
            self.health = health
            self._changed()

    async def _check_forever(self) -> None:
        settings = self._settings
        began = self._clock.monotonic()
        failures = 0
        while True:
            elapsed = self._clock.monotonic() - began
            starting = self.health == "starting" and elapsed < settings["start_period"]
            pause = settings["start_interval" if starting else "interval"]
            await self._clock.sleep(pause)
            if await self._run_test() == 0:
                failures = 0
                self._set("healthy")
            elif not starting:
                failures += 1
                if failures >= settings["retries"]:
                    self._set("unhealthy")

    async def _run_test(self) -> int:
        """Run the test once; a test that exceeds its time has failed."""
        session = self._execute(self._command)
        reading = asyncio.create_task(_exit_code(session))
        timer = asyncio.create_task(self._clock.sleep(self._settings["timeout"]))
        try:
            await asyncio.wait({reading, timer}, return_when="FIRST_COMPLETED")
            return reading.result() if reading.done() else _FAILED
        finally:
            timer.cancel()
            reading.cancel()
            session.kill()


async def _exit_code(session: ShellSession) -> int:
    await session.end_input()
    async for _ in session.output():
        pass  # an unread output makes the command wait
    return session.exit_code or 0


def _command(words: Sequence[str]) -> list[str]:
    if words[:1] == ["CMD-SHELL"]:
        return ["sh", "-c", *words[1:]]
    return list(words[1:])
