"""The exit statuses of the command, and the status of each error."""

from __future__ import annotations

from typing import Final

from ..exceptions import AuthError, ConnectError, Forbidden, ObjectNotFound, Unavailable

__all__ = [
    "BROKEN_PIPE",
    "FAILED",
    "INTERRUPTED",
    "NOT_FOUND",
    "NO_ANSWER",
    "REFUSED",
    "SUCCESS",
    "TERMINATED",
    "USAGE",
    "always_failed",
    "status_of",
]

SUCCESS: Final = 0
#: The operation failed, or was refused by the server.
FAILED: Final = 1
#: An option or an argument is wrong.
USAGE: Final = 2
#: The object does not exist.
NOT_FOUND: Final = 3
#: The credentials are missing, wrong, or do not allow the operation.
REFUSED: Final = 4
#: No answer of the server was received.
NO_ANSWER: Final = 5
#: The reader of the output has ended, as a shell reports SIGPIPE.
BROKEN_PIPE: Final = 128 + 13
#: Ctrl-C, as a shell reports SIGINT.
INTERRUPTED: Final = 128 + 2
#: SIGTERM, as a shell reports the signal.
TERMINATED: Final = 128 + 15

_STATUSES: Final[tuple[tuple[type[BaseException], int], ...]] = (
    (ObjectNotFound, NOT_FOUND),
    (AuthError, REFUSED),
    (Forbidden, REFUSED),
    (ConnectError, NO_ANSWER),
    (Unavailable, NO_ANSWER),
)


def status_of(error: BaseException) -> int:
    """Return the exit status for an error."""
    for kind, status in _STATUSES:
        if isinstance(error, kind):
            return status
    return FAILED


def always_failed(_: BaseException) -> int:
    """Return the exit status of the administrators' commands, for any error."""
    return FAILED
