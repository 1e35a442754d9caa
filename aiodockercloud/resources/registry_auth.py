"""The header with the credentials for the registry of an image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

from .. import types
from ..wire import registry_auth

__all__ = ["AuthFrom", "auth_params", "registry_headers"]

#: Which of its credentials a service uses when a call brings none.
AuthFrom = Literal["spec", "previous-spec"]


def auth_params(source: AuthFrom | None) -> dict[str, str]:
    """Return the parameter that selects stored credentials; none for the default."""
    return {} if source is None else {registry_auth.AUTH_FROM: source}


def registry_headers(auth: types.RegistryAuth | None) -> dict[str, str]:
    """Return the header for credentials; none without credentials.

    Args:
        auth: The credentials, in Docker's keys; an empty mapping removes those that the
            server has.

    Raises:
        ValueError: The credentials have an unknown key, or are incomplete.
        TypeError: The credentials are no mapping, or a value is no text.
    """
    if auth is None:
        return {}
    try:
        value = registry_auth.encode(cast(Mapping[str, Any], auth))
    except (TypeError, ValueError) as error:
        raise type(error)(f"registry_auth: {error}") from None
    return {registry_auth.HEADER: value}
