"""Any policy and any failures: a rollout keeps its promises, and always ends.

Hypothesis generates the policies, what becomes of each new container, and when the
action is canceled. The facts come from the engine, at each of its reports.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from aiodockercloud import DockerCloud, OperationNotAllowed, WaitFailed
from aiodockercloud.server import Embedded, Settings, running
from aiodockercloud.server.engines import ContainerSpec, EngineError, Observation
from aiodockercloud.server.engines.embedded import Container as Run
from aiodockercloud.server.settings import Timings
from tests.support.facts import PATIENCE
from tests.support.flows import client_of, containers, run

OLD, NEW = "acme/web:1", "acme/web:2"
WORKS, EXITS, SICK, REFUSED = "works", "exits", "sick", "refused"
ENDED = {"Success", "Failed", "Canceled"}
QUICK = Settings(timings=Timings(settle=0, last_batch=PATIENCE))


class Scripted(Embedded):
    """An engine whose new containers end as the script states; it counts the rest.

    Attributes:
        bad: How many new containers have not worked.
        problems: Each promise that a report broke.
        least: The least number of available containers, as a function of ``bad``.
    """

    def __init__(self, script: list[str]) -> None:
        super().__init__(nodes=3)
        self.bad = 0
        self.problems: list[str] = []
        self.least: Callable[[int], int] = lambda bad: 0
        self.created = asyncio.Event()
        self.creations = 0
        self._script = script
        self.image(OLD, healthcheck=True)(self._works)
        self.image(NEW, healthcheck=True)(self._next)

    def _draw(self) -> str:
        outcome = self._script.pop(0) if self._script else WORKS
        self.bad += outcome != WORKS
        return outcome

    async def create(self, spec: ContainerSpec) -> None:
        self.creations += spec.image == NEW
        self.created.set()
        if spec.image == NEW and self._script[:1] == [REFUSED]:
            self._draw()
            raise EngineError("the script refuses")
        await super().create(spec)

    @staticmethod
    async def _works(container: Run) -> None:
        container.healthy()
        await container.wait_stopped()

    async def _next(self, container: Run) -> int | None:
        outcome = self._draw()
        if outcome == EXITS:
            return 3
        container.healthy(outcome != SICK)
        await container.wait_stopped()
        return None

    def _report(self, observation: Observation) -> None:
        live = [c for c in self._containers.values() if c.active]
        found = [c.observation() for c in live]
        available = sum(one.health == "healthy" for one in found)
        if available < (least := self.least(self.bad)):
            self.problems.append(f"{available} available, {least} promised")
        names = Counter(c.spec.name for c in self._containers.values())
        self.problems += [f"two of {name}" for name, n in names.items() if n > 1]
        super()._report(observation)


def policies(*actions: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "order": st.sampled_from(["stop-first", "start-first"]),
            "failure_action": st.sampled_from(actions),
            "monitor": st.sampled_from([0, 0.01]),
            "max_failure_ratio": st.sampled_from([0, 0.3, 1]),
        },
        optional={"parallelism": st.integers(0, 5)},
    )


def size(policy: Mapping[str, Any], number: int) -> int:
    """Return how many containers are replaced at once."""
    return policy.get("parallelism", 1) or number


def promised(
    number: int, update: Mapping[str, Any], back: Mapping[str, Any], bad: int
) -> int:
    """Return how many of a number of containers stay available."""
    stops = update["order"] == "stop-first"
    away = size(update, number) + bad if stops else 0
    if update["failure_action"] == "rollback" and back["order"] == "stop-first":
        away = max(away, size(back, number) + (bad if stops else 0))
    return max(0, number - away)


@settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@example(
    number=3,
    update={
        "order": "start-first",
        "failure_action": "rollback",
        "monitor": 0,
        "max_failure_ratio": 0.3,
        "parallelism": 2,
    },
    back={
        "order": "stop-first",
        "failure_action": "pause",
        "monitor": 0,
        "max_failure_ratio": 0,
    },
    script=[WORKS, SICK, EXITS],
    cancel=None,
)
@given(
    number=st.integers(1, 5),
    update=policies("pause", "continue", "rollback"),
    back=policies("pause", "continue"),
    script=st.lists(st.sampled_from([WORKS, EXITS, SICK, REFUSED]), max_size=8),
    cancel=st.none() | st.integers(1, 5),
)
def test_rollout_keeps_the_promises_of_its_policy(
    number: int,
    update: dict[str, Any],
    back: dict[str, Any],
    script: list[str],
    cancel: int | None,
) -> None:
    engine = Scripted(list(script))

    async def scenario() -> None:
        async with running(engine, settings=QUICK) as server, client_of(server) as live:
            web = await run(
                live,
                image=OLD,
                target_num_containers=number,
                update_config=update,
                rollback_config=back,
            )
            await live.services.wait(web, "Running", healthy=True, timeout=PATIENCE)
            await live.services.update(web, image=NEW)
            engine.least = lambda bad: promised(number, update, back, bad)
            uri = (await live.services.redeploy(web))["dockercloud_action_uri"]
            if cancel is not None:
                await canceled(live, uri, cancel)
            state = await end(live, uri)
            engine.least = lambda bad: 0

            assert state in ENDED
            assert engine.problems == []
            assert state != "Canceled" or cancel is not None
            if not script and cancel is None:
                assert state == "Success"
                images = [c["image_name"] for c in await containers(live, web)]
                assert images == [NEW] * number

    async def canceled(live: DockerCloud, uri: str, after: int) -> None:
        """Cancel the action after a number of creations, or after its end."""
        while engine.creations < after:
            engine.created.clear()
            waiting = asyncio.create_task(engine.created.wait())
            ending = asyncio.create_task(end(live, uri))
            await asyncio.wait({waiting, ending}, return_when="FIRST_COMPLETED")
            over = ending.done()
            waiting.cancel()
            ending.cancel()
            await asyncio.gather(waiting, ending, return_exceptions=True)
            if over:
                return
        with suppress(OperationNotAllowed):  # the action has ended
            await live.actions.cancel(uri)

    async def end(live: DockerCloud, uri: str) -> str:
        with suppress(WaitFailed):
            await live.actions.wait(uri, timeout=PATIENCE)
        return str((await live.actions.inspect(uri))["state"])

    asyncio.run(asyncio.wait_for(scenario(), 2 * PATIENCE))
