"""Bytes as text in the shell and its files, so that any bytes pass through unchanged.

A byte that is not UTF-8 is a surrogate, as in the file names of Python.
"""

from __future__ import annotations

import codecs
from typing import Literal

from ....wire import valid_text

__all__ = ["Stream", "byte", "decoder", "to_bytes", "to_text", "to_valid"]

#: The output that a text is for.
Stream = Literal["stdout", "stderr"]


def decoder() -> codecs.IncrementalDecoder:
    """Return a decoder of bytes that arrive in pieces."""
    return codecs.getincrementaldecoder("utf-8")("surrogateescape")


def byte(number: int) -> str:
    """Return the text of one byte."""
    return bytes((number,)).decode("utf-8", "surrogateescape")


def to_text(data: bytes) -> str:
    """Return the text of bytes."""
    return data.decode("utf-8", "surrogateescape")


def to_bytes(text: str) -> bytes:
    """Return the bytes of a text."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a surrogate that stands for no byte
        return text.encode("utf-8", "replace")


def to_valid(text: str) -> str:
    """Return a text with U+FFFD in place of what is not valid Unicode."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    except UnicodeEncodeError:  # a surrogate that stands for no byte
        return valid_text(text)
