"""What commands print: tables for people, JSON lines for programs.

Results go to standard output, notes and progress to standard error. Colour and progress
appear on a terminal only.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..wire import states

__all__ = [
    "Column",
    "Columns",
    "Form",
    "Output",
    "joined",
    "note",
    "progress_console",
    "rendered",
    "table",
    "write",
]

#: Returns the text of a cell, for one object.
Column = Callable[[Mapping[str, Any]], object]
#: The columns of a table by their titles.
Columns = Mapping[str, Column]

#: Wide enough for each row: no cell is cut, a narrow terminal wraps long rows.
_UNLIMITED = 100_000

_COLOURS = {
    **dict.fromkeys((states.RUNNING, states.DEPLOYED, states.SUCCESS), "green"),
    **dict.fromkeys((states.FAILED, states.UNREACHABLE, "unhealthy"), "red"),
    **dict.fromkeys((states.PARTLY_RUNNING, states.PARTLY_DEPLOYED), "yellow"),
    **dict.fromkeys((states.IN_PROGRESS, states.PENDING), "cyan"),
    **dict.fromkeys(states.TRANSITIONAL_STATES, "cyan"),
}


class Form(StrEnum):
    """The form of results."""

    JSON = "json"
    TABLE = "table"


@dataclass(frozen=True)
class Output:
    """Prints the results of one command.

    Attributes:
        form: The chosen form; by default a table on a terminal, otherwise JSON lines.
    """

    form: Form | None = None

    @property
    def is_json(self) -> bool:
        """Whether results are JSON lines."""
        if self.form is not None:
            return self.form is Form.JSON
        return not sys.stdout.isatty()

    def rows(self, objects: Iterable[Mapping[str, Any]], columns: Columns) -> None:
        """Print objects as the rows of a table, or as JSON, one object a line."""
        if self.is_json:
            for one in objects:
                self.line(one)
        else:
            write(rendered(table(objects, columns)))

    def line(self, thing: Mapping[str, Any]) -> None:
        """Print an object as one line of JSON, at once."""
        print(json.dumps(thing, ensure_ascii=False), flush=True)

    def whole(self, thing: Mapping[str, Any]) -> None:
        """Print an object with all its fields, for people in several lines."""
        if self.is_json:
            self.line(thing)
        else:
            print(json.dumps(thing, ensure_ascii=False, indent=2))

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Show on a terminal that the command waits."""
        console = progress_console()
        if console is None:
            yield
            return
        with console.status(Text(text)):
            yield


def progress_console() -> Console | None:
    """Return the console for progress; ``None`` where progress cannot be shown."""
    console = Console(stderr=True, markup=False)
    return console if console.is_terminal and not console.is_dumb_terminal else None


def table(objects: Iterable[Mapping[str, Any]], columns: Columns) -> Table:
    """Return objects as a table."""
    found = Table(box=None, pad_edge=False, header_style="bold")
    for title in columns:
        found.add_column(title, overflow="ellipsis", no_wrap=True)
    for one in objects:
        found.add_row(*(_cell(column(one)) for column in columns.values()))
    return found


def _cell(value: object) -> Text:
    text = "" if value is None else str(value)
    return Text(text, _COLOURS.get(text, ""))


def rendered(found: Table) -> str:
    """Return a table as text, with colour on a terminal only."""
    console = Console(highlight=False, emoji=False, width=_UNLIMITED, height=1)
    with console.capture() as capture:
        console.print(found)
    return "".join(f"{line.rstrip()}\n" for line in capture.get().splitlines())


def write(text: str) -> None:
    """Print a text on standard output, at once."""
    sys.stdout.write(text)
    sys.stdout.flush()


def note(text: str) -> None:
    """Print a line about the command itself on standard error."""
    print(f"aiodockercloud: {text}", file=sys.stderr, flush=True)


def joined(values: Sequence[object] | None) -> str:
    """Return values as the text of one cell."""
    return ", ".join(map(str, values or ()))
