"""Credentials from the environment and from files, when the caller passes none.

The variables are meant for the client, whatever its server. Files are not: a file
contains the credentials of named hosts, and the client sends each only to its host.

Source: Docker Cloud API reference, "Authentication"; the order is that of the official
Python client.
"""

from __future__ import annotations

import asyncio
import binascii
import configparser
from base64 import b64decode
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from yarl import URL

from .. import wire
from ..exceptions import AuthError
from . import diagnostics
from .arguments import basic_auth, check_header
from .credential_helper import ask_helper
from .settings import DEFAULT_LIMITS, DEFAULT_TIMINGS, Limits, Timings

__all__ = ["resolve"]

#: The account of the hosted Docker Cloud in ``config.json``, that of Docker Hub.
INDEX = "https://index.docker.io/v1/"


async def resolve(
    dialect: wire.Dialect,
    environ: Mapping[str, str],
    addresses: tuple[str, str],
    *,
    timings: Timings = DEFAULT_TIMINGS,
    limits: Limits = DEFAULT_LIMITS,
) -> str | None:
    """Return the value of ``Authorization``, or ``None`` without credentials.

    The first of these sources counts: ``DOCKERCLOUD_AUTH``, unchanged;
    ``DOCKERCLOUD_USER`` with ``DOCKERCLOUD_APIKEY``; ``DOCKERCLOUD_USER`` with
    ``DOCKERCLOUD_PASS``; the credentials that ``~/.docker/config.json`` (or the file in
    the folder ``DOCKER_CONFIG``) has for the host of the server, credential helpers
    included. The credentials of Docker Hub belong to the hosts of the hosted Docker
    Cloud only. Tutum has variables of its own (``TUTUM_…``), and the file ``~/.tutum``
    for the hosts of the hosted Tutum.

    Credentials of a file are sent over https, or to a loopback address.

    Args:
        dialect: The API, which determines the names of the variables and the file.
        environ: The environment variables.
        addresses: The addresses of the REST API and of the streams, which both receive
            the credentials.
        timings: The durations, of which ``credential_helper`` is used.
        limits: The bounds, of which ``credential_bytes`` is used.

    Raises:
        AuthError: ``DOCKERCLOUD_AUTH`` contains a control character, a file cannot be
            read or has another format, or the credential helper that the file names is
            missing, does not answer in time or answers in another format.
    """
    prefix = dialect.env_prefix
    if auth := environ.get(f"{prefix}_AUTH"):
        diagnostics.credentials_found(f"{prefix}_AUTH of the environment")
        try:
            return check_header(auth, f"{prefix}_AUTH")
        except ValueError as exc:
            raise AuthError(str(exc)) from None
    if user := environ.get(f"{prefix}_USER"):
        for name in ("APIKEY", "PASS"):
            if key := environ.get(f"{prefix}_{name}"):
                diagnostics.credentials_found(
                    f"{prefix}_USER and {prefix}_{name} of the environment"
                )
                return basic_auth(user, key)
    account = _account(dialect, addresses)
    if account is None:
        missing = (
            "none in the environment; those of files are not sent over plain http,"
            " nor to two hosts"
        )
        diagnostics.credentials_found(missing)
        return None
    if dialect == wire.TUTUM:
        path = Path.home() / ".tutum"
        found = None
        if account == INDEX:
            found = await asyncio.to_thread(_from_tutum_file, path, limits)
    else:
        folder = environ.get("DOCKER_CONFIG")
        path = (Path(folder) if folder else Path.home() / ".docker") / "config.json"
        found = await _from_docker_config(path, account, timings, limits)
    missing = f"none in the environment, and none for {account} in {path}"
    diagnostics.credentials_found(missing if found is None else str(path))
    return found


def _account(dialect: wire.Dialect, addresses: tuple[str, str]) -> str | None:
    """Return the account whose stored credentials both addresses may receive.

    Returns:
        ``INDEX`` for the hosted service, else the host with its port. ``None`` when a
        connection is neither encrypted nor on this computer, or when the addresses are
        those of two servers.
    """
    hosted = {URL(dialect.rest_host).host, URL(dialect.stream_host).host}
    accounts = set()
    for url in map(URL, addresses):
        if url.scheme in ("http", "ws") and not _is_loopback(url.host or ""):
            return None
        accounts.add(INDEX if url.host in hosted else url.host_port_subcomponent)
    return accounts.pop() if len(accounts) == 1 else None


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


async def _from_docker_config(
    path: Path, account: str, timings: Timings, limits: Limits
) -> str | None:
    text = await asyncio.to_thread(_read, path, limits)
    if text is None:
        return None
    try:
        config = wire.loads(text)
    except ValueError:
        raise AuthError(f"{path} is not JSON") from None
    if not isinstance(config, dict):
        raise AuthError(f"{path} is not a JSON object")
    if encoded := _of_account(_member(config, "auths"), account).get("auth"):
        try:
            user, colon, _ = b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, TypeError, ValueError):
            user = colon = ""
        if not user or not colon:
            raise AuthError(f"{path}: the auth of {account} is not base64 of user:key")
        return f"Basic {encoded}"
    store = _member(config, "credHelpers").get(account) or config.get("credsStore")
    if not store:
        return None
    answer = await ask_helper(
        store,
        account,
        seconds=timings.credential_helper,
        most=limits.credential_bytes,
    )
    if answer is None:
        return None
    try:
        found = wire.loads(answer)
        user, key = found["Username"], found["Secret"]
        if not isinstance(user, str) or not isinstance(key, str) or ":" in user:
            raise TypeError
        return basic_auth(user, key)
    except (ValueError, TypeError, KeyError):
        # From None, because the parser's error quotes the answer, which is a secret.
        raise AuthError(
            f"docker-credential-{store} did not answer Username and Secret"
        ) from None


def _member(config: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = config.get(key)
    return value if isinstance(value, Mapping) else {}


def _of_account(auths: Mapping[str, Any], account: str) -> Mapping[str, Any]:
    """Return the entry of an account; Docker accepts keys with and without https."""
    for key in (account, f"https://{account}"):
        if key in auths:
            return _member(auths, key)
    return {}


def _from_tutum_file(path: Path, limits: Limits) -> str | None:
    text = _read(path, limits)
    if text is None:
        return None
    config = configparser.ConfigParser(interpolation=None)
    try:
        config.read_string(text)
    except configparser.Error:
        raise AuthError(f"{path} is not an ini file") from None
    if basic := config.get("auth", "basic_auth", fallback=""):
        return f"Basic {basic}"
    user = config.get("auth", "user", fallback="")
    key = config.get("auth", "apikey", fallback="")
    return wire.basic_auth(user, key) if user and key else None


def _read(path: Path, limits: Limits) -> str | None:
    """Return the text of a file; ``None`` without the file."""
    try:
        if not path.exists():
            return None
        if not path.is_file():  # opening a pipe would wait for its writer
            raise AuthError(f"{path} is not a file")
        with path.open("rb") as file:
            content = file.read(limits.credential_bytes + 1)
        if len(content) > limits.credential_bytes:
            raise AuthError(f"{path} is larger than {limits.credential_bytes} bytes")
        return content.decode()
    except (OSError, UnicodeDecodeError) as exc:
        raise AuthError(f"{path} cannot be read: {type(exc).__name__}") from exc
