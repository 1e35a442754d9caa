"""The commands of the small shell that change their own shell, such as cd and exit."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import zip_longest
from typing import Protocol

from .lexer import ShellError
from .pipe import Pipe
from .variables import Variables

__all__ = ["SPECIAL_COMMANDS", "Exit", "LeaveLoop", "SpecialShell"]


class Exit(Exception):
    """Raised by ``exit``, and by a failed command after ``set -e``."""

    def __init__(self, code: int) -> None:
        self.code = code


class LeaveLoop(Exception):
    """Raised by ``break``, and with *again* by ``continue``."""

    def __init__(self, *, again: bool) -> None:
        self.again = again


class SpecialShell(Protocol):
    """What a shell provides to a command that changes the shell."""

    variables: Variables
    directory: str
    errexit: bool

    @property
    def stdin(self) -> Pipe:
        """The input."""
        ...

    async def run(self, argv: Sequence[str]) -> int:
        """Run a command, and return the exit code."""
        ...

    def path(self, name: str) -> str:
        """Return the absolute path of a file name."""
        ...


async def _exit(shell: SpecialShell, args: list[str]) -> int:
    if args and not re.fullmatch(r"[0-9]{1,9}", args[0]):
        raise ShellError(f"exit: Illegal number: {args[0]}")
    raise Exit(int(args[0] if args else shell.variables.get("?")) % 256)


async def _exec(shell: SpecialShell, args: list[str]) -> int:
    if not args:
        return 0
    raise Exit(await shell.run(args))


async def _break(shell: SpecialShell, args: list[str]) -> int:
    raise LeaveLoop(again=False)


async def _continue(shell: SpecialShell, args: list[str]) -> int:
    raise LeaveLoop(again=True)


async def _cd(shell: SpecialShell, args: list[str]) -> int:
    target = args[0] if args else shell.variables.get("HOME") or "/"
    shell.directory = shell.path(target)
    return 0


async def _export(shell: SpecialShell, args: list[str]) -> int:
    for arg in args:
        name, equals, value = arg.partition("=")
        if not name.isidentifier():
            raise ShellError(f"export: {name}: bad variable name")
        shell.variables.set(
            name, value if equals else shell.variables.get(name), export=True
        )
    return 0


async def _unset(shell: SpecialShell, args: list[str]) -> int:
    for name in args:
        shell.variables.unset(name)
    return 0


async def _set(shell: SpecialShell, args: list[str]) -> int:
    if args not in (["-e"], ["+e"]):
        raise ShellError("set: only -e and +e are supported here")
    shell.errexit = args == ["-e"]
    return 0


async def _env(shell: SpecialShell, args: list[str]) -> int:
    assigned: dict[str, str] = {}
    while args and "=" in args[0]:
        name, _, value = args.pop(0).partition("=")
        assigned[name] = value
    variables = shell.variables
    before = variables.environment
    variables.environment = {**before, **assigned}
    try:
        return await shell.run(args or ["printenv"])
    finally:
        variables.environment = before


async def _read(shell: SpecialShell, args: list[str]) -> int:
    """Read a line into variables; the last one receives the rest of the line."""
    names = [arg for arg in args if arg != "-r"] or ["REPLY"]
    if bad := [name for name in names if not name.isidentifier()]:
        raise ShellError(f"read: {bad[0]}: bad variable name")
    line = await shell.stdin.readline()
    words = line.strip().split(maxsplit=len(names) - 1)
    for name, value in zip_longest(names, words, fillvalue=""):
        shell.variables.set(name, value)
    return 0 if line.endswith("\n") else 1


SPECIAL_COMMANDS: Mapping[str, Callable[[SpecialShell, list[str]], Awaitable[int]]] = {
    "exit": _exit,
    "exec": _exec,
    "break": _break,
    "continue": _continue,
    "cd": _cd,
    "export": _export,
    "unset": _unset,
    "set": _set,
    "env": _env,
    "read": _read,
}
