"""The grammar of the embedded engine's small shell: text → commands. No I/O.

Supported are quotes, ``$NAME``, ``${NAME:-default}``, ``$?``, ``$(…)``, ``$((…))``,
``;``, newline, ``|``, ``!``, ``&&``, ``||``, comments, redirections, ``(…)``,
``{ …; }``, ``if``, ``while``, ``until`` and ``for``. Everything else (``&``, ``case``,
functions…) raises an error that names the unsupported text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .lexer import (
    UNSUPPORTED,
    Incomplete,
    Part,
    Redirect,
    ShellError,
    Token,
    Word,
    tokenize,
)
from .limits import DEEPEST_SCRIPT

__all__ = [
    "Command",
    "For",
    "Group",
    "If",
    "Loop",
    "Pipeline",
    "Redirected",
    "Script",
    "Simple",
    "parse",
]


@dataclass(frozen=True, slots=True)
class Simple:
    """A simple command: ``NAME=value command argument >&2``."""

    assignments: tuple[tuple[str, Word], ...]
    words: tuple[Word, ...]
    redirects: tuple[Redirect, ...]


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop: ``while`` or ``until`` *condition*; ``do`` *body*; ``done``."""

    condition: Script
    body: Script
    until: bool


@dataclass(frozen=True, slots=True)
class For:
    """A loop: ``for`` *name* ``in`` *words*; ``do`` *body*; ``done``."""

    name: str
    words: tuple[Word, ...]
    body: Script


@dataclass(frozen=True, slots=True)
class If:
    """A branch: ``if`` *condition*; ``then`` *body*; ``else`` *otherwise*; ``fi``."""

    condition: Script
    body: Script
    otherwise: Script


@dataclass(frozen=True, slots=True)
class Group:
    """``{ body; }``, or ``(body)`` with *subshell*."""

    body: Script
    subshell: bool


@dataclass(frozen=True, slots=True)
class Redirected:
    """A compound command with redirections: ``for …; done >file``."""

    command: Command
    redirects: tuple[Redirect, ...]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """``a | b | c``; with *negated* ``! a``."""

    commands: tuple[Command, ...]
    negated: bool


Command = Simple | Loop | For | If | Group | Redirected | Pipeline
#: Lists of commands. A joint, ``&&`` or ``||``, stands before each command; the joint
#: of the first command in a list is empty.
Script = tuple[tuple[tuple[str, Command], ...], ...]

_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_RESERVED = frozenset(
    ("do", "done", "then", "elif", "else", "fi", "in", "}", "case", "function")
)


