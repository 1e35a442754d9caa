"""Every error of the library, and which HTTP status means which of them.

The client raises them, the server raises them too and renders them as
``{"error": message}`` with their status. The tree::

    DockerCloudError
    ├── ApiError                  an answer that is not 2xx; status, message
    │   ├── BadRequest            400  a field is wrong, the message names it
    │   ├── AuthError             401
    │   ├── PaymentRequired       402
    │   ├── Forbidden             403
    │   ├── ObjectNotFound        404
    │   ├── MethodNotAllowed      405
    │   ├── ConflictError         409  the name is taken
    │   ├── PayloadTooLarge       413
    │   ├── UnsupportedMediaType  415
    │   ├── OperationNotAllowed   422  the object's state forbids it
    │   ├── ThrottledError        429
    │   └── ServerError           5xx
    │       ├── NotSupported      501  this engine cannot do it
    │       ├── Unavailable       503
    │       └── GatewayTimeout    504
    ├── ConnectError              no answer came: refused, reset, timed out
    ├── StreamClosed              a stream ended otherwise than by its end
    ├── NonUniqueIdentifier       find() matched more than one object
    ├── WaitFailed                the state waited for can no longer come
    └── StackFileError            a stack file is wrong: file, service, key

``ApiError``, ``AuthError``, ``ObjectNotFound`` and ``NonUniqueIdentifier`` are the
names of the official SDK. All of them pickle, and none shows a secret: URLs, headers
and texts are redacted here, wherever they come from.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from .redaction import redact, redact_headers, redact_text

__all__ = [
    "ApiError",
    "AuthError",
    "BadRequest",
    "ConflictError",
    "ConnectError",
    "DockerCloudError",
    "Forbidden",
    "GatewayTimeout",
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
    "UnsupportedMediaType",
    "WaitFailed",
    "error_class",
]


class DockerCloudError(Exception):
    """The root: catching it catches everything this library raises on purpose."""

    def __init__(self, *args: object) -> None:
        super().__init__(*(redact_text(x) if isinstance(x, str) else x for x in args))


class ApiError(DockerCloudError):
    """The server answered, and the answer is an error.

    Attributes:
        status: The HTTP status.
        message: The server's own words, from ``{"error": …}`` where it sent that.
        method, url: The request, without credentials.
        headers: The response's headers, without cookies and credentials.
        attempts: How many times the request was sent; 0 when it was held back all
            the time because of the answer to another one.
    """

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
        self.status = self.default_status if status is None else status
        self.message = redact_text(message) or reason(self.status)
        self.method = method
        self.url = redact_text(redact(url))
        self.headers = redact_headers(headers or {})
        self.attempts = attempts
        super().__init__(self.message, self.status)

    def __str__(self) -> str:
        where = f" ({self.method} {self.url})" if self.method else ""
        return f"{self.status}{where}: {self.message}{_tries(self.attempts)}"


class BadRequest(ApiError):
    """400: something in the request is wrong; the message names the field."""

    default_status = 400


class AuthError(ApiError):
    """401: no credentials, or wrong ones."""

    default_status = 401


class PaymentRequired(ApiError):
    """402: the hosted service asked for billing information."""

    default_status = 402


class Forbidden(ApiError):
    """403: these credentials may not do that."""

    default_status = 403


class ObjectNotFound(ApiError):
    """404: there is no such object or path."""

    default_status = 404


class MethodNotAllowed(ApiError):
    """405: the path exists, the method does not."""

    default_status = 405


class ConflictError(ApiError):
    """409: another object has the same unique fields."""

    default_status = 409


class PayloadTooLarge(ApiError):
    """413: the body is larger than the server takes."""

    default_status = 413


class UnsupportedMediaType(ApiError):
    """415: the body is not JSON."""

    default_status = 415


class OperationNotAllowed(ApiError):
    """422: the object's state does not allow the operation; allowed ones are listed."""

    default_status = 422


class ThrottledError(ApiError):
    """429: too many requests; ``headers["Retry-After"]`` says when to come back."""

    default_status = 429


class ServerError(ApiError):
    """5xx: the server failed."""

    default_status = 500


class NotSupported(ServerError):
    """501: the engine below cannot do that; the message says what to use instead."""

    default_status = 501


class Unavailable(ServerError):
    """503: for the moment."""

    default_status = 503


class GatewayTimeout(ServerError):
    """504: something behind the server did not answer in time."""

    default_status = 504


class ConnectError(DockerCloudError):
    """No answer came: the connection was refused, broke or timed out.

    Attributes:
        method, url: The request, without credentials.
        attempts: How many times it was tried.
    """

    def __init__(
        self, message: str = "", *, method: str = "", url: str = "", attempts: int = 1
    ) -> None:
        self.message = redact_text(message)
        self.method = method
        self.url = redact_text(redact(url))
        self.attempts = attempts
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message}{_tries(self.attempts)}"


class StreamClosed(DockerCloudError):
    """A stream broke off: its end is a close code other than 1000.

    Attributes:
        code: The websocket close code, 1006 when the connection was simply lost.
        reason: The peer's words.
    """

    def __init__(self, code: int = 1006, reason: str = "") -> None:
        self.code = code
        self.reason = redact_text(reason)
        super().__init__(code, self.reason)

    def __str__(self) -> str:
        said = f": {self.reason}" if self.reason else ""
        return f"the stream was closed with code {self.code}{said}"


class NonUniqueIdentifier(DockerCloudError):
    """More than one object answers to the name or short uuid given to ``find``."""


class WaitFailed(DockerCloudError):
    """The state waited for can no longer come; the message says why."""


class StackFileError(DockerCloudError):
    """A stack file is wrong.

    Attributes:
        problem: What is wrong and what is allowed.
        file, service, key: Where, as far as known.
    """

    def __init__(
        self, problem: str = "", file: str = "", service: str = "", key: str = ""
    ) -> None:
        self.problem = redact_text(problem)
        self.file = file
        self.service = service
        self.key = key
        super().__init__(self.problem, file, service, key)

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
    """What a text says of them: one is what everybody expects."""
    return "" if attempts == 1 else f" [{attempts} attempts]"


def error_class(status: int) -> type[ApiError]:
    """The class for an HTTP status; the nearest ancestor for one without its own."""
    fallback = ServerError if status >= 500 else ApiError
    return _BY_STATUS.get(status, fallback)


def reason(status: int) -> str:
    """The standard words for a status, for answers that bring none."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"HTTP status {status}"
