"""The bounds of the small shell."""

from __future__ import annotations

from typing import Final

#: Characters of one argument, as Linux bounds it; also of the words of a command, and
#: of input that no command has read yet.
LONGEST_TEXT: Final = 131_072

#: Variables of one shell.
MOST_VARIABLES: Final = 1_000

#: Characters of a command that continues on the next line: each new line makes the
#: shell parse the whole command again.
LONGEST_UNFINISHED: Final = 16_384