def parse(script: str, *, depth: int = 0) -> Script:
    """Return the commands of a script.

    Args:
        script: The text.
        depth: The number of scripts that contain the script, by ``$(…)``.

    Raises:
        Incomplete: A quote or a compound command is still open.
        ShellError: The script is wrong or has unsupported text.
    """
    if depth > DEEPEST_SCRIPT:
        raise ShellError("nested too deeply")
    tokens = tokenize(script)
    for token in tokens:
        word = token.target if isinstance(token, Redirect) else token
        if isinstance(word, tuple):
            for part in word:
                if part.kind == "script":
                    parse(part.text, depth=depth + 1)
    try:
        return _Parser(tokens).script()
    except RecursionError:
        raise ShellError("nested too deeply") from None


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._position = 0

    def _peek(self) -> Token | None:
        if self._position < len(self._tokens):
            return self._tokens[self._position]
        return None

    def _reserved(self) -> str:
        """Return the next token if it can be a reserved word, else an empty text."""
        token = self._peek()
        if isinstance(token, tuple) and len(token) == 1:
            part = token[0]
            return "" if part.quoted or part.kind != "text" else part.text
        return ""

    def _skip(self, *operators: str) -> None:
        while self._peek() in operators:
            self._position += 1

    def _unexpected(self) -> ShellError:
        token = self._peek()
        if token is None:
            return Incomplete("syntax error: unexpected end of file")
        if isinstance(token, str) and token in ("&", "(", "<<"):
            return ShellError(f"syntax error: {token!r} {UNSUPPORTED}")
        if self._reserved() in ("case", "function"):
            return ShellError(f"syntax error: {self._reserved()!r} {UNSUPPORTED}")
        rendered = "newline" if token == "\n" else token
        if isinstance(rendered, tuple):
            rendered = "".join(part.text for part in rendered)
        return ShellError(f'syntax error: unexpected "{rendered}"')

    def _at(self, ends: tuple[str, ...]) -> bool:
        return self._reserved() in ends or self._peek() in ends

    def script(self, *ends: str) -> Script:
        """Read commands up to one of the reserved words or operators in *ends*.

        The end stays unread. Without *ends*, read up to the end of the text.
        """
        lists = []
        self._skip("\n")
        while self._peek() is not None and not self._at(ends):
            lists.append(self._and_or())
            if self._peek() in (";", "\n"):
                self._position += 1
                self._skip("\n")
            elif self._peek() is not None and not self._at(ends):
                raise self._unexpected()
        if ends and (self._peek() is None or not lists):
            raise self._unexpected()
        return tuple(lists)

    def _and_or(self) -> tuple[tuple[str, Command], ...]:
        commands = [("", self._pipeline())]
        while (joint := self._peek()) == "&&" or joint == "||":
            self._position += 1
            self._skip("\n")
            commands.append((str(joint), self._pipeline()))
        return tuple(commands)

    def _expect(self, word: str) -> None:
        if self._reserved() != word:
            raise self._unexpected()
        self._position += 1

    def _pipeline(self) -> Command:
        negated = self._reserved() == "!"
        self._position += negated
        commands = [self._command()]
        while self._peek() == "|":
            self._position += 1
            self._skip("\n")
            commands.append(self._command())
        if len(commands) == 1 and not negated:
            return commands[0]
        return Pipeline(tuple(commands), negated)

    def _command(self) -> Command:
        if (command := self._compound()) is None:
            return self._simple()
        redirects = []
        while isinstance(token := self._peek(), Redirect):
            redirects.append(token)
            self._position += 1
        return Redirected(command, tuple(redirects)) if redirects else command

    def _compound(self) -> Command | None:
        if self._peek() == "(":
            return self._group(")")
        match self._reserved():
            case "{":
                return self._group("}")
            case "while" | "until" as word:
                self._position += 1
                condition = self.script("do")
                return Loop(condition, self._body(), word == "until")
            case "for":
                return self._for()
            case "if":
                return self._if()
            case word if word in _RESERVED:
                raise self._unexpected()
        return None

    def _group(self, end: str) -> Group:
        self._position += 1
        body = self.script(end)
        self._position += 1
        return Group(body, subshell=end == ")")

    def _body(self) -> Script:
        self._expect("do")
        body = self.script("done")
        self._expect("done")
        return body

    def _for(self) -> For:
        self._expect("for")
        name = self._reserved()
        if not _NAME.fullmatch(name):
            raise self._unexpected()
        self._position += 1
        self._expect("in")
        words = []
        while isinstance(token := self._peek(), tuple):
            words.append(token)
            self._position += 1
        if self._peek() not in (";", "\n"):
            raise self._unexpected()
        self._skip(";", "\n")
        return For(name, tuple(words), self._body())

    def _if(self) -> If:
        self._position += 1  # "if" or "elif"
        condition = self.script("then")
        self._expect("then")
        body = self.script("elif", "else", "fi")
        if self._reserved() == "elif":
            return If(condition, body, ((("", self._if()),),))
        otherwise: Script = ()
        if self._reserved() == "else":
            self._position += 1
            otherwise = self.script("fi")
        self._expect("fi")
        return If(condition, body, otherwise)

    def _simple(self) -> Simple:
        assignments: list[tuple[str, Word]] = []
        words: list[Word] = []
        redirects: list[Redirect] = []
        while (token := self._peek()) is not None and not isinstance(token, str):
            self._position += 1
            if isinstance(token, Redirect):
                redirects.append(token)
            elif not words and (assignment := _assignment(token)):
                assignments.append(assignment)
            else:
                words.append(token)
        if not (assignments or words or redirects):
            raise self._unexpected()
        return Simple(tuple(assignments), tuple(words), tuple(redirects))


def _assignment(word: Word) -> tuple[str, Word] | None:
    first = word[0]
    name, equals, value = first.text.partition("=")
    if first.kind != "text" or first.quoted or not equals or not _NAME.fullmatch(name):
        return None
    return name, (Part(value, quoted=True), *word[1:])
