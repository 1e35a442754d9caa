"""Arguments of the client that would fail later, in the middle of a request."""

from __future__ import annotations

from aiohttp import ClientTimeout

from .. import wire

__all__ = ["basic_auth", "check_header", "check_texts", "client_timeout"]


def check_texts(**values: object) -> None:
    """Check arguments that are texts or ``None``.

    Raises:
        TypeError: A value has another type; the message has its name only.
    """
    for name, value in values.items():
        if not isinstance(value, str | None):
            raise TypeError(f"{name}: must be a text, not {type(value).__name__}")


def client_timeout(value: float | ClientTimeout | None) -> ClientTimeout:
    """Return the argument ``timeout`` as aiohttp has it; ``None`` sets no limit.

    Raises:
        TypeError: The value is neither a number nor a ``ClientTimeout``.
        ValueError: The number is not above 0.
    """
    if isinstance(value, ClientTimeout):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | None):
        raise TypeError(
            "timeout: must be a number of seconds or a ClientTimeout, not"
            f" {type(value).__name__}"
        )
    if value is not None and not value > 0:
        raise ValueError(f"timeout: must be above 0 s, not {value}")
    return ClientTimeout(total=value)


def basic_auth(user: str, key: str) -> str:
    """Return the value of ``Authorization`` for a user and a key.

    Line breaks at the end, as files with secrets have them, are left out.
    """
    return wire.basic_auth(user.rstrip("\r\n"), key.rstrip("\r\n"))


def check_header(auth: str, name: str) -> str:
    """Return a complete value of ``Authorization``, without line breaks at the end.

    Raises:
        ValueError: The value contains a control character; the message has the *name*.
    """
    auth = auth.rstrip("\r\n")
    if any(ord(char) < 32 or ord(char) == 127 for char in auth):
        raise ValueError(f"{name}: contains a control character")
    return auth
