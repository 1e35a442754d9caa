"""The errors of the library, and the HTTP status of each.

The client raises these errors. The server raises them as well and renders them as
``{"error": message}`` with their status. The tree::

    DockerCloudError
    ├── ApiError                  a response with an error status
    │   ├── BadRequest            400  a field is wrong
    │   │   └── UnknownFilter          a list has no such filter
    │   ├── AuthError             401
    │   ├── PaymentRequired       402
    │   ├── Forbidden             403
    │   ├── ObjectNotFound        404
    │   ├── MethodNotAllowed      405
    │   ├── ConflictError         409  the name is in use
    │   ├── PayloadTooLarge       413
    │   ├── UnsupportedMediaType  415
    │   ├── OperationNotAllowed   422  the object's state forbids the operation
    │   ├── ThrottledError        429
    │   └── ServerError           5xx
    │       ├── NotSupported      501  the engine has no such operation
    │       ├── Unavailable       503
    │       └── GatewayTimeout    504
    ├── ConnectError              no response was received
    ├── InvalidResponse           a response that this API does not have
    ├── ClientClosed              the client was closed
    ├── StreamClosed              a stream broke off
    ├── NonUniqueIdentifier       find() matched more than one object
    ├── WaitFailed                a state cannot be reached any more
    └── StackFileError            a stack file is wrong

``ApiError``, ``AuthError``, ``ObjectNotFound`` and ``NonUniqueIdentifier`` are names of
the official SDK. All errors can be pickled. No error contains a secret: this module
redacts URLs, headers and texts, whatever their origin.

Source: Docker Cloud API reference, "Errors".
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from .redaction import redact, redact_headers, redact_text

__all__ = [
    "ApiError",
    "AuthError",
    "BadRequest",
    "ClientClosed",
    "ConflictError",
    "ConnectError",
    "DockerCloudError",
    "Forbidden",
    "GatewayTimeout",
    "InvalidResponse",
    "MethodNotAllowed",
    "NonUniqueIdentifier",
    "NotSupported",
    "ObjectNotFound",
    "OperationNotAllowed",
    "PayloadTooLarge",
    "PaymentRequired",
    "ServerError",
    "StackFileError",
    "StreamClosed",
    "ThrottledError",
    "Unavailable",
    "UnknownFilter",
    "UnsupportedMediaType",
    "WaitFailed",
    "error_class",
]

#: The header with which a server names each request, for its own log.
REQUEST_ID = "X-Request-ID"


class DockerCloudError(Exception):
    """The root of the errors of this library.

    The library raises ``TypeError``, ``ValueError`` and ``TimeoutError`` of Python as
    well: for wrong arguments, and for waiting that takes too long.

    Args:
        args: The arguments of an exception; secrets in texts are redacted.

    Attributes:
        message: What went wrong, without secrets.
    """

    message: str

    def __init__(self, *args: object) -> None:
        super().__init__(*(redact_text(x) if isinstance(x, str) else x for x in args))
        self.message = str(self.args[0]) if self.args else ""

    @property
    def request_id(self) -> str | None:
        """The server's id of the request, to be found in the log of the server.

        ``None`` without an answer, or when the answer has no ``X-Request-ID``.
        """
        return None


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
        return f"{self.status}{where}: {self.message}{_tries(self.attempts)}"


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


class ConnectError(DockerCloudError):
    """No response was received: the connection was refused, broke or timed out.

    The server may have carried out the request nevertheless.

    Attributes:
        message: The reason.
        method: The method of the request.
        url: The URL of the request, without credentials.
        attempts: How often the request was sent.
    """

    def __init__(
        self, message: str = "", *, method: str = "", url: str = "", attempts: int = 1
    ) -> None:
        self.message: str = redact_text(message)
        self.method = method
        self.url: str = redact_text(redact(url))
        self.attempts = attempts
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message}{_tries(self.attempts)}"


class InvalidResponse(DockerCloudError):
    """The server answered, but not as a server of this API does.

    Examples are a body that is not JSON, lacks keys of the API or is larger than
    :class:`~aiodockercloud.transport.settings.Limits` allows, and a list whose pages
    never end. The server may have carried out the request nevertheless.

    Attributes:
        message: What is wrong with the response.
        status: The HTTP status of the response; 0 when unknown.
        method: The method of the request; empty when unknown.
        url: The URL of the request, without credentials; empty when unknown.
        attempts: How often the request was sent.
    """

    def __init__(
        self,
        message: str = "",
        *,
        status: int = 0,
        method: str = "",
        url: str = "",
        attempts: int = 1,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.method = method
        self.url: str = redact_text(redact(url))
        self.attempts = attempts

    def __str__(self) -> str:
        where = f" ({self.method} {self.url})" if self.method else ""
        return f"{self.message}{where}{_tries(self.attempts)}"


class ClientClosed(DockerCloudError, RuntimeError):
    """The client was closed before or during the call."""

    def __init__(self, message: str = "the client was closed") -> None:
        super().__init__(message)


class StreamClosed(DockerCloudError):
    """A stream ended with a close code other than 1000.

    Attributes:
        message: The code and the reason, as a sentence.
        code: The close code of the websocket; 1006 when the connection was lost.
        reason: The reason that the peer gave.
    """

    def __init__(self, code: int = 1006, reason: str = "") -> None:
        self.code = code
        self.reason: str = redact_text(reason)
        super().__init__(code, self.reason)
        self.message: str = str(self)

    def __str__(self) -> str:
        why = f": {self.reason}" if self.reason else ""
        return f"the stream was closed with code {self.code}{why}"


class NonUniqueIdentifier(DockerCloudError):
    """More than one object matches the name or short uuid given to ``find``."""


class WaitFailed(DockerCloudError):
    """The object cannot reach the state any more; the message states the reason."""


class StackFileError(DockerCloudError):
    """A stack file is wrong.

    Attributes:
        message: The place in the file, and the mistake.
        problem: The mistake, and the allowed values.
        file: The name of the file; empty when unknown.
        service: The service in the file; empty when unknown.
        key: The key of the service; empty when unknown.
    """

    def __init__(
        self, problem: str = "", file: str = "", service: str = "", key: str = ""
    ) -> None:
        self.problem: str = redact_text(problem)
        self.file = file
        self.service = service
        self.key = key
        super().__init__(self.problem, file, service, key)
        self.message: str = str(self)

    def __str__(self) -> str:
        place = [
            self.file,
            f"service {self.service}" if self.service else "",
            f"key {self.key}" if self.key else "",
        ]
        return ": ".join([*filter(None, place), self.problem])


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
        PayloadTooLarge,
        UnsupportedMediaType,
        OperationNotAllowed,
        ThrottledError,
        NotSupported,
        Unavailable,
        GatewayTimeout,
    )
}


def _tries(attempts: int) -> str:
    """Return the number of attempts for a message; one attempt is not mentioned."""
    return "" if attempts == 1 else f" [{attempts} attempts]"


def error_class(status: int) -> type[ApiError]:
    """Return the class for an HTTP status.

    Args:
        status: The status of a response.

    Returns:
        The class for the status, or the base class when the status has no class of its
        own: :class:`ServerError` from 500 on, else :class:`ApiError`.
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
