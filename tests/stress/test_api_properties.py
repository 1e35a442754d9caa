"""Any operations in any order: states change as documented, counts add up, and no
request ends in an internal error.

Hypothesis generates the operations. The facts come from the event stream, which
contains every change of every state, and from the objects after all actions have ended.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiodockercloud import ApiError, DockerCloud, WaitFailed
from aiodockercloud.server import Embedded, running
from aiodockercloud.server.engines.embedded import Container
from tests.support.facts import PATIENCE
from tests.support.flows import client_of

#: Images of which containers stay up, end well and end badly.
STAYS, ENDS, FAILS = "acme/stays", "acme/ends", "acme/fails"

SERVICE: Mapping[str, frozenset[str]] = {
    state: frozenset(after.split(", "))
    for state, after in {
        # Containers may be terminated or stopped at the event of an operation's end.
        "Not running": "Starting, Scaling, Terminating",
        "Starting": "Running, Partly running, Stopped, Not running",
        "Running": "Partly running, Stopped, Scaling, Redeploying, Stopping,"
        " Terminating, Not running",
        "Partly running": "Running, Stopped, Starting, Scaling, Redeploying, Stopping,"
        " Terminating, Not running",
        "Scaling": "Running, Partly running, Stopped, Not running",
        "Redeploying": "Running, Partly running, Stopped, Not running",
        "Stopping": "Stopped, Partly running, Running, Not running",
        "Stopped": "Starting, Scaling, Redeploying, Terminating, Running,"
        " Partly running, Not running",
        "Terminating": "Terminated, Running, Partly running, Stopped, Not running",
    }.items()
}
CONTAINER: Mapping[str, frozenset[str]] = {
    "Starting": frozenset({"Running", "Stopped", "Terminating", "Terminated"}),
    "Running": frozenset({"Stopping", "Stopped", "Terminating", "Terminated"}),
    "Stopping": frozenset({"Stopped", "Terminating", "Terminated"}),
    "Stopped": frozenset({"Starting", "Running", "Terminating", "Terminated"}),
    "Terminating": frozenset({"Terminated"}),
}
ACTION: Mapping[str, frozenset[str]] = {
    "Pending": frozenset({"In progress", "Canceling"}),
    "In progress": frozenset({"Success", "Failed", "Canceling", "Canceled"}),
    "Canceling": frozenset({"Canceled", "Success", "Failed"}),
}
#: kind → state → the states that may follow; no state follows the others.
TRANSITIONS = {
    "service": SERVICE,
    "container": CONTAINER,
    "action": ACTION,
    # A stack's states are made from those of its services, as a service's are from
    # its containers; only what cannot be is excluded.
    "stack": {state: SERVICE.keys() | {"Terminated"} for state in SERVICE},
}

operation = st.sampled_from(["start", "stop", "scale", "redeploy", "delete"])
#: What is done: to the n-th object of a kind, and whether its end is waited for.
step = st.one_of(
    st.tuples(st.just("create"), st.sampled_from([STAYS, ENDS, FAILS]), st.booleans()),
    st.tuples(st.just("stack"), st.integers(0, 1), st.booleans()),
    st.tuples(st.just("target"), st.integers(0, 3), st.integers(0, 3)),
    st.tuples(st.just("cancel"), st.integers(0, 3), st.booleans()),
    st.tuples(st.just("services"), operation, st.integers(0, 3)),
    st.tuples(st.just("containers"), operation, st.integers(0, 3)),
    st.tuples(st.just("stacks"), operation, st.integers(0, 3)),
    st.just(("settle", 0, 0)),
)


def engine() -> Embedded:
    made = Embedded(nodes=2)

    async def ends(container: Container) -> int:
        return 0

    async def fails(container: Container) -> int:
        return 3

    made.image(ENDS)(ends)
    made.image(FAILS)(fails)
    return made


class History:
    """Return the states of every object, in the order of the events."""

    def __init__(self) -> None:
        self.states: dict[str, list[str]] = defaultdict(list)
        self.kinds: dict[str, str] = {}

    async def follow(self, frames: AsyncIterator[Any]) -> None:
        async for frame in frames:
            event = json.loads(frame)
            uri = event["resource_uri"]
            self.kinds[uri] = event["type"]
            states = self.states[uri]
            if not states or states[-1] != event["state"]:
                states.append(event["state"])

    def violations(self) -> list[str]:
        found = []
        for uri, states in self.states.items():
            allowed = TRANSITIONS.get(self.kinds[uri], {})
            for before, after in pairwise(states):
                if after not in allowed.get(before, ()):
                    found.append(f"{uri}: {before} became {after}, {states}")
        return found


class Run:
    """One sequence of operations against one server."""

    def __init__(self, cloud: DockerCloud) -> None:
        self._cloud = cloud

    async def do(self, what: str, first: Any, second: Any) -> None:
        cloud = self._cloud
        try:
            if what == "create":
                service = await cloud.services.create(
                    image=first, autodestroy="ALWAYS" if second else "OFF"
                )
                await cloud.services.start(service)
            elif what == "stack":
                services: list[dict[str, Any]] = [
                    {"name": "db", "image": STAYS},
                    {"name": "web", "image": STAYS, "links": ["db"]},
                ]
                stack = await cloud.stacks.create(
                    name=f"stack-{first}", services=services[: 1 + second]
                )
                await cloud.stacks.start(stack)
            elif what == "target":
                if service := await self._nth("services", first):
                    await cloud.services.update(service, target_num_containers=second)
            elif what == "cancel":
                if action := await self._nth("actions", first):
                    await cloud.actions.cancel(action)
            elif what == "settle":
                await self.settle()
            elif thing := await self._nth(what, second):
                call = getattr(getattr(cloud, what), first, None)
                if call is not None:
                    await call(thing)
        except ApiError as error:
            # Forbidden by a state, a name that is taken, not there any more.
            if error.status not in (404, 409, 422):
                raise

    async def _nth(self, api: str, number: int) -> Any:
        found = await getattr(self._cloud, api).list()
        return found[number] if number < len(found) else None

    async def settle(self) -> None:
        """Wait until every action has ended."""
        while True:
            actions = await self._cloud.actions.list(limit=1000)
            going = [one for one in actions if one["end_date"] is None]
            if not going:
                return
            for one in going:
                try:
                    await self._cloud.actions.wait(one, timeout=PATIENCE, poll=0.05)
                except WaitFailed:
                    pass  # a failed or canceled action has ended

    async def check_counts(self) -> None:
        """When nothing is under way, what is counted is what is there."""
        cloud = self._cloud
        for shown in await cloud.services.list():
            containers = await cloud.containers.list(service=shown, limit=1000)
            states = [
                one["state"] for one in containers if one["state"] != "Terminated"
            ]
            assert set(states) <= {"Running", "Stopped"}, (shown, states)
            assert shown["current_num_containers"] == len(states)
            assert shown["running_num_containers"] == states.count("Running")
            assert shown["stopped_num_containers"] == states.count("Stopped")
            assert len(shown["containers"]) == len(states)
            if shown["state"] == "Terminated":
                assert states == []
                assert shown["target_num_containers"] == 0
            assert (
                shown["state"]
                in {
                    frozenset(): {"Not running", "Terminated"},
                    frozenset({"Running"}): {"Running"},
                    frozenset({"Stopped"}): {"Stopped"},
                    frozenset({"Running", "Stopped"}): {"Partly running"},
                }[frozenset(states)]
            )
        nodes = await cloud.nodes.list()
        live = [
            one
            for one in await cloud.containers.list(limit=1000)
            if one["state"] != "Terminated"
        ]
        assert sum(one["current_num_containers"] for one in nodes) == len(live)

    async def check_targets(self) -> None:
        """A scaling that went well has reached the target."""
        cloud = self._cloud
        for shown in await cloud.services.list(image_name=f"{STAYS}:latest"):
            if shown["state"] == "Terminated":
                continue
            await cloud.actions.wait(await cloud.services.scale(shown))
            scaled = await cloud.services.inspect(shown)
            assert scaled["current_num_containers"] == scaled["target_num_containers"]


async def play(steps: list[tuple[str, Any, Any]]) -> None:
    history = History()
    async with running(engine()) as server, client_of(server) as cloud:
        frames = server.cloud.hub.subscribe(server.user)
        following = asyncio.create_task(history.follow(frames))
        run = Run(cloud)
        async with asyncio.timeout(PATIENCE):
            for what, first, second in steps:
                await run.do(what, first, second)
            await run.settle()
            await run.check_counts()
            await run.check_targets()
            await run.check_counts()
    await following  # the server's end is the end of its events
    assert history.violations() == []


@settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(st.lists(step, min_size=3, max_size=14))
def test_any_sequence_of_operations_keeps_the_rules(
    steps: list[tuple[str, Any, Any]],
) -> None:
    asyncio.run(play(steps))
