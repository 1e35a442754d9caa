"""Why an object cannot reach a state: failed actions and ended containers, as text."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from .. import types
from ..exceptions import DockerCloudError
from ..wire import loglines, states
from ..wire.service_words import EVERY_NODE, OFF
from .readable import Resource

__all__ = [
    "description",
    "failure",
    "last_failure",
    "last_output",
    "may_be_empty",
    "succeeded",
]


def description(part: Mapping[str, Any]) -> str:
    """Return the name, the state and the exit code of a container as text."""
    code, message = part.get("exit_code"), str(part.get("exit_code_msg") or "")
    more = [f"exit code {code}"] if code is not None else []
    if match := re.fullmatch(rf"Exit code {code} \((.*)\)", message):
        message = match[1]  # the API repeats the code in its message
    more += [message] if message else []
    details = f" ({', '.join(more)})" if more else ""
    return f"{part.get('name')} is {part.get('state')}{details}"


def may_be_empty(service: Mapping[str, Any]) -> bool:
    """Return whether the definition of a service allows no containers."""
    everywhere = service.get("deployment_strategy") == EVERY_NODE
    none_wanted = service.get("target_num_containers") == 0 and not everywhere
    return none_wanted or service.get("autodestroy", OFF) != OFF


def succeeded(container: Mapping[str, Any]) -> bool:
    """Return whether a container runs, starts, or ended with exit code 0."""
    if container.get("state") in (states.RUNNING, states.STARTING):
        return True
    return container.get("exit_code") == 0


async def failure(actions: Resource[types.Action], action: types.Action) -> str | None:
    """Return why an action failed, with the last lines of its log; None if it did not.

    Args:
        actions: The sub-API of actions.
        action: The action's dict.
    """
    state = action.get("state")
    if state not in (states.FAILED, states.CANCELED):
        return None
    name = action.get("action", "the action")
    lines = await _last_lines(actions, dict(action))
    quoted = ["\n".join(lines)] if lines else []
    return ": ".join([f"{name} {action['uuid']} is {state}", *quoted])


async def last_failure(actions: Resource[types.Action], uri: str) -> str | None:
    """Return why the last action on an object failed; None if it did not.

    Args:
        actions: The sub-API of actions.
        uri: The ``resource_uri`` of the object.
    """
    params = {"object": uri, "limit": 1}
    async for action in actions.iterate(**params):
        return await failure(actions, action)
    return None


async def last_output(
    containers: Resource[Any], parts: Iterable[Mapping[str, Any]]
) -> str | None:
    """Return the last lines of the first ended container that has written any.

    Args:
        containers: The sub-API of containers.
        parts: The dicts of containers and services.
    """
    for part in parts:
        if part.get("exit_code") is None:
            continue
        if lines := await _last_lines(containers, part):
            return "\n".join([f"the last lines of {part.get('name')}:", *lines])
    return None


async def _last_lines(resource: Resource[Any], thing: Mapping[str, Any]) -> list[str]:
    """Return the last lines of a log; empty when the log cannot be read.

    The log only explains another error, so errors of reading are not raised; an object
    without a URI (``ValueError``) has no log to read.
    """
    most = resource.cloud.limits.failure_log_lines
    lines: deque[str] = deque(maxlen=most)
    with suppress(DockerCloudError, TimeoutError, ValueError):
        async with (
            asyncio.timeout(resource.cloud.timings.failure_log),
            resource.read_logs(thing, tail=most, follow=False) as log,
        ):
            async for line in log:
                if text := loglines.log_text(line):
                    lines.append(text)
    return [*lines]
