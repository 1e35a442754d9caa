"""The list of all commands, and the function that runs one of them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from .. import __version__
from . import exits, frame
from .commands import (
    accounts,
    context,
    deploy,
    events,
    execs,
    files,
    jobs,
    listing,
    logs,
    operations,
    server,
    triggers,
)
from .options import option

__all__ = ["app", "main"]

NAME = "aiodockercloud"

#: What pydantic, which typer converts values with, puts before a message.
_COERCION = "Value error, "

#: Plain help: the same text on a terminal, in a file and in the docs.
app = typer.Typer(
    name=NAME,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@frame.root(app)
def _root(
    version: Annotated[
        bool,
        option(
            "--version", callback=_show_version, is_eager=True, help="print the version"
        ),
    ] = False,
) -> None:
    """Run services, jobs and stack files on a cloud, or serve one.

    The cloud is the one of --host or DOCKERCLOUD_REST_HOST, or else the current
    context, see: aiodockercloud context --help.
    """


#: In the order of the help.
_COMMANDS = (
    deploy,
    jobs,
    listing,
    logs,
    execs,
    operations,
    events,
    triggers,
    files,
    context,
    server,
    accounts,
)

for module in _COMMANDS:
    module.add_to(app)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return the exit status.

    Args:
        arguments: The arguments; by default those of the process.

    Returns:
        The exit status; see :mod:`.exits`.

    Raises:
        SystemExit: An argument is wrong, which one line on standard error reports; or
            the help or the version was printed.
    """
    try:
        given = list(sys.argv[1:] if arguments is None else arguments)
        status: int | None = app(
            args=given or ["--help"], prog_name=NAME, standalone_mode=False
        )
    except typer.TyperException as error:
        _report_usage(error)
        raise SystemExit(exits.USAGE) from None
    return status or exits.SUCCESS


def _report_usage(error: Any) -> None:
    """Print the mistake in one line, without the usage of all options."""
    context = getattr(error, "ctx", None)
    program = context.command_path if context else NAME
    option = getattr(error, "param", None)
    text = (
        f"argument {'/'.join(option.opts)}: {error.message.removeprefix(_COERCION)}"
        if option is not None and error.message
        else error.format_message()
    )
    print(f"{program}: {text} (see {program} --help)", file=sys.stderr)
