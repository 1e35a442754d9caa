"""Why an object cannot reach a state: failed actions and ended containers, as text."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ..exceptions import DockerCloudError
from ..types import Action
from ..wire import loglines, states
from .readable import Resource

__all__ = ["description", "failure", "last_failure"]


def description(part: Mapping[str, Any]) -> str:
    """Return the name, the state and the exit code of a container as text."""
    code, message = part.get("exit_code"), str(part.get("exit_code_msg") or "")
    more = [f"exit code {code}"] if code is not None else []
    if match := re.fullmatch(rf"Exit code {code} \((.*)\)", message):
        message = match[1]  # the API repeats the code in its message
    more += [message] if message else []
    details = f" ({', '.join(more)})" if more else ""
    return f"{part.get('name')} is {part.get('state')}{details}"


async def failure(actions: Resource[Action], action: Action) -> str | None:
    """Return why an action failed, with the last lines of its log; None if it did not.

    Args:
        actions: The sub-API of actions.
        action: The action's dict.
    """
    state = action.get("state")
    if state not in (states.FAILED, states.CANCELED):
        return None
    name = action.get("action", "the action")
    lines = await _last_lines(actions, action)
    return ": ".join([f"{name} {action['uuid']} is {state}", *lines])


async def last_failure(actions: Resource[Action], uri: str) -> str | None:
    """Return why the last action on an object failed; None if it did not.

    Args:
        actions: The sub-API of actions.
        uri: The ``resource_uri`` of the object.
    """
    params = {"object": uri, "limit": 1}
    async for action in actions.iterate(**params):
        return await failure(actions, action)
    return None


async def _last_lines(actions: Resource[Action], action: Action) -> list[str]:
    """Return the end of an action's log; empty when the log cannot be read.

    The log only explains another error, so errors of reading are not raised.
    """
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
