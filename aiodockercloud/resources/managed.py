"""What sub-APIs of named objects share on top: find, delete, wait."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, ClassVar, TypeVar, cast

from .. import wire
from ..exceptions import NonUniqueIdentifier, ObjectNotFound
from ..transport.session import Transport
from ..wire import states
from .readable import Readable, Reference, Resource
from .waiting import POLL, WAIT_TIMEOUT, StateWait, action_uri, until
from .watch import ChangeFeed

__all__ = ["POLL", "WAIT_TIMEOUT", "Managed", "Readable", "Reference", "Resource"]

T = TypeVar("T")

_Dicts = list[dict[str, Any]]

_UUID4 = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.I
)


class Managed(Resource[T]):
    """Objects with names and states: ``find``, ``delete`` and ``wait`` on top."""

    #: The filter that ``name.stack`` uses, for kinds that live in stacks.
    stack_filter: ClassVar[str | None] = None
    #: Whether objects of this kind can be found by name.
    has_names: ClassVar[bool] = True

    def __init__(self, cloud: Transport, feed: ChangeFeed) -> None:
        super().__init__(cloud)
        self._feed = feed

    async def find(self, identifier: Reference) -> T:
        """The one object that *identifier* means, with all its details.

        Args:
            identifier: A uuid, its first characters, a name, or ``name.stack`` for
                what lives in stacks. Terminated objects count only if no other match.

        Raises:
            ObjectNotFound: None answers to it.
            NonUniqueIdentifier: More than one does.

        Source: the official client's rules, which its command line documents.
        """
        if not isinstance(identifier, str) or "/" in identifier:
            return await self.inspect(identifier)
        if not identifier:
            raise ValueError(f"an empty text names no {self.kind}")
        if _UUID4.fullmatch(identifier):
            return await self.inspect(identifier)
        found: _Dicts = []
        if self.stack_filter is not None and "." in identifier:
            name, stack, *_ = identifier.split(".")
            found = await self._matches({"name": name, self.stack_filter: stack})
        else:
            found = await self._matches({"uuid__startswith": identifier})
            if not found and self.has_names:
                found = await self._matches({"name": identifier})
        if not found:
            raise ObjectNotFound(f"there is no {self.kind} {identifier!r}")
        if len(found) > 1:
            raise NonUniqueIdentifier(
                f"{len(found)} {self.kind}s answer to {identifier!r}:"
                f" {', '.join(one['uuid'] for one in found)}"
            )
        return await self.inspect(found[0])

    async def _matches(self, filters: Mapping[str, Any]) -> _Dicts:
        found = cast(_Dicts, await self.list(**filters))
        return [one for one in found if one.get("state") != states.TERMINATED] or found

    async def delete(self, thing: Reference) -> T:
        """Terminate it and return it, usually still ``"Terminating"``.

        Raises:
            OperationNotAllowed: Its state does not allow that.
        """
        return await self._call("DELETE", self._path(thing))

    async def wait(
        self,
        thing: Reference,
        state: str | Collection[str],
        *,
        timeout: float | None = WAIT_TIMEOUT,  # noqa: ASYNC109 - finite by default
        poll: float = POLL,
    ) -> T:
        """Wait until *thing* is in a state and return it then.

        It looks when the event stream is open (one, which all waiting of this client
        shares), at each event of the object and of what belongs to it and, in case one
        is lost, every *poll* seconds; where no event stream can be had, it only does
        the latter. A state that comes and goes between two looks is not noticed.

        It fails as soon as the state cannot come any more without somebody's doing:

        - the action that *thing* came with failed or was canceled;
        - the object was terminated;
        - that action has ended, or the object was seen on its way up (``"Starting"``,
          ``"Scaling"``, ``"Redeploying"``) and is so no longer, and it rests in a state
          that does not lead to the one wanted. Containers end by themselves but do not
          begin: ``"Stopped"`` may follow on ``"Running"``, not the other way round.
          Containers of a node that does not answer may still come back, and what
          ``autorestart`` restarts is running all the time.

        Given by its uuid alone and at rest, an object may still be started by somebody
        else: that is waited for.

        Args:
            thing: The object. When it is the dict that a changing call returned, the
                call's action is followed, too.
            state: The state to wait for, or several of which one will do. Whoever
                waits for ``"Terminated"`` waits for somebody to do that.
            timeout: Seconds to wait at most; ``None`` for ever. Lost connections and
                restarts of the server are waited out, after the first look.
            poll: Seconds between looks without an event.

        Raises:
            WaitFailed: The state cannot come any more; the message says why, with the
                last lines of a failed action's log, or the containers' exit codes.
            ObjectNotFound: There is no such object.
            TimeoutError: The time was up; the message has the last state.
        """
        goal = {state} if isinstance(state, str) else set(state)
        action = action_uri(thing)
        also = [wire.target_of("action", action).pk] if action else []
        done = StateWait(self, thing, goal).done
        return await until(
            self, self._feed, thing, done, seconds=timeout, poll=poll, also=also
        )
