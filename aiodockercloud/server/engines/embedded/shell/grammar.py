"""The grammar of the embedded engine's small shell: text → commands. No I/O.

Supported are quotes, ``$NAME``, ``${NAME:-default}``, ``$?``, ``;``, newline, ``&&``,
``||``, comments, redirections, ``if``, ``while``, ``until`` and ``for``. Everything
else (pipes, ``$(…)``, functions…) raises an error that names the unsupported text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NamedTuple

Stream = Literal["stdout", "stderr"]


class ShellError(Exception):
    """The shell cannot run a script; the text is the message of a real shell."""


class Incomplete(ShellError):
    """The script may be correct, but needs more lines."""


class Part(NamedTuple):
    """A piece of a word: literal text, or the name of a variable."""

    text: str
    variable: bool = False
    quoted: bool = False
    default: str = ""


Word = tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Redirect:
    """``2>&1`` (*copy* names the stream) or ``>/dev/null`` (*target* the file).

    ``>>`` has *append*.
    """

    stream: Stream
    copy: Stream | None = None
    target: Word = ()
    append: bool = False


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


Command = Simple | Loop | For | If
#: Lists of commands. A joint, ``&&`` or ``||``, stands before each command; the joint
#: of the first command in a list is empty.
Script = tuple[tuple[tuple[str, Command], ...], ...]

Token = str | Word | Redirect

_BLANK = re.compile(r"(?:[ \t\r]|\\\n)+|#[^\n]*")
_OPERATOR = re.compile(r"&&|\|\||;;|[;\n&|()<]")
_REDIRECT = re.compile(r"([12]?)>(?:&([12])|(>?)[ \t]*)")
_VARIABLE = re.compile(
    r"\$(?:([A-Za-z_]\w*|[0-9?#@*$])"
    r"|\{([A-Za-z_]\w*|[0-9]{1,3}|[?#@*])(?::?-([^}]*))?\})",
    re.ASCII,
)
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_WORD_END = frozenset(" \t\r\n;&|()<>")
_STREAMS: dict[str, Stream] = {"": "stdout", "1": "stdout", "2": "stderr"}


def tokenize(script: str) -> list[Token]:
    """Return the operators (texts), words (tuples of parts) and redirections.

    Raises:
        Incomplete: A quote is still open.
        ShellError: The script has unsupported text.
    """
    tokens: list[Token] = []
    position = 0
    while position < len(script):
        if match := _BLANK.match(script, position):
            position = match.end()
        elif match := _OPERATOR.match(script, position):
            position = match.end()
            tokens.append(match[0])
        elif match := _REDIRECT.match(script, position):
            position = match.end()
            stream = _STREAMS[match[1]]
            if match[2]:
                tokens.append(Redirect(stream, copy=_STREAMS[match[2]]))
            else:
                target, position = _word(script, position)
                tokens.append(Redirect(stream, target=target, append=bool(match[3])))
        else:
            word, position = _word(script, position)
            tokens.append(word)
    return tokens


def _word(script: str, position: int) -> tuple[Word, int]:
    parts: list[Part] = []
    while position < len(script) and (char := script[position]) not in _WORD_END:
        if char == "'":
            end = script.find("'", position + 1)
            if end < 0:
                raise Incomplete("syntax error: unterminated quoted string")
            parts.append(Part(script[position + 1 : end], quoted=True))
            position = end + 1
        elif char == '"':
            position = _double_quoted(script, position + 1, parts)
        elif char == "\\":
            if position + 1 == len(script):
                raise Incomplete("syntax error: unexpected end of file")
            if script[position + 1] != "\n":
                parts.append(Part(script[position + 1], quoted=True))
            position += 2
        else:
            part, position = _plain(script, position, quoted=False)
            parts.append(part)
    return tuple(parts), position


def _double_quoted(script: str, position: int, parts: list[Part]) -> int:
    parts.append(Part("", quoted=True))  # "" is a word, too
    while position < len(script) and script[position] != '"':
        if script[position] == "\\" and script[position + 1 : position + 2] in tuple(
            '$`"\\\n'
        ):
            if script[position + 1] != "\n":
                parts.append(Part(script[position + 1], quoted=True))
            position += 2
        else:
            part, position = _plain(script, position, quoted=True)
            parts.append(part)
    if position >= len(script):
        raise Incomplete("syntax error: unterminated quoted string")
    return position + 1


def _plain(script: str, position: int, *, quoted: bool) -> tuple[Part, int]:
    """Read a variable, or literal text up to the next special character."""
    if match := _VARIABLE.match(script, position):
        name = match[1] or match[2]
        return Part(name, True, quoted, match[3] or ""), match.end()
    if script[position] == "`" or script.startswith(("$(", "${"), position):
        raise ShellError(
            f"syntax error: {script[position : position + 2]!r} {_UNSUPPORTED}"
        )
    end = position + 1
    stop = '"\\$`' if quoted else "'\"\\$`"
    while end < len(script) and script[end] not in stop:
        if not quoted and script[end] in _WORD_END:
            break
        end += 1
    return Part(script[position:end], quoted=quoted), end


_UNSUPPORTED = "is not supported by the embedded engine's shell"


def parse(script: str) -> Script:
    """Return the commands of a script.

    Raises:
        Incomplete: A quote or a compound command is still open.
        ShellError: The script is wrong or has unsupported text.
    """
    parser = _Parser(tokenize(script))
    try:
        return parser.script()
    except RecursionError:
        raise ShellError("syntax error: nested too deeply") from None


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
            return "" if part.quoted or part.variable else part.text
        return ""

    def _skip(self, *operators: str) -> None:
        while self._peek() in operators:
            self._position += 1

    def _unexpected(self) -> ShellError:
        token = self._peek()
        if token is None:
            return Incomplete("syntax error: unexpected end of file")
        if isinstance(token, str) and token in ("&", "|", "(", ")", "<"):
            return ShellError(f"syntax error: {token!r} {_UNSUPPORTED}")
        rendered = "newline" if token == "\n" else token
        if isinstance(rendered, tuple):
            rendered = "".join(part.text for part in rendered)
        return ShellError(f'syntax error: unexpected "{rendered}"')

    def script(self, *ends: str) -> Script:
        """Read commands up to one of the reserved words in *ends*.

        The reserved word stays unread. Without *ends*, read up to the end of the text.
        """
        lists = []
        self._skip("\n")
        while self._peek() is not None and self._reserved() not in ends:
            lists.append(self._and_or())
            if self._peek() in (";", "\n"):
                self._position += 1
                self._skip("\n")
            elif self._peek() is not None:
                raise self._unexpected()
        if ends and (self._peek() is None or not lists):
            raise self._unexpected()
        return tuple(lists)

    def _and_or(self) -> tuple[tuple[str, Command], ...]:
        commands = [("", self._command())]
        while (joint := self._peek()) == "&&" or joint == "||":
            self._position += 1
            self._skip("\n")
            commands.append((str(joint), self._command()))
        return tuple(commands)

    def _expect(self, word: str) -> None:
        if self._reserved() != word:
            raise self._unexpected()
        self._position += 1

    def _command(self) -> Command:
        match self._reserved():
            case "while" | "until" as word:
                self._position += 1
                condition = self.script("do")
                return Loop(condition, self._body(), word == "until")
            case "for":
                return self._for()
            case "if":
                return self._if()
            case "do" | "done" | "then" | "elif" | "else" | "fi" | "in":
                raise self._unexpected()
        return self._simple()

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
    if first.variable or first.quoted or not equals or not _NAME.fullmatch(name):
        return None
    return name, (Part(value, quoted=True), *word[1:])
