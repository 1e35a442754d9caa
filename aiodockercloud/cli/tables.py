"""Tables and progress on a terminal, with rich."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..wire import states
from .forms import Columns

__all__ = ["progress", "progress_console", "rendered", "table"]

#: Wide enough for each row: no cell is cut, a narrow terminal wraps long rows.
_UNLIMITED = 100_000

_COLOURS = {
    **dict.fromkeys((states.RUNNING, states.DEPLOYED, states.SUCCESS), "green"),
    **dict.fromkeys((states.FAILED, states.UNREACHABLE, "unhealthy"), "red"),
    **dict.fromkeys((states.PARTLY_RUNNING, states.PARTLY_DEPLOYED), "yellow"),
    **dict.fromkeys((states.IN_PROGRESS, states.PENDING), "cyan"),
    **dict.fromkeys(states.TRANSITIONAL_STATES, "cyan"),
}


def progress_console() -> Console | None:
    """Return the console for progress; ``None`` where progress cannot be shown."""
    console = Console(stderr=True, markup=False)
    return console if console.is_terminal and not console.is_dumb_terminal else None


@contextmanager
def progress(text: str) -> Iterator[None]:
    """Show a text while the block runs, where progress can be shown."""
    console = progress_console()
    if console is None:
        yield
        return
    with console.status(Text(text)):
        yield


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
