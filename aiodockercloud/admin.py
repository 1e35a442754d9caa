"""The commands ``account``, ``key`` and ``backup``, for administrators, over the API.

The address and the credentials of the server come from the environment, as for
:class:`~aiodockercloud.DockerCloud`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from . import checks
from .client import DockerCloud
from .exceptions import DockerCloudError, ObjectNotFound
from .transport.download import download
from .types import AccountFields, ApiKey, ApiKeyFields
from .wire import path
from .wire.scopes import SCOPES

__all__ = ["add_commands", "run"]

#: A command: receives a client and the options, and prints its result.
Command = Callable[[DockerCloud, argparse.Namespace], Awaitable[None]]
#: Seconds in a unit of a duration, as in ``30d``.
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def add_commands(commands: Any) -> None:
    """Add the commands to the subparsers of ``aiodockercloud``."""
    account = commands.add_parser(
        "account",
        help="list, add and remove accounts",
        description="Manage the accounts of the server in DOCKERCLOUD_REST_HOST.",
    ).add_subparsers(required=True)
    _add(account, "list", _list_accounts, "list the accounts")
    add = _add(account, "add", _add_account, "add an account, and print its first key")
    add.add_argument("user")
    add.add_argument(
        "--namespace",
        action="append",
        default=[],
        help="namespace of the account, the default one first; may be given several"
        " times (default: one with the name of the user)",
    )
    add.add_argument("--operator", action="store_true", help="reach all namespaces")
    remove = _add(account, "remove", _remove_account, "remove an account and its keys")
    remove.add_argument("user")

    backup = _add(
        commands, "backup", _backup, "write a copy of the server's database to a file"
    )
    backup.add_argument("file", type=Path, help="the file, replaced if it exists")

    key = commands.add_parser(
        "key",
        help="list, create and revoke API keys",
        description="Manage the keys of the server in DOCKERCLOUD_REST_HOST.",
    ).add_subparsers(required=True)
    _add(key, "list", _list_keys, "list the keys, without the keys themselves")
    create = _add(key, "create", _create_key, "create a key, and print the key once")
    create.add_argument("--user", help="user of the key (default: your own)")
    create.add_argument("--name", default="", help="text that describes the key")
    create.add_argument(
        "--scope",
        action="append",
        choices=SCOPES,
        default=[],
        help="what the key may do; may be given several times (default: read, deploy"
        " and exec)",
    )
    create.add_argument("--namespace", help="only namespace that the key reaches")
    create.add_argument(
        "--expires-in",
        metavar="TIME",
        type=_duration,
        help="life of the key, for example 30d, 12h or 600s (default: unlimited)",
    )
    revoke = _add(key, "revoke", _revoke_key, "revoke a key, by its uuid or prefix")
    revoke.add_argument("key", help="uuid or first characters of the key")


def _add(
    commands: Any, name: str, command: Command, text: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=f"{text[0].upper()}{text[1:]}."
    )
    parser.set_defaults(command_of_client=command, log_level="warning")
    return parser


def _duration(text: str) -> int:
    """Return the seconds of ``30d``, ``12h``, ``5m`` or ``600s``."""
    unit = _UNITS.get(text[-1:])
    if unit is None or not text[:-1].isascii() or not text[:-1].isdigit():
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a duration: a number and s, m, h or d, such as 30d"
        )
    return int(checks.duration(int(text[:-1]) * unit))


async def run(options: argparse.Namespace) -> int:
    """Run a command and return the exit status."""
    try:
        async with DockerCloud() as cloud:
            await options.command_of_client(cloud, options)
    except (DockerCloudError, OSError, ValueError) as error:
        print(f"aiodockercloud: {error}", file=sys.stderr)
        return 1
    return 0


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows in columns."""
    columns = list(zip(header, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    for row in (header, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


async def _list_accounts(cloud: DockerCloud, _: argparse.Namespace) -> None:
    rows = [
        (
            account["user"],
            "operator" if account["operator"] else "",
            ", ".join(account["namespaces"]),
        )
        for account in await cloud.accounts.list()
    ]
    _table(("USER", "ROLE", "NAMESPACES"), rows)


async def _backup(cloud: DockerCloud, options: argparse.Namespace) -> None:
    await download(cloud, path("backup"), options.file)


async def _add_account(cloud: DockerCloud, options: argparse.Namespace) -> None:
    fields: AccountFields = {"user": options.user, "operator": options.operator}
    if options.namespace:
        fields["namespaces"] = options.namespace
    account = await cloud.accounts.create(**fields)
    print(account["key"])


async def _remove_account(cloud: DockerCloud, options: argparse.Namespace) -> None:
    await cloud.accounts.delete(options.user)


async def _list_keys(cloud: DockerCloud, _: argparse.Namespace) -> None:
    rows = [
        (
            key["prefix"] or "(chosen)",
            key["user"],
            ", ".join(key["scopes"]),
            key["namespace"] or "all",
            key["expires_datetime"] or "never",
            key["last_used_datetime"] or "never",
            key["name"],
        )
        for key in await cloud.keys.list()
    ]
    header = ("KEY", "USER", "SCOPES", "NAMESPACE", "EXPIRES", "LAST USED", "NAME")
    _table(header, rows)


async def _create_key(cloud: DockerCloud, options: argparse.Namespace) -> None:
    fields: ApiKeyFields = {}
    if options.user:
        fields["user"] = options.user
    if options.name:
        fields["name"] = options.name
    if options.scope:
        fields["scopes"] = options.scope
    if options.namespace:
        fields["namespace"] = options.namespace
    if options.expires_in is not None:
        fields["expires_in"] = options.expires_in
    print((await cloud.keys.create(**fields))["key"])


async def _revoke_key(cloud: DockerCloud, options: argparse.Namespace) -> None:
    await cloud.keys.delete(await _find_key(cloud, options.key))


async def _find_key(cloud: DockerCloud, text: str) -> ApiKey:
    """Return the key with a uuid, or the only key whose first characters these are.

    Raises:
        ObjectNotFound: There is no such key.
        ValueError: Several keys begin so.
    """
    found = [
        key
        for key in await cloud.keys.list()
        if text and (key["uuid"] == text or key["prefix"].startswith(text))
    ]
    if not found:
        raise ObjectNotFound(f"there is no key {text!r}; list them with key list")
    if len(found) > 1:
        raise ValueError(f"{len(found)} keys begin with {text!r}; give the uuid")
    return found[0]
