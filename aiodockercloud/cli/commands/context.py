"""``context``: several clouds, each with its address and key, under a name."""

from __future__ import annotations

import os
import sys
from getpass import getpass
from typing import Annotated, Any

import typer

from ... import checks
from .. import completion
from ..contexts import Context, Contexts
from ..frame import group, local_command
from ..options import argument, option
from ..output import Columns, Form, Output, note
from ..values import checked

__all__ = ["add_to"]

_Name = Annotated[str, argument(metavar="NAME")]
_Stored = Annotated[str, argument(metavar="NAME", autocompletion=completion.contexts)]

_CONTEXTS: Columns = {
    "CURRENT": lambda one: "*" if one["current"] else "",
    "NAME": lambda one: one["name"],
    "URL": lambda one: one["url"],
    "USER": lambda one: one["user"],
    "NAMESPACE": lambda one: one["namespace"],
}


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    context = group(
        "context",
        "Store several clouds, and choose the one that commands use."
        " --host and DOCKERCLOUD_REST_HOST precede the chosen one.",
    )
    local_command(context, "ls")(list_contexts)
    local_command(context, "add", examples=_ADD)(add_context)
    local_command(context, "use")(use_context)
    local_command(context, "rm")(remove_context)
    app.add_typer(context)


def list_contexts(
    form: Annotated[
        Form | None,
        option(
            "--output",
            "-o",
            help="form of the results (default: table on a terminal, otherwise JSON"
            " lines)",
        ),
    ] = None,
) -> None:
    """List the stored contexts, without their keys."""
    contexts = Contexts.load()
    rows = [
        {
            "name": name,
            "current": name == contexts.current,
            "url": one.url,
            "user": one.user,
            "namespace": one.namespace,
        }
        for name, one in contexts.by_name.items()
    ]
    Output(form).rows(rows, _CONTEXTS)


_ADD = """
    aiodockercloud context add home http://127.0.0.1:8008 --user admin
    aiodockercloud context add work https://cloud.example.com --user ada < key.txt
"""


def add_context(
    name: _Name,
    url: Annotated[Any, argument(metavar="URL", parser=checked(str, checks.http_url))],
    user: Annotated[
        Any,
        option(
            "--user",
            metavar="NAME",
            parser=checked(str, checks.user),
            help="user, whose key is read from DOCKERCLOUD_APIKEY, or else asked for,"
            " or read from standard input off a terminal",
        ),
    ],
    namespace: Annotated[
        str | None,
        option("--namespace", metavar="NAME", help="organisation of the objects"),
    ] = None,
) -> None:
    """Store a cloud under a name; the first one becomes the current one.

    A stored context of the same address receives the new key.
    The file, contexts.json in ~/.config/aiodockercloud, is for its owner only.
    """
    contexts = Contexts.load()
    key = _apikey(user, url)
    contexts.with_context(name, Context(url, user, key, namespace)).store()


def _apikey(user: str, url: str) -> str:
    """Return the key of the environment, or the one that the user types or pipes.

    Raises:
        ValueError: The key is empty.
    """
    key = os.environ.get("DOCKERCLOUD_APIKEY", "").strip()
    if not key and sys.stdin.isatty():
        key = getpass(f"API key of {user} on {url}: ").strip()
    elif not key:
        key = sys.stdin.readline().strip()
    if not key:
        raise ValueError("the API key is empty")
    return key


def use_context(name: _Stored) -> None:
    """Choose the context that commands use."""
    Contexts.load().using(name).store()
    if os.environ.get("DOCKERCLOUD_REST_HOST"):
        note("DOCKERCLOUD_REST_HOST is set, and precedes the context")


def remove_context(name: _Stored) -> None:
    """Remove a context, with its key."""
    Contexts.load().without(name).store()
