"""A small shell for embedded containers.

The shell starts no process and opens no socket. Its files are those of its place: the
volumes of a container and ``/tmp``. Every other directory is empty and read-only. A
callback receives the output; pauses use the clock of the engine.
"""

from __future__ import annotations

import asyncio
import posixpath
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

from ..clock import Clock
from .commands import COMMANDS as OTHER_COMMANDS
from .expansion import expand_fields, expand_text
from .file_commands import FILE_COMMANDS
from .grammar import (
    Command,
    For,
    If,
    Incomplete,
    Loop,
    Redirect,
    Script,
    ShellError,
    Simple,
    Stream,
    parse,
)
from .limits import LONGEST_UNFINISHED, MOST_VARIABLES
from .pipe import Pipe
from .place import Place

__all__ = ["Shell", "Write", "unsupported"]

#: Receives each piece of output; returns when there is room for more.
Write = Callable[[Stream, str], Awaitable[None]]


class _Exit(Exception):
    """Raised by ``exit``, and by a failed command after ``set -e``."""

    def __init__(self, code: int) -> None:
        self.code = code


class _File(NamedTuple):
    """A file as the target of a redirection."""

    path: str


class _LeaveLoop(Exception):
    """Raised by ``break``, and with *again* by ``continue``."""

    def __init__(self, *, again: bool) -> None:
        self.again = again


_SHELLS = ("sh", "ash", "bash")
COMMANDS = {**OTHER_COMMANDS, **FILE_COMMANDS}


def _short(name: str) -> str:
    return re.sub(r"^(/usr)?/bin/", "", name)


def _options(args: Sequence[str]) -> tuple[str, list[str]]:
    """Return the letters of a shell's options, and the other arguments."""
    letters, rest = "", list(args)
    while rest and re.fullmatch(r"-[a-z]+", rest[0]):
        letters += rest.pop(0)[1:]
    return letters, rest


def unsupported(argv: Sequence[str]) -> str | None:
    """Return why the shell cannot run a command at all, None if the shell can try."""
    name, *args = argv or ["sh"]
    short = _short(name)
    if short not in _SHELLS:
        known = short in _SPECIAL or short in COMMANDS
        return None if known else f"{name} is not a program"
    letters, rest = _options(args)
    if not rest:
        return None
    if "c" not in letters:
        return f"{rest[0]} does not exist"
    try:
        parse(rest[0])
    except ShellError as error:
        return f"the script cannot be read ({error})"
    return None


