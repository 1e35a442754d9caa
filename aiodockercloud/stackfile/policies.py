"""Readers of health checks and rollout policies, in the form of the API and of Compose.

Durations are seconds, or texts such as ``30s``. A key without a value is left out: the
default of the key applies. An invalid value raises a ``ValueError`` whose message
begins with the key.

Source: Docker Engine API, "ServiceUpdate": ``HealthCheck``, ``UpdateConfig`` and
``RollbackConfig``; Compose file reference, ``healthcheck`` and ``update_config``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..wire.rollouts import CONTINUE, PAUSE, ROLLBACK, START_FIRST, STOP_FIRST
from ..wire.values import parse_duration
from . import values

__all__ = ["healthcheck", "rollback_config", "update_config"]

_Keys = Mapping[str, Callable[[Any], Any]]

#: How the words of ``healthcheck.test`` may begin → the least and the largest number of
#: words.
_TESTS = {"NONE": (1, 1), "CMD": (2, 1000), "CMD-SHELL": (2, 2)}


def healthcheck(value: Any) -> dict[str, Any] | None:
    """Return a health check; ``None`` if no key has a value: the image decides.

    ``disable: true`` of Compose becomes the test ``["NONE"]``.

    :meta private:
    """
    found = _object(value, _HEALTHCHECK)
    if found.pop("disable", False):
        return {"test": ["NONE"]}
    return found or None


def update_config(value: Any) -> dict[str, Any] | None:
    """Return the policy of updates; ``None`` if no key has a value.

    :meta private:
    """
    return _object(value, _UPDATE) or None


def rollback_config(value: Any) -> dict[str, Any] | None:
    """Return the policy of rollbacks, which cannot be rolled back themselves.

    :meta private:
    """
    return _object(value, _ROLLBACK) or None


def _object(value: Any, keys: _Keys) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValueError(f"must be an object with {', '.join(keys)}")
    found = {}
    for key, item in value.items():
        if key not in keys:
            raise ValueError(f"{key}: there is no such key; keys are {', '.join(keys)}")
        if item in (None, "", []):
            continue
        try:
            found[key] = keys[key](item)
        except ValueError as error:
            raise ValueError(f"{key}: {error}") from None
    return found


def _test(value: Any) -> list[str]:
    if isinstance(value, str):
        words = ["NONE"] if value == "NONE" else ["CMD-SHELL", value]
    else:
        words = values.each(values.text_of)(value)
    least, most = _TESTS.get(words[0], (0, 0))
    if not least <= len(words) <= most:
        raise ValueError(
            'must be a command line, ["CMD", word, …], ["CMD-SHELL", line] or ["NONE"]'
        )
    return words


def _parallelism(value: Any) -> int:
    """Return the size of a batch; 0 stands for all containers at once."""
    return 0 if value == "all" else _whole(value)


def _whole(value: Any) -> int:
    if isinstance(value, bool):
        raise ValueError("must be a whole number, 0 or more")
    return values.count(value)


def _ratio(value: Any) -> float:
    try:
        ratio = float(values.text_of(value))
    except ValueError:
        ratio = -1
    if isinstance(value, bool) or not 0 <= ratio <= 1:
        raise ValueError("must be a number from 0 to 1")
    return ratio


def _word(*words: str) -> Callable[[Any], str]:
    return values.one_of({word: word for word in words})


_HEALTHCHECK: _Keys = {
    "test": _test,
    "interval": parse_duration,
    "timeout": parse_duration,
    "retries": _whole,
    "start_period": parse_duration,
    "start_interval": parse_duration,
    "disable": values.boolean,
}
_ROLLBACK: _Keys = {
    "parallelism": _parallelism,
    "delay": parse_duration,
    "order": _word(STOP_FIRST, START_FIRST),
    "failure_action": _word(PAUSE, CONTINUE),
    "monitor": parse_duration,
    "max_failure_ratio": _ratio,
}
_UPDATE: _Keys = {
    **_ROLLBACK,
    "failure_action": _word(PAUSE, CONTINUE, ROLLBACK),
}
