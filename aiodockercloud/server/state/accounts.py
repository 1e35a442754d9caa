"""Accounts and their API keys: who may use which namespaces, and do what.

An operator's account may use every namespace, and change what all namespaces share. Any
other account may use its own namespaces. A key has scopes, and may be limited to one
namespace. The server keeps only hashes of keys.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from ... import wire
from ...wire.scopes import ADMIN, DEPLOY, EXEC, READ, with_implied
from ..settings import Settings
from . import keys as key_texts
from .access import ANONYMOUS, Access
from .attempts import Attempts
from .errors import CredentialsRefused, NamespaceRefused
from .keys import Key, as_bytes
from .store import Store

#: The kinds under which accounts and keys are stored.
ACCOUNT, KEY = "account", "key"
#: The name of the key that a start of the server makes, or takes from its environment.
FIRST_KEY = "first key"
#: The scopes of the key of a container with the role ``global``.
CONTAINER_SCOPES = (DEPLOY, EXEC)
#: Seconds between two changes of a key's date of use in the store.
_USED = 60.0
#: Headers that the server recognizes. A key has one header, unless its owner varies it.
_MOST_RECOGNIZED = 4096


@dataclass(frozen=True, slots=True)
class Account:
    """A user.

    Attributes:
        user: The name of the user.
        namespaces: The namespaces of the user; the first one is the namespace of
            requests whose path has none.
        operator: Whether the user may use all namespaces.
    """

    user: str
    namespaces: tuple[str, ...]
    operator: bool = False


class Accounts:
    """The accounts and keys of a server.

    Args:
        store: The durable storage.
        settings: The limits of failed attempts.
    """

    def __init__(self, store: Store, settings: Settings | None = None) -> None:
        self._store = store
        self._accounts: dict[str, Account] = {}
        self._keys: dict[str, Key] = {}
        #: User → uuid → key.
        self._of_user: dict[str, dict[str, Key]] = defaultdict(dict)
        #: Compared credentials, by a fast digest with a secret of this process.
        self._secret = secrets.token_bytes(32)
        self._compared: dict[bytes, Access] = {}
        #: The headers with such credentials, by the same digest.
        self._recognized: dict[bytes, Access] = {}
        #: Uuid of a chosen key → the digest of its credentials, once they are known.
        self._known: dict[str, bytes] = {}
        self._attempts = Attempts(settings or Settings())
        #: Called with the uuid of each key that was revoked, or reaches less.
        self.on_revoked: Callable[[str], None] = lambda _: None

    # --- the store ------------------------------------------------------------------

    def load(self, kind: str, body: dict[str, Any]) -> None:
        """Load an account or a key from the store."""
        if kind == KEY:
            self._put_key(Key(**{**body, "scopes": tuple(body["scopes"])}))
        elif "hash" in body:
            self._load_first_version(body)
        else:
            account = Account(**{**body, "namespaces": tuple(body["namespaces"])})
            self._accounts[account.user] = account

    def revert(self, kind: str, key: str, before: dict[str, Any] | None) -> None:
        """Take a change of a refused request back.

        Args:
            kind: The kind of the row.
            key: The user of an account, or the uuid of a key.
            before: The row before the change; None for a new row.
        """
        self._forget_compared()
        if before is not None:
            self.load(kind, before)
        elif kind == ACCOUNT:
            self._accounts.pop(key, None)
        elif (made := self._keys.pop(key, None)) is not None:
            self._of_user.get(made.user, {}).pop(key, None)

    def _load_first_version(self, body: dict[str, Any]) -> None:
        """Convert a row with the only key of an account, and the account."""
        user, namespace = body["user"], body["namespace"]
        container = user.removeprefix("container-") if body["scoped"] else None
        if container:
            self._store.put_row(ACCOUNT, user, None)
        else:
            self.put(Account(user, (namespace,), operator=True))
        scopes = (READ, DEPLOY, EXEC) if container else (ADMIN,)
        self._save_key(
            Key(
                user,
                scopes,
                namespace if container else None,
                "" if container else FIRST_KEY,
                hash=body["hash"],
                salt=body["salt"],
                container=container,
            )
        )

    def _put_key(self, key: Key) -> None:
        self._keys[key.uuid] = key
        self._of_user[key.user][key.uuid] = key

    def _save_key(self, key: Key) -> None:
        self._put_key(key)
        self._store.put_row(KEY, key.uuid, {**asdict(key), "scopes": list(key.scopes)})

    # --- accounts -------------------------------------------------------------------

    @property
    def all(self) -> list[Account]:
        """The accounts, by user."""
        return sorted(self._accounts.values(), key=lambda account: account.user)

    def get(self, user: str) -> Account | None:
        """Return the account of a user."""
        return self._accounts.get(user)

    def has(self, user: str) -> bool:
        """Return whether the user has an account."""
        return user in self._accounts

    def put(self, account: Account) -> None:
        """Add or change an account; open streams end if the account reaches less."""
        before = self._accounts.get(account.user)
        self._accounts[account.user] = account
        self._forget_compared()
        row = {**asdict(account), "namespaces": list(account.namespaces)}
        self._store.put_row(ACCOUNT, account.user, row)
        if before is not None and _reaches_less(account, before):
            for uuid in self._of_user[account.user]:
                self.on_revoked(uuid)

    def add(
        self,
        user: str,
        key: str,
        *,
        namespace: str | None = None,
        operator: bool = True,
    ) -> Account:
        """Create an account with a chosen key, or replace that key of the account.

        Raises:
            ValueError: The key is empty.
        """
        account = Account(user, (namespace or user,), operator)
        chosen = key_texts.choose(_first_key(user), key)
        self.put(account)
        self._replace_first_key(chosen)
        return account

    def open(self, user: str, key: str | None) -> tuple[str | None, bool]:
        """Create or open the operator's account at the start of the server. Slow.

        Args:
            user: The user.
            key: The key that the environment sets; None to keep the stored key.

        Returns:
            The key, None for a stored key, and whether another key was replaced.

        Raises:
            ValueError: The key is empty.
        """
        account = self._accounts.get(user)
        if account is None or not account.operator:
            known = account.namespaces if account else (user,)
            self.put(Account(user, known, operator=True))
        before = self._stored_first_key(user)
        if key is None:
            if before is not None:
                return None, False
            key, stored = key_texts.make(_first_key(user))
        else:
            digest = self._digest(f"{user}\0{key}")
            if before is not None and (
                self._known.get(before.uuid) == digest or before.matches(key)
            ):
                self._known[before.uuid] = digest
                return key, False
            durable = self._store.durable
            stored = key_texts.choose(_first_key(user), key, stored=durable)
            # Guesses must not delay the owner's first request after a start.
            self._known[stored.uuid] = digest
        self._replace_first_key(stored)
        return key, before is not None

    def _digest(self, text: str) -> bytes:
        return hashlib.blake2b(as_bytes(text), key=self._secret).digest()

    def _stored_first_key(self, user: str) -> Key | None:
        keys = self._of_user[user].values()
        return next((key for key in keys if key.name == FIRST_KEY), None)

    def _replace_first_key(self, key: Key) -> None:
        if (before := self._stored_first_key(key.user)) is not None:
            self.revoke(before)
        self._save_key(key)

    def remove(self, user: str) -> None:
        """Remove an account, if the user has one, and revoke its keys."""
        for key in list(self._of_user.pop(user, {}).values()):
            self.revoke(key)
        if self._accounts.pop(user, None) is not None:
            self._forget_compared()
            self._store.put_row(ACCOUNT, user, None)

    # --- keys -----------------------------------------------------------------------

    def keys(self, user: str | None = None) -> list[Key]:
        """Return the keys of a user or of all users, newest first; no container's."""
        keys = self._keys if user is None else self._of_user.get(user, {})
        return [key for key in reversed(keys.values()) if not key.container]

    def key(self, uuid: str) -> Key | None:
        """Return a key by its uuid."""
        return self._keys.get(uuid)

    def create_key(
        self,
        user: str,
        scopes: Iterable[str],
        *,
        namespace: str | None = None,
        name: str = "",
        expires: float | None = None,
        container: str | None = None,
    ) -> tuple[str, Key]:
        """Return a new key, readable only now, and what is stored of the key."""
        text, key = key_texts.make(
            Key(
                user,
                tuple(scopes),
                namespace,
                name,
                expires=expires,
                container=container,
            )
        )
        self._save_key(key)
        return text, key

    def revoke(self, key: Key) -> None:
        """Remove a key; open streams of the key end."""
        self._keys.pop(key.uuid, None)
        self._known.pop(key.uuid, None)
        self._of_user.get(key.user, {}).pop(key.uuid, None)
        self._forget_compared()
        self._store.put_row(KEY, key.uuid, None)
        self.on_revoked(key.uuid)

    def for_container(self, uuid: str, namespace: str) -> str:
        """Return a new ``DOCKERCLOUD_AUTH`` for a container with the role ``global``.

        The credentials are valid for the namespace until the container is terminated.
        """
        self.forget_container(uuid)
        user = f"container-{uuid}"
        text, _ = self.create_key(
            user, CONTAINER_SCOPES, namespace=namespace, container=uuid
        )
        return wire.basic_auth(user, text)

    def forget_container(self, uuid: str) -> None:
        """Revoke the keys of a container."""
        self.remove(f"container-{uuid}")

    # --- requests -------------------------------------------------------------------

    async def authenticate(
        self, credentials: tuple[str, str] | None, address: str = ""
    ) -> Access:
        """Return what a user and key allow.

        A refused attempt costs the same for every user, known or not, and the number of
        attempts of a user and address is limited. A valid key of the server's making,
        or one that was compared before, is never delayed.

        Args:
            credentials: The user and the key.
            address: The address of the client.

        Raises:
            CredentialsRefused: The credentials are missing or wrong.
            TooManyAttempts: Too many attempts failed before.
        """
        if credentials is None:
            raise CredentialsRefused(
                "credentials are missing: send Authorization: Basic"
            )
        user, text = credentials
        digest = self._digest(f"{user}\0{text}")
        access = self._compared.get(digest)
        if access is None:
            access = await self._compare(user, text, digest, address)
            self._compared[digest] = access
        return self._used(access)

    def access_of(self, uuid: str) -> Access:
        """Return what a key allows, for a session that the key has opened.

        Raises:
            CredentialsRefused: The key was revoked, or has expired.
        """
        if (key := self._keys.get(uuid)) is None:
            raise CredentialsRefused("the API key was revoked")
        return self._used(self._access(key))

    def _used(self, access: Access) -> Access:
        """Note the use of a key that has not expired."""
        if access.expired:
            raise CredentialsRefused("the API key has expired")
        self._note_use(access.key)
        return access

    def remember(self, header: str, access: Access) -> None:
        """Let ``recognize`` find the header of a request whose credentials are valid.

        Args:
            header: The value of ``Authorization``.
            access: What ``authenticate`` returned, without an ``await`` in between.
        """
        if len(self._recognized) >= _MOST_RECOGNIZED:
            self._recognized.clear()
        self._recognized[self._digest(header)] = access

    def recognize(self, header: str) -> Access | None:
        """Return what a header allows that was remembered; None for any other header.

        A digest of the header is enough: the credentials need not be read from it.
        """
        access = self._recognized.get(self._digest(header))
        if access is None or access.expired:
            return None
        self._note_use(access.key)
        return access

    def _forget_compared(self) -> None:
        self._compared.clear()
        self._recognized.clear()

    async def _compare(
        self, user: str, text: str, digest: bytes, address: str
    ) -> Access:
        """Compare a key with those of the user, and limit failed attempts."""
        keys = list(self._of_user.get(user, {}).values())
        found = next(
            (
                key
                for key in keys
                if (
                    key.matches(text)
                    if key.made
                    else self._known.get(key.uuid) == digest
                )
            ),
            None,
        )
        if found is None:
            found = await self._attempts.compare(keys, user, text, address)
            if found is None or found.uuid not in self._keys:  # revoked meanwhile
                raise CredentialsRefused("the user or the API key is wrong")
            self._known[found.uuid] = digest
        return self._access(found)

    def _access(self, key: Key) -> Access:
        account = self._accounts.get(key.user)
        reachable: frozenset[str] | None
        if account is None:  # the key of a container
            reachable = frozenset()
        else:
            reachable = None if account.operator else frozenset(account.namespaces)
        default = account.namespaces[0] if account else ""
        if key.namespace is not None:
            default = key.namespace
            allowed = account is None or reachable is None or default in reachable
            reachable = frozenset({default} if allowed else ())
        return Access(
            key.user,
            default,
            reachable,
            with_implied(key.scopes),
            key.uuid,
            key.container or "",
            key.expires,
        )

    def _note_use(self, uuid: str) -> None:
        key, now = self._keys[uuid], time.time()
        if key.used is None or now - key.used >= _USED:
            self._save_key(replace(key, used=now))

    def namespace(self, access: Access, wanted: str | None) -> str:
        """Return the namespace of a request: the one in its path, or the default.

        Raises:
            NamespaceRefused: The credentials do not reach the namespace.
        """
        if access is ANONYMOUS:
            return wanted or ""
        namespace = access.namespace if wanted is None else wanted
        if access.namespaces is not None and namespace not in access.namespaces:
            raise NamespaceRefused(
                f"these credentials do not reach namespace {namespace}"
            )
        return namespace


def _first_key(user: str) -> Key:
    return Key(user, (ADMIN,), name=FIRST_KEY)


def _reaches_less(account: Account, before: Account) -> bool:
    """Return whether an account reaches less than before."""
    if account.operator:
        return False
    return before.operator or not set(before.namespaces) <= set(account.namespaces)
