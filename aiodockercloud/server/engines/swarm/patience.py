"""How long tasks have waited for a node, or have ended without a successor.

Swarm reports neither that a task will never find a node nor that an ended task is not
replaced any more: time decides.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .. import ContainerObservation
from . import observations, service_specs
from .settings import SwarmSettings

Json = Mapping[str, Any]

#: The states of a task that uses nothing of its node.
OVER = frozenset({"complete", "failed", "shutdown", "rejected", "orphaned", "remove"})


@dataclass(slots=True)
class _Marks:
    """What one service is waiting for. Times are those of the loop's clock."""

    #: Task id → when the task was first found without a node.
    waiting: dict[str, float] = field(default_factory=dict)
    #: Task id → when the task was first found ended and not replaced.
    ended: dict[str, float] = field(default_factory=dict)
    #: The ids of tasks that count as ended, see ``observations.given_up``.
    given_up: set[str] = field(default_factory=set)


class Patience:
    """Observations of containers that depend on the time as well.

    Only services with something to wait for are remembered.
    """

    def __init__(self, settings: SwarmSettings) -> None:
        self._settings = settings
        self._marks: dict[str, _Marks] = {}

    def observation(
        self, service: Json, tasks: Sequence[Json], nodes: Mapping[str, Json]
    ) -> ContainerObservation:
        """Return the observation of the container of a service, as of now.

        Args:
            service: The Swarm service.
            tasks: All tasks of the service.
            nodes: All nodes, by id.
        """
        now = asyncio.get_running_loop().time()
        before = self._marks.pop(service["ID"], _Marks())
        marks = _Marks(
            {id: before.waiting.get(id, now) for id in _without_a_node(tasks)},
            {id: before.ended.get(id, now) for id in _not_replaced(service, tasks)},
            observations.given_up(tasks, nodes, before.given_up),
        )
        if marks.waiting or marks.ended or marks.given_up:
            self._marks[service["ID"]] = marks
        overdue = self._overdue(marks, now) | self._final(marks, now)
        return observations.container_observation(
            service, tasks, nodes, overdue, marks.given_up
        )

    def undecided(self, service: str) -> bool:
        """Whether time alone may change the observation of a service."""
        marks = self._marks.get(service)
        if marks is None:
            return False
        now = asyncio.get_running_loop().time()
        return bool(marks.waiting or marks.ended.keys() - self._final(marks, now))

    def restart(self) -> None:
        """Count the time without a node from now: a node has returned."""
        for marks in self._marks.values():
            marks.waiting.clear()

    def forget(self, service: str) -> None:
        """Forget a removed service."""
        self._marks.pop(service, None)

    def _overdue(self, marks: _Marks, now: float) -> set[str]:
        """Return the tasks that have waited for a node for too long."""
        limit = self._settings.placing
        return {id for id, since in marks.waiting.items() if now - since >= limit}

    def _final(self, marks: _Marks, now: float) -> set[str]:
        """Return the tasks that Swarm no longer replaces: the attempts are used up."""
        limit = self._settings.replacing
        return {id for id, since in marks.ended.items() if now - since >= limit}


def _without_a_node(tasks: Sequence[Json]) -> list[str]:
    """Return the ids of the tasks that no node can run at present."""
    return [
        task["ID"]
        for task in tasks
        if task["Status"]["State"] == "pending" and task["Status"].get("Err")
    ]


def _not_replaced(service: Json, tasks: Sequence[Json]) -> list[str]:
    """Return the id of the newest task if it has ended and ``max_attempts`` is set."""
    if not service_specs.most_restarts(service["Spec"]):
        return []
    newest = observations.newest(tasks)
    over = newest is not None and newest["Status"]["State"] in OVER
    return [newest["ID"]] if newest is not None and over else []
