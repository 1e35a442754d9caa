"""The bounds of the small shell."""

from __future__ import annotations

from typing import Final

#: Characters of one argument, as Linux bounds it; also of the words of a command, and
#: of text in a pipe that no command has read yet.
LONGEST_TEXT: Final = 131_072

#: Characters of text that a command reads from a pipe at once; a line may be longer.
LONGEST_PIECE: Final = 8_192

#: Variables of one shell.
MOST_VARIABLES: Final = 1_000

#: Characters of a command that continues on the next line: each new line makes the
#: shell parse the whole command again.
LONGEST_UNFINISHED: Final = 16_384

#: Scripts inside scripts, by ``$(…)``: each contains and so repeats the inner ones.
DEEPEST_SCRIPT: Final = 16

#: Shells inside shells. Each needs several calls of Python, whose number has a bound.
DEEPEST_SHELL: Final = 24

#: Commands of pipelines that run at the same time, for one command of the user.
MOST_PROCESSES: Final = 100

#: Patterns of one ``grep``.
MOST_PATTERNS: Final = 100

#: Bytes of memory for the lines that a command keeps, as ``sort`` does, with
#: ``LINE_OVERHEAD`` for each line beside its characters.
MOST_KEPT: Final = 8 * 1024**2
LINE_OVERHEAD: Final = 64
