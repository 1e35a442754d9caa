"""Responses with an error status; each documented status has a class."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from ..redaction import redact, redact_headers, redact_text
from .root import DockerCloudError, tries

#: The header with which a server names each request, for its own log.
REQUEST_ID = "X-Request-ID"


class ApiError(DockerCloudError):
    """The server answered with an error status; each documented status has a subclass.

    Attributes:
        status: The HTTP status.
        message: The ``error`` of the response's body, or else the standard phrase of
            the status.
        method: The method of the request; empty when no request caused the error.
        url: The URL of the request, without credentials.
        headers: The headers of the response, without cookies and credentials.
        attempts: How often the request was sent. 0 when the client held the request
            back because of an earlier answer with status 429.
    """

    #: The status of an error that is raised without one.
    default_status = 500

    def __init__(
        self,
        message: str = "",
        status: int | None = None,
        *,
        method: str = "",
        url: str = "",
        headers: Mapping[str, str] | None = None,
        attempts: int = 1,
    ) -> None:
        self.status: int = self.default_status if status is None else status
        self.message: str = redact_text(message) or reason(self.status)
        self.method = method
        self.url: str = redact_text(redact(url))
        self.headers: dict[str, str] = redact_headers(headers or {})
        self.attempts = attempts
        super().__init__(self.message, self.status)

    @property
    def request_id(self) -> str | None:
        """The header ``X-Request-ID`` of the answer; ``None`` without the header."""
        return request_id(self.headers)

    def __str__(self) -> str:
        where = f" ({self.method} {self.url})" if self.method else ""
        return f"{self.status}{where}: {self.message}{tries(self.attempts)}"


class BadRequest(ApiError):
    """400: the request is wrong; the message names the field and the allowed values."""

    default_status = 400


class UnknownFilter(BadRequest, TypeError):
    """A list has no such filter, found out by the client before the request."""


class AuthError(ApiError):
    """401: the credentials are missing or wrong."""

    default_status = 401


class PaymentRequired(ApiError):
    """402: the hosted service required billing information."""

    default_status = 402


class Forbidden(ApiError):
    """403: the credentials do not allow the request."""

    default_status = 403


class ObjectNotFound(ApiError):
    """404: the object or path does not exist."""

    default_status = 404


class MethodNotAllowed(ApiError):
    """405: the path exists, but not with this method."""

    default_status = 405


class ConflictError(ApiError):
    """409: another object has the same unique fields, for example the same name."""

    default_status = 409


class VersionConflict(ConflictError):
    """412 or 409: the object has another version than the one that the request names.

    Another client has changed the object since it was read, and nothing was changed by
    the request. The message has both versions. Read the object again, apply the change
    to what was read, and send it with the new version.

    The status is 412 for the header ``If-Match`` and 409 for the parameter ``version``,
    which ``update(…, version=…)`` sends.
    """

    default_status = 412

    @property
    def current_version(self) -> int | None:
        """The version of the object; ``None`` when the server does not state it."""
        for name, value in self.headers.items():
            if name.lower() == "etag" and value.strip('"').isdecimal():
                return int(value.strip('"'))
        return None


class PayloadTooLarge(ApiError):
    """413: the body is larger than the server accepts."""

    default_status = 413


class UnsupportedMediaType(ApiError):
    """415: the content type of the body is not JSON."""

    default_status = 415


class OperationNotAllowed(ApiError):
    """422: the object's state does not allow the operation.

    The message lists the allowed operations. When the server has recorded the attempt
    as a ``"Failed"`` action, ``headers["X-DockerCloud-Action-URI"]`` names the action.
    The server refuses the reuse of an idempotency key for another request with this
    status, too.
    """

    default_status = 422


class ThrottledError(ApiError):
    """429: too many requests.

    ``headers["Retry-After"]`` has the seconds to wait, or a date. The client waits and
    repeats the request by itself, as :class:`~aiodockercloud.transport.retry.Retry`
    states; the error is raised when this does not help.
    """

    default_status = 429


class ServerError(ApiError):
    """5xx: the server failed to carry out the request."""

    default_status = 500


class NotSupported(ServerError):
    """501: the engine has no such operation; the message names an alternative."""

    default_status = 501


class Unavailable(ServerError):
    """503: the server cannot carry out the request at the moment."""

    default_status = 503


class GatewayTimeout(ServerError):
    """504: a system behind the server did not answer in time."""

    default_status = 504


_BY_STATUS: dict[int, type[ApiError]] = {
    kind.default_status: kind
    for kind in (
        BadRequest,
        AuthError,
        PaymentRequired,
        Forbidden,
        ObjectNotFound,
        MethodNotAllowed,
        ConflictError,
        VersionConflict,
        PayloadTooLarge,
        UnsupportedMediaType,
        OperationNotAllowed,
        ThrottledError,
        NotSupported,
        Unavailable,
        GatewayTimeout,
    )
}


def error_class(status: int) -> type[ApiError]:
    """Return the class for an HTTP status.

    Args:
        status: The status of a response.

    Returns:
        The class for the status, or the base class when the status has no class of its
        own: :class:`ServerError` from 500 on, else :class:`ApiError`.

    :meta private:
    """
    fallback = ServerError if status >= 500 else ApiError
    return _BY_STATUS.get(status, fallback)


def request_id(headers: Mapping[str, str]) -> str | None:
    """Return the server's id of a request.

    Args:
        headers: The headers of an answer, in any case.

    Returns:
        The header ``X-Request-ID`` without secrets; ``None`` without the header.
    """
    for name, value in headers.items():
        if name.lower() == REQUEST_ID.lower():
            return redact_text(value)
    return None


def reason(status: int) -> str:
    """Return the standard phrase of a status, for responses without a message.

    Args:
        status: The status of a response.

    Returns:
        The phrase, e.g. ``Not Found``, or the number of an unknown status.
    """
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"HTTP status {status}"
