"""Waiting for a state: when an object has reached it, and when it no longer can.

An event is only a reason to inspect the object: states come from ``inspect`` alone.
When the object can no longer reach the state, waiting fails at once, with the reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Any, Generic, TypeVar, cast

from .. import types, wire
from ..exceptions import (
    ApiError,
    ConnectError,
    DockerCloudError,
    ObjectNotFound,
    WaitFailed,
)
from ..wire import states
from ..wire.health import HEALTHY
from .answers import reading
from .failures import description, failure, last_failure, last_output
from .readable import Readable, Reference, Resource
from .watch import ChangeFeed, Subscription

__all__ = [
    "POLL",
    "WAIT_TIMEOUT",
    "StateWait",
    "action_uri",
    "until",
]

T = TypeVar("T")


#: Seconds that a wait takes at most, by default.
WAIT_TIMEOUT = 600.0

#: Seconds between two inspections without an event, by default.
POLL = 5.0

#: Transitional states of operations that start an object.
_STARTING = states.TRANSITIONAL_STATES - {states.STOPPING, states.TERMINATING}

_DEPLOYMENT = {
    states.RUNNING: {states.PARTLY_RUNNING, states.STOPPED, states.NOT_RUNNING},
    states.PARTLY_RUNNING: {states.STOPPED, states.NOT_RUNNING},
    states.STOPPED: {states.NOT_RUNNING},  # autodestroy
    states.NOT_RUNNING: set[str](),
}
#: Kind → a state at rest → the states that may follow by themselves: containers end by
#: themselves but do not start by themselves. From a state that is not listed, every
#: state may follow, because nodes and clusters fail and recover.
_FOLLOWING: Mapping[str, Mapping[str, Collection[str]]] = {
    "service": _DEPLOYMENT,
    "stack": _DEPLOYMENT,
    "container": {states.RUNNING: {states.STOPPED}, states.STOPPED: set()},
    "nodecluster": {states.INIT: set(), states.EMPTY_CLUSTER: set()},
}

#: Ends of the names of actions that start no operation.
_RECORDS = ("Create", "Update")
#: Ends of the names of actions after which an object is to run.
_STARTS = ("Start", "Scale", "Redeploy", "Rollback", "Deploy", "Upgrade")


async def until(
    resource: Readable[T],
    feed: ChangeFeed,
    thing: Reference,
    done: Callable[[T], Awaitable[T | None]],
    *,
    seconds: float | None,
    poll: float,
    also: Collection[str] = (),
    changes: Subscription | None = None,
) -> T:
    """Inspect an object at each hint about a change, until *done* returns an object.

    The first inspection follows the opening of the event stream. A later inspection
    that fails for a transient reason does not end the wait.

    Args:
        resource: The sub-API of the object.
        feed: The source of hints.
        thing: The object.
        done: Receives the object's current dict, and returns the result of the wait,
            or None to continue.
        seconds: How long the wait may take; None waits without a limit.
        poll: Seconds between two inspections without a hint.
        also: The uuids of further objects whose changes are hints.
        changes: A subscription from before the call that changed the object: the first
            inspection waits for a hint, too, while the event stream is open.

    Returns:
        The result of *done*.

    Raises:
        ObjectNotFound: The object does not exist at the first inspection.
        InvalidResponse: An answer lacks what the objects of the API have.
        WaitFailed: The object was terminated, or *done* failed.
        TimeoutError: *seconds* are over.
    """
    uuid = resource.target(thing).pk
    last: Mapping[str, Any] = thing if isinstance(thing, Mapping) else {}
    stated = changes
    inspected = stated is not None  # by the call that changed the object
    problem, pauses = "", resource.cloud.timings.pauses()
    pause = poll
    limit = asyncio.timeout(seconds)
    try:
        async with limit, AsyncExitStack() as stack:
            if changes is None:
                subscribed = feed.subscribe(uuid, *also)
                changes = await stack.enter_async_context(subscribed)
            elif not changes.live:
                changes.notify()
            while True:
                await changes.wait(pause)
                forgotten, pause = False, poll
                try:
                    try:
                        found = await resource.inspect(thing)
                    except ObjectNotFound:
                        if not last:
                            raise
                        # The object existed: servers forget terminated objects.
                        forgotten = True
                        found = cast(T, {**last, "state": states.TERMINATED})
                    last = cast(Mapping[str, Any], found)
                    inspected = True
                    problem, pauses = "", resource.cloud.timings.pauses()
                    with reading(resource.kind):
                        result = await done(found)
                    if result is not None:
                        return result
                except (ApiError, ConnectError) as exc:
                    if not inspected or not wire.is_transient(exc):
                        raise
                    problem = f"; the last inspection failed: {exc}"
                    # No further hint announces the missed change.
                    pause = min(poll, next(pauses))
                if forgotten:
                    raise WaitFailed(f"{resource.kind} {uuid} does not exist any more")
    except TimeoutError as exc:
        if not limit.expired():
            raise
        found_state = stated.state if stated and stated.state else last.get("state")
        state = repr(found_state) if inspected else "not inspected"
        raise TimeoutError(
            f"{resource.kind} {uuid} was still {state} after {seconds:g} s{problem}"
        ) from exc


class StateWait(Generic[T]):
    """One wait for a state: the observations so far, and what follows from them.

    Args:
        resource: The sub-API of the object.
        thing: The object.
        goal: The states to wait for; one of them is sufficient.
        healthy: Whether an object with a health check must be healthy as well.
    """

    def __init__(
        self,
        resource: Readable[T],
        thing: Reference,
        goal: Collection[str],
        *,
        healthy: bool = False,
    ) -> None:
        self._resource = resource
        cloud = resource.cloud
        self._actions = Resource[types.Action](cloud, "action")
        self._services = Readable[Mapping[str, Any]](cloud, "service")
        self._containers = Resource[Mapping[str, Any]](cloud, "container")
        self._nodes = Readable[Mapping[str, Any]](cloud, "node")
        self._limits = cloud.limits
        self._thing = thing
        self._goal = frozenset(goal)
        self._healthy = healthy
        self._action = action_uri(thing)
        #: The action that was to start the object has ended.
        self._action_ended = False
        self._was_starting = False
        self._was_terminated = False

    async def done(self, found: T) -> T | None:
        """Return the object when the wait is over, None otherwise.

        Args:
            found: The object's current dict.

        Raises:
            WaitFailed: The object cannot reach the state by itself.
        """
        facts = cast(Mapping[str, Any], found)
        state = str(facts.get("state"))
        if self._reached(facts):
            return found
        try:
            await self._follow_action()
        except WaitFailed:
            # A failed action may have reached the state: jobs that are redeployed end.
            newer = await self._resource.inspect(self._thing)
            if self._reached(cast(Mapping[str, Any], newer)):
                return newer
            raise
        if state in self._goal:
            return None  # the health changes by itself
        if state == states.TERMINATED:
            # A failing action ends a moment later, and its log contains the reason.
            if self._action is None or self._was_terminated:
                parts: Sequence[Mapping[str, Any]] = ()
                with suppress(DockerCloudError):
                    parts = await self._parts(facts)
                raise await self._failure(facts, parts)
            self._was_terminated = True
        elif state in states.TRANSITIONAL_STATES:
            self._was_starting |= state in _STARTING
        elif not self._can_follow(state) and await self._has_started(facts):
            parts = await self._parts(facts)
            if not await self._can_recover(parts):
                # The object may have changed between its inspection and its parts'.
                newer = await self._resource.inspect(self._thing)
                now = cast(Mapping[str, Any], newer).get("state")
                if now != state:
                    return await self.done(newer)
                raise await self._failure(facts, parts)
        return None

    def _reached(self, facts: Mapping[str, Any]) -> bool:
        """Return whether the object is in one of the states, and healthy if wanted."""
        unhealthy = self._healthy and facts.get("health") not in (None, HEALTHY)
        return facts.get("state") in self._goal and not unhealthy

    async def _follow_action(self) -> None:
        """Inspect the followed action, until the action has ended.

        Raises:
            WaitFailed: The action failed or was canceled.
        """
        if self._action is None:
            return
        try:
            action = await self._actions.inspect(self._action)
        except ObjectNotFound:  # the server forgets actions that have ended
            self._action, self._action_ended = None, True
            return
        if why := await failure(self._actions, action):
            raise WaitFailed(why)
        if action.get("state") == states.SUCCESS:
            self._action = None
            self._action_ended = not str(action.get("action")).endswith(_RECORDS)

    async def _has_started(self, found: Mapping[str, Any]) -> bool:
        """Return whether an operation that was to start the object has ended.

        The operation is the action of the call that returned the object, an operation
        that this wait observed, or the latest operation on the object. A container is
        also started by operations on its service.
        """
        if self._action_ended or self._was_starting:
            return True
        if not (uri := found.get("resource_uri")):
            return False
        filters: dict[str, Any] = {"object": uri}
        if self._resource.kind == "container":
            filters["include_related"] = True
        try:
            async for action in self._actions.iterate(**filters):
                name, state = str(action.get("action")), action.get("state")
                if name.endswith("Create"):
                    return False  # no operation on the object precedes its creation
                if name.endswith(_STARTS):
                    return state in states.ENDED
                if not name.endswith(_RECORDS) and state != states.FAILED:
                    return False  # stopped on purpose
        except ApiError as exc:
            if wire.is_transient(exc):
                raise
            # Some servers have no actions: the wait goes on.
        return False

    def _can_follow(self, state: str) -> bool:
        """Return whether a wanted state may follow *state* by itself."""
        following = _FOLLOWING.get(self._resource.kind, {})
        return (
            state not in following
            or states.TERMINATED in self._goal
            or not self._goal.isdisjoint(following[state])
        )

    # --- parts ----------------------------------------------------------------------

    async def _parts(self, found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """Return the containers that do not run, and services in transition."""
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
            # The list is newest first: of terminated containers, the last ones.
            parts += reversed(
                _live(of_it) or of_it[: self._limits.failure_parts] or [service]
            )
        return [one for one in parts if one.get("state") != states.RUNNING]

    async def _can_recover(self, parts: Sequence[Mapping[str, Any]]) -> bool:
        """Return whether a part is in transition, or is lost and may return."""
        if any(part.get("state") in states.TRANSITIONAL_STATES for part in parts):
            return True
        # Lost, not ended: Swarm's containers return with their node, or move.
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

    # --- the reason -----------------------------------------------------------------

    async def _failure(
        self, found: Mapping[str, Any], parts: Sequence[Mapping[str, Any]]
    ) -> WaitFailed:
        resource = self._resource
        why = [
            f"{resource.kind} {resource.target(self._thing).pk} is"
            f" {found.get('state')} and will not become"
            f" {' or '.join(sorted(self._goal))} by itself"
        ]
        described = [part for part in parts if part is not found]
        if described:
            listed = described[: self._limits.failure_parts]
            more = len(described) - len(listed)
            why.append(
                ", ".join(map(description, listed))
                + (f" and {more} more" if more > 0 else "")
            )
            if lines := await last_output(self._containers, listed):
                why.append(lines)
        if found.get("target_num_containers") == 0:
            why.append("its target is 0 containers")
        elif not described and parts:
            why.append("it has no containers")
        with suppress(DockerCloudError, KeyError):
            if last := await last_failure(self._actions, found["resource_uri"]):
                why.append(last)
        return WaitFailed("; ".join(why))


def _live(things: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    return [one for one in things if one.get("state") != states.TERMINATED]


def action_uri(thing: Reference) -> str | None:
    """Return the URI of the action that the result of a changing call names.

    Args:
        thing: The result; a dict without an action, a URI or a uuid names none.
    """
    uri = thing.get("dockercloud_action_uri") if isinstance(thing, Mapping) else None
    return str(uri) if uri else None
