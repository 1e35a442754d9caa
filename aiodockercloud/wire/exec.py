"""The facts of commands in containers that both halves know.

Source: what the official CLI sends, and what Docker reports.
"""

from __future__ import annotations

from typing import Final

__all__ = ["BASE64", "END_OF_INPUT", "SIGKILL_EXIT_CODE", "SIGTERM_EXIT_CODE"]

#: The character that ends the input of a command, also inside a text: a terminal sends
#: it for Ctrl-D, and so does the official CLI.
END_OF_INPUT: Final = "\x04"

#: The value of the parameter ``encoding`` of an exec whose input and output are bytes:
#: each message of the client is base64 text, an empty message ends the input, and the
#: ``output`` of each frame is base64 text. An addition of aiodockercloud.
BASE64: Final = "base64"

#: The exit code of a process that SIGTERM has ended.
SIGTERM_EXIT_CODE: Final = 128 + 15

#: The exit code of a process that SIGKILL has ended.
SIGKILL_EXIT_CODE: Final = 128 + 9
