"""What commands print: tables for people, JSON lines for programs.

Results go to standard output, notes and progress to standard error. Colour and progress
appear on a terminal only.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .forms import Column, Columns, Form

__all__ = ["Column", "Columns", "Form", "Output", "joined", "note", "write"]


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
            # Here, because rich takes long to import, and serve starts without.
            from .tables import rendered, table  # noqa: PLC0415

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
        from .tables import progress  # noqa: PLC0415 - as above

        with progress(text):
            yield


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
