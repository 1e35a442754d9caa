"""The commands of the embedded engine's small shell, such as echo, cat and sleep.

A command is ``async (process, arguments) -> exit code``. Commands use the members of
their process only. Those for files are in ``file_commands``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Protocol

from .....wire.loglines import NANOSECONDS
from ..clock import Clock
from ..place import Place
from ..text import byte
from .lexer import Stream
from .pipe import Pipe

__all__ = ["COMMANDS", "Command", "Process", "fail", "unescape"]


class Process(Protocol):
    """What the shell provides to a command."""

    directory: str
    clock: Clock
    place: Place

    @property
    def environment(self) -> Mapping[str, str]:
        """The exported variables."""
        ...

    @property
    def stdin(self) -> Pipe:
        """The input."""
        ...

    async def print(self, text: str, *, to: Stream = "stdout") -> None:
        """Write text to one of the outputs."""


Command = Callable[[Process, list[str]], Awaitable[int]]


async def fail(process: Process, text: str, code: int = 1) -> int:
    """Report an error of a command and return its exit code."""
    await process.print(text + "\n", to="stderr")
    return code


# --- output and input -----------------------------------------------------------------

_ESCAPES = {
    **{"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "a": "\a", "b": "\b"},
    **{"e": "\x1b", "f": "\f", "v": "\v"},
}
_ESCAPE = re.compile(r"\\(0[0-7]{0,3}|x[0-9a-fA-F]{1,2}|.)", re.DOTALL)


def unescape(text: str) -> str:
    """Return a text with its escapes, as ``\\n``, replaced."""

    def character(match: re.Match[str]) -> str:
        code = match[1]
        if code[0] == "0":
            return byte(int(code, 8) & 255)
        if code[0] == "x" and len(code) > 1:
            return byte(int(code[1:], 16))
        return _ESCAPES.get(code, match[0])

    return _ESCAPE.sub(character, text)


async def _echo(process: Process, args: list[str]) -> int:
    options = ""
    while args and re.fullmatch(r"-[neE]+", args[0]):
        options += args.pop(0)
    text = " ".join(args)
    if "e" in options:
        text = unescape(text)
    await process.print(text if "n" in options else text + "\n")
    return 0


async def _printf(process: Process, args: list[str]) -> int:
    if not args:
        return await fail(process, "printf: missing operand", 2)
    template, values = unescape(args[0]), args[1:]

    def value(match: re.Match[str]) -> str:
        if match[1] == "%":
            return "%"
        text = values.pop(0) if values else ""
        if match[1] == "s":
            return text
        return text if re.fullmatch(r"-?[0-9]+", text) else "0"

    while True:
        before = len(values)
        await process.print(re.sub(r"%([sd%])", value, template))
        if not values or len(values) == before:  # no value left
            return 0


async def _printenv(process: Process, args: list[str]) -> int:
    if not args:
        for name, value in process.environment.items():
            await process.print(f"{name}={value}\n")
        return 0
    for name in args:
        if name not in process.environment:
            return 1
        await process.print(process.environment[name] + "\n")
    return 0


async def _seq(process: Process, args: list[str]) -> int:
    try:
        numbers = [int(arg) for arg in args]
    except ValueError:
        return await fail(process, "seq: invalid number")
    match numbers:
        case [last]:
            first, step = 1, 1
        case [first, last]:
            step = 1
        case [first, step, last] if step:
            pass
        case _:
            return await fail(process, "usage: seq [FIRST [INC]] LAST")
    for number in range(first, last + (1 if step > 0 else -1), step):
        await process.print(f"{number}\n")
    return 0


# --- time -----------------------------------------------------------------------------

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_FOR_EVER = 1e9


async def _sleep(process: Process, args: list[str]) -> int:
    seconds = 0.0
    for arg in args:
        number, unit = (arg[:-1], arg[-1]) if arg[-1:] in _UNITS else (arg, "s")
        try:
            length = float(number) * _UNITS[unit]
        except ValueError:
            length = math.nan
        if not length >= 0:
            return await fail(process, f"sleep: invalid number '{arg}'")
        seconds += length
    if not args:
        return await fail(process, "sleep: missing operand")
    await process.clock.sleep(min(seconds, _FOR_EVER))
    return 0


async def _date(process: Process, args: list[str]) -> int:
    seconds = process.clock.time_ns() // NANOSECONDS
    form = "%a %b %e %H:%M:%S UTC %Y"
    for arg in args:
        if arg.startswith("+"):
            form = arg[1:].replace("%s", str(seconds))
    try:
        text = datetime.fromtimestamp(seconds, UTC).strftime(form)
    except ValueError:
        return await fail(process, "date: invalid format")
    await process.print(text + "\n")
    return 0


# --- place and user -------------------------------------------------------------------


async def _pwd(process: Process, args: list[str]) -> int:
    await process.print(process.directory + "\n")
    return 0


async def _hostname(process: Process, args: list[str]) -> int:
    name, domain = process.place.hostname, process.place.domainname
    if args in (["-f"], ["--fqdn"]):
        name = f"{name}.{domain}" if domain else name
    elif args in (["-d"], ["--domain"]):
        name = domain
    elif args in (["-s"], ["--short"]):
        name = name.partition(".")[0]
    await process.print(name + "\n")
    return 0


async def _whoami(process: Process, args: list[str]) -> int:
    await process.print(process.place.user + "\n")
    return 0


async def _id(process: Process, args: list[str]) -> int:
    name = process.place.user
    number = 0 if name == "root" else 1000
    if "-n" in args or "-un" in args:
        await process.print(f"{name}\n")
    elif "-u" in args:
        await process.print(f"{number}\n")
    else:
        await process.print(f"uid={number}({name}) gid={number}({name})\n")
    return 0


async def _uname(process: Process, args: list[str]) -> int:
    options = "".join(args) or "-s"
    facts = {
        "s": "Linux",
        "n": process.place.hostname,
        "r": "4.4.0-embedded",
        "m": "x86_64",
    }
    chosen = [text for key, text in facts.items() if key in options or "a" in options]
    await process.print(" ".join(chosen) + "\n")
    return 0


# --- results ------------------------------------------------------------------------


async def _true(process: Process, args: list[str]) -> int:
    return 0


async def _false(process: Process, args: list[str]) -> int:
    return 1


COMMANDS: Mapping[str, Command] = {
    "echo": _echo,
    "printf": _printf,
    "printenv": _printenv,
    "seq": _seq,
    "sleep": _sleep,
    "date": _date,
    "pwd": _pwd,
    "hostname": _hostname,
    "whoami": _whoami,
    "id": _id,
    "uname": _uname,
    ":": _true,
    "true": _true,
    "false": _false,
}
