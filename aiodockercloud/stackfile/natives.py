"""The numbers and booleans that texts of a stack file spell."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["duration", "native", "native_parts"]


def native(value: Any) -> Any:
    """Return a number or a boolean that a text spells; any other value unchanged."""
    if not isinstance(value, str):
        return value
    if re.fullmatch(r"-?(0|[1-9][0-9]{0,17})", value):
        return int(value)
    if re.fullmatch(r"(0|[1-9][0-9]*)\.[0-9]*[1-9]", value):
        return float(value)
    return {"true": True, "false": False}.get(value, value)


def native_parts(value: Any) -> Any:
    """Return a mapping, or a list of mappings, with numbers and booleans."""
    if isinstance(value, dict):
        return {name: native_parts(item) for name, item in value.items()}
    if isinstance(value, list):
        return [native_parts(one) if isinstance(one, dict) else one for one in value]
    return native(value)


def duration(value: Any) -> Any:
    """Return a duration with its unit: a number counts seconds."""
    text = str(value)
    return f"{text}s" if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text) else value
