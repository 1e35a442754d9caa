"""``python -m aiodockercloud``: the command, which needs an extra."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence

from .cli.loading import loading

__all__ = ["main"]

#: The packages of the extra ``cli``.
_EXTRA = ("rich", "typer")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return the exit status.

    Args:
        arguments: The arguments; by default those of the process.

    Returns:
        The exit status; 1 when the extra ``cli`` is not installed. Wrong arguments exit
        with status 2 and one line on standard error.
    """
    try:
        with loading():
            from .cli import app  # noqa: PLC0415 - the plain install has no extra
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        print(f"aiodockercloud: {error}; install aiodockercloud[cli]", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # during the imports
        return 130
    try:
        return app.main(arguments)
    finally:
        gc.unfreeze()  # a program may call this function


if __name__ == "__main__":
    sys.exit(main())
