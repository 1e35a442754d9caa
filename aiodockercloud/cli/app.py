"""The list of all commands, and the function that runs one of them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Annotated, Any

import typer

from . import exits, frame
from .loading import loading
from .options import option

__all__ = ["COMMANDS", "main", "make_app"]

NAME = "aiodockercloud"

#: What pydantic, which typer converts values with, puts before a message.
_COERCION = "Value error, "

#: The modules of commands, in the order of the help, and the commands of each.
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "deploy": ("up",),
    "jobs": ("run", "batch"),
    "listing": ("ps", "inspect", "node", "action"),
    "logs": ("logs",),
    "execs": ("exec",),
    "operations": ("scale", "redeploy", "rollback", "start", "stop", "rm"),
    "events": ("events", "top"),
    "triggers": ("trigger",),
    "files": ("lint", "convert"),
    "context": ("context",),
    "server": ("serve", "restore", "rekey"),
    "accounts": ("account", "key", "backup"),
}


def _show_version(wanted: bool) -> None:
    if wanted:
        from .. import __version__  # noqa: PLC0415 - only this needs the metadata

        print(__version__)
        raise typer.Exit


def make_app(arguments: Sequence[str] = ()) -> typer.Typer:
    """Return the command, with the commands that the arguments can mean.

    A server starts sooner without the modules of all other commands.

    Args:
        arguments: The arguments; if the first one is a command, only its module is
            imported.
    """
    # Plain help: the same text on a terminal, in a file and in the docs.
    app = typer.Typer(
        name=NAME,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    frame.root(app)(_root)
    wanted = [name for name, own in COMMANDS.items() if {*arguments[:1]} & {*own}]
    for name in wanted or COMMANDS:
        import_module(f".commands.{name}", __package__).add_to(app)
    return app


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
        with loading():
            command = typer.main.get_command(make_app(given))
        status: int | None = command.main(
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
