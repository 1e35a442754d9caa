"""A small shell for embedded containers. It runs no program of the host."""

from __future__ import annotations

from .interpreter import Shell, Stdin, Write, unsupported

__all__ = ["Shell", "Stdin", "Write", "unsupported"]
