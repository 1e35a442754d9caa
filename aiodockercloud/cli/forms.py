"""The forms of results, and the columns of tables as the commands declare them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

__all__ = ["Column", "Columns", "Form"]

#: Returns the text of a cell, for one object.
Column = Callable[[Mapping[str, Any]], object]
#: The columns of a table by their titles.
Columns = Mapping[str, Column]


class Form(StrEnum):
    """The form of results."""

    JSON = "json"
    TABLE = "table"
