"""Variables in the values of a stack file: ``$NAME``, ``${NAME}`` and ``$$``.

A Compose file may have defaults, too: ``${NAME:-default}``.

Source: the official command line client; Compose file reference, "Interpolation".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..exceptions import StackFileError

__all__ = ["Place", "Variables", "has_variables", "without_defaults"]

_NAME = r"[_a-zA-Z][_a-zA-Z0-9]*"
#: A default, which may have variables in braces.
_REST = r"(?:[^{}]|\{[^{}]*\})*"
_VARIABLE = re.compile(
    rf"\$(?:(?P<escaped>\$)|(?P<named>{_NAME})|\{{(?P<braced>{_NAME})\}}|(?P<invalid>))"
)
_WITH_DEFAULT = re.compile(
    rf"\$\{{(?P<name>{_NAME})(?P<operator>:?[-?+])(?P<rest>{_REST})\}}"
)
#: Prefixes of variables that the platform sets in each container, and expands when it
#: deploys the container.
_PLATFORM = ("DOCKERCLOUD_", "TUTUM_")


@dataclass(frozen=True)
class Place:
    """A place in the files, for messages."""

    file: str
    service: str
    key: str = ""

    def error(self, problem: str) -> StackFileError:
        return StackFileError(problem, self.file, self.service, self.key)


@dataclass
class Variables:
    """Replaces ``$NAME``; records the variables that are not set.

    Attributes:
        environ: The values of the variables.
        unset: Each variable that is not set → the first place that has the variable.
        places: Each place → the variables there that are not set.
    """

    environ: Mapping[str, str]
    unset: dict[str, Place] = field(default_factory=dict)
    places: dict[Place, dict[str, None]] = field(default_factory=dict)

    def replace(self, value: Any, place: Place, *, defaults: bool = False) -> Any:
        """Return a value with its variables replaced at any depth, except in keys.

        Args:
            value: The value.
            place: The place of the value.
            defaults: Whether a variable may have a default, as in a Compose file.
        """
        if isinstance(value, dict):
            return {
                name: self.replace(item, place, defaults=defaults)
                for name, item in value.items()
            }
        if isinstance(value, list):
            return [self.replace(item, place, defaults=defaults) for item in value]
        if not isinstance(value, str):
            return value
        found, begin = [], 0
        while (at := value.find("$", begin)) >= 0:
            found.append(value[begin:at])
            match = _WITH_DEFAULT.match(value, at) if defaults else None
            if match:
                found.append(self._with_default(match, place))
            else:
                match = _VARIABLE.match(value, at)
                assert match is not None  # The last branch matches every $.
                found.append(self._one(match, place))
            begin = match.end()
        return "".join([*found, value[begin:]])

    def _with_default(self, match: re.Match[str], place: Place) -> str:
        name, operator, rest = match["name"], match["operator"], match["rest"]
        value = self.environ.get(name)
        given = value is not None and (bool(value) or not operator.startswith(":"))
        if operator.endswith("+"):
            return self._inner(rest, place) if given else ""
        if given:
            return value or ""
        if operator.endswith("?"):
            raise place.error(f"the variable {name} is not set, and must be set")
        return self._inner(rest, place)

    def _inner(self, rest: str, place: Place) -> str:
        found: str = self.replace(rest, place, defaults=True)
        return found

    def _one(self, match: re.Match[str], place: Place) -> str:
        if match["escaped"]:
            return "$"
        name = match["named"] or match["braced"]
        if name is None:  # The message has no value, which may be a secret.
            raise place.error(
                f"the $ at character {match.start() + 1} of a value begins no variable;"
                " allowed: $NAME, ${NAME} (without a default), and $$ for a plain $"
            )
        if name in self.environ:
            return self.environ[name]
        if name.startswith(_PLATFORM):
            return match[0]
        self.unset.setdefault(name, place)
        self.places.setdefault(place, {})[name] = None
        return ""

    def missing_at(self, place: Place) -> str:
        """Return the variables of a place that are not set, in front of a problem."""
        names = self.places.get(place)
        if not names:
            return ""
        are = "the variable" if len(names) == 1 else "the variables"
        verb = "is" if len(names) == 1 else "are"
        return f"{are} {' and '.join(names)} {verb} not set: "

    def warnings(self) -> Iterator[str]:
        """Yield a message about each variable that is not set."""
        for variable, at in self.unset.items():
            service = f"service {at.service}: " if at.service else ""
            yield (
                f"{at.file}: {service}key {at.key}: the variable {variable} is not set,"
                " an empty text stands in its place"
            )


# --- files that are translated, with the variables in them ----------------------------


def has_variables(value: Any) -> bool:
    """Return whether a value has a variable at any depth, in a key or a text."""
    if isinstance(value, dict):
        return any(has_variables(part) for pair in value.items() for part in pair)
    if isinstance(value, list):
        return any(has_variables(item) for item in value)
    return isinstance(value, str) and "$" in value.replace("$$", "")


def without_defaults(value: Any) -> Any:
    """Return a value whose variables of Compose have no defaults: ``${NAME}``."""
    if isinstance(value, dict):
        return {name: without_defaults(item) for name, item in value.items()}
    if isinstance(value, list):
        return [without_defaults(item) for item in value]
    if not isinstance(value, str):
        return value
    return re.sub(
        rf"(\$\$)|\$\{{({_NAME}):?[-?+]{_REST}\}}",
        lambda match: match[1] or f"${{{match[2]}}}",
        value,
    )
