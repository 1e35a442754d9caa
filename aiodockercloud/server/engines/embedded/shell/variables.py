"""The variables of a shell, and its special parameters such as ``$?`` and ``$1``."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

from .lexer import ShellError
from .limits import MOST_VARIABLES

__all__ = ["Variables"]


class Variables:
    """The variables of one shell.

    Attributes:
        environment: The exported variables, which commands receive.
        arguments: The values of ``$0``, ``$1`` and so on.
        status: The exit code of the last command, ``$?``.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment: dict[str, str] = dict(environment)
        self.arguments: Sequence[str] = ("sh",)
        self.status = 0
        self._locals: dict[str, str] = {}

    def copy(self) -> Variables:
        """Return a copy, whose changes do not reach these variables."""
        copied = copy.copy(self)
        copied.environment = dict(self.environment)
        copied._locals = dict(self._locals)
        return copied

    def get(self, name: str) -> str:
        """Return the value of a variable or special parameter, empty if unset."""
        match name:
            case "?":
                return str(self.status)
            case "#":
                return str(len(self.arguments) - 1)
            case "@" | "*":
                return " ".join(self.arguments[1:])
            case "$":
                return "1"
        if name.isdigit():
            return "".join(self.arguments[int(name) : int(name) + 1])
        return self._locals.get(name, self.environment.get(name, ""))

    def set(self, name: str, value: str, *, export: bool = False) -> None:
        """Set a variable; an exported variable stays exported.

        Raises:
            ShellError: The shell has too many variables.
        """
        if len(self._locals) + len(self.environment) >= MOST_VARIABLES:
            raise ShellError("too many variables")
        if export or name in self.environment:
            self._locals.pop(name, None)
            self.environment[name] = value
        else:
            self._locals[name] = value

    def unset(self, name: str) -> None:
        """Remove a variable."""
        self._locals.pop(name, None)
        self.environment.pop(name, None)
