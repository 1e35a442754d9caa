"""The facts of commands in containers that both halves know.

Source: what the official CLI sends, and what Docker reports.
"""

from __future__ import annotations

from typing import Final

__all__ = ["END_OF_INPUT", "KILLED", "TERMINATED"]

#: The character that ends the input of a command, also inside a text: a terminal sends
#: it for Ctrl-D, and so does the official CLI.
END_OF_INPUT: Final = "\x04"

#: Exit codes of a process that a signal has ended: SIGTERM, SIGKILL.
TERMINATED: Final = 128 + 15
KILLED: Final = 128 + 9
