"""Lines of logs on the terminal, each with the name of its container."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any, TextIO

from rich.console import Console
from rich.text import Text

from ..loglines import log_text
from .output import note

__all__ = ["LogPrinter"]

_COLOURS = ("cyan", "yellow", "green", "magenta", "blue", "red")


class LogPrinter:
    """Prints lines of logs, those of standard error on standard error.

    Args:
        prefix: Whether each line begins with the name of the container.
        stamps: Whether each line begins with its time stamp.
        as_json: Whether each line is printed as one line of JSON.
    """

    def __init__(
        self, *, prefix: bool = False, stamps: bool = False, as_json: bool = False
    ) -> None:
        self._prefix = prefix
        self._stamps = stamps
        self._as_json = as_json
        self._console = Console(highlight=False)
        self._colours: dict[str, str] = {}
        #: The source of a line whose end is still to come.
        self._unfinished: tuple[str, TextIO] | None = None

    def print(self, line: Mapping[str, Any]) -> None:
        """Print one line; a piece of a long line waits for its end on the same line."""
        if self._as_json:
            print(json.dumps(line, ensure_ascii=False), flush=True)
            return
        if "missed" in line:
            missed = line["missed"]
            note(f"{'some' if missed is None else missed} lines were lost")
            return
        source = str(line.get("container") or line.get("source") or "")
        file = sys.stderr if line.get("streamType") == "stderr" else sys.stdout
        begins = self._unfinished != (source, file)
        if begins and self._unfinished:
            self._unfinished[1].write("\n")
        text = str(line.get("log", "")).rstrip("\r\n")
        if not (self._stamps and begins):
            text = log_text(line)
        head = self._head(source, file) if self._prefix and source and begins else ""
        partial = bool(line.get("partial"))
        file.write(f"{head}{text}{'' if partial else chr(10)}")
        file.flush()
        self._unfinished = (source, file) if partial else None

    def _head(self, source: str, file: TextIO) -> str:
        if not (file.isatty() and self._console.is_terminal):
            return f"{source} | "
        number = len(self._colours)
        colour = self._colours.setdefault(source, _COLOURS[number % len(_COLOURS)])
        with self._console.capture() as capture:
            self._console.print(Text(f"{source} | ", colour), end="")
        return capture.get()
