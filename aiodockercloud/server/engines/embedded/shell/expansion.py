"""The expansion of words: parsed words and the values of variables → text. No I/O.

The shell runs the scripts of a word before, and puts their results into the word.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .lexer import Part, ShellError, Word
from .limits import LONGEST_TEXT

__all__ = ["expand_fields", "expand_text"]

#: Returns the value of a variable, an empty text for an unset one.
Get = Callable[[str], str]


def _text(part: Part, get: Get) -> str:
    return (get(part.text) or part.default) if part.kind == "variable" else part.text


def expand_text(word: Word, get: Get) -> str:
    """Return a word as one text, as an assignment does.

    Raises:
        ShellError: The text is too long.
    """
    text = "".join(_text(part, get) for part in word)
    if len(text) > LONGEST_TEXT:
        raise ShellError("argument list too long")
    return text


def expand_fields(words: Sequence[Word], get: Get) -> list[str]:
    """Return words as the arguments of a command.

    An unquoted value is split at blanks, and may become several arguments or none.

    Raises:
        ShellError: The text is too long.
    """
    fields: list[str] = []
    for word in words:
        fields += _split(word, get)
    if sum(map(len, fields)) > LONGEST_TEXT:
        raise ShellError("argument list too long")
    return fields


def _split(word: Word, get: Get) -> list[str]:
    fields: list[str] = []
    #: The field that the next part continues; None: the next part begins one.
    field: str | None = None
    for part in word:
        text = expand_text((part,), get)
        if part.quoted or part.kind == "text":
            field = (field or "") + text
            continue
        if field is not None and text[:1].isspace():
            fields.append(field)
            field = None
        for n, piece in enumerate(text.split()):
            if n and field is not None:
                fields.append(field)
                field = None
            field = (field or "") + piece
        if field is not None and text[-1:].isspace():
            fields.append(field)
            field = None
    if field is not None:
        fields.append(field)
    return fields
