"""What the sub-APIs share: paths, list, iterate, inspect, find, operations, wait."""

from __future__ import annotations

import asyncio
import builtins
import re
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Mapping,
)
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast

from . import wire
from .exceptions import (
    DockerCloudError,
    NonUniqueIdentifier,
    ObjectNotFound,
    WaitFailed,
)
from .stream import Stream, TutumLog
from .types import LogLine

if TYPE_CHECKING:
    from .client import DockerCloud

__all__ = [
    "POLL",
    "WAIT_TIMEOUT",
    "Managed",
    "Readable",
    "Resource",
    "Thing",
    "action_uri",
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
        while True:
            page = await self._cloud.request("GET", path, params=filters)
            for found in page["objects"]:
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

    def _logs(self, thing: Thing, tail: int | None, follow: bool) -> Stream[LogLine]:
        path = self._path(thing, "logs", stream=True)
        params = {"follow": follow, "tail": tail}
        connect = partial(self._cloud.stream, path, params=params)
        if self._cloud.dialect.by_subsystem:
            return Stream(connect)
        text = self._path(thing, "logs")
        return TutumLog(
            connect, partial(self._cloud.request, "GET", text, params={"tail": tail})
        )

    async def _until(
        self,
        thing: Thing,
        done: Callable[[T], Awaitable[bool]],
        *,
        seconds: float | None,
        poll: float,
        also: Collection[str] = (),
    ) -> T:
        """Look at *thing* at each of its events until *done* says so; return it.

        Args:
            also: URIs of further objects whose events are a reason to look.

        Raises:
            TimeoutError: It took longer than *seconds*.
            Whatever *done* raises.
        """
        found: T | None = None
        try:
            async with asyncio.timeout(seconds) as limit:
                found = await self.inspect(thing)
                if await done(found):
                    return found
                uri = cast(Mapping[str, Any], found).get("resource_uri")
                uris = [str(uri or self._path(thing)), *also]
                async with aclosing(self._news(uris, poll)) as news:
                    async for _ in news:
                        found = await self.inspect(thing)
                        if await done(found):
                            return found
        except TimeoutError as exc:
            if not limit.expired():
                raise
            state = cast(Mapping[str, Any], found or {}).get("state")
            raise TimeoutError(
                f"{self.kind} {self._target(thing).pk} was still {state!r}"
                f" after {seconds:g} s"
            ) from exc
        raise AssertionError("news never end")

    async def _news(
        self, uris: builtins.list[str], poll: float
    ) -> AsyncGenerator[None, None]:
        """Yield once subscribed, then at each event of *uris* and each *poll* seconds.

        Without an event stream there is only the clock.
        """
        try:
            async with self._cloud.events.subscribe(object=uris) as events:
                yield
                while True:
                    try:
                        async with asyncio.timeout(poll):
                            await anext(events)
                    except TimeoutError:
                        pass  # a look now and then costs little, a lost event much
                    yield
        except (DockerCloudError, StopAsyncIteration):
            pass
        while True:
            yield
            await asyncio.sleep(poll)


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

        It looks at each event of the object and, in case one is lost, every *poll*
        seconds; where no event stream can be had, it only does the latter.

        Args:
            thing: The object. When it is the dict that a changing call returned, the
                call's action is followed, too.
            state: The state to wait for, or several of which one will do.
            timeout: Seconds to wait at most; ``None`` for ever.
            poll: Seconds between looks without an event.

        Raises:
            WaitFailed: The object was terminated, or the action failed or was
                canceled; the message has the last lines of the action's log.
            TimeoutError: The time was up.
        """
        goal = {state} if isinstance(state, str) else set(state)
        action = action_uri(thing)

        async def done(found: T) -> bool:
            nonlocal action
            now = cast(Mapping[str, Any], found).get("state")
            if now in goal:
                return True
            if now == "Terminated":
                raise WaitFailed(
                    f"{self.kind} {self._target(thing).pk} is Terminated and will not"
                    f" become {' or '.join(sorted(goal))}"
                )
            if action is not None and await self._cloud.actions.finished(action):
                action = None
            return False

        return await self._until(
            thing, done, seconds=timeout, poll=poll, also=[action] if action else []
        )


def action_uri(thing: Thing) -> str | None:
    """The action that a changing call's answer names."""
    uri = thing.get("dockercloud_action_uri") if isinstance(thing, Mapping) else None
    return str(uri) if uri else None
