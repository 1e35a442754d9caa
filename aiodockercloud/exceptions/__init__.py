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
    │   │   └── VersionConflict   412  the object has another version; 409 as well
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
    ├── OutputTooLarge            a command or a job prints more than is kept
    ├── NonUniqueIdentifier       find() matched more than one object
    ├── WaitFailed                a state cannot be reached any more
    └── StackFileError            a stack file is wrong

``ApiError``, ``AuthError``, ``ObjectNotFound`` and ``NonUniqueIdentifier`` are names of
the official SDK. All errors can be pickled. No error contains a secret: these modules
redact URLs, headers and texts, whatever their origin.

Source: Docker Cloud API reference, "Errors".
"""

from __future__ import annotations

from .api import (
    ApiError,
    AuthError,
    BadRequest,
    ConflictError,
    Forbidden,
    GatewayTimeout,
    MethodNotAllowed,
    NotSupported,
    ObjectNotFound,
    OperationNotAllowed,
    PayloadTooLarge,
    PaymentRequired,
    ServerError,
    ThrottledError,
    Unavailable,
    UnknownFilter,
    UnsupportedMediaType,
    VersionConflict,
    error_class,
)
from .client import (
    ClientClosed,
    ConnectError,
    InvalidResponse,
    NonUniqueIdentifier,
    OutputTooLarge,
    StackFileError,
    StreamClosed,
    WaitFailed,
)
from .root import DockerCloudError

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
    "OutputTooLarge",
    "PayloadTooLarge",
    "PaymentRequired",
    "ServerError",
    "StackFileError",
    "StreamClosed",
    "ThrottledError",
    "Unavailable",
    "UnknownFilter",
    "UnsupportedMediaType",
    "VersionConflict",
    "WaitFailed",
    "error_class",
]
