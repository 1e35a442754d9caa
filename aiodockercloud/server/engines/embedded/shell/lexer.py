"""The lexer of the embedded engine's small shell: text → words, operators. No I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from ..text import Stream

__all__ = [
    "UNSUPPORTED",
    "Incomplete",
    "Part",
    "Redirect",
    "ShellError",
    "Stream",
    "Token",
    "Word",
    "tokenize",
]

UNSUPPORTED: Final = "is not supported by the embedded engine's shell"


class ShellError(Exception):
    """The shell cannot run a script; the text is the message of a real shell."""


class Incomplete(ShellError):
    """The script may be correct, but needs more lines."""


class Part(NamedTuple):
    """A piece of a word.

    Attributes:
        text: Literal text, the name of a variable, the script of ``$(…)``, or the
            expression of ``$((…))``.
        kind: What *text* is; ``result`` is the output of a script, or a number.
        quoted: Whether quotes keep the piece in one argument.
        default: The text in place of a variable without a value.
    """

    text: str
    kind: Literal["text", "variable", "script", "arithmetic", "result"] = "text"
    quoted: bool = False
    default: str = ""


Word = tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Redirect:
    """``2>&1`` (*copy* names the stream), ``>/dev/null`` or ``<file`` (*target*).

    ``>>`` has *append*.
    """

    stream: Stream | Literal["stdin"]
    copy: Stream | None = None
    target: Word = ()
    append: bool = False


Token = str | Word | Redirect

_BLANK = re.compile(r"(?:[ \t\r]|\\\n)+|#[^\n]*")
_OPERATOR = re.compile(r"&&|\|\||;;|<<|[;\n&|()]")
_REDIRECT = re.compile(r"([12]?)>(?:&([12])|(>?)[ \t]*)")
_INPUT = re.compile(r"0?<[ \t]*")
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
        elif match := _INPUT.match(script, position):
            target, position = _word(script, match.end())
            tokens.append(Redirect("stdin", target=target))
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
    """Read a variable, a substitution, or text up to the next special character."""
    if match := _VARIABLE.match(script, position):
        name = match[1] or match[2]
        return Part(name, "variable", quoted, match[3] or ""), match.end()
    if script.startswith("$((", position):
        end = script.find("))", position)
        if end < 0:
            raise Incomplete("syntax error: missing '))'")
        return Part(script[position + 3 : end], "arithmetic", quoted), end + 2
    if script.startswith("$(", position):
        end = _closing(script, position + 2)
        return Part(script[position + 2 : end], "script", quoted), end + 1
    if script[position] == "`":
        end = script.find("`", position + 1)
        if end < 0:
            raise Incomplete("syntax error: unterminated backquote")
        return Part(script[position + 1 : end], "script", quoted), end + 1
    if script.startswith("${", position):
        raise ShellError(f"syntax error: '${{' {UNSUPPORTED}")
    end = position + 1
    stop = '"\\$`' if quoted else "'\"\\$`"
    while end < len(script) and script[end] not in stop:
        if not quoted and script[end] in _WORD_END:
            break
        end += 1
    return Part(script[position:end], quoted=quoted), end


_NESTING = re.compile(r"'[^']*'|\\.|[()\"]|[^'\\()\"]+", re.DOTALL)


def _closing(script: str, position: int) -> int:
    """Return the position of the parenthesis that ends ``$(``.

    Raises:
        Incomplete: The parenthesis is missing.
    """
    depth, quoted = 1, False
    while match := _NESTING.match(script, position):
        if match[0] == '"':
            quoted = not quoted
        elif not quoted and match[0] in ("(", ")"):
            depth += 1 if match[0] == "(" else -1
            if not depth:
                return position
        position = match.end()
    raise Incomplete("syntax error: missing ')'")
