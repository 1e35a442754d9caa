"""A small shell for embedded containers. The shell runs no program of the host."""

from __future__ import annotations

from .interpreter import Shell, Write, unsupported
from .place import Place
from .stdin import Stdin

__all__ = ["Place", "Shell", "Stdin", "Write", "unsupported"]