class Shell:
    """One shell: its variables, its working directory, its last status.

    Args:
        environment: The exported variables.
        write: Receives the output.
        stdin: The input of the shell and its commands.
        clock: The clock for pauses and dates.
        place: The names, the working directory and the files.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        write: Write,
        stdin: Pipe,
        clock: Clock,
        place: Place | None = None,
    ) -> None:
        self.environment = dict(environment)
        self.stdin = stdin
        self.clock = clock
        self.place = place or Place()
        self.files = self.place.files
        self.directory = self.place.directory
        self._write = write
        self._locals: dict[str, str] = {}
        self._arguments: Sequence[str] = ("sh",)
        self._status = 0
        self.errexit = False
        #: Where each output goes: to an output, a file, or nowhere.
        self._streams: dict[Stream, Stream | _File | None] = {
            "stdout": "stdout",
            "stderr": "stderr",
        }

    async def run(self, argv: Sequence[str]) -> int:
        """Run a command, ``["sh", "-c", "echo hi"]``, and return the exit code."""
        try:
            return await self._execute(list(argv))
        except _Exit as exit:
            return exit.code
        except _LeaveLoop:
            return 0
        except ShellError as error:
            await self.complain(str(error))
        except RecursionError:
            await self.complain("nested too deeply")
        return 2

    async def print(self, text: str, *, to: Stream = "stdout") -> None:
        """Write text to an output, which a redirection may have changed.

        Raises:
            OSError: The output is a file that cannot be written.
        """
        target = self._streams[to]
        if isinstance(target, _File):
            self.files.write(target.path, text, append=True)
        elif target is not None:
            await self._write(target, text)

    async def complain(self, text: str) -> None:
        """Write an error message as ``sh`` does."""
        await self.print(f"sh: {text}\n", to="stderr")

    # --- running parsed commands ------------------------------------------------------

    async def _execute(self, argv: list[str]) -> int:
        name, *args = argv
        short = _short(name)
        if short in _SHELLS:
            return await self._sub_shell(args)
        if special := _SPECIAL.get(short):
            return await special(self, args)
        if command := COMMANDS.get(short):
            return await command(self, args)
        await self.complain(f"{name}: not found")
        return 127

    async def _sub_shell(self, args: list[str]) -> int:
        shell = Shell(
            self.environment,
            write=self._write,
            stdin=self.stdin,
            clock=self.clock,
            place=self.place,
        )
        shell.directory = self.directory
        shell._streams = self._streams
        letters, rest = _options(args)
        from_argument = "c" in letters
        shell.errexit = "e" in letters
        if rest and not from_argument:
            await self.complain(f"can't open '{rest[0]}': No such file or directory")
            return 2
        if from_argument and not rest:
            raise ShellError("-c requires an argument")
        shell._arguments = rest[1:] or ("sh",)
        try:
            if not from_argument:
                return await shell._read_commands()
            await shell._script(parse(rest[0]))
        except _Exit as exit:
            return exit.code
        except _LeaveLoop:
            pass
        except ShellError as error:
            await shell.complain(str(error))
            return 2
        return shell._status

    async def _read_commands(self) -> int:
        text = ""
        while line := await self.stdin.readline(typed=True):
            await asyncio.sleep(0)
            text += line
            try:
                script = parse(text)
            except Incomplete:
                if len(text) < LONGEST_UNFINISHED:
                    continue
                raise
            except ShellError as error:  # as at a terminal: report and continue
                await self.complain(str(error))
                self._status, text = 2, ""
                continue
            text = ""
            await self._script(script)
        if text:
            parse(text)  # raises, because the command is still open
        return self._status

    async def _script(self, script: Script, *, condition: bool = False) -> None:
        for joined in script:
            ran_last = False
            for n, (joint, command) in enumerate(joined, 1):
                if (joint == "&&" and self._status) or (
                    joint == "||" and not self._status
                ):
                    continue
                ran_last = n == len(joined)
                self._status = await self._command(
                    command, condition=condition or not ran_last
                )
            if self._status and self.errexit and ran_last and not condition:
                raise _Exit(self._status)

    async def _command(self, command: Command, *, condition: bool) -> int:
        match command:
            case Simple():
                return await self._simple(command)
            case If():
                await self._script(command.condition, condition=True)
                chosen = command.otherwise if self._status else command.body
                self._status = 0
                await self._script(chosen, condition=condition)
                return self._status
            case Loop() | For():
                return await self._loop(command, condition=condition)

    async def _loop(self, loop: Loop | For, *, condition: bool) -> int:
        words = iter(
            expand_fields(loop.words, self.get) if isinstance(loop, For) else ()
        )
        status = 0
        while True:
            await asyncio.sleep(0)  # a busy loop must not block other tasks
            if isinstance(loop, For):
                if (word := next(words, None)) is None:
                    return status
                self.set(loop.name, word)
            else:
                await self._script(loop.condition, condition=True)
                if bool(self._status) is not loop.until:
                    return status
            try:
                await self._script(loop.body, condition=condition)
            except _LeaveLoop as leave:
                if not leave.again:
                    return 0
            status = self._status

    async def _simple(self, command: Simple) -> int:
        argv = expand_fields(command.words, self.get)
        values = [
            (name, expand_text(word, self.get)) for name, word in command.assignments
        ]
        streams, environment = self._streams, self.environment
        self._streams = dict(streams)
        try:
            for redirect in command.redirects:
                if not await self._redirect(redirect):
                    return 1
            if not argv:
                for name, value in values:
                    self.set(name, value)
                return 0
            if values:  # for this command only
                self.environment = {**environment, **dict(values)}
            try:
                return await self._execute(argv)
            except OSError as error:  # of a write to a file
                self._streams = streams
                await self.complain(f"write error: {error.strerror}")
                return 1
        finally:
            self._streams = streams
            if argv and values:
                self.environment = environment

    async def _redirect(self, redirect: Redirect) -> bool:
        device = expand_text(redirect.target, self.get)
        if redirect.copy:
            self._streams[redirect.stream] = self._streams[redirect.copy]
        elif device == "/dev/null":
            self._streams[redirect.stream] = None
        elif device in ("/dev/stdout", "/dev/stderr"):
            copied: Stream = "stdout" if device == "/dev/stdout" else "stderr"
            self._streams[redirect.stream] = self._streams[copied]
        else:
            path = self.path(device)
            try:
                self.files.write(path, append=redirect.append)
            except OSError as error:
                await self.complain(f"can't create {device}: {error.strerror}")
                return False
            self._streams[redirect.stream] = _File(path)
        return True

    def path(self, name: str) -> str:
        """Return the absolute path of a file name."""
        return posixpath.normpath(posixpath.join(self.directory, name))

    # --- variables --------------------------------------------------------------------

    def get(self, name: str) -> str:
        """Return the value of a variable or special parameter, empty if unset."""
        match name:
            case "?":
                return str(self._status)
            case "#":
                return str(len(self._arguments) - 1)
            case "@" | "*":
                return " ".join(self._arguments[1:])
            case "$":
                return "1"
        if name.isdigit():
            return "".join(self._arguments[int(name) : int(name) + 1])
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


# --- commands that change their own shell ---------------------------------------------


async def _exit(shell: Shell, args: list[str]) -> int:
    if args and not re.fullmatch(r"[0-9]{1,9}", args[0]):
        raise ShellError(f"exit: Illegal number: {args[0]}")
    raise _Exit(int(args[0] if args else shell.get("?")) % 256)


async def _exec(shell: Shell, args: list[str]) -> int:
    if not args:
        return 0
    raise _Exit(await shell.run(args))


async def _break(shell: Shell, args: list[str]) -> int:
    raise _LeaveLoop(again=False)


async def _continue(shell: Shell, args: list[str]) -> int:
    raise _LeaveLoop(again=True)


async def _cd(shell: Shell, args: list[str]) -> int:
    target = args[0] if args else shell.get("HOME") or "/"
    shell.directory = shell.path(target)
    return 0


async def _export(shell: Shell, args: list[str]) -> int:
    for arg in args:
        name, equals, value = arg.partition("=")
        if not name.isidentifier():
            raise ShellError(f"export: {name}: bad variable name")
        shell.set(name, value if equals else shell.get(name), export=True)
    return 0


async def _unset(shell: Shell, args: list[str]) -> int:
    for name in args:
        shell.unset(name)
    return 0


async def _set(shell: Shell, args: list[str]) -> int:
    if args not in (["-e"], ["+e"]):
        raise ShellError("set: only -e and +e are supported here")
    shell.errexit = args == ["-e"]
    return 0


async def _env(shell: Shell, args: list[str]) -> int:
    assigned: dict[str, str] = {}
    while args and "=" in args[0]:
        name, _, value = args.pop(0).partition("=")
        assigned[name] = value
    before = shell.environment
    shell.environment = {**before, **assigned}
    try:
        return await shell.run(args or ["printenv"])
    finally:
        shell.environment = before


_SPECIAL: dict[str, Callable[[Shell, list[str]], Awaitable[int]]] = {
    "exit": _exit,
    "exec": _exec,
    "break": _break,
    "continue": _continue,
    "cd": _cd,
    "export": _export,
    "unset": _unset,
    "set": _set,
    "env": _env,
}
