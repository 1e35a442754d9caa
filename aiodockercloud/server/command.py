"""``aiodockercloud serve``, ``restore`` and ``rekey``: the commands of the server."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys

from .. import checks
from . import log
from .api.app import make_app
from .api.capacity import allow_files
from .engines import Engine, EngineError
from .engines.embedded import Embedded, EmbeddedSettings
from .serving import DEFAULT_USER, control_plane, serving
from .settings import Settings, Storage, Timings
from .state import maintenance
from .state.vault import VARIABLE, SecretKeys

__all__ = ["run", "serve"]


def run(options: argparse.Namespace) -> int:
    """Run a command of the server and return the exit status.

    Raises:
        OSError: The server cannot start, or the files cannot be changed.
    """
    if options.command == "serve":
        return asyncio.run(serve(options))
    storage, directory = _storage(options), checks.directory(options.data_dir)
    keys = SecretKeys(directory, text=storage.secret_key, file=storage.secret_key_file)
    if options.command == "rekey":
        maintenance.change_key(directory, keys)
        _note(f"the database is encrypted with the new key in {keys.place}")
    elif (former := maintenance.restore(options.file, directory, keys)) is not None:
        _note(f"the former database is {former}")
    return 0


def _storage(options: argparse.Namespace) -> Storage:
    """Return the settings of the database, with the secret key of the environment."""
    return Storage(
        fsync=getattr(options, "fsync", False),
        secret_key_file=options.secret_key_file,
        secret_key=os.environ.get(VARIABLE) or None,
    )


async def serve(options: argparse.Namespace) -> int:
    """Run a server until SIGTERM or SIGINT and return the exit status.

    When the server is ready, one line with its address is printed on standard output.
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
        await _run(options, user, apikey if apikey.strip() else None)
    except ValueError as error:  # options that cannot be used together
        print(f"aiodockercloud: {error}", file=sys.stderr)
        return 2
    except EngineError as error:
        print(f"aiodockercloud: {error}", file=sys.stderr)
        return 1
    return 0


def _engine(options: argparse.Namespace) -> Engine:
    """Return the engine that the options select."""
    if options.engine == "swarm":
        from .engines.swarm import Swarm  # noqa: PLC0415 - only this needs aiodocker

        return Swarm(node_engines=dict(options.node_engine))
    settings = EmbeddedSettings(privileged_ports=options.privileged_ports)
    return Embedded(nodes=options.nodes, settings=settings)


async def _run(options: argparse.Namespace, user: str, apikey: str | None) -> None:
    settings = Settings(
        metrics_public=options.metrics_public,
        timings=Timings(shutdown=options.shutdown_timeout),
        storage=_storage(options),
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
        if server.certificate is not None:
            loop.add_signal_handler(signal.SIGHUP, server.certificate.reload)
        if server.key_replaced:
            _note(f"DOCKERCLOUD_APIKEY replaced the first API key of {server.user}")
        elif server.apikey and apikey is None:
            _note(
                f"created an API key for {server.user}, printed only now:"
                f" {server.apikey}"
            )
        print(f"aiodockercloud: ready on {server.url}", flush=True)
        await stop.wait()
        loop.call_later(options.shutdown_timeout, _give_up, options.shutdown_timeout)


def _give_up(seconds: float) -> None:
    """End the process at once: a container or a request does not end."""
    _note(f"did not end within {seconds:g} s, and ends now; no stored change is lost")
    os._exit(1)


def _note(text: str) -> None:
    """Print a line on standard error."""
    print(f"aiodockercloud: {text}", file=sys.stderr, flush=True)
