"""Types of bodies and answers that the client has no type for."""

# This module lacks "from __future__ import annotations", as aiodockercloud.types does.

from typing import NotRequired, TypedDict

from .... import types

__all__ = [
    "Failure",
    "Meta",
    "NewService",
    "NewToken",
    "Ready",
    "StoredFileChanges",
    "StoredFileFields",
    "Up",
    "User",
]


class Failure(TypedDict):
    """An error.

    Attributes:
        error: What is wrong, and what is allowed.
    """

    error: str


class Meta(TypedDict):
    """The place of a page in its list.

    Attributes:
        limit: The largest number of objects on the page.
        next: The path of the next page, or ``None``.
        offset: The number of objects before the page.
        previous: The path of the previous page, or ``None``.
        total_count: The number of objects in the list.
    """

    limit: int
    next: str | None
    offset: int
    previous: str | None
    total_count: int


class NewService(types.ServiceFields):
    """A service to create.

    The further keys are those of :class:`ServiceFields`.

    Attributes:
        stack: The stack of the service, as its ``resource_uri`` or uuid; by default
            none.
    """

    stack: NotRequired[str | None]


class StoredFileFields(TypedDict):
    """A secret or a config to create.

    Attributes:
        name: The name, by which services name the object.
        data: The content, as base64; at most 500 KB.
    """

    name: str
    data: str


class StoredFileChanges(TypedDict, total=False):
    """Changes of a secret or a config.

    Attributes:
        data: The new content, as base64.
    """

    data: str


class NewToken(TypedDict):
    """A token with which a node joins.

    Attributes:
        token: The token.
        resource_uri: The URI of the object.
        note: Why no node can join with the token.
    """

    token: str
    resource_uri: str
    note: NotRequired[str]


class User(TypedDict):
    """The user of credentials.

    Attributes:
        username: The name of the user.
    """

    username: str


class Up(TypedDict):
    """The answer of a server that runs.

    Attributes:
        healthy: ``True``.
    """

    healthy: bool


class Ready(TypedDict):
    """Whether a server can carry out writes.

    Attributes:
        ready: Whether all parts work, and the server is not ending.
        engine: Whether the engine answers.
        store: Whether changes can be stored.
    """

    ready: bool
    engine: bool
    store: bool
