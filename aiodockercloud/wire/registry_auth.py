"""Credentials for the registry of an image, sent with a call. No I/O.

The header and its JSON are those of the Docker Engine.

Source: Docker Engine API reference, "Authentication".
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from . import json_text

__all__ = ["AUTH_FROM", "HEADER", "TOKEN_USER", "decode", "encode", "registry_of"]

#: The header with the credentials, as base64url of a JSON object.
HEADER: Final = "X-Registry-Auth"
#: The parameter that selects stored credentials instead, and its values.
AUTH_FROM: Final = "registryAuthFrom"
SPEC: Final = "spec"
PREVIOUS_SPEC: Final = "previous-spec"
#: The user whose password is an identity token, as Docker's credential helpers name it.
TOKEN_USER: Final = "<token>"
#: The keys of the object. Docker's clients send ``email`` and ``auth`` as well, and the
#: Engine ignores these two.
_KEYS: Final = frozenset(
    {"username", "password", "identitytoken", "serveraddress", "email", "auth"}
)


def encode(auth: Mapping[str, str]) -> str:
    """Return the value of the header for credentials.

    Raises:
        ValueError: The credentials have an unknown key, or are incomplete.
        TypeError: The credentials are no mapping, or a value is no text.
    """
    checked(auth)
    return base64.urlsafe_b64encode(json_text.dumps(dict(auth))).decode()


def decode(text: str) -> dict[str, str]:
    """Return the credentials in a header; no key is set without a value.

    Raises:
        ValueError: The text is no such header. The message contains nothing of it.
    """
    padded = text.replace("+", "-").replace("/", "_")
    padded += "=" * (-len(padded) % 4)
    try:
        raw = base64.b64decode(padded, altchars=b"-_", validate=True)
        auth = json_text.loads(raw)
    except (ValueError, RecursionError, binascii.Error):
        raise ValueError("must be a JSON object in base64url") from None
    try:
        return checked(auth)
    except TypeError as error:
        raise ValueError(str(error)) from None


def checked(auth: Mapping[str, str]) -> dict[str, str]:
    """Return the keys of credentials that have a value; empty credentials are valid.

    Raises:
        ValueError: A key is unknown, or the credentials are incomplete.
        TypeError: The credentials are no mapping, or a value is no text.
    """
    if not isinstance(auth, Mapping):
        raise TypeError("must be an object with username and password")
    if unknown := sorted(map(str, auth.keys() - _KEYS)):
        raise ValueError(
            f"has no key {unknown[0]!r}; keys are username, password, identitytoken"
            " and serveraddress"
        )
    if not all(isinstance(value, str) for value in auth.values()):
        raise TypeError("must have texts as values")
    found = {key: value for key, value in auth.items() if value}
    if ("username" in found) != ("password" in found):
        raise ValueError("needs both username and password, or identitytoken")
    return found


def registry_of(server_address: str) -> str:
    """Return the registry that ``serveraddress`` names, with a scheme or without.

    Raises:
        ValueError: The text is no address.
    """
    # Here, because a client without credentials of a registry parses no name.
    from .images import DOCKER_HUB, ImageName  # noqa: PLC0415

    address = server_address if "://" in server_address else f"//{server_address}"
    try:
        host = urlsplit(address).netloc
        name = ImageName.parse(f"{host}/image")
    except ValueError:
        raise ValueError("has a serveraddress that is no address") from None
    return DOCKER_HUB if name.on_hub else host
