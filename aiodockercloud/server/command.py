"""``aiodockercloud serve``, ``restore`` and ``rekey``: the commands of the server."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .. import checks
from . import log
from .api.app import make_app
from .api.capacity import allow_files
from .engines import Engine, EngineError
from .engines.embedded import Embedded, EmbeddedSettings
from .garbage import collected_seldom, keep_loaded
from .serving import DEFAULT_USER, control_plane, serving
from .settings import Settings, Storage, Timings
from .state import maintenance
from .state.vault import VARIABLE, SecretKeys

__all__ = ["ServeOptions", "rekey", "restore", "serve"]


@dataclass(frozen=True, kw_only=True)
class ServeOptions:
    """The options of ``aiodockercloud serve``, checked; docs/server.rst describes each.

    Attributes:
        node_engine: The Docker Engines of Swarm nodes, as names and URLs.
        image_poll: Seconds between two checks for pushed images.
        shutdown_timeout: Seconds within which the server ends after a signal.
    """

    engine: Literal["embedded", "swarm"] = "embedded"
    host: str = "127.0.0.1"
    port: int = 8008
    data_dir: Path | None = None
    secret_key_file: Path | None = None
    fsync: bool = False
    nodes: int = 1
    privileged_ports: bool = False
    node_engine: tuple[tuple[str, str], ...] = ()
    image_poll: float = 300.0
    public_url: str | None = None
    tls_cert: str | None = None
    tls_key: str | None = None
    insecure_plain_http: bool = False
    allowed_host: tuple[str, ...] = ()
    shutdown_timeout: float = 10.0
    domain: str = ""
    log_level: str = "warning"
    log_format: str = "text"
    access_log: bool = False
    metrics_public: bool = False


def restore(file: Path, data_dir: Path, secret_key_file: Path | None) -> None:
    """Make a backup the database of a data directory that no server uses.

    Raises:
        OSError: The files cannot be read or changed.
    """
    former = maintenance.restore(file, data_dir, _keys(data_dir, secret_key_file))
    if former is not None:
        _note(f"the former database is {former}")


def rekey(data_dir: Path, secret_key_file: Path | None) -> None:
    """Encrypt the database of a data directory that no server uses with a new key.

    Raises:
        OSError: The files cannot be read or changed.
    """
    keys = _keys(data_dir, secret_key_file)
    maintenance.change_key(data_dir, keys)
    _note(f"the database is encrypted with the new key in {keys.place}")


def _keys(data_dir: Path, secret_key_file: Path | None) -> SecretKeys:
    text = _secret_key()
    return SecretKeys(data_dir, text=text, file=secret_key_file)


def _secret_key() -> str | None:
    return os.environ.get(VARIABLE) or None


async def serve(options: ServeOptions) -> int:
    """Run a server until SIGTERM or SIGINT and return the exit status.

    When the server is ready, one line with its address is printed on standard output.

    Raises:
        OSError: The server cannot start.
    """
    log.configure(options.log_level, options.log_format, sys.stderr)
    if options.access_log:
        log.ACCESS.setLevel("INFO")
    user = os.environ.get("DOCKERCLOUD_USER") or DEFAULT_USER
    try:
        checks.user(user)
    except ValueError as error:
        print(f"aiodockercloud: DOCKERCLOUD_USER: {error}", file=sys.stderr)
        return 2
    try:
        apikey = os.environ.get("DOCKERCLOUD_APIKEY", "")
        # A blank text is a variable that was not set, and must never be a key.
        with collected_seldom():
            await _run(options, user, apikey if apikey.strip() else None)
    except ValueError as error:  # options that cannot be used together
        print(f"aiodockercloud: {error}", file=sys.stderr)
        return 2
    except EngineError as error:
        print(f"aiodockercloud: {error}", file=sys.stderr)
        return 1
    return 0


def _engine(options: ServeOptions) -> Engine:
    """Return the engine that the options select."""
    if options.engine == "swarm":
        from .engines.swarm import Swarm  # noqa: PLC0415 - only this needs aiodocker

        return Swarm(node_engines=dict(options.node_engine))
    settings = EmbeddedSettings(privileged_ports=options.privileged_ports)
    return Embedded(nodes=options.nodes, settings=settings)


async def _run(options: ServeOptions, user: str, apikey: str | None) -> None:
    settings = Settings(
        metrics_public=options.metrics_public,
        timings=Timings(shutdown=options.shutdown_timeout),
        storage=Storage(
            fsync=options.fsync,
            secret_key_file=options.secret_key_file,
            secret_key=_secret_key(),
        ),
    )
    if warning := allow_files(settings.limits):
        _note(warning)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    cloud = control_plane(
        _engine(options),
        data_dir=options.data_dir,
        domain=options.domain,
        image_poll=options.image_poll,
        settings=settings,
    )
    async with serving(
        cloud,
        make_app(cloud),  # without faults
        host=options.host,
        port=options.port,
        user=user,
        apikey=apikey,
        public_url=options.public_url,
        allowed_hosts=options.allowed_host,
        tls_cert=options.tls_cert,
        tls_key=options.tls_key,
        insecure_plain_http=options.insecure_plain_http,
    ) as server:
        keep_loaded()
        if server.certificate is not None:
            loop.add_signal_handler(signal.SIGHUP, server.certificate.reload)
        new = bool(server.apikey and apikey is None and not server.key_replaced)
        if server.key_replaced:
            _note(f"DOCKERCLOUD_APIKEY replaced the first API key of {server.user}")
        elif new:
            _note(
                f"created an API key for {server.user}, printed only now:"
                f" {server.apikey}"
            )
        print(f"aiodockercloud: ready on {server.url}", flush=True)
        if new:
            _note(
                "for commands in another terminal, store address and key:"
                f" aiodockercloud context add local {server.url} --user {server.user}"
            )
        await stop.wait()
        loop.call_later(options.shutdown_timeout, _give_up, options.shutdown_timeout)


def _give_up(seconds: float) -> None:
    """End the process at once: a container or a request does not end."""
    _note(f"did not end within {seconds:g} s, and ends now; no stored change is lost")
    os._exit(1)


def _note(text: str) -> None:
    """Print a line on standard error."""
    print(f"aiodockercloud: {text}", file=sys.stderr, flush=True)
