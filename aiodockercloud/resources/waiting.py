"""Waiting for a state: when it is there, and when it can no longer come.

Nothing is taken from events but the hint to look: what is believed is what ``inspect``
says. A state that cannot come any more ends the waiting at once, with the reason.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, Generic, TypeVar, cast

from .. import wire
from ..exceptions import (
    ApiError,
    ConnectError,
    DockerCloudError,
    ObjectNotFound,
    WaitFailed,
)
from ..types import Action
from ..wire import loglines, states
from .readable import Readable, Reference, Resource
from .watch import ChangeFeed

__all__ = [
    "POLL",
    "WAIT_TIMEOUT",
    "StateWait",
    "action_uri",
    "failure",
    "last_failure",
    "until",
]

T = TypeVar("T")

#: Seconds that waiting takes at most, unless the caller says otherwise.
WAIT_TIMEOUT = 600.0

#: Seconds after which waiting looks again even if no event came.
POLL = 5.0

#: Those at whose end the object is up, or else it has failed.
_UP = states.TRANSITIONAL_STATES - {states.STOPPING, states.TERMINATING}

_DEPLOYMENT = {
    states.RUNNING: {states.PARTLY_RUNNING, states.STOPPED, states.NOT_RUNNING},
    states.PARTLY_RUNNING: {states.STOPPED, states.NOT_RUNNING},
    states.STOPPED: {states.NOT_RUNNING},  # autodestroy
    states.NOT_RUNNING: set[str](),
}
#: kind → a state in which an object rests → what it may become from there by itself:
#: containers end, but do not begin. Anything is Terminated by somebody some day, and
#: nodes and what is made of them break and heal: what is not here may always come.
_RESTS: Mapping[str, Mapping[str, Collection[str]]] = {
    "service": _DEPLOYMENT,
    "stack": _DEPLOYMENT,
    "container": {states.RUNNING: {states.STOPPED}, states.STOPPED: set()},
    "nodecluster": {states.INIT: set(), states.EMPTY_CLUSTER: set()},
}

#: Actions that begin nothing: what they record is carried out by others.
_RECORDS = ("Create", "Update")


async def until(
    resource: Readable[T],
    feed: ChangeFeed,
    thing: Reference,
    done: Callable[[T], Awaitable[T | None]],
    *,
    seconds: float | None,
    poll: float,
    also: Collection[str] = (),
) -> T:
    """Look at *thing* whenever there is news of it, until *done* returns it.

    The first look comes when the event stream is there. One that fails for a reason
    that may pass does not end it, unless it is the first.

    Args:
        done: Is given the object; returns it (or a newer look at it) when the waiting
            is over, None to go on.
        also: uuids of further objects whose news are a reason to look.

    Raises:
        ObjectNotFound: It has never been there.
        WaitFailed: It is gone; or *done* says so.
        TimeoutError: It took longer than *seconds*.
    """
    uuid = resource.target(thing).pk
    last: Mapping[str, Any] = thing if isinstance(thing, Mapping) else {}
    looked = False
    trouble, pauses = "", resource.cloud.timings.pauses()
    pause = poll
    try:
        async with (
            asyncio.timeout(seconds) as limit,
            feed.subscribe(uuid, *also) as subscription,
        ):
            while True:
                await subscription.wait(pause)
                gone, pause = False, poll
                try:
                    try:
                        found = await resource.inspect(thing)
                    except ObjectNotFound:
                        if not last:
                            raise
                        # It has been there: servers forget what was terminated.
                        gone, found = (
                            True,
                            cast(T, {**last, "state": states.TERMINATED}),
                        )
                    last = cast(Mapping[str, Any], found)
                    looked = True
                    trouble, pauses = "", resource.cloud.timings.pauses()
                    if (result := await done(found)) is not None:
                        return result
                except (ApiError, ConnectError) as exc:
                    if not looked or not wire.is_transient(exc):
                        raise
                    trouble = f"; the last look failed: {exc}"
                    # What it would have seen is not told again.
                    pause = min(poll, next(pauses))
                if gone:
                    raise WaitFailed(f"{resource.kind} {uuid} is not there any more")
    except TimeoutError as exc:
        if not limit.expired():
            raise
        state = repr(last.get("state")) if looked else "not seen"
        raise TimeoutError(
            f"{resource.kind} {uuid} was still {state} after {seconds:g} s{trouble}"
        ) from exc


class StateWait(Generic[T]):
    """One wait for a state: what it has seen, and what follows from that."""

    def __init__(
        self, resource: Readable[T], thing: Reference, goal: Collection[str]
    ) -> None:
        self._resource = resource
        cloud = resource.cloud
        self._actions = Resource[Action](cloud, "action")
        self._services = Readable[Mapping[str, Any]](cloud, "service")
        self._containers = Readable[Mapping[str, Any]](cloud, "container")
        self._nodes = Readable[Mapping[str, Any]](cloud, "node")
        self._limits = cloud.limits
        self._thing = thing
        self._goal = frozenset(goal)
        self._action = action_uri(thing)
        #: What was to bring the object up has come to its end.
        self._over = False
        self._was_up_and_coming = False
        self._was_terminated = False

    async def done(self, found: T) -> T | None:
        """The object when the wait is over.

        Raises:
            WaitFailed: It will not come.
        """
        facts = cast(Mapping[str, Any], found)
        state = str(facts.get("state"))
        if state in self._goal:
            return found
        await self._follow_action()
        if state == states.TERMINATED:
            # The action that failed over it says why, when it ends in a moment.
            if self._action is None or self._was_terminated:
                parts: Sequence[Mapping[str, Any]] = ()
                with suppress(DockerCloudError):
                    parts = await self._parts(facts)
                raise await self._failure(facts, parts)
            self._was_terminated = True
        elif state in states.TRANSITIONAL_STATES:
            self._was_up_and_coming |= state in _UP
        elif (self._over or self._was_up_and_coming) and not self._may_come(state):
            parts = await self._parts(facts)
            if not await self._any_hope(parts):
                # The parts were seen later than the whole: only if that still is so.
                newer = await self._resource.inspect(self._thing)
                now = cast(Mapping[str, Any], newer).get("state")
                if now != state:
                    return await self.done(newer)
                raise await self._failure(facts, parts)
        return None

    async def _follow_action(self) -> None:
        """Look how the followed action gets on, until it has ended.

        Raises:
            WaitFailed: It failed or was canceled.
        """
        if self._action is None:
            return
        try:
            action = await self._actions.inspect(self._action)
        except ObjectNotFound:  # forgotten, so it has ended
            self._action, self._over = None, True
            return
        if why := await failure(self._actions, action):
            raise WaitFailed(why)
        if action.get("state") == states.SUCCESS:
            self._action = None
            self._over = not str(action.get("action")).endswith(_RECORDS)

    def _may_come(self, state: str) -> bool:
        """Whether anything wanted may come out of *state* by itself."""
        rests = _RESTS.get(self._resource.kind, {})
        return (
            state not in rests
            or states.TERMINATED in self._goal
            or not self._goal.isdisjoint(rests[state])
        )

    # --- what it is made of ---------------------------------------------------------

    async def _parts(self, found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """The containers that are not running, and services on their way."""
        kind = self._resource.kind
        if kind == "container":
            return [dict(found)]
        parts: list[Mapping[str, Any]] = []
        services: Sequence[Mapping[str, Any]] = []
        if kind == "service":
            services = [found]
        elif kind == "stack":
            of_stack: Sequence[Mapping[str, Any]] = await self._services.list(
                stack=found["resource_uri"]
            )
            services = _live(of_stack) or of_stack
            parts += [
                one
                for one in services
                if one.get("state") in states.TRANSITIONAL_STATES
            ]
        for service in services:
            if service.get("state") == states.RUNNING or service in parts:
                continue
            of_it: Sequence[Mapping[str, Any]] = await self._containers.list(
                service=service["resource_uri"]
            )
            # Newest first: of those that are gone, the last ones.
            parts += reversed(
                _live(of_it) or of_it[: self._limits.failure_parts] or [service]
            )
        return [one for one in parts if one.get("state") != states.RUNNING]

    async def _any_hope(self, parts: Sequence[Mapping[str, Any]]) -> bool:
        """Whether a part is on its way, or is only lost and may be found again."""
        if any(part.get("state") in states.TRANSITIONAL_STATES for part in parts):
            return True
        # Not ended but lost: Swarm's containers come back with their node, or move.
        nodes = {
            part["node"]
            for part in parts
            if part.get("state") == states.STOPPED and part.get("exit_code") is None
            if part.get("node")
        }
        for uri in nodes:
            with suppress(ObjectNotFound):
                node = await self._nodes.inspect(uri)
                if node.get("state") == states.UNREACHABLE:
                    return True
        return False

    # --- what is said about it ------------------------------------------------------

    async def _failure(
        self, found: Mapping[str, Any], parts: Sequence[Mapping[str, Any]]
    ) -> WaitFailed:
        resource = self._resource
        why = [
            f"{resource.kind} {resource.target(self._thing).pk} is"
            f" {found.get('state')} and will not become"
            f" {' or '.join(sorted(self._goal))} by itself"
        ]
        if told := [_told(part) for part in parts if part is not found]:
            more = len(told) - self._limits.failure_parts
            why.append(
                ", ".join(told[: self._limits.failure_parts])
                + (f" and {more} more" if more > 0 else "")
            )
        if found.get("target_num_containers") == 0:
            why.append("it is to have no containers")
        elif not told and parts:
            why.append("it has no containers")
        with suppress(DockerCloudError, KeyError):
            if last := await last_failure(self._actions, found["resource_uri"]):
                why.append(last)
        return WaitFailed("; ".join(why))


def _live(things: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    return [one for one in things if one.get("state") != states.TERMINATED]


def _told(part: Mapping[str, Any]) -> str:
    code, message = part.get("exit_code"), str(part.get("exit_code_msg") or "")
    more = [f"exit code {code}"] if code is not None else []
    if match := re.fullmatch(rf"Exit code {code} \((.*)\)", message):
        message = match[1]  # as the API words it
    more += [message] if message else []
    said = f" ({', '.join(more)})" if more else ""
    return f"{part.get('name')} is {part.get('state')}{said}"


def action_uri(thing: Reference) -> str | None:
    """The action that a changing call's answer names."""
    uri = thing.get("dockercloud_action_uri") if isinstance(thing, Mapping) else None
    return str(uri) if uri else None


# --- why an action failed -----------------------------------------------------------


async def failure(actions: Resource[Action], action: Action) -> str | None:
    """What went wrong, with the last lines of the log; None if nothing has."""
    state = action.get("state")
    if state not in (states.FAILED, states.CANCELED):
        return None
    name = action.get("action", "the action")
    lines = await _last_lines(actions, action)
    return ": ".join([f"{name} {action['uuid']} is {state}", *lines])


async def last_failure(actions: Resource[Action], uri: str) -> str | None:
    """The same of the last action on the object *uri*."""
    params = {"object": uri, "limit": 1}
    async for action in actions.iterate(**params):
        return await failure(actions, action)
    return None


async def _last_lines(actions: Resource[Action], action: Action) -> list[str]:
    """The end of the log, as far as it can be had: it only explains an error."""
    most = actions.cloud.limits.failure_log_lines
    lines: deque[str] = deque(maxlen=most)
    with suppress(DockerCloudError, TimeoutError):
        async with (
            asyncio.timeout(actions.cloud.timings.failure_log),
            actions.read_logs(dict(action), tail=most, follow=False) as log,
        ):
            async for line in log:
                if text := loglines.log_text(line):
                    lines.append(text)
    return ["\n".join(lines)] if lines else []
