"""Accounts and API keys, as the server returns them and as ``create`` accepts them.

An addition of aiodockercloud's server.
"""

from collections.abc import Collection
from typing import Literal, NotRequired, TypedDict

__all__ = [
    "Account",
    "AccountChanges",
    "AccountFields",
    "AccountFilters",
    "ApiKey",
    "ApiKeyFields",
    "ApiKeyFilters",
    "NewAccount",
    "NewApiKey",
    "Scope",
]

Scope = Literal["read", "deploy", "exec", "admin"]
_Texts = str | Collection[str] | None


class Account(TypedDict):
    """An account.

    Attributes:
        user: The name of the user.
        namespaces: The namespaces that the user reaches, the default one first.
        operator: Whether the user reaches all namespaces, and may change nodes.
        resource_uri: The URI of the object.
    """

    user: str
    namespaces: list[str]
    operator: bool
    resource_uri: str


class NewAccount(Account):
    """A created account.

    The further keys are those of :class:`Account`.

    Attributes:
        key: The first key of the user, which no later answer contains.
    """

    key: str


class AccountFields(TypedDict):
    """The fields of an account that ``create`` accepts.

    Attributes:
        user: The name of the user; required.
        namespaces: The namespaces; by default one with the name of the user.
        operator: Whether the user is an operator; by default ``False``.
    """

    user: str
    namespaces: NotRequired[list[str]]
    operator: NotRequired[bool]


class AccountChanges(TypedDict, total=False):
    """The fields of an account that ``update`` accepts.

    Attributes:
        namespaces: The namespaces that the user reaches.
        operator: Whether the user is an operator.
    """

    namespaces: list[str]
    operator: bool


class AccountFilters(TypedDict, total=False):
    """The filters of ``cloud.accounts``.

    Attributes:
        user: The name of the user.
        operator: Whether the user is an operator.
        limit: The number of objects on a page.
    """

    user: _Texts
    operator: bool | None
    limit: int | None


class ApiKey(TypedDict):
    """An API key. No answer but that to the creation contains the key itself.

    Attributes:
        uuid: The identifier of the object.
        resource_uri: The URI of the object.
        user: The user of the key.
        name: A text for people.
        scopes: The scopes of the key.
        namespace: The only namespace that the key reaches, or ``None``.
        prefix: The first characters of the key, to tell keys apart.
        created_datetime: When the key was created.
        expires_datetime: When the key expires, or ``None``.
        last_used_datetime: When the key was last used, to the minute, or ``None``.
    """

    uuid: str
    resource_uri: str
    user: str
    name: str
    scopes: list[Scope]
    namespace: str | None
    prefix: str
    created_datetime: str
    expires_datetime: str | None
    last_used_datetime: str | None


class NewApiKey(ApiKey):
    """A created API key.

    The further keys are those of :class:`ApiKey`.

    Attributes:
        key: The key, which no later answer contains.
    """

    key: str


class ApiKeyFields(TypedDict, total=False):
    """The fields of an API key that ``create`` accepts.

    Attributes:
        user: The user; by default that of the request.
        name: A text for people.
        scopes: The scopes; by default ``read``, ``deploy`` and ``exec``.
        namespace: The only namespace that the key reaches.
        expires_in: The life of the key, in seconds; by default unlimited.
    """

    user: str
    name: str
    scopes: list[Scope]
    namespace: str
    expires_in: int


class ApiKeyFilters(TypedDict, total=False):
    """The filters of ``cloud.keys``.

    Attributes:
        user: The user of the key.
        name: The text for people.
        namespace: The only namespace that the key reaches.
        limit: The number of objects on a page.
    """

    user: _Texts
    name: _Texts
    namespace: _Texts
    limit: int | None
