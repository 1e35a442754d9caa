"""``python -m aiodockercloud``: the server, its accounts and keys as commands."""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn, TypeVar

from . import __version__, admin, checks
from .redaction import redact

T = TypeVar("T")
U = TypeVar("U")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return the exit status.

    Args:
        arguments: The arguments; by default those of the process.

    Returns:
        0 after a signal has ended the server, 1 when the server cannot start. Wrong
        arguments exit with status 2 and one line on standard error.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        if "command_of_client" in options:
            return asyncio.run(admin.run(options))
        return _run_on_server(options)
    except KeyboardInterrupt:
        return 0
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("aiodockercloud"):
            raise
        print(
            f"aiodockercloud: {error}; install aiodockercloud[server]", file=sys.stderr
        )
        return 1
    except OSError as error:
        print(f"aiodockercloud: {error}", file=sys.stderr)
        return 1


def _run_on_server(options: argparse.Namespace) -> int:
    """Import the server, without collections that would find no garbage; run it."""
    collects = gc.isenabled()
    gc.disable()
    try:
        from .server import command  # noqa: PLC0415 - the plain install has none
    finally:
        if collects:
            gc.enable()
    gc.freeze()  # modules live until the end: no later collection visits them
    return command.run(options)


class _Parser(argparse.ArgumentParser):
    """A parser that reports a mistake in one line, without the usage of all options."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="aiodockercloud", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    admin.add_commands(commands)
    restore = commands.add_parser(
        "restore",
        help="make a backup the database of a data directory",
        description="Make a backup the database of a data directory that no server"
        " uses. The former database is kept under another name.",
    )
    restore.add_argument("file", type=Path, help="the file of aiodockercloud backup")
    rekey = commands.add_parser(
        "rekey",
        help="encrypt the database with a new secret key",
        description="Encrypt the database of a data directory that no server uses with"
        " a new secret key. Older backups still need the former key.",
    )
    for one in (restore, rekey):
        one.add_argument(
            "--data-dir",
            metavar="DIR",
            required=True,
            type=_checked(str, checks.directory),
            help="directory of the database",
        )
        _add_secret_key_file(one)
    serve = commands.add_parser(
        "serve",
        help="serve the Docker Cloud API",
        description="Serve the Docker Cloud API. DOCKERCLOUD_USER and"
        " DOCKERCLOUD_APIKEY name the first account. Without them the first start"
        " creates an API key and prints it once, on standard error.",
    )
    serve.add_argument(
        "--engine",
        choices=["embedded", "swarm"],
        default="embedded",
        help="engine that runs the containers (default: %(default)s)",
    )
    serve.add_argument(
        "--host",
        type=_checked(str, checks.host),
        default="127.0.0.1",
        help="address to listen on (default: %(default)s)",
    )
    serve.add_argument(
        "--port",
        type=_checked(int, checks.port),
        default=8008,
        help="port to listen on; 0 takes a free port (default: %(default)s)",
    )
    serve.add_argument(
        "--data-dir",
        metavar="DIR",
        type=_checked(str, checks.directory),
        help="directory of the database; without it, state is in memory",
    )
    _add_secret_key_file(serve)
    serve.add_argument(
        "--fsync",
        action="store_true",
        help="answer a change only when the change survives a loss of power; slower",
    )
    serve.add_argument(
        "--nodes",
        metavar="NUMBER",
        type=_checked(int, checks.nodes),
        default=1,
        help="nodes of the embedded engine (default: %(default)s)",
    )
    serve.add_argument(
        "--privileged-ports",
        action="store_true",
        help="let containers of the embedded engine open ports below 1024 of this host",
    )
    serve.add_argument(
        "--node-engine",
        metavar="NAME=URL",
        type=_checked(str, _node_engine),
        action="append",
        default=[],
        help="Docker Engine of a Swarm node, by hostname or id, for exec on that node"
        " and for all else that only the node's engine can do; may be given several"
        " times",
    )
    serve.add_argument(
        "--image-poll",
        metavar="SECONDS",
        type=_checked(float, checks.duration),
        default=300.0,
        help="seconds between two checks for pushed images, for services with"
        " autoredeploy (default: %(default)g)",
    )
    serve.add_argument(
        "--public-url",
        metavar="URL",
        type=_checked(str, checks.http_url),
        help="address at which containers reach this server (default: the address that"
        " the server listens on)",
    )
    serve.add_argument(
        "--tls-cert",
        metavar="FILE",
        help="certificate of the server, in PEM, with those that signed it; read again"
        " on SIGHUP",
    )
    serve.add_argument(
        "--tls-key",
        metavar="FILE",
        help="private key of the certificate, in PEM and without a password",
    )
    serve.add_argument(
        "--insecure-plain-http",
        action="store_true",
        help="listen without TLS on an address that other machines reach, although the"
        " network then sees all keys; for servers behind a proxy",
    )
    serve.add_argument(
        "--allowed-host",
        metavar="HOST",
        type=_checked(str, checks.host),
        action="append",
        default=[],
        help="further name or address that clients use for this server, without a port;"
        " may be given several times",
    )
    serve.add_argument(
        "--shutdown-timeout",
        metavar="SECONDS",
        type=_checked(float, checks.duration),
        default=10.0,
        help="seconds within which the server ends after a signal (default:"
        " %(default)g)",
    )
    serve.add_argument(
        "--domain",
        type=_checked(str, checks.domain),
        default="",
        help="last part of the public DNS names; without a domain, public names are"
        " addresses of nodes",
    )
    serve.add_argument(
        "--log-level",
        default="warning",
        choices=["debug", "info", "warning", "error"],
        help="lowest level of the log on standard error (default: %(default)s)",
    )
    serve.add_argument(
        "--log-format",
        default="text",
        choices=["text", "json"],
        help="form of the log: lines of text, or a JSON object on each line (default:"
        " %(default)s)",
    )
    serve.add_argument(
        "--access-log",
        action="store_true",
        help="log one line for each request, whatever the level of the log",
    )
    serve.add_argument(
        "--metrics-public",
        action="store_true",
        help="serve /metrics without a key, for a network that only you can reach",
    )
    return parser


def _add_secret_key_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--secret-key-file",
        metavar="FILE",
        type=Path,
        help="file with the secret key that encrypts the database; without the option,"
        " secret.key in the data directory. AIODOCKERCLOUD_SECRET_KEY may have the key"
        " itself",
    )


def _checked(
    convert: Callable[[str], T], check: Callable[[T], U]
) -> Callable[[str], U]:
    """Return a type of argparse that reports the message of a failed check.

    Args:
        convert: Converts the text, such as ``int``.
        check: One of the functions of :mod:`aiodockercloud.checks`.
    """

    def checked(text: str) -> U:
        try:
            value = convert(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
        try:
            return check(value)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return checked


def _node_engine(text: str) -> tuple[str, str]:
    """Return name and URL of ``NAME=URL``."""
    name, separator, url = text.partition("=")
    if not name or not separator:
        raise ValueError(f"{redact(text)!r} is not NAME=URL")
    return name, checks.docker_url(url)


if __name__ == "__main__":
    sys.exit(main())
