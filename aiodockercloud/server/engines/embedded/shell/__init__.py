"""A small shell for embedded containers. The shell runs no program of the host."""

from __future__ import annotations

from ..place import Place
from .interpreter import Shell, Write, unsupported
from .pipe import Pipe

__all__ = ["Pipe", "Place", "Shell", "Write", "unsupported"]
