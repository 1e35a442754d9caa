"""The common base of the sub-APIs of objects with states: find, delete, wait."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any, ClassVar, Generic, TypeVar, cast

from .. import wire
from ..exceptions import NonUniqueIdentifier, ObjectNotFound
from ..transport.session import Transport
from ..wire import states
from .readable import Readable, Reference, Resource
from .waiting import POLL, WAIT_TIMEOUT, StateWait, action_uri, until
from .watch import ChangeFeed, Subscription

__all__ = ["POLL", "WAIT_TIMEOUT", "Managed", "Readable", "Reference", "Resource"]

T = TypeVar("T")
#: The states of the kind.
S = TypeVar("S", bound=str)

_Dicts = list[dict[str, Any]]

_UUID4 = r"(?i)[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


class Managed(Resource[T], Generic[T, S]):
    """Objects with names and states: adds ``find``, ``delete`` and ``wait``."""

    # The filter by the name of the stack, for kinds that belong to a stack.
    stack_filter: ClassVar[str | None] = None
    # Whether objects of this kind have a name to search for.
    has_names: ClassVar[bool] = True

    def __init__(self, cloud: Transport, feed: ChangeFeed) -> None:
        super().__init__(cloud)
        self._feed = feed

    async def find(self, identifier: Reference) -> T:
        """Return the one object that matches an identifier, with all its fields.

        Args:
            identifier: A uuid, the first characters of a uuid, a name, or
                ``name.stack`` for services and containers. Names of services and
                stacks may have dots. A dict or a ``resource_uri`` is accepted, too.
                A terminated object matches only when no other object does.

        Returns:
            The object's current dict, as ``inspect`` returns it.

        Raises:
            ObjectNotFound: No object matches.
            NonUniqueIdentifier: More than one object matches; the message lists their
                uuids.
            ValueError: The identifier is empty.

        Source:
            The command line of the official client, which documents these rules.
        """
        if not isinstance(identifier, str) or "/" in identifier:
            return await self.inspect(identifier)
        if not identifier:
            raise ValueError(f"an empty text names no {self.kind}")
        if re.fullmatch(_UUID4, identifier):
            return await self.inspect(identifier)
        found: _Dicts = []
        if self.stack_filter is not None and "." in identifier:
            found = await self._dotted(identifier, self.stack_filter)
        else:
            found = await self._matches({"uuid__startswith": identifier})
            if not found and self.has_names:
                found = await self._matches({"name": identifier})
        if not found:
            raise ObjectNotFound(f"there is no {self.kind} {identifier!r}")
        if len(found) > 1:
            raise NonUniqueIdentifier(
                f"{len(found)} {self.kind}s match {identifier!r}:"
                f" {', '.join(str(one.get('uuid')) for one in found)}"
            )
        return await self.inspect(self.checked(found[0]))

    async def _dotted(self, identifier: str, stack_filter: str) -> _Dicts:
        """Return the objects that ``name.stack`` or a name with dots matches.

        Each dot may separate the name from the stack's name. The first match wins.
        """
        parts = identifier.split(".")
        for end in range(1, len(parts)):
            name, stack = ".".join(parts[:end]), ".".join(parts[end:])
            if found := await self._matches({"name": name, stack_filter: stack}):
                return found
        return await self._matches({"name": identifier})

    async def _matches(self, filters: Mapping[str, Any]) -> _Dicts:
        found = cast(_Dicts, await self.list(**filters))
        return [one for one in found if one.get("state") != states.TERMINATED] or found

    async def delete(self, thing: Reference) -> T:
        """Terminate an object.

        Args:
            thing: The object: its dict, its ``resource_uri`` or its uuid.

        Returns:
            The object's dict, usually in the state ``"Terminating"``. When the
            operation has ended, the object is ``"Terminated"``.

        Raises:
            OperationNotAllowed: The object's state does not allow the operation; the
                table of the class lists the states that do.
            ObjectNotFound: The object does not exist.

        Source:
            Docker Cloud API reference, "Terminate a service", and the page
            "Terminate …" of every other kind.
        """
        return await self._call("DELETE", self._path(thing))

    async def wait(
        self,
        thing: Reference,
        state: S | Collection[S],
        *,
        healthy: bool = False,
        timeout: float | None = WAIT_TIMEOUT,  # noqa: ASYNC109 - finite by default
        poll: float = POLL,
    ) -> T:
        """Wait until an object is in a state, and return the object.

        The object is inspected when the event stream is open, at each event of the
        object or of its parts, and every *poll* seconds in case an event is lost. All
        waits of a client share one event stream. Without an event stream, the object
        is inspected every *poll* seconds only. A state that lasts shorter than the
        time between two inspections can be missed.

        Waiting fails as soon as the object cannot reach the state by itself:

        - The action of the call that returned *thing* failed or was canceled.
        - The object was terminated.
        - The object rests in a state from which the wanted state does not follow, and
          the operation that was to start the object has ended. That operation is the
          one of the call that returned *thing*, one that the wait observed
          (``"Starting"``, ``"Scaling"``, ``"Redeploying"``, ``"Deploying"`` or
          ``"Upgrading"``), or else the latest operation on the object; for a container
          also the latest one on its service. Containers end by themselves but do not
          start by themselves: ``"Stopped"`` can follow ``"Running"``, but
          ``"Running"`` does not follow ``"Stopped"``. Containers on an unreachable node
          can still return.

        A container that ``autorestart`` restarts is ``"Running"`` all the time, however
        often its command ends; its ``exit_code`` is that of the last run. An object
        that was never started, or that was stopped on purpose, may be started by
        another task or client: the wait goes on.

        Args:
            thing: The object: its dict, its ``resource_uri``, its uuid, or an
                identifier for :meth:`find`, such as its name. When the dict is the
                result of a changing call, the action of that call is followed, too.
            state: The state to wait for, or a collection of states one of which is
                sufficient. Waiting for ``"Terminated"`` does not terminate the object.
            healthy: Whether a service or a container with a health check must be
                ``"healthy"``, too. The health of a service is the worst one of its
                containers.
            timeout: Seconds to wait at most; ``None`` waits without a limit. After the
                first inspection, lost connections and restarts of the server do not
                end the wait.
            poll: Seconds between two inspections without an event.

        Returns:
            The object's dict in the state, as ``inspect`` returned it.

        Raises:
            WaitFailed: The object cannot reach the state by itself. The message
                contains the reason: the last lines of a failed action's log, or the
                exit codes of the containers and the last lines of one of them.
            ObjectNotFound: The object does not exist.
            NonUniqueIdentifier: More than one object matches the identifier.
            ValueError: Objects of the kind have no such state, or *state* is empty; the
                message lists the states.
            TimeoutError: *timeout* is over; the message contains the last state.

        Source:
            Docker Cloud API reference, "Service states", and the states of every other
            kind.
        """
        goal = {state} if isinstance(state, str) else set(state)
        known = sorted(self.filters.states) if self.filters else []
        if not goal or (known and not goal.issubset(known)):
            raise ValueError(
                f"state: {state!r} is no state of a {self.kind}; states are"
                f" {', '.join(known)}"
            )
        if isinstance(thing, str) and not ("/" in thing or re.fullmatch(_UUID4, thing)):
            thing = cast(Mapping[str, Any], await self.find(thing))
        done = StateWait(self, thing, goal, healthy=healthy).done
        action = action_uri(thing)
        also = [wire.target_of("action", action).pk] if action else []
        return await until(
            self, self._feed, thing, done, seconds=timeout, poll=poll, also=also
        )

    @asynccontextmanager
    async def _changes(
        self, thing: Reference, *, ignored: Collection[str]
    ) -> AsyncIterator[Subscription]:
        """Subscribe to changes of an object, before a call changes the object.

        Args:
            thing: The object.
            ignored: The states whose events are no hints.

        Yields:
            The subscription for :meth:`_wait_for`.
        """
        uuid = self.target(thing).pk
        async with self._feed.subscribe(uuid, ignored=ignored) as changes:
            await changes.wait(POLL)  # until the event stream is open
            yield changes

    async def _wait_for(
        self, thing: T, state: S, changes: Subscription, *, seconds: float | None
    ) -> T:
        """Wait as :meth:`wait` does, with a subscription from before the call.

        No inspection comes before the first hint.

        Args:
            thing: The result of the call that changed the object.
            state: The state to wait for.
            changes: The subscription.
            seconds: Seconds to wait at most; ``None`` waits without a limit.
        """
        named = cast(Mapping[str, Any], thing)
        done = StateWait(self, named, {state}).done
        return await until(
            *(self, self._feed, named, done),
            seconds=seconds,
            poll=POLL,
            changes=changes,
        )
