"""The names that the shell completes: those of objects, and those of contexts.

A shell waits while it completes a word: a cloud that does not answer soon, or refuses
the key, has no names to offer, and no message would help inside a command line.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

import typer

from ..exceptions import DockerCloudError
from ..wire import states
from . import frame
from .contexts import ContextError, Contexts
from .names import RUNNABLE

__all__ = ["contexts", "names"]

#: Seconds for the answers of the cloud.
_PATIENCE: Final = 2.0
#: The most names of a kind that a shell can show usefully.
_MOST: Final = 100


def names(*kinds: str) -> Callable[[typer.Context, str], list[str]]:
    """Return a function that completes the names of objects of some kinds.

    Args:
        *kinds: The kinds; by default those that run.
    """

    def complete(context: typer.Context, incomplete: str) -> list[str]:
        with suppress(DockerCloudError, OSError, ValueError):
            return asyncio.run(_names(_options(context), kinds or RUNNABLE, incomplete))
        return []

    return complete


def contexts(incomplete: str) -> list[str]:
    """Return the names of the stored contexts that begin with a word."""
    with suppress(ContextError):
        return [one for one in Contexts.load().by_name if one.startswith(incomplete)]
    return []


def _options(context: typer.Context) -> Mapping[str, Any]:
    """Return the common options that the command line has so far."""
    former, given = (
        {key: params.get(key) for key in frame.COMMON}
        for params in (context.find_root().params, context.params)
    )
    return frame.merged(former, given)


async def _names(
    options: Mapping[str, Any], kinds: tuple[str, ...], incomplete: str
) -> list[str]:
    """Return the names that begin with a word, which may name the kind as well."""
    kind, slash, start = incomplete.rpartition("/")
    async with asyncio.timeout(_PATIENCE), frame.client(options) as cloud:
        found = await asyncio.gather(
            *(
                getattr(cloud, f"{one}s").list(name__startswith=start, limit=_MOST)
                for one in kinds
                if kind in ("", one)
            )
        )
    return sorted(
        {
            f"{kind}{slash}{one['name']}"
            for objects in found
            for one in objects
            if one["state"] != states.TERMINATED
        }
    )
