"""The encryption of rows: every row is ciphertext, and names nothing but its kind.

A row contains definitions with variables, passwords of registries and tokens; the uuid
of a trigger is a secret as well. So the whole row is encrypted, and a keyed hash takes
the place of the row's key. AES-256-GCM also detects a changed byte.

A secret key is 32 random bytes as base64, as ``openssl rand -base64 32`` prints them. A
text may have several keys: the first one encrypts, the others decrypt what was
encrypted with them before.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import stat
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from ... import wire
from .files import MINE, check_owner, replace_file, warn

#: The name of the key file in the data directory.
KEY_FILE = "secret.key"
#: The variable that may contain the key instead of a file.
VARIABLE = "AIODOCKERCLOUD_SECRET_KEY"
_ADVICE = "a secret key is 32 random bytes as base64: openssl rand -base64 32"


class Damaged(ValueError):
    """A row cannot be decrypted with the key with which the database is encrypted."""


class Vault:
    """Encrypts and decrypts rows with one key.

    Attributes:
        fingerprint: A text that identifies the key and does not reveal the key.
    """

    def __init__(self, key: bytes) -> None:
        # Local: a server without a data directory starts without cryptography.
        from .ciphers import Ciphers  # noqa: PLC0415

        self._ciphers = Ciphers(key)
        self._names = hmac.digest(key, b"names of rows", "sha256")
        self.fingerprint: str = hmac.digest(key, b"fingerprint", "sha256").hex()[:16]

    def name(self, kind: str, key: str) -> str:
        """Return the hash that takes the place of a row's key."""
        return _hashed(self._names, kind, key)

    def seal(self, kind: str, key: str, body: bytes) -> bytes:
        """Return a row as ciphertext."""
        return self._ciphers.encrypt(wire.dumps([kind, key]) + b"\n" + body)

    def open(self, kind: str, name: str, sealed: bytes) -> tuple[str, bytes]:
        """Return the key and the body of a row.

        Raises:
            Damaged: The row was changed, or belongs to another place.
        """
        try:
            head, _, body = self._ciphers.decrypt(sealed).partition(b"\n")
        except (AttributeError, TypeError, ValueError):  # changed, or no bytes
            raise Damaged(f"a row of the kind {kind} cannot be decrypted") from None
        found, key = wire.loads(head)
        if found != kind or self.name(kind, key) != name:
            raise Damaged(f"a row of the kind {kind} is not in its place")
        return str(key), body


@lru_cache(maxsize=1024)  # the same objects change again and again
def _hashed(names: bytes, kind: str, key: str) -> str:
    return hmac.digest(names, wire.dumps([kind, key]), "sha256")[:16].hex()


class SecretKeys:
    """The secret keys of a server, from its environment or from a file.

    Args:
        directory: The data directory.
        text: The keys from the environment; without a text, the file counts.
        file: The key file; by default ``secret.key`` in the data directory.
    """

    def __init__(
        self, directory: Path, *, text: str | None = None, file: Path | None = None
    ) -> None:
        self._text = text
        self.file: Path = file or directory / KEY_FILE

    @property
    def in_environment(self) -> bool:
        """Whether the keys come from the environment."""
        return self._text is not None

    @property
    def place(self) -> str:
        """Return the place of the keys, for messages."""
        return VARIABLE if self.in_environment else str(self.file)

    def read(self) -> list[Vault]:
        """Return the keys, the encrypting one first; empty without a file.

        Raises:
            OSError: The text or the file has no usable key.
        """
        text = self._text
        if text is None:
            try:
                text = self.file.read_text("ascii", errors="replace")
            except FileNotFoundError:
                return []
            _check_rights(self.file)
        try:
            found = [Vault(_decode(word)) for word in _words(text)]
        except ValueError as error:
            raise OSError(f"cannot use {self.place}: {error}") from None
        if not found:
            raise OSError(f"cannot use {self.place}: it has no key; {_ADVICE}")
        return found

    def create(self) -> list[Vault]:
        """Return the keys; create the file with a random key if none exists."""
        if found := self.read():
            return found
        self.write([])
        return self.read()

    def write(self, old: Sequence[str]) -> None:
        """Write the file with a new random key, followed by old ones."""
        new = base64.b64encode(os.urandom(32)).decode()
        lines = "".join(f"{key}\n" for key in (new, *old))
        replace_file(self.file, lines.encode())

    def words(self) -> list[str]:
        """Return the keys of the file as texts."""
        return _words(self.file.read_text("ascii", errors="replace"))

    def keep_first(self) -> None:
        """Remove all keys but the first one from the file."""
        replace_file(self.file, f"{self.words()[0]}\n".encode())


def _words(text: str) -> list[str]:
    lines = (line.partition("#")[0] for line in text.splitlines())
    return [word for line in lines for word in line.split()]


def _decode(word: str) -> bytes:
    """Return the bytes of a key in either alphabet of base64.

    Raises:
        ValueError: The text is not a key; the message does not contain the text.
    """
    try:
        key = base64.b64decode(word.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != 32:
        raise ValueError(_ADVICE)
    return key


def _check_rights(file: Path) -> None:
    mode = stat.S_IMODE(check_owner(file).st_mode)
    if mode & 0o002:
        raise OSError(f"cannot use {file}: all users may write it; chmod 600 {file}")
    if mode & ~MINE:
        warn(f"other users may read the secret key: chmod 600 {file}")
