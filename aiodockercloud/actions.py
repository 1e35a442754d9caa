"""Actions (``cloud.actions``): the record of every changing call.

Source: Docker Cloud API reference, "Actions".
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress

from . import wire
from .exceptions import DockerCloudError, WaitFailed
from .resource import POLL, WAIT_TIMEOUT, Resource, Thing, action_uri
from .stream import Stream
from .types import Action, LogLine

__all__ = ["Actions"]

#: How many lines of a failed action's log an error quotes, and seconds to get them.
QUOTED_LINES, QUOTE_TIMEOUT = 5, 10.0


class Actions(Resource[Action]):
    """The first argument is an action's dict, its ``resource_uri`` or its uuid."""

    kind = "action"

    async def cancel(self, action: Thing) -> Action:
        """Cancel an action that is pending or in progress."""
        return await self._operate(action, "cancel")

    async def retry(self, action: Thing) -> Action:
        """Do an action again that has ended."""
        return await self._operate(action, "retry")

    def logs(
        self, action: Thing, *, tail: int | None = None, follow: bool = True
    ) -> Stream[LogLine]:
        """What the action reported; see :meth:`Services.logs`."""
        return self._logs(action, tail, follow)

    async def wait(
        self,
        thing: Thing,
        *,
        timeout: float | None = WAIT_TIMEOUT,  # noqa: ASYNC109 - finite by default
        poll: float = POLL,
    ) -> Action:
        """Follow an action to its end and return it, ``"Success"``.

        Args:
            thing: The action, or the dict that any changing call returned: then it is
                the action in its ``"dockercloud_action_uri"``.
            timeout: Seconds to wait at most; ``None`` for ever.
            poll: Seconds between looks without an event.

        Raises:
            WaitFailed: It failed or was canceled; the message has the last lines of
                its log.
            TimeoutError: The time was up.
        """
        return await self._until(
            action_uri(thing) or thing, self._succeeded, seconds=timeout, poll=poll
        )

    async def finished(self, action: Thing) -> bool:
        """Whether an action has ended well.

        Raises:
            WaitFailed: It failed or was canceled.
        """
        return await self._succeeded(await self.inspect(action))

    async def _succeeded(self, action: Action) -> bool:
        state = action.get("state")
        if state in ("Failed", "Canceled"):
            name = action.get("action", "the action")
            lines = await self._last_lines(action)
            raise WaitFailed(": ".join([f"{name} {action['uuid']} is {state}", *lines]))
        return state == "Success"

    async def _last_lines(self, action: Action) -> list[str]:
        """The end of the log, as far as it can be had: it only explains an error."""
        lines: deque[str] = deque(maxlen=QUOTED_LINES)
        with suppress(DockerCloudError, TimeoutError):
            async with (
                asyncio.timeout(QUOTE_TIMEOUT),
                self.logs(dict(action), tail=QUOTED_LINES, follow=False) as log,
            ):
                async for line in log:
                    if text := wire.log_text(line):
                        lines.append(text)
        return ["\n".join(lines)] if lines else []
