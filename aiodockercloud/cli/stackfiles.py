"""The stack file that a command means."""

from __future__ import annotations

from pathlib import Path

from .. import stackfile
from ..exceptions import StackFileError

__all__ = ["nearest"]


def nearest() -> Path:
    """Return the stack file of this folder, or of the nearest folder above.

    Raises:
        StackFileError: No folder has a stack file.
    """
    found = stackfile.find(Path())
    if not found:
        raise StackFileError(
            f"there is no stack file here: one of {', '.join(stackfile.FILE_NAMES)}"
        )
    return found[0]
