"""The operations of repositories, secrets, accounts, and of the server itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .... import types
from .operation import (
    OLD_VERSION,
    VERSION,
    Media,
    Operation,
    Rows,
    inspection,
    listing,
)
from .own import Ready, StoredFileChanges, StoredFileFields, Up, User

__all__ = ["rows"]


def rows() -> Rows:
    """Yield the rows of the table."""
    yield from _files()
    yield from _accounts()
    yield from _server()


def _files() -> Rows:
    repository = types.Repository
    yield from listing(
        "repository", "repositories", repository, types.RepositoryFilters
    )
    yield (
        "POST repository",
        Operation(
            id="create_repository",
            summary="Store the credentials for a repository.",
            answers={201: repository},
            body=types.RepositoryFields,
            example={
                "name": "registry.example.com/team/app",
                "username": "me",
                "password": "secret",
            },
            errors=(409,),
            acts=True,
        ),
    )
    yield (
        "DELETE repository",
        Operation(
            id="delete_named_repository",
            summary="Delete the repository that the parameter names.",
            answers={204: None},
            parameters=("repository", *VERSION),
            errors=(404, *OLD_VERSION),
            acts=True,
        ),
    )
    yield from _stored(
        *("repository", "{name}", repository, types.RepositoryChanges),
        {"username": "me", "password": "other"},
        "Change the credentials for a repository.",
    )
    for kind, plural in (("secret", "secrets"), ("config", "configs")):
        stored = types.StoredFile
        yield from listing(kind, plural, stored, types.StoredFileFilters)
        yield (
            f"POST {kind}",
            Operation(
                id=f"create_{kind}",
                summary=f"Create a {kind}.",
                answers={201: stored},
                body=StoredFileFields,
                example={"name": "site", "data": "aGVsbG8="},
                errors=(409,),
                acts=True,
            ),
        )
        yield from _stored(
            *(kind, "{uuid}", stored, StoredFileChanges),
            {"data": "YnllLg=="},
            f"Change the content of a {kind}; a redeploy gives containers the change.",
        )


def _stored(
    kind: str,
    key: str,
    of: Any,
    changes: Any,
    example: Mapping[str, Any],
    update: str,
) -> Rows:
    yield from inspection(f"{kind}/{key}", kind, of)
    yield (
        f"PATCH {kind}/{key}",
        Operation(
            id=f"update_{kind}",
            summary=update,
            answers={200: of},
            body=changes,
            example=example,
            parameters=VERSION,
            errors=OLD_VERSION,
            acts=True,
        ),
    )
    yield (
        f"DELETE {kind}/{key}",
        Operation(
            id=f"delete_{kind}",
            summary=f"Delete a {kind}.",
            answers={204: None},
            parameters=VERSION,
            errors=OLD_VERSION,
            acts=True,
        ),
    )


def _accounts() -> Rows:
    account, key = types.Account, types.ApiKey
    yield from listing("account", "accounts", account, types.AccountFilters)
    yield (
        "POST account",
        Operation(
            id="create_account",
            summary="Create an account with its first key, which has the scope admin.",
            answers={201: types.NewAccount},
            body=types.AccountFields,
            example={"user": "carol", "namespaces": ["carol", "acme"]},
            errors=(409,),
        ),
    )
    yield from inspection("account/{user}", "account", account)
    yield (
        "PATCH account/{user}",
        Operation(
            id="update_account",
            summary="Change what an account reaches.",
            answers={200: account},
            body=types.AccountChanges,
            example={"namespaces": ["carol"]},
        ),
    )
    yield (
        "DELETE account/{user}",
        Operation(
            id="delete_account",
            summary="Delete an account and revoke its keys.",
            description="The objects of its namespaces stay.",
            answers={204: None},
        ),
    )
    yield from listing("key", "keys", key, types.ApiKeyFilters)
    yield (
        "POST key",
        Operation(
            id="create_key",
            summary="Create an API key.",
            description="A key never reaches more, or lives longer, than the key that"
            " creates it.",
            answers={201: types.NewApiKey},
            body=types.ApiKeyFields,
            example={"name": "backups", "scopes": ["read"], "expires_in": 86400},
        ),
    )
    yield from inspection("key/{uuid}", "key", key)
    yield (
        "DELETE key/{uuid}",
        Operation(
            id="revoke_key",
            summary="Revoke an API key; its open streams end.",
            description="Every key may revoke itself; other keys need the scope admin.",
            answers={204: None},
        ),
    )


def _server() -> Rows:
    yield (
        "GET auth",
        Operation(
            id="authenticate",
            summary="Return the user of the credentials.",
            answers={200: User},
        ),
    )
    yield (
        "GET healthz",
        Operation(
            id="healthy",
            summary="Return whether the server runs.",
            answers={200: Up},
        ),
    )
    yield (
        "GET readyz",
        Operation(
            id="ready",
            summary="Return whether the server can carry out writes.",
            answers={200: Ready, 503: Ready},
        ),
    )
    yield (
        "GET metrics",
        Operation(
            id="metrics",
            summary="Return the numbers of the server, in the format of Prometheus.",
            answers={200: Media("text/plain", {"type": "string"})},
        ),
    )
    yield (
        "GET openapi.json",
        Operation(
            id="openapi",
            summary="Return this document.",
            answers={200: dict[str, Any]},
        ),
    )
    yield (
        "GET backup",
        Operation(
            id="backup",
            summary="Return a consistent copy of the database, as a file of SQLite.",
            answers={200: Media("application/vnd.sqlite3", {})},
            errors=(501,),
        ),
    )
