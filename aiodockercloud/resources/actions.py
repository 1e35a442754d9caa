"""Actions (``cloud.actions``): the records of all changing calls.

Source: Docker Cloud API reference, "Actions".
"""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterator
from typing import ClassVar, Unpack

from .. import types
from ..exceptions import WaitFailed
from ..transport.log_stream import LogStream, Tail
from ..transport.session import Transport
from ..wire import states
from .failures import failure
from .filters import Filters
from .readable import Reference, Resource
from .waiting import POLL, WAIT_TIMEOUT, action_uri, until
from .watch import ChangeFeed

__all__ = ["Actions"]


class Actions(Resource["types.Action"]):
    """Actions: ``cloud.actions``.

    The first argument is an action: its dict, its ``resource_uri`` or its uuid. In any
    other state than the allowed ones, a method raises ``OperationNotAllowed`` (422).

    ============  ===========  =================================  ============
    method        meanwhile    allowed states                     at the end
    ============  ===========  =================================  ============
    ``cancel``    Canceling    Pending, In progress               Canceled
    ``retry``     (unchanged)  Success, Failed, Canceled          (unchanged)
    ============  ===========  =================================  ============

    A ``retry`` does not change the action but starts a new one.

    Source: Docker Cloud API reference, "Actions", "Action states".
    """

    kind = "action"
    filters: ClassVar[Filters | None] = Filters("ActionFilters", "Action")

    def __init__(self, cloud: Transport, feed: ChangeFeed) -> None:
        super().__init__(cloud)
        self._feed = feed

    async def list(
        self, **filters: Unpack[types.ActionFilters]
    ) -> builtins.list[types.Action]:
        return await super().list(**filters)

    def iterate(
        self, **filters: Unpack[types.ActionFilters]
    ) -> AsyncIterator[types.Action]:
        return super().iterate(**filters)

    async def cancel(self, action: Reference) -> types.Action:
        """Cancel an action that is pending or in progress.

        The changes that the action has made so far remain.

        Args:
            action: The action.

        Returns:
            The action's dict, usually in the state ``"Canceling"``. At the end, the
            action is ``"Canceled"``.

        Raises:
            OperationNotAllowed: The action has ended.
            ObjectNotFound: The action does not exist.

        Source:
            Docker Cloud API reference, "Cancel an action".
        """
        return await self._operate(action, "cancel")

    async def retry(self, action: Reference) -> types.Action:
        """Start the operation of an action that has ended again.

        Args:
            action: The action.

        Returns:
            The dict of the new action, in the state ``"In progress"`` or
            ``"Pending"``.

        Raises:
            OperationNotAllowed: The action has not ended, is not an operation that can
                be repeated (for example an update), or the object's state does not
                allow the operation.
            ObjectNotFound: The action or its object does not exist.

        Source:
            Docker Cloud API reference, "Retry an action".
        """
        return await self._operate(action, "retry")

    def logs(
        self,
        action: Reference,
        *,
        tail: Tail | None = None,
        follow: bool = True,
        reconnect: bool = True,
    ) -> LogStream[types.ActionLogLine]:
        """Read the log of an action as a stream.

        No request is sent before the stream is entered or iterated.

        Args:
            action: The action.
            tail: The number of past lines at the beginning, or ``"all"``; by default
                the server's default of 300.
            follow: Whether the stream continues with new lines until the action ends.
                Otherwise the stream ends after the past lines.
            reconnect: Whether the stream connects again when the connection is lost.

        Returns:
            A stream of lines as dicts, as :meth:`Services.logs` returns, but without
            ``source`` and ``streamType``.

        Raises:
            ObjectNotFound: The action does not exist. Errors of the server and of the
                connection are raised when the stream is entered or iterated.

        Source:
            Docker Cloud API reference, "Get the logs of an action".
        """
        return self.read_logs(action, tail=tail, follow=follow, reconnect=reconnect)

    async def wait(
        self,
        thing: Reference,
        *,
        timeout: float | None = WAIT_TIMEOUT,  # noqa: ASYNC109 - finite by default
        poll: float = POLL,
    ) -> types.Action:
        """Wait until an action succeeds, and return the action.

        The action is inspected at the same moments as in :meth:`Services.wait`.

        Args:
            thing: The action: its dict, its ``resource_uri`` or its uuid; or the dict
                that a changing call returned, whose ``"dockercloud_action_uri"`` names
                the action.
            timeout: Seconds to wait at most; ``None`` waits without a limit. After the
                first inspection, lost connections and restarts of the server do not
                end the wait.
            poll: Seconds between two inspections without an event.

        Returns:
            The action's dict, in the state ``"Success"``.

        Raises:
            WaitFailed: The action failed or was canceled; the message contains the last
                lines of its log.
            ObjectNotFound: The action does not exist, or not any more.
            TimeoutError: *timeout* is over; the message contains the last state.

        Source:
            Docker Cloud API reference, "Action states".
        """
        action = action_uri(thing) or thing
        return await until(
            self, self._feed, action, self._succeeded, seconds=timeout, poll=poll
        )

    async def _succeeded(self, action: types.Action) -> types.Action | None:
        if why := await failure(self, action):
            raise WaitFailed(why)
        return action if action.get("state") == states.SUCCESS else None
