"""What the sub-APIs share: paths, list, iterate, inspect, find, operations, wait."""

from __future__ import annotations

import builtins
import re
from collections.abc import AsyncIterator, Collection, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, Unpack, cast

from . import wire
from .exceptions import NonUniqueIdentifier, ObjectNotFound
from .logs import LogOptions, LogStream, TutumLog
from .waiting import StateWait, action_uri, until

if TYPE_CHECKING:
    from .client import DockerCloud

__all__ = [
    "POLL",
    "WAIT_TIMEOUT",
    "Managed",
    "Readable",
    "Resource",
    "Thing",
]

T = TypeVar("T")

#: What names an object everywhere: its dict, its ``resource_uri`` or its uuid.
Thing = str | Mapping[str, Any]

_Dicts = list[dict[str, Any]]

#: Seconds that waiting takes at most, unless the caller says otherwise.
WAIT_TIMEOUT = 600.0

#: Seconds after which waiting looks again even if no event came.
POLL = 5.0

_UUID4 = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.I
)


class Readable(Generic[T]):
    """Reading one kind of object: ``list``, ``iterate``, ``inspect``."""

    kind: ClassVar[str]
    #: The key of the dict that names an object that has no ``resource_uri``.
    key: ClassVar[str] = "uuid"

    def __init__(self, cloud: DockerCloud) -> None:
        self._cloud = cloud

    async def list(self, **filters: Any) -> builtins.list[T]:
        """All objects that match, from all pages, as one list.

        Args:
            filters: The API's filters by name, e.g. ``state="Running"`` or
                ``stack__name="web"``. ``None`` is left out; an object's dict stands
                for its URI; ``limit`` is the size of a page.

        Returns:
            The objects, newest first; they may be shorter than what ``inspect``
            answers. Recently terminated ones are among them.
        """
        return [found async for found in self.iterate(**filters)]

    async def iterate(self, **filters: Any) -> AsyncIterator[T]:
        """The same objects one by one; a page is fetched when it is needed."""
        path = self._path()
        given: set[str] = set()
        while True:
            page = await self._cloud.request("GET", path, params=filters)
            for found in page["objects"]:
                # What is created meanwhile moves others on to the next page.
                uri = found.get("resource_uri")
                if uri not in given:
                    if uri:
                        given.add(uri)
                    yield cast(T, found)
            offset = wire.next_offset(page)
            if offset is None or not page["objects"]:
                return
            filters = {**filters, "offset": offset, "limit": page["meta"]["limit"]}

    async def inspect(self, thing: Thing) -> T:
        """One object with all its details.

        Raises:
            ObjectNotFound: There is no such object.
        """
        return await self._call("GET", self._path(thing))

    def _target(self, thing: Thing) -> wire.Target:
        return wire.target_of(self.kind, thing, key=self.key)

    def _path(
        self, thing: Thing | None = None, *operation: str, stream: bool = False
    ) -> str:
        """The path of the list, of an object or of an operation on it."""
        cloud = self._cloud
        key: tuple[str, ...] = ()
        namespace = cloud.namespace
        if thing is not None:
            target = self._target(thing)
            key = target.key
            # An object stays in the namespace that its URI names.
            namespace = target.namespace or namespace
        return wire.path(
            self.kind,
            *key,
            *operation,
            namespace=namespace,
            dialect=cloud.dialect,
            stream=stream,
        )

    async def _call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
    ) -> T:
        return cast(
            T, await self._cloud.request(method, path, params=params, json=json)
        )


class Resource(Readable[T]):
    """Objects that change: operations, logs, and waiting for what becomes of them."""

    async def _create(self, fields: Mapping[str, Any]) -> T:
        return await self._call("POST", self._path(), json=fields)

    async def _update(self, thing: Thing, fields: Mapping[str, Any]) -> T:
        return await self._call("PATCH", self._path(thing), json=fields)

    async def _operate(
        self, thing: Thing, operation: str, *, params: Mapping[str, Any] | None = None
    ) -> T:
        return await self._call("POST", self._path(thing, operation), params=params)

    def _logs(self, thing: Thing, **options: Unpack[LogOptions]) -> LogStream:
        stream = partial(self._cloud.stream, self._path(thing, "logs", stream=True))
        if self._cloud.dialect.by_subsystem:
            return LogStream(stream, **options)
        text = partial(self._cloud.request, "GET", self._path(thing, "logs"))
        return TutumLog(stream, text, **options)


class Managed(Resource[T]):
    """Objects with names and states: ``find``, ``delete`` and ``wait`` on top."""

    #: The filter that ``name.stack`` uses, for kinds that live in stacks.
    stack_filter: ClassVar[str | None] = None
    #: Whether objects of this kind can be found by name.
    has_names: ClassVar[bool] = True

    async def find(self, identifier: Thing) -> T:
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
        return [one for one in found if one.get("state") != "Terminated"] or found

    async def delete(self, thing: Thing) -> T:
        """Terminate it and return it, usually still ``"Terminating"``.

        Raises:
            OperationNotAllowed: Its state does not allow that.
        """
        return await self._call("DELETE", self._path(thing))

    async def wait(
        self,
        thing: Thing,
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
        return await until(self, thing, done, seconds=timeout, poll=poll, also=also)
