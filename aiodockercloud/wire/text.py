"""Text that is valid Unicode, whatever a program has written. No I/O."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["loads_mended", "valid_text"]


def valid_text(text: str) -> str:
    """Return a text with U+FFFD in place of each lone surrogate.

    A lone surrogate stands for a byte that could not be decoded, as in the names of
    files that ``os.fsdecode`` returns. No message can contain one.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def loads_mended(data: str | bytes) -> Any:
    """Return the value of a JSON text, with U+FFFD for what is not valid Unicode.

    Raises:
        ValueError: The text is not JSON.
    """
    text = data if isinstance(data, str) else data.decode("utf-8", "replace")
    try:
        return _mended(json.loads(text))
    except RecursionError:
        raise ValueError("the text is nested too deeply") from None


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return valid_text(value)
    if isinstance(value, dict):
        return {_mended(key): _mended(item) for key, item in value.items()}
    return [_mended(item) for item in value] if isinstance(value, list) else value
