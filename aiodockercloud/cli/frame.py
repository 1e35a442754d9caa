"""What all commands share: the options that name a cloud, errors, exit statuses.

A command of the client is a coroutine function whose first argument is :class:`Cli`;
:func:`command` adds the common options and runs the coroutine.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import Parameter
from typing import Annotated, Any, get_type_hints

import typer

import aiodockercloud

from ..exceptions import DockerCloudError, ObjectNotFound
from . import exits
from .contexts import Context, Contexts
from .options import option
from .output import Form, Output, note

__all__ = [
    "COMMON",
    "Cli",
    "client",
    "command",
    "group",
    "local_command",
    "merged",
    "root",
]

#: A command of the client; returns the exit status, ``None`` for 0.
Command = Callable[..., Coroutine[Any, Any, int | None]]

#: The options of all commands of the client, before or after the command's name.
COMMON: Mapping[str, Any] = {
    "context": Annotated[
        str | None,
        option(
            "--context", metavar="NAME", help="cloud to use, of those in context ls"
        ),
    ],
    "host": Annotated[
        str | None,
        option(
            "--host",
            metavar="URL",
            help="address of the server (DOCKERCLOUD_REST_HOST)",
        ),
    ],
    "user": Annotated[
        str | None,
        option("--user", metavar="NAME", help="user (DOCKERCLOUD_USER)"),
    ],
    "apikey": Annotated[
        str | None,
        option(
            "--apikey",
            metavar="KEY",
            help="API key of the user; other users of this machine can see options:"
            " prefer DOCKERCLOUD_APIKEY or a context",
        ),
    ],
    "namespace": Annotated[
        str | None,
        option(
            "--namespace",
            metavar="NAME",
            help="organisation whose objects are meant (DOCKERCLOUD_NAMESPACE)",
        ),
    ],
    "output": Annotated[
        Form | None,
        option(
            "--output",
            "-o",
            help="form of the results (default: table on a terminal, otherwise JSON"
            " lines)",
        ),
    ],
}


@dataclass(frozen=True)
class Cli:
    """What a command receives.

    Attributes:
        cloud: A client of the cloud that the options, the environment or the current
            context name.
        output: Prints the results.
    """

    cloud: aiodockercloud.DockerCloud
    output: Output


def root(app: typer.Typer) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a function the callback of the whole command, with the common options."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        def call(typer_context: typer.Context, **values: Any) -> None:
            given = {key: values.pop(key) for key in COMMON}
            typer_context.obj = {k: one for k, one in given.items() if one is not None}
            function(**values)

        common = [_option(key, annotation) for key, annotation in COMMON.items()]
        own = _parameters(function)
        _declare(call, [_option("typer_context", typer.Context), *own, *common])
        app.callback(help=inspect.getdoc(function))(call)
        return function

    return register


def group(name: str, text: str) -> typer.Typer:
    """Return a group of commands, such as ``context``."""
    return typer.Typer(name=name, help=text, rich_markup_mode=None)


def command(
    app: typer.Typer,
    name: str,
    *,
    examples: str = "",
    without: Sequence[str] = (),
    verbatim: bool = False,
    status_of: Callable[[BaseException], int] = exits.status_of,
) -> Callable[[Command], Command]:
    """Make a coroutine function, whose first argument is :class:`Cli`, a command.

    Args:
        app: The group of the command.
        name: The name of the command.
        examples: Lines that the help of the command shows.
        without: Common options that have another meaning after the command's name.
        verbatim: Whether all after the first argument is passed on, options included,
            as the command for a container.
        status_of: Returns the exit status for an error.
    """
    settings = {"allow_interspersed_args": not verbatim}
    shared = {key: one for key, one in COMMON.items() if key not in without}

    def register(function: Command) -> Command:
        def call(typer_context: typer.Context, **values: Any) -> int:
            given = {key: values.pop(key) for key in shared}
            options = merged(typer_context.obj, given)
            with _warnings(), reported(failure := Failure(), status_of):
                return asyncio.run(_terminable(_run(function, options, values)))
            return failure.status

        common = [_option(key, annotation) for key, annotation in shared.items()]
        own = _parameters(function)[1:]
        _declare(call, [_option("typer_context", typer.Context), *own, *common])
        app.command(
            name,
            help=inspect.getdoc(function),
            epilog=_epilog(examples),
            context_settings=settings,
        )(call)
        return function

    return register


def local_command(
    app: typer.Typer, name: str, *, examples: str = ""
) -> Callable[[Callable[..., int | None]], Callable[..., int | None]]:
    """Make a function that needs no client a command; as :func:`command` otherwise."""

    def register(function: Callable[..., int | None]) -> Callable[..., int | None]:
        def call(typer_context: typer.Context, **values: Any) -> int:
            if wrong := [
                f"--{key}" for key in typer_context.obj or () if key in COMMON
            ]:
                raise typer.BadParameter(f"{name} has no such option", param_hint=wrong)
            with reported(failure := Failure()):
                return function(**values) or exits.SUCCESS
            return failure.status

        own = _parameters(function)
        _declare(call, [_option("typer_context", typer.Context), *own])
        app.command(name, help=inspect.getdoc(function), epilog=_epilog(examples))(call)
        return function

    return register


def _option(name: str, annotation: Any) -> Parameter:
    default = Parameter.empty if annotation is typer.Context else None
    return Parameter(
        name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )


def _parameters(function: Callable[..., Any]) -> list[Parameter]:
    """Return the parameters of a function with their evaluated annotations."""
    hints = get_type_hints(function, include_extras=True)
    return [
        one.replace(kind=Parameter.KEYWORD_ONLY, annotation=hints[one.name])
        for one in inspect.signature(function).parameters.values()
    ]


def _declare(call: Callable[..., Any], parameters: Sequence[Parameter]) -> None:
    """Let typer read the parameters from a function that accepts any."""
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # typer reads the attribute
    call.__annotations__ = {one.name: one.annotation for one in parameters}


def _epilog(examples: str) -> str | None:
    """Return examples in the form that keeps their lines."""
    if not examples:
        return None
    lines = "\n".join(f"  {line}" for line in inspect.cleandoc(examples).splitlines())
    return f"\b\nExamples:\n{lines}"


# --- the cloud ----------------------------------------------------------------------


def merged(former: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the common options; those after the command's name win."""
    return {
        **dict.fromkeys(COMMON),
        **(former or {}),
        **{key: one for key, one in given.items() if one is not None},
    }


