"""A small shell for embedded containers.

The shell starts no process and opens no socket. Its files are those of its place: the
volumes of a container and ``/tmp``. Every other directory is empty and read-only. A
callback receives the output; pauses use the clock of the engine.
"""

from __future__ import annotations

import asyncio
import copy
import posixpath
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

from ..clock import Clock
from ..files import Files
from ..place import Place
from .arithmetic import evaluate
from .commands import COMMANDS as OTHER_COMMANDS
from .expansion import expand_fields, expand_text
from .file_commands import FILE_COMMANDS
from .grammar import (
    Command,
    For,
    Group,
    If,
    Loop,
    Pipeline,
    Redirected,
    Script,
    Simple,
    parse,
)
from .lexer import Incomplete, Redirect, ShellError, Stream, Word
from .limits import DEEPEST_SHELL, LONGEST_TEXT, LONGEST_UNFINISHED
from .pipe import Pipe
from .processes import Processes
from .special_commands import SPECIAL_COMMANDS, Exit, LeaveLoop
from .streams import Streams, discard, file_input, file_output
from .text_commands import TEXT_COMMANDS
from .turns import turn
from .variables import Variables

__all__ = ["Shell", "Write", "unsupported"]

#: Receives each piece of output; returns when there is room for more.
Write = Callable[[Stream, str], Awaitable[None]]


_SHELLS = ("sh", "ash", "bash")
_NULL = "/dev/null"
_OUTPUTS: Mapping[str, Stream] = {"/dev/stdout": "stdout", "/dev/stderr": "stderr"}
COMMANDS = {**OTHER_COMMANDS, **FILE_COMMANDS, **TEXT_COMMANDS}

