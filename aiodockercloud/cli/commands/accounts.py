"""``account``, ``key`` and ``backup``: the commands of administrators, over the API."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from ...exceptions import ObjectNotFound
from ...transport.download import download
from ...types import AccountFields, ApiKey, ApiKeyFields
from ...wire import path
from ...wire.scopes import SCOPES
from ..exits import always_failed
from ..frame import Cli, command, group
from ..options import argument, option
from ..output import Columns, Form, Output, joined
from ..values import checked, duration

__all__ = ["add_to"]

_ACCOUNTS: Columns = {
    "USER": lambda account: account["user"],
    "ROLE": lambda account: "operator" if account["operator"] else "",
    "NAMESPACES": lambda account: joined(account["namespaces"]),
}
_KEYS: Columns = {
    "KEY": lambda key: key["prefix"] or "(chosen)",
    "USER": lambda key: key["user"],
    "SCOPES": lambda key: joined(key["scopes"]),
    "NAMESPACE": lambda key: key["namespace"] or "all",
    "EXPIRES": lambda key: key["expires_datetime"] or "never",
    "LAST USED": lambda key: key["last_used_datetime"] or "never",
    "NAME": lambda key: key["name"],
}


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    add = partial(command, status_of=always_failed)
    account = group("account", "List, add and remove accounts.")
    add(account, "list")(list_accounts)
    add(account, "add", without=["namespace"])(add_account)
    add(account, "remove")(remove_account)
    key = group("key", "List, create and revoke API keys.")
    add(key, "list")(list_keys)
    add(key, "create", without=["user", "namespace"])(create_key)
    add(key, "revoke")(revoke_key)
    app.add_typer(account)
    app.add_typer(key)
    add(app, "backup")(backup)


def _table(output: Output) -> Output:
    """Return an output that prints a table off a terminal, too, unless asked."""
    return Output(output.form or Form.TABLE)


async def list_accounts(cli: Cli) -> None:
    """List the accounts."""
    _table(cli.output).rows(await cli.cloud.accounts.list(), _ACCOUNTS)


async def add_account(
    cli: Cli,
    name: Annotated[str, argument(metavar="USER")],
    namespaces: Annotated[
        list[str] | None,
        option(
            "--namespace",
            metavar="NAME",
            help="namespace of the account, the default one first; may be given"
            " several times (default: one with the name of the user)",
        ),
    ] = None,
    operator: Annotated[
        bool, option("--operator", help="reach all namespaces")
    ] = False,
) -> None:
    """Add an account, and print its first key."""
    fields: AccountFields = {"user": name, "operator": operator}
    if namespaces:
        fields["namespaces"] = namespaces
    print((await cli.cloud.accounts.create(**fields))["key"])


async def remove_account(
    cli: Cli, name: Annotated[str, argument(metavar="USER")]
) -> None:
    """Remove an account and its keys."""
    await cli.cloud.accounts.delete(name)


async def backup(
    cli: Cli,
    file: Annotated[Path, argument(help="the file, replaced if it exists")],
) -> None:
    """Write a copy of the server's database to a file."""
    await download(cli.cloud, path("backup"), file)


async def list_keys(cli: Cli) -> None:
    """List the keys, without the keys themselves."""
    _table(cli.output).rows(await cli.cloud.keys.list(), _KEYS)


def _scope(text: str) -> str:
    if text not in SCOPES:
        raise ValueError(f"{text!r} is not a scope: one of {', '.join(SCOPES)}")
    return text


async def create_key(
    cli: Cli,
    owner: Annotated[
        str | None,
        option("--user", help="user of the key (default: your own)"),
    ] = None,
    name: Annotated[str, option("--name", help="text that describes the key")] = "",
    scopes: Annotated[
        list[Any] | None,
        option(
            "--scope",
            metavar="SCOPE",
            parser=checked(str, _scope),
            help="what the key may do; may be given several times (default: read,"
            " deploy and exec)",
        ),
    ] = None,
    key_namespace: Annotated[
        str | None,
        option("--namespace", help="only namespace that the key reaches"),
    ] = None,
    expires_in: Annotated[
        Any,
        option(
            "--expires-in",
            metavar="TIME",
            parser=checked(str, duration),
            help="life of the key, for example 30d, 12h or 600s (default: unlimited)",
        ),
    ] = None,
) -> None:
    """Create a key, and print the key once."""
    fields: ApiKeyFields = {}
    if owner:
        fields["user"] = owner
    if name:
        fields["name"] = name
    if scopes:
        fields["scopes"] = scopes
    if key_namespace:
        fields["namespace"] = key_namespace
    if expires_in is not None:
        fields["expires_in"] = expires_in
    print((await cli.cloud.keys.create(**fields))["key"])


async def revoke_key(
    cli: Cli,
    key: Annotated[str, argument(help="uuid or first characters of the key")],
) -> None:
    """Revoke a key, by its uuid or prefix."""
    await cli.cloud.keys.delete(_find_key(await cli.cloud.keys.list(), key))


def _find_key(keys: list[ApiKey], text: str) -> Mapping[str, Any]:
    """Return the key with a uuid, or the only key whose first characters these are.

    Raises:
        ObjectNotFound: There is no such key.
        ValueError: Several keys begin so.
    """
    found = [
        key
        for key in keys
        if text and (key["uuid"] == text or key["prefix"].startswith(text))
    ]
    if not found:
        raise ObjectNotFound(f"there is no key {text!r}; list them with key list")
    if len(found) > 1:
        raise ValueError(f"{len(found)} keys begin with {text!r}; give the uuid")
    return found[0]
