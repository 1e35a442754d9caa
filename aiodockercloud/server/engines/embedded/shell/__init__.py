"""A small shell for embedded containers. The shell runs no program of the host."""

from __future__ import annotations

from .interpreter import Shell, Write, unsupported
from .stdin import Stdin

__all__ = ["Shell", "Stdin", "Write", "unsupported"]
