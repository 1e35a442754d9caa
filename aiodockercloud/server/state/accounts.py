"""Accounts with API keys; the server keeps only hashes of the keys.

An account that is not scoped is an operator's and may use every namespace. The keys of
containers with the role ``global`` are scoped to one namespace.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import asdict, dataclass, field
from typing import Any

from ... import wire
from .errors import CredentialsRefused, NamespaceRefused
from .store import Store

#: The kind under which accounts are stored.
ACCOUNT = "account"
_SCRYPT = {"n": 2**12, "r": 8, "p": 1}


@dataclass(frozen=True, slots=True)
class Account:
    """One set of credentials.

    ``namespace`` is the namespace of requests whose path has none.
    """

    user: str
    namespace: str
    salt: str = field(repr=False)
    hash: str = field(repr=False)
    #: The account may use its own namespace only.
    scoped: bool = False


def _bytes(text: str) -> bytes:
    # A header's bytes that are not UTF-8 arrive as lone surrogates.
    return text.encode(errors="surrogatepass")


#: The account of requests that need no credentials.
ANONYMOUS = Account("", "", "", "", scoped=True)


def _hash(key: str, salt: str) -> str:
    return hashlib.scrypt(_bytes(key), salt=bytes.fromhex(salt), **_SCRYPT).hex()


class Accounts:
    """The accounts of a server, by user."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._accounts: dict[str, Account] = {}
        # scrypt is slow on purpose; checked credentials are remembered by a fast digest
        # with a secret that only this process has.
        self._secret = secrets.token_bytes(32)
        self._checked: dict[bytes, Account] = {}

    def has(self, user: str) -> bool:
        """Return whether the user has an account."""
        return user in self._accounts

    def load(self, body: dict[str, Any]) -> None:
        """Load an account from the store."""
        account = Account(**body)
        self._accounts[account.user] = account

    def add(
        self, user: str, key: str, *, namespace: str | None = None, scoped: bool = False
    ) -> Account:
        """Create an account, or replace the key of an existing one."""
        salt = secrets.token_hex(16)
        account = Account(user, namespace or user, salt, _hash(key, salt), scoped)
        self._accounts[user] = account
        self._checked.clear()
        self._store.put_row(ACCOUNT, user, asdict(account))
        return account

    def remove(self, user: str) -> None:
        """Remove an account, if the user has one."""
        if self._accounts.pop(user, None) is not None:
            self._checked.clear()
            self._store.put_row(ACCOUNT, user, None)

    def for_container(self, uuid: str, namespace: str) -> str:
        """Return a new ``DOCKERCLOUD_AUTH`` for a container with the role ``global``.

        The credentials are valid for the namespace until the container is terminated.
        """
        key = secrets.token_urlsafe(32)
        user = f"container-{uuid}"
        self.add(user, key, namespace=namespace, scoped=True)
        return wire.basic_auth(user, key)

    def forget_container(self, uuid: str) -> None:
        """Remove the account of a container."""
        self.remove(f"container-{uuid}")

    def authenticate(self, credentials: tuple[str, str] | None) -> Account:
        """Return the account of a user and key.

        Raises:
            CredentialsRefused: The credentials are missing or wrong.
        """
        if credentials is None:
            raise CredentialsRefused(
                "credentials are missing: send Authorization: Basic"
            )
        user, key = credentials
        digest = hmac.digest(self._secret, _bytes(f"{user}\0{key}"), "sha256")
        if (known := self._checked.get(digest)) is not None:
            return known
        account = self._accounts.get(user)
        if account is None or not hmac.compare_digest(
            _hash(key, account.salt), account.hash
        ):
            raise CredentialsRefused("the user or the API key is wrong")
        self._checked[digest] = account
        return account

    def namespace(self, account: Account, wanted: str | None) -> str:
        """Return the namespace of a request: the one in its path, or the account's.

        Raises:
            NamespaceRefused: The account may not use the namespace.
        """
        if wanted is None or wanted == account.namespace:
            return account.namespace
        if account.scoped and account is not ANONYMOUS:
            raise NamespaceRefused(f"these credentials do not reach namespace {wanted}")
        return wanted
