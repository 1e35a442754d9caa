"""Credentials from the environment and from files, when the caller passes none.

Source: Docker Cloud API reference, "Authentication"; the order is that of the official
Python client.
"""

from __future__ import annotations

import asyncio
import binascii
import configparser
import json
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import wire
from ..exceptions import AuthError
from . import diagnostics
from .settings import DEFAULT_TIMINGS

__all__ = ["resolve"]

#: The key of the account in ``config.json``: Docker Cloud used Docker Hub's accounts.
INDEX = "https://index.docker.io/v1/"


async def resolve(
    dialect: wire.Dialect,
    environ: Mapping[str, str],
    *,
    helper_timeout: float = DEFAULT_TIMINGS.credential_helper,
) -> str | None:
    """Return the value of ``Authorization``, or ``None`` without credentials.

    The first of these sources counts: ``DOCKERCLOUD_AUTH``, unchanged;
    ``DOCKERCLOUD_USER`` with ``DOCKERCLOUD_APIKEY``; ``DOCKERCLOUD_USER`` with
    ``DOCKERCLOUD_PASS``; the credentials of ``docker login`` in
    ``~/.docker/config.json`` (or in the folder ``DOCKER_CONFIG``), credential helpers
    included. Tutum has variables of its own (``TUTUM_…``) and the file ``~/.tutum``.

    Args:
        dialect: The API, which determines the names of the variables and the file.
        environ: The environment variables.
        helper_timeout: Seconds for the answer of a credential helper.

    Raises:
        AuthError: A file cannot be read or has another format, or the credential
            helper that the file names is missing, does not answer in time or answers
            in another format.
    """
    prefix = dialect.env_prefix
    if auth := environ.get(f"{prefix}_AUTH"):
        diagnostics.credentials_found(f"{prefix}_AUTH of the environment")
        return auth
    if user := environ.get(f"{prefix}_USER"):
        for name in ("APIKEY", "PASS"):
            if key := environ.get(f"{prefix}_{name}"):
                diagnostics.credentials_found(
                    f"{prefix}_USER and {prefix}_{name} of the environment"
                )
                return wire.basic_auth(user, key)
    if dialect == wire.TUTUM:
        path = Path.home() / ".tutum"
        found = await asyncio.to_thread(_from_tutum_file, path)
    else:
        folder = environ.get("DOCKER_CONFIG")
        path = (Path(folder) if folder else Path.home() / ".docker") / "config.json"
        found = await _from_docker_config(path, helper_timeout)
    missing = f"none in the environment and in {path}"
    diagnostics.credentials_found(missing if found is None else str(path))
    return found


async def _from_docker_config(path: Path, helper_timeout: float) -> str | None:
    text = await asyncio.to_thread(_read, path)
    if text is None:
        return None
    try:
        config = json.loads(text)
    except ValueError:
        raise AuthError(f"{path} is not JSON") from None
    if not isinstance(config, dict):
        raise AuthError(f"{path} is not a JSON object")
    if encoded := _member(_member(config, "auths"), INDEX).get("auth"):
        try:
            user, colon, _ = b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, TypeError, ValueError):
            user = colon = ""
        if not user or not colon:
            raise AuthError(f"{path}: the auth of {INDEX} is not base64 of user:key")
        return f"Basic {encoded}"
    if store := _member(config, "credHelpers").get(INDEX) or config.get("credsStore"):
        return await _from_helper(f"docker-credential-{store}", helper_timeout)
    return None


def _member(config: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = config.get(key)
    return value if isinstance(value, Mapping) else {}


async def _from_helper(program: str, seconds: float) -> str | None:
    """Run a credential helper of Docker, which reads the index and prints JSON."""
    try:
        process = await asyncio.create_subprocess_exec(
            program,
            "get",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError as exc:
        raise AuthError(
            f"the credential helper {program} cannot be run: {exc.strerror}"
        ) from exc
    try:
        async with asyncio.timeout(seconds):
            answer, _ = await process.communicate(INDEX.encode())
    except TimeoutError:
        raise AuthError(f"{program} gave no answer in {seconds:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        return None  # the helper has no credentials for the index
    try:
        found = json.loads(answer)
        return wire.basic_auth(found["Username"], found["Secret"])
    except (ValueError, TypeError, KeyError):
        # From None, because the parser's error quotes the answer, which is a secret.
        raise AuthError(f"{program} did not answer Username and Secret") from None


def _from_tutum_file(path: Path) -> str | None:
    text = _read(path)
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


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as exc:
        raise AuthError(f"{path} cannot be read: {type(exc).__name__}") from exc
