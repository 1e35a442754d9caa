"""``serve``, ``restore`` and ``rekey``: the commands of the server."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ... import checks
from ..frame import local_command
from ..loading import loading
from ..options import argument, option
from ..values import checked, node_engine

__all__ = ["add_to"]

_DataDir = Annotated[
    Any,
    option(
        "--data-dir",
        metavar="DIR",
        parser=checked(str, checks.directory),
        help="directory of the database",
    ),
]
_SecretKeyFile = Annotated[
    Path | None,
    option(
        "--secret-key-file",
        metavar="FILE",
        help="file with the secret key that encrypts the database; without the option,"
        " secret.key in the data directory. AIODOCKERCLOUD_SECRET_KEY may have the key"
        " itself",
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    local_command(app, "serve", examples=_SERVE)(serve)
    local_command(app, "restore")(restore)
    local_command(app, "rekey")(rekey)


_SERVE = """
    aiodockercloud serve
    aiodockercloud serve --data-dir ~/cloud --port 8080
    aiodockercloud serve --engine swarm
"""


def serve(
    *,
    engine: Annotated[
        Literal["embedded", "swarm"],
        option(
            help="engine that runs the containers (default: embedded)",
        ),
    ] = "embedded",
    host: Annotated[
        Any,
        option(
            metavar="HOST",
            parser=checked(str, checks.host),
            help="address to listen on (default: 127.0.0.1)",
        ),
    ] = "127.0.0.1",
    port: Annotated[
        Any,
        option(
            metavar="PORT",
            parser=checked(int, checks.port),
            help="port to listen on; 0 takes a free port (default: 8008)",
        ),
    ] = 8008,
    data_dir: Annotated[
        Any,
        option(
            metavar="DIR",
            parser=checked(str, checks.directory),
            help="directory of the database; without it, state is in memory",
        ),
    ] = None,
    secret_key_file: _SecretKeyFile = None,
    fsync: Annotated[
        bool,
        option(
            "--fsync",
            help="answer a change only when the change survives a loss of power;"
            " slower",
        ),
    ] = False,
    nodes: Annotated[
        Any,
        option(
            metavar="NUMBER",
            parser=checked(int, checks.nodes),
            help="nodes of the embedded engine (default: 1)",
        ),
    ] = 1,
    privileged_ports: Annotated[
        bool,
        option(
            "--privileged-ports",
            help="let containers of the embedded engine open ports below 1024 of this"
            " host",
        ),
    ] = False,
    node_engine: Annotated[
        list[Any] | None,
        option(
            metavar="NAME=URL",
            parser=checked(str, node_engine),
            help="Docker Engine of a Swarm node, by hostname or id, for exec on that"
            " node and for all else that only the node's engine can do; may be given"
            " several times",
        ),
    ] = None,
    image_poll: Annotated[
        Any,
        option(
            metavar="SECONDS",
            parser=checked(float, checks.duration),
            help="seconds between two checks for pushed images, for services with"
            " autoredeploy (default: 300)",
        ),
    ] = 300.0,
    public_url: Annotated[
        Any,
        option(
            metavar="URL",
            parser=checked(str, checks.http_url),
            help="address at which containers reach this server (default: the address"
            " that the server listens on)",
        ),
    ] = None,
    tls_cert: Annotated[
        str | None,
        option(
            metavar="FILE",
            help="certificate of the server, in PEM, with those that signed it; read"
            " again on SIGHUP",
        ),
    ] = None,
    tls_key: Annotated[
        str | None,
        option(
            metavar="FILE",
            help="private key of the certificate, in PEM and without a password",
        ),
    ] = None,
    insecure_plain_http: Annotated[
        bool,
        option(
            "--insecure-plain-http",
            help="listen without TLS on an address that other machines reach, although"
            " the network then sees all keys; for servers behind a proxy",
        ),
    ] = False,
    allowed_host: Annotated[
        list[Any] | None,
        option(
            metavar="HOST",
            parser=checked(str, checks.host),
            help="further name or address that clients use for this server, without a"
            " port; may be given several times",
        ),
    ] = None,
    shutdown_timeout: Annotated[
        Any,
        option(
            metavar="SECONDS",
            parser=checked(float, checks.duration),
            help="seconds within which the server ends after a signal (default: 10)",
        ),
    ] = 10.0,
    domain: Annotated[
        Any,
        option(
            metavar="DOMAIN",
            parser=checked(str, checks.domain),
            help="last part of the public DNS names; without a domain, public names"
            " are addresses of nodes",
        ),
    ] = "",
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        option(help="lowest level of the log on standard error (default: warning)"),
    ] = "warning",
    log_format: Annotated[
        Literal["text", "json"],
        option(
            help="form of the log: lines of text, or a JSON object on each line"
            " (default: text)",
        ),
    ] = "text",
    access_log: Annotated[
        bool,
        option(
            "--access-log",
            help="log one line for each request, whatever the level of the log",
        ),
    ] = False,
    metrics_public: Annotated[
        bool,
        option(
            "--metrics-public",
            help="serve /metrics without a key, for a network that only you can reach",
        ),
    ] = False,
) -> int:
    """Serve the Docker Cloud API.

    DOCKERCLOUD_USER and DOCKERCLOUD_APIKEY name the first account. Without them the
    first start creates an API key and prints it once, on standard error.
    """
    with loading():
        from ...server import command  # noqa: PLC0415 - the plain install has none
    options = command.ServeOptions(
        engine=engine,
        host=host,
        port=port,
        data_dir=data_dir,
        secret_key_file=secret_key_file,
        fsync=fsync,
        nodes=nodes,
        privileged_ports=privileged_ports,
        node_engine=tuple(node_engine or ()),
        image_poll=image_poll,
        public_url=public_url,
        tls_cert=tls_cert,
        tls_key=tls_key,
        insecure_plain_http=insecure_plain_http,
        allowed_host=tuple(allowed_host or ()),
        shutdown_timeout=shutdown_timeout,
        domain=domain,
        log_level=log_level,
        log_format=log_format,
        access_log=access_log,
        metrics_public=metrics_public,
    )
    try:
        return asyncio.run(command.serve(options))
    except KeyboardInterrupt:  # before the server handles the signal itself
        return 0


def restore(
    *,
    file: Annotated[Path, argument(help="the file of aiodockercloud backup")],
    data_dir: _DataDir,
    secret_key_file: _SecretKeyFile = None,
) -> None:
    """Make a backup the database of a data directory.

    No server may use the directory. The former database is kept under another name.
    """
    from ...server import command  # noqa: PLC0415 - the plain install has none

    command.restore(file, data_dir, secret_key_file)


def rekey(*, data_dir: _DataDir, secret_key_file: _SecretKeyFile = None) -> None:
    """Encrypt the database of a data directory with a new secret key.

    No server may use the directory. Older backups still need the former key.
    """
    from ...server import command  # noqa: PLC0415 - the plain install has none

    command.rekey(data_dir, secret_key_file)
