"""Actions (``cloud.actions``): the record of every changing call.

Source: Docker Cloud API reference, "Actions".
"""

from __future__ import annotations

from ..exceptions import WaitFailed
from ..transport.log_stream import LogStream
from ..transport.session import Transport
from ..types import Action
from ..wire import states
from .readable import Reference, Resource
from .waiting import POLL, WAIT_TIMEOUT, action_uri, failure, until
from .watch import ChangeFeed

__all__ = ["Actions"]


class Actions(Resource[Action]):
    """The first argument is an action's dict, its ``resource_uri`` or its uuid."""

    kind = "action"

    def __init__(self, cloud: Transport, feed: ChangeFeed) -> None:
        super().__init__(cloud)
        self._feed = feed

    async def cancel(self, action: Reference) -> Action:
        """Cancel an action that is pending or in progress."""
        return await self._operate(action, "cancel")

    async def retry(self, action: Reference) -> Action:
        """Do an action again that has ended."""
        return await self._operate(action, "retry")

    def logs(
        self,
        action: Reference,
        *,
        tail: int | None = None,
        follow: bool = True,
        reconnect: bool = True,
    ) -> LogStream:
        """What the action reported, until it ends; see :meth:`Services.logs`. Lines
        have no ``source`` and no ``streamType``."""
        return self.read_logs(action, tail=tail, follow=follow, reconnect=reconnect)

    async def wait(
        self,
        thing: Reference,
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
        return await until(
            self, self._feed, action, self._succeeded, seconds=timeout, poll=poll
        )

    async def _succeeded(self, action: Action) -> Action | None:
        if why := await failure(self, action):
            raise WaitFailed(why)
        return action if action.get("state") == states.SUCCESS else None
