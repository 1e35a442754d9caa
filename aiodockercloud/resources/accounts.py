"""Accounts and API keys (``cloud.accounts``, ``cloud.keys``).

An addition of aiodockercloud's server: the old API had neither.
"""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterator
from typing import Unpack, cast

from .. import types
from .managed import Readable, Reference, Resource

__all__ = ["Accounts", "Keys"]


class Accounts(Resource["types.Account"]):
    """Accounts: ``cloud.accounts``. Changes need the key of an operator.

    The first argument is an account: its dict, its ``resource_uri`` or its user.

    Source: aiodockercloud's documentation, "Running the server".
    """

    kind = "account"
    key = "user"

    async def list(
        self, **filters: Unpack[types.AccountFilters]
    ) -> builtins.list[types.Account]:
        return await super().list(**filters)

    def iterate(
        self, **filters: Unpack[types.AccountFilters]
    ) -> AsyncIterator[types.Account]:
        return super().iterate(**filters)

    async def create(self, **fields: Unpack[types.AccountFields]) -> types.NewAccount:
        """Create an account with a first key, which has the scope ``admin``.

        Args:
            **fields: ``user`` is required. ``namespaces`` are those that the user
                reaches, by default one with the name of the user. ``operator`` is
                whether the user reaches all namespaces, by default ``False``.

        Returns:
            The account's dict with ``key``, which no later answer contains.

        Raises:
            BadRequest: A field is missing, unknown or invalid.
            ConflictError: The account exists already.
            Forbidden: The key of the request is no operator's.

        Source:
            aiodockercloud's documentation, "Running the server".
        """
        return cast("types.NewAccount", await self._create(fields))

    async def update(
        self, account: Reference, **fields: Unpack[types.AccountChanges]
    ) -> types.Account:
        """Change the namespaces of an account, and whether its user is an operator.

        Args:
            account: The account.
            **fields: ``namespaces`` and ``operator``.

        Returns:
            The account's dict.

        Raises:
            BadRequest: A field is unknown, invalid or cannot be changed (``user``).
            Forbidden: The key of the request is no operator's.
            ObjectNotFound: The account does not exist.
            OperationNotAllowed: Operators cannot demote themselves.

        Source:
            aiodockercloud's documentation, "Running the server".
        """
        return await self._update(account, fields)

    async def delete(self, account: Reference) -> None:
        """Remove an account and revoke its keys; its objects stay.

        Args:
            account: The account.

        Returns:
            Nothing.

        Raises:
            Forbidden: The key of the request is no operator's.
            ObjectNotFound: The account does not exist.
            OperationNotAllowed: The account is that of the request.

        Source:
            aiodockercloud's documentation, "Running the server".
        """
        await self.cloud.request("DELETE", self._path(account))


class Keys(Readable["types.ApiKey"]):
    """API keys: ``cloud.keys``.

    The first argument is a key: its dict, its ``resource_uri`` or its uuid. An
    operator's key sees all keys, another key those of its user.

    Source: aiodockercloud's documentation, "Running the server".
    """

    kind = "key"

    async def list(
        self, **filters: Unpack[types.ApiKeyFilters]
    ) -> builtins.list[types.ApiKey]:
        return await super().list(**filters)

    def iterate(
        self, **filters: Unpack[types.ApiKeyFilters]
    ) -> AsyncIterator[types.ApiKey]:
        return super().iterate(**filters)

    async def create(self, **fields: Unpack[types.ApiKeyFields]) -> types.NewApiKey:
        """Create a key. A key never reaches more than the key that creates it.

        Args:
            **fields: ``user`` is by default the user of the request; an operator may
                name others. ``scopes`` are ``read``, ``deploy``, ``exec`` and
                ``admin``, by default the first three. ``namespace`` limits the key to
                one namespace. ``expires_in`` is the life of the key in seconds.
                ``name`` is a text for people.

        Returns:
            The key's dict with ``key``, which no later answer contains.

        Raises:
            BadRequest: A field is unknown or invalid, or there is no such user.
            Forbidden: The key of the request lacks the scope ``admin``, or does not
                reach the namespace.

        Source:
            aiodockercloud's documentation, "Running the server".
        """
        path = self._list_path()
        return cast(
            "types.NewApiKey", await self.cloud.request("POST", path, json=fields)
        )

    async def delete(self, key: Reference) -> None:
        """Revoke a key. Its requests are refused from now on, and its streams end.

        Args:
            key: The key.

        Returns:
            Nothing.

        Raises:
            Forbidden: The key of the request lacks the scope ``admin``, and is not the
                key to revoke.
            ObjectNotFound: The key does not exist, or is not visible.

        Source:
            aiodockercloud's documentation, "Running the server".
        """
        await self.cloud.request("DELETE", self._path(key))