#: The exit code of a command that writes to a pipe without a reader.
_SIGPIPE_EXIT_CODE = 128 + 13


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
        known = short in SPECIAL_COMMANDS or short in COMMANDS
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
        self.variables: Variables = Variables(environment)
        self.streams: Streams = Streams(
            stdin, partial(write, "stdout"), partial(write, "stderr")
        )
        self.clock = clock
        self.place: Place = place or Place()
        self.files: Files = self.place.files
        self.directory: str = self.place.directory
        #: The exit code of the last ``$(…)`` in the present command.
        self._substituted = 0
        self.errexit = False
        self._processes = Processes()
        #: The number of shells around this one.
        self._depth = 0

    @property
    def environment(self) -> dict[str, str]:
        """The exported variables, for commands."""
        return self.variables.environment

    @property
    def stdin(self) -> Pipe:
        """The input of the present command."""
        return self.streams.stdin

    async def run(self, argv: Sequence[str]) -> int:
        """Run a command, ``["sh", "-c", "echo hi"]``, and return the exit code."""
        return await self._guarded(self._execute(list(argv)))

    async def _guarded(self, running: Awaitable[int]) -> int:
        """Wait for a command; return the exit code of a failed one, too."""
        try:
            try:
                return await running
            except Exit as exit:
                return exit.code
            except LeaveLoop:
                return 0
            except ShellError as error:
                await self.complain(str(error))
            except RecursionError:
                await self.complain("nested too deeply")
            return 2
        except BrokenPipeError:
            return _SIGPIPE_EXIT_CODE
        except OSError:  # not even the error could be written
            return 1

    async def print(self, text: str, *, to: Stream = "stdout") -> None:
        """Write text to an output, which a redirection may have changed.

        Raises:
            BrokenPipeError: The output is a pipe without a reader.
            OSError: The output is a file that cannot be written.
        """
        await (self.streams.stdout if to == "stdout" else self.streams.stderr)(text)
        await turn()

    async def complain(self, text: str) -> None:
        """Write an error message as ``sh`` does."""
        await self.print(f"sh: {text}\n", to="stderr")

    # --- running parsed commands ------------------------------------------------------

    async def _execute(self, argv: list[str]) -> int:
        name, *args = argv
        short = _short(name)
        if short in _SHELLS:
            return await self._sub_shell(args)
        if special := SPECIAL_COMMANDS.get(short):
            return await special(self, args)
        if command := COMMANDS.get(short):
            return await command(self, args)
        await self.complain(f"{name}: not found")
        return 127

    def _child(self, streams: Streams | None = None) -> Shell:
        """Return a copy of the shell, whose changes do not reach this shell."""
        child = copy.copy(self)
        child.variables = self.variables.copy()
        child.streams = streams or self.streams
        child._depth += 1
        if child._depth > DEEPEST_SHELL:
            raise ShellError("nested too deeply")
        return child

    async def _sub_shell(self, args: list[str]) -> int:
        child = self._child()
        child.variables = Variables(self.environment)
        letters, rest = _options(args)
        from_argument = "c" in letters
        child.errexit = "e" in letters
        if rest and not from_argument:
            await self.complain(f"can't open '{rest[0]}': No such file or directory")
            return 2
        if from_argument and not rest:
            raise ShellError("-c requires an argument")
        child.variables.arguments = rest[1:] or ("sh",)
        if from_argument:
            return await child._guarded(child._read_script(rest[0]))
        return await child._guarded(child._read_commands())

    async def _read_script(self, text: str) -> int:
        await self._script(parse(text))
        return self.variables.status

    async def _read_commands(self) -> int:
        text = ""
        while line := await self.stdin.readline(typed=True):
            await turn()
            text += line
            try:
                script = parse(text)
            except Incomplete:
                if len(text) < LONGEST_UNFINISHED:
                    continue
                raise
            except ShellError as error:  # as at a terminal: report and continue
                await self.complain(str(error))
                self.variables.status, text = 2, ""
                continue
            text = ""
            await self._script(script)
        if text:
            parse(text)  # raises, because the command is still open
        return self.variables.status

    async def _script(self, script: Script, *, condition: bool = False) -> None:
        for joined in script:
            ran_last = False
            for n, (joint, command) in enumerate(joined, 1):
                if (joint == "&&" and self.variables.status) or (
                    joint == "||" and not self.variables.status
                ):
                    continue
                ran_last = n == len(joined)
                self.variables.status = await self._command(
                    command, condition=condition or not ran_last
                )
            if self.variables.status and self.errexit and ran_last and not condition:
                raise Exit(self.variables.status)

    async def _command(self, command: Command, *, condition: bool) -> int:
        match command:
            case Simple():
                return await self._simple(command)
            case If():
                await self._script(command.condition, condition=True)
                chosen = command.otherwise if self.variables.status else command.body
                self.variables.status = 0
                await self._script(chosen, condition=condition)
                return self.variables.status
            case Loop() | For():
                return await self._loop(command, condition=condition)
            case Pipeline():
                return await self._pipeline(command)
            case Group(subshell=True):
                child = self._child()
                return await child._guarded(child._group(command, condition=condition))
            case Group():
                return await self._group(command, condition=condition)
            case Redirected():
                async with self._redirected(command.redirects) as opened:
                    if not opened:
                        return 1
                    return await self._command(command.command, condition=condition)

    async def _group(self, group: Group, *, condition: bool) -> int:
        await self._script(group.body, condition=condition)
        return self.variables.status

    async def _pipeline(self, pipeline: Pipeline) -> int:
        commands = pipeline.commands
        if len(commands) == 1:
            status = await self._command(commands[0], condition=True)
            return int(not status)
        pipes: list[Pipe | None] = [None, *(Pipe() for _ in commands[1:]), None]
        with self._processes.start(len(commands)):
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._member(command, *pipes[n : n + 2]))
                    for n, command in enumerate(commands)
                ]
        status = tasks[-1].result()
        return int(not status) if pipeline.negated else status

    async def _member(
        self, command: Command, source: Pipe | None, target: Pipe | None
    ) -> int:
        """Run one command of a pipeline, and end its pipes with it."""
        streams = self.streams
        if source is not None:
            streams = replace(streams, stdin=source)
        if target is not None:
            streams = replace(streams, stdout=target.feed)
        child = self._child(streams)
        try:
            return await child._guarded(child._command(command, condition=False))
        finally:
            if source is not None:
                source.close()
            if target is not None:
                target.end()

    async def _loop(self, loop: Loop | For, *, condition: bool) -> int:
        words = iter(await self._fields(loop.words) if isinstance(loop, For) else ())
        status = 0
        while True:
            await turn()
            if isinstance(loop, For):
                if (word := next(words, None)) is None:
                    return status
                self.variables.set(loop.name, word)
            else:
                await self._script(loop.condition, condition=True)
                if bool(self.variables.status) is not loop.until:
                    return status
            try:
                await self._script(loop.body, condition=condition)
            except LeaveLoop as leave:
                if not leave.again:
                    return 0
            status = self.variables.status

    async def _simple(self, command: Simple) -> int:
        self._substituted = 0
        argv = await self._fields(command.words)
        values = {name: await self._text(word) for name, word in command.assignments}
        variables, environment = self.variables, self.environment
        try:
            async with self._redirected(command.redirects) as opened:
                if not opened:
                    return 1
                if not argv:
                    for name, value in values.items():
                        self.variables.set(name, value)
                    return self._substituted
                if values:  # for this command only
                    variables.environment = {**environment, **values}
                return await self._execute(argv)
        except BrokenPipeError:
            raise
        except OSError as error:  # of a write to a file
            await self.complain(f"write error: {error.strerror}")
            return 1
        finally:
            if argv and values:
                variables.environment = environment

    @asynccontextmanager
    async def _redirected(self, redirects: Sequence[Redirect]) -> AsyncIterator[bool]:
        """Redirect the streams in a block; yield whether all files could be opened."""
        streams = self.streams
        try:
            for redirect in redirects:
                if not await self._redirect(redirect):
                    yield False
                    return
            yield True
        finally:
            self.streams = streams

    async def _redirect(self, redirect: Redirect) -> bool:
        streams, stream = self.streams, redirect.stream
        name = await self._text(redirect.target)
        if stream == "stdin":
            try:
                pipe = file_input(self.files, "" if name == _NULL else self.path(name))
            except OSError as error:
                await self.complain(f"can't open {name}: {error.strerror}")
                return False
            self.streams = replace(streams, stdin=pipe)
            return True
        if redirect.copy or name in _OUTPUTS:
            sink = streams.output(redirect.copy or _OUTPUTS[name])
        elif name == _NULL:
            sink = discard
        else:
            try:
                sink = file_output(self.files, self.path(name), redirect.append)
            except OSError as error:
                await self.complain(f"can't create {name}: {error.strerror}")
                return False
        self.streams = streams.redirected(stream, sink)
        return True

    # --- expansion --------------------------------------------------------------------

    async def _fields(self, words: Sequence[Word]) -> list[str]:
        return expand_fields(
            [await self._with_results(w) for w in words], self.variables.get
        )

    async def _text(self, word: Word) -> str:
        return expand_text(await self._with_results(word), self.variables.get)

    async def _with_results(self, word: Word) -> Word:
        """Return a word with the results of its scripts and its arithmetic."""
        parts = []
        for part in word:
            if part.kind == "script":
                part = part._replace(kind="result", text=await self._output(part.text))
            elif part.kind == "arithmetic":
                number = evaluate(part.text, self.variables.get)
                part = part._replace(kind="result", text=str(number))
            parts.append(part)
        return tuple(parts)

    async def _output(self, script: str) -> str:
        """Run a script and return its output, without newlines at the end."""
        pieces: list[str] = []
        size = 0

        async def keep(text: str) -> None:
            nonlocal size
            pieces.append(text)
            size += len(text)
            if size > LONGEST_TEXT:
                raise ShellError("the output of $(…) is too long")

        child = self._child(replace(self.streams, stdout=keep))
        self.variables.status = await child._guarded(child._read_script(script))
        self._substituted = self.variables.status
        return "".join(pieces).rstrip("\n")

    def path(self, name: str) -> str:
        """Return the absolute path of a file name."""
        return posixpath.normpath(posixpath.join(self.directory, name))
