"""Options and arguments as this command declares them: no default in brackets."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import typer

__all__ = ["argument", "option"]

#: An option; the help text names the default, where the default is of interest.
option: Callable[..., Any] = partial(typer.Option, show_default=False)

#: An argument.
argument: Callable[..., Any] = partial(typer.Argument, show_default=False)
