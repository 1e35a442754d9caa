"""The ciphers of rows: AES-256-GCM, and Fernet for rows of database version 2.

A process derives a key for its rows from the secret key and a random salt, and counts
the nonces: no nonce is used twice with one key, however many rows are written. A row is
a mark, the salt, the nonce and the ciphertext. Rows without the mark are Fernet tokens
of database version 2; a row becomes the new form when the row is written again.
"""

from __future__ import annotations

import base64
import hmac
import os
from itertools import count

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

#: The first byte of a row; a Fernet token begins with another one.
_MARK = b"\x01"
#: Bytes of the salt and of the nonce.
_SALT, _NONCE = 16, 12


class Ciphers:
    """Encrypts with one key, and decrypts what any process encrypted with the key."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._rows = hmac.digest(key, b"rows", "sha256")
        #: Salt → the cipher of the process that has used the salt.
        self._ciphers: dict[bytes, AESGCM] = {}
        self._salt = os.urandom(_SALT)
        self._nonces = count()

    def encrypt(self, clear: bytes) -> bytes:
        """Return a text as ciphertext, which also detects a changed byte."""
        nonce = next(self._nonces).to_bytes(_NONCE, "big")
        sealed = self._cipher(self._salt).encrypt(nonce, clear, None)
        return b"".join((_MARK, self._salt, nonce, sealed))

    def decrypt(self, sealed: bytes) -> bytes:
        """Return the clear text.

        Raises:
            ValueError: The ciphertext was changed, or made with another key.
        """
        if not sealed.startswith(_MARK):
            return _decrypt_fernet(self._key, sealed)
        salt, rest = sealed[1 : 1 + _SALT], sealed[1 + _SALT :]
        try:
            return self._cipher(salt).decrypt(rest[:_NONCE], rest[_NONCE:], None)
        except InvalidTag:
            raise ValueError("the ciphertext was changed") from None

    def _cipher(self, salt: bytes) -> AESGCM:
        if (found := self._ciphers.get(salt)) is None:
            found = AESGCM(hmac.digest(self._rows, salt, "sha256"))
            self._ciphers[salt] = found
        return found


def _decrypt_fernet(key: bytes, token: bytes) -> bytes:
    # Local: only rows of an older version need this.
    from cryptography.fernet import Fernet, InvalidToken  # noqa: PLC0415

    try:
        return Fernet(base64.urlsafe_b64encode(key)).decrypt(token)
    except InvalidToken:
        raise ValueError("the token was changed") from None
