"""Actions (``cloud.actions``): the record of every changing call.

Source: Docker Cloud API reference, "Actions".
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress

from . import loglines
from .exceptions import DockerCloudError, WaitFailed
from .logs import LogStream
from .resource import POLL, WAIT_TIMEOUT, Resource, Thing
from .types import Action
from .waiting import action_uri, until

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
        self,
        action: Thing,
        *,
        tail: int | None = None,
        follow: bool = True,
        reconnect: bool = True,
    ) -> LogStream:
        """What the action reported, until it ends; see :meth:`Services.logs`. Lines
        have no ``source`` and no ``streamType``."""
        return self._logs(action, tail=tail, follow=follow, reconnect=reconnect)

    async def wait(
        self,
        thing: Thing,
        *,
        timeout: float | None = WAIT_TIMEOUT,  # noqa: ASYNC109 - finite by default
        poll: float = POLL,
    ) -> Action:
        """Follow an action to its end and return it, ``"Success"``.

        It looks as :meth:`Services.wait` does.

        Args:
            thing: The action, or the dict that any changing call returned: then it is
                the action in its ``"dockercloud_action_uri"``.
            timeout: Seconds to wait at most; ``None`` for ever. Lost connections and
                restarts of the server are waited out, after the first look.
            poll: Seconds between looks without an event.

        Raises:
            WaitFailed: It failed or was canceled; the message has the last lines of
                its log.
            ObjectNotFound: There is no such action, or not any more.
            TimeoutError: The time was up; the message has the last state.
        """
        action = action_uri(thing) or thing
        return await until(self, action, self._succeeded, seconds=timeout, poll=poll)

    async def failure(self, action: Action) -> str | None:
        """What went wrong, with the last lines of the log; None if nothing has."""
        state = action.get("state")
        if state not in ("Failed", "Canceled"):
            return None
        name = action.get("action", "the action")
        lines = await self._last_lines(action)
        return ": ".join([f"{name} {action['uuid']} is {state}", *lines])

    async def last_failure(self, uri: str) -> str | None:
        """The same of the last action on the object *uri*."""
        params = {"object": uri, "limit": 1}
        page = await self._cloud.request("GET", self._path(), params=params)
        return await self.failure(page["objects"][0]) if page["objects"] else None

    async def _succeeded(self, action: Action) -> Action | None:
        if why := await self.failure(action):
            raise WaitFailed(why)
        return action if action.get("state") == "Success" else None

    async def _last_lines(self, action: Action) -> list[str]:
        """The end of the log, as far as it can be had: it only explains an error."""
        lines: deque[str] = deque(maxlen=QUOTED_LINES)
        with suppress(DockerCloudError, TimeoutError):
            async with (
                asyncio.timeout(QUOTE_TIMEOUT),
                self.logs(dict(action), tail=QUOTED_LINES, follow=False) as log,
            ):
                async for line in log:
                    if text := loglines.log_text(line):
                        lines.append(text)
        return ["\n".join(lines)] if lines else []
