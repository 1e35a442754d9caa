"""Serving: a control plane with its store, and its application on a socket."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from .. import checks
from .api.connections import Connections
from .api.guard import GUARD
from .api.one_route import OneRoute
from .control.control_plane import ControlPlane
from .engines import Engine
from .settings import Settings
from .state.store import Store
from .tls import Certificate

__all__ = ["DEFAULT_USER", "Listening", "control_plane", "serving"]

log: logging.Logger = logging.getLogger(__name__)

#: Connections that may wait to be accepted.
_BACKLOG = 1024
#: Connections that are accepted at once. Four times as many may be open before the
#: first of them is counted, or closed: a part of the files that ``Capacity`` leaves
#: for other purposes.
_ACCEPTED_AT_ONCE = 32
#: The first account's user, if the caller names none.
DEFAULT_USER = "admin"


@dataclass(frozen=True)
class Listening:
    """The address and the first account of a server that accepts requests.

    Attributes:
        url: The REST address, ``http://HOST:PORT`` or ``https://HOST:PORT``, without a
            slash at the end.
        user: The user of the first account.
        apikey: The API key of ``user``; None for a key of an earlier start.
        key_replaced: Whether the given key replaced another key of an earlier start.
        certificate: The certificate of the server; None without TLS.
    """

    url: str
    user: str
    apikey: str | None = field(repr=False)
    key_replaced: bool = False
    certificate: Certificate | None = field(default=None, repr=False)


def control_plane(
    engine: Engine,
    *,
    data_dir: str | Path | None,
    domain: str,
    image_poll: float | None,
    settings: Settings | None = None,
) -> ControlPlane:
    """Return a control plane with its store, not started yet.

    The arguments are those of :func:`aiodockercloud.server.running`.

    Raises:
        ValueError: An argument cannot be used; the message shows its value.
    """
    settings = settings or Settings()
    if image_poll is not None:
        poll = checks.duration(image_poll)
        settings = replace(settings, timings=replace(settings.timings, image_poll=poll))
    directory = checks.directory(data_dir) if data_dir else None
    checks.domain(domain)
    store = Store(
        directory,
        lock_timeout=settings.timings.database_lock,
        retry=settings.timings.database_retry,
        settings=settings.storage,
    )
    return ControlPlane(engine, store, domain=domain, settings=settings)


@asynccontextmanager
async def serving(
    cloud: ControlPlane,
    app: web.Application,
    *,
    host: str,
    port: int,
    user: str | None,
    apikey: str | None,
    public_url: str | None,
    allowed_hosts: Iterable[str] = (),
    tls_cert: str | Path | None = None,
    tls_key: str | Path | None = None,
    insecure_plain_http: bool = False,
) -> AsyncIterator[Listening]:
    """Serve an application while the block runs, then close its control plane.

    The arguments are those of :func:`aiodockercloud.server.running`.

    Raises:
        ValueError: An argument cannot be used; the message shows its value, unless the
            argument is the API key.
        OSError: The server cannot listen on the port, or cannot use its database.
        EngineError: The engine cannot start.
    """
    user = checks.user(user or DEFAULT_USER)
    public_url = checks.http_url(public_url) if public_url else None
    trusted = [checks.host(name) for name in allowed_hosts]
    if public_url:
        trusted.append(urlsplit(public_url).hostname or "")
    app[GUARD].allow_hosts(checks.host(host), trusted)
    certificate = _certificate(tls_cert, tls_key)
    timings = cloud.settings.timings
    # aiohttp waits once for the end of requests, and once for their cancellation.
    seconds = timings.shutdown / 3
    runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=seconds)
    # Bound first: containers that continue at the start receive this address.
    listening = _listen(host, checks.port(port))
    try:
        if certificate is None and not insecure_plain_http:
            _require_loopback(host, listening)
        name = f"[{host}]" if ":" in host else host
        scheme = "http" if certificate is None else "https"
        url = f"{scheme}://{name}:{listening.getsockname()[1]}"
        cloud.rest_host = (public_url or url).rstrip("/")
        await runner.setup()
        assert runner.server is not None
        server = runner.server
        server.request_handler = OneRoute(app, server.request_handler)
        capacity = app[GUARD].capacity
        connections = Connections(
            server,
            capacity.connections,
            timings,
            certificate.context if certificate is not None else None,
        )
        async with _accepting(connections, listening):
            user = user or DEFAULT_USER
            apikey, replaced = cloud.accounts.open(user, apikey)
            try:
                await cloud.store.flush()
            except OSError as error:
                # Reads are served, and writes as soon as the database can be written.
                log.warning("%s; the server refuses changes until this ends", error)
            yield Listening(url, user, apikey, replaced, certificate)
    finally:
        await runner.cleanup()
        await cloud.close()
        listening.close()


@asynccontextmanager
async def _accepting(
    connections: Connections, listening: socket.socket
) -> AsyncIterator[None]:
    """Accept connections while the block runs."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        connections, sock=listening, backlog=_ACCEPTED_AT_ONCE
    )
    listening.listen(_BACKLOG)  # asyncio uses one number for both
    try:
        yield
    finally:
        server.close()
        connections.end_handshakes()


def _certificate(
    certificate: str | Path | None, key: str | Path | None
) -> Certificate | None:
    """Return the certificate of the server, if one is given.

    Raises:
        ValueError: One of the two files is missing, or they cannot be used.
    """
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise ValueError("TLS needs a certificate and its key: give both, or neither")
    return Certificate(certificate, key)


def _require_loopback(host: str, listening: socket.socket) -> None:
    """Check that only this machine reaches a server without TLS.

    Raises:
        ValueError: Other machines reach the server.
    """
    if not ipaddress.ip_address(listening.getsockname()[0]).is_loopback:
        raise ValueError(
            f"other machines reach {host!r}, and without TLS the network sees all keys:"
            " set --tls-cert and --tls-key (tls_cert=, tls_key=), or, if a proxy or a"
            " private network protects the server, --insecure-plain-http"
            " (insecure_plain_http=True)"
        )


def _listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an IPv4 or IPv6 address.

    Raises:
        OSError: The address is not one of this machine, or in use.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(
            error.errno, f"cannot listen on {host}, port {port}: {reason}"
        ) from error