def client(options: Mapping[str, Any]) -> aiodockercloud.DockerCloud:
    """Return a client of the cloud that the common options name.

    A cloud is one whole: address and credentials are those of ``--context``, or those
    of ``--host`` or ``DOCKERCLOUD_REST_HOST`` with the other options and variables, or
    else those of the current context.

    Raises:
        ContextError: There is no such context, or the contexts cannot be read.
        ValueError: No cloud is named, or an address or a credential is invalid.
    """
    url, user, apikey = options["host"], options["user"], options["apikey"]
    if options["context"] and (url or user or apikey):
        raise ValueError("--context excludes --host, --user and --apikey")
    if stored := _stored(options):
        cloud = aiodockercloud.DockerCloud(
            stored.url, user=stored.user, apikey=stored.apikey
        )
        cloud.namespace = options["namespace"] or stored.namespace
        return cloud
    return aiodockercloud.DockerCloud(
        url,
        user=user or (os.environ.get("DOCKERCLOUD_USER") if apikey else None),
        apikey=apikey or (os.environ.get("DOCKERCLOUD_APIKEY") if user else None),
        namespace=options["namespace"],
    )


def _stored(options: Mapping[str, Any]) -> Context | None:
    """Return the context to use; ``None`` if options or the environment precede."""
    if name := options["context"]:
        return Contexts.load().get(name)
    if options["host"] or os.environ.get("DOCKERCLOUD_REST_HOST"):
        return None
    contexts = Contexts.load()
    if contexts.current is None:
        raise ValueError(
            "no cloud is named: set DOCKERCLOUD_REST_HOST, DOCKERCLOUD_USER and"
            " DOCKERCLOUD_APIKEY, or store a context: aiodockercloud context add NAME"
            " URL --user USER"
        )
    if options["user"] or options["apikey"]:
        raise ValueError("--user and --apikey need --host or DOCKERCLOUD_REST_HOST")
    return contexts.get(contexts.current)


# --- running ------------------------------------------------------------------------


@dataclass
class Failure:
    """The outcome of a block that :func:`reported` guards.

    Attributes:
        status: The exit status after an error.
    """

    status: int = exits.FAILED


@contextmanager
def reported(
    failure: Failure, status_of: Callable[[BaseException], int] = exits.status_of
) -> Iterator[None]:
    """Report the error of the block on standard error, and keep its exit status.

    A reader of the output that has ended, such as ``head``, ends the command silently.
    """
    try:
        yield
    except KeyboardInterrupt:
        failure.status = exits.INTERRUPTED
    except BrokenPipeError:
        _silence_output()
        failure.status = exits.BROKEN_PIPE
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("aiodockercloud"):
            raise
        note(f"{error}; install aiodockercloud[server]")
    except (DockerCloudError, OSError, ValueError, BaseExceptionGroup) as error:
        first = _first(error)
        if not isinstance(first, DockerCloudError | OSError | ValueError):
            raise
        note(_text(first))
        failure.status = status_of(first)


def _first(error: BaseException) -> BaseException:
    """Return an error, or the first error of a group."""
    return (
        _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error
    )


def _text(error: BaseException) -> str:
    """Return the message of an error; without a status that no server has sent."""
    if isinstance(error, ObjectNotFound) and not error.method:
        return error.message
    return str(error) or type(error).__name__


def _silence_output() -> None:
    """Let Python flush its output at the end without another error."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


async def _run(
    function: Command, options: Mapping[str, Any], values: Mapping[str, Any]
) -> int:
    """Run a command with a client and return the exit status."""
    async with client(options) as cloud:
        status = await function(Cli(cloud, Output(options["output"])), **values)
    return status or exits.SUCCESS


async def _terminable(work: Coroutine[Any, Any, int]) -> int:
    """Await a command, which SIGTERM cancels, so that its cleanup runs."""
    task = asyncio.create_task(work)
    terminated = False

    def terminate() -> None:
        nonlocal terminated
        terminated = True
        task.cancel()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, terminate)
    try:
        return await task
    except asyncio.CancelledError:
        if not terminated:
            raise
        return exits.TERMINATED
    finally:
        asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)


@contextmanager
def _warnings() -> Iterator[None]:
    """Print the warnings of the library, such as those about a stack file, as notes."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("aiodockercloud: %(message)s"))
    logger = logging.getLogger("aiodockercloud")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
