"""API keys: what the server stores of a key, and how a presented key is compared.

A key that the server made has 256 random bits, so that one fast hash suffices. A key
that a person chose, in ``DOCKERCLOUD_APIKEY``, may be short: its hash is slow (scrypt).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass, field, replace

from .records import new_uuid

_SCRYPT = {"n": 2**12, "r": 8, "p": 1}
#: Characters of a made key that the server stores and lists, to tell keys apart.
_PREFIX = 8


@dataclass(frozen=True, slots=True)
class Key:
    """One API key of a user.

    Attributes:
        user: The user who presents the key.
        scopes: The scopes, without those that they include.
        namespace: The only namespace of the key; None for those of the account.
        name: A text for people.
        prefix: The first characters of a made key; empty for a chosen key.
        hash: The hash of the key.
        salt: The salt of a chosen key's hash; empty for a made key.
        created: When the key was created, in seconds since 1970.
        expires: When the key expires; None for never.
        used: When the key was used last, or None. Stored once a minute at most.
        container: The uuid of the container that has the key; the key ends with the
            container.
    """

    user: str
    scopes: tuple[str, ...]
    namespace: str | None = None
    name: str = ""
    prefix: str = ""
    hash: str = field(default="", repr=False)
    salt: str = field(default="", repr=False)
    created: float = field(default_factory=time.time)
    expires: float | None = None
    used: float | None = None
    container: str | None = None
    uuid: str = field(default_factory=new_uuid)

    @property
    def made(self) -> bool:
        """Whether the server made the key."""
        return not self.salt

    def matches(self, text: str) -> bool:
        """Return whether *text* is this key. Slow for a chosen key."""
        found = slow_hash(text, self.salt) if self.salt else fast_hash(text)
        return hmac.compare_digest(found, self.hash)


def make(key: Key) -> tuple[str, Key]:
    """Return a new random text, and *key* with its hash."""
    text = secrets.token_hex(32)
    return text, replace(key, prefix=text[:_PREFIX], hash=fast_hash(text))


def choose(key: Key, text: str, *, stored: bool = True) -> Key:
    """Return *key* with the hash of a text that a person chose. Slow.

    Args:
        key: The key without a hash.
        text: The text.
        stored: Whether the key is stored. Without the hash, which only a later process
            needs, no text matches the key, and every comparison costs the same.

    Raises:
        ValueError: The text is blank or contains a NUL character.
    """
    if not text.strip() or "\0" in text:
        raise ValueError(
            "an API key must not be empty or blank or contain NUL characters"
        )
    salt = secrets.token_hex(16)
    return replace(key, salt=salt, hash=slow_hash(text, salt) if stored else "")


def fast_hash(text: str) -> str:
    """Return the hash of a made key."""
    return hashlib.sha256(as_bytes(text)).hexdigest()


def slow_hash(text: str, salt: str) -> str:
    """Return the hash of a chosen key."""
    return hashlib.scrypt(as_bytes(text), salt=bytes.fromhex(salt), **_SCRYPT).hex()


def as_bytes(text: str) -> bytes:
    """Return a text of a header; bytes that are not UTF-8 arrive as lone surrogates."""
    return text.encode(errors="surrogatepass")
