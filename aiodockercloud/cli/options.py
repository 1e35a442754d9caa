"""Options and arguments as this command declares them: no default in brackets."""

from __future__ import annotations

from functools import partial

import typer

__all__ = ["argument", "option"]

#: An option; the help text names the default, where the default is of interest.
option = partial(typer.Option, show_default=False)

#: An argument.
argument = partial(typer.Argument, show_default=False)
