"""The HTTP status of each error of the control plane and of the engines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ...exceptions import (
    ApiError,
    AuthError,
    BadRequest,
    Forbidden,
    NotSupported,
    ObjectNotFound,
    OperationNotAllowed,
    ThrottledError,
    Unavailable,
)
from ..engines import (
    EngineError,
    EngineUnavailable,
    NoSuchContainer,
    NotSupportedByEngine,
    UnsupportedField,
)
from ..state.errors import (
    AccessRefused,
    CredentialsRefused,
    InvalidField,
    NamespaceRefused,
    NoSuchObject,
    NotAllowedNow,
    OperationFailed,
    TooManyAttempts,
)

#: The response's error by the class of the cause; a subclass without an entry has the
#: entry of its base.
STATUSES: Mapping[type[Exception], type[ApiError]] = {
    OperationFailed: Unavailable,
    InvalidField: BadRequest,
    CredentialsRefused: AuthError,
    AccessRefused: Forbidden,
    NamespaceRefused: Forbidden,
    TooManyAttempts: ThrottledError,
    NoSuchObject: ObjectNotFound,
    NotAllowedNow: OperationNotAllowed,
    EngineError: Unavailable,
    EngineUnavailable: Unavailable,
    # A container without a record is a NoSuchObject before an engine is asked.
    NoSuchContainer: Unavailable,
    NotSupportedByEngine: NotSupported,
    UnsupportedField: BadRequest,
}


def api_error(error: EngineError | OperationFailed) -> ApiError:
    """Return the error that the API responds with."""
    kind = next(base for base in type(error).__mro__ if base in STATUSES)
    return STATUSES[kind](str(error))


def is_unexpected(error: EngineError | OperationFailed) -> bool:
    """Return whether the server logs the error: the request did not cause the error."""
    expected = isinstance(error, EngineUnavailable)
    return not expected and isinstance(api_error(error), Unavailable)


@contextmanager
def api_errors() -> Iterator[None]:
    """Raise errors of the control plane and of the engine as errors of the API."""
    try:
        yield
    except (EngineError, OperationFailed) as error:
        raise api_error(error) from error
