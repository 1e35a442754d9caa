"""The policy of one rollout: how containers are replaced, and what a failure means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...wire.rollouts import PAUSE, START_FIRST, STOP_FIRST
from ..state.records import Service
from ..state.state import State

__all__ = ["Policy", "of_redeploy", "of_rollback"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How the containers of a service are replaced. Durations are seconds.

    Attributes:
        parallelism: The number of containers that are replaced at once; ``None`` for
            1 where more than one container runs, else all.
        delay: The pause between two batches.
        start_first: Whether the old container is removed after the new one counts.
        failure_action: What follows too many failures.
        monitor: How long a new container must run to count. Without a value, a started
            container counts: there was no version before that could be kept.
        max_failure_ratio: The part of the containers that may fail.
    """

    parallelism: int | None
    delay: float
    start_first: bool
    failure_action: str
    monitor: float | None
    max_failure_ratio: float

    def batch(self, *, total: int, running: int) -> int:
        """Return the size of a batch.

        Args:
            total: The number of containers to deploy.
            running: The number of containers that run before the rollout.
        """
        if self.parallelism is None:
            return 1 if running > 1 else max(total, 1)
        return self.parallelism or max(total, 1)


def of_redeploy(cloud: State, service: Service) -> Policy:
    """Return the policy by which a service is redeployed."""
    return _policy(cloud, service, service.definition["update_config"])


def of_rollback(cloud: State, service: Service) -> Policy:
    """Return the policy by which a service is rolled back."""
    return _policy(cloud, service, service.definition["rollback_config"])


def _policy(cloud: State, service: Service, given: Mapping[str, Any] | None) -> Policy:
    given = given or {}
    parallelism = given.get("parallelism")
    if parallelism is None and service.definition["sequential_deployment"]:
        parallelism = 1
    monitor = given.get("monitor", cloud.settings.timings.settle)
    first = service.deployed_definition is None
    if first and parallelism is None:
        parallelism = 0
    return Policy(
        parallelism=parallelism,
        delay=given.get("delay", 0),
        start_first=given.get("order", STOP_FIRST) == START_FIRST,
        failure_action=given.get("failure_action", PAUSE),
        monitor=None if first else monitor,
        max_failure_ratio=given.get("max_failure_ratio", 0),
    )
