"""The Docker Cloud API for asyncio: the client.

::

    async with DockerCloud(url, user="me", apikey="…") as cloud:
        service = await cloud.services.run(image="dockercloud/hello-world")

The server is ``aiodockercloud.server``, which the client never imports.
"""

from __future__ import annotations

from .client import DockerCloud, Limits, Retry, Timings
from .exceptions import (
    ApiError,
    AuthError,
    BadRequest,
    ClientClosed,
    ConflictError,
    ConnectError,
    DockerCloudError,
    Forbidden,
    GatewayTimeout,
    InvalidResponse,
    MethodNotAllowed,
    NonUniqueIdentifier,
    NotSupported,
    ObjectNotFound,
    OperationNotAllowed,
    OutputTooLarge,
    PayloadTooLarge,
    PaymentRequired,
    ServerError,
    StackFileError,
    StreamClosed,
    ThrottledError,
    Unavailable,
    UnknownFilter,
    UnsupportedMediaType,
    VersionConflict,
    WaitFailed,
)
from .loglines import log_text
from .resources.exec import Exec, ExecBytes
from .resources.merged_logs import MergedLogStream
from .transport.event_stream import EventStream
from .transport.log_stream import LogStream
from .transport.stream import Stream
from .wire import DOCKER_CLOUD, TUTUM, Dialect

#: The version of the installed distribution, which comes from git's tag.
__version__: str

__all__ = [
    "DOCKER_CLOUD",
    "TUTUM",
    "ApiError",
    "AuthError",
    "BadRequest",
    "ClientClosed",
    "ConflictError",
    "ConnectError",
    "Dialect",
    "DockerCloud",
    "DockerCloudError",
    "EventStream",
    "Exec",
    "ExecBytes",
    "Forbidden",
    "GatewayTimeout",
    "InvalidResponse",
    "Limits",
    "LogStream",
    "MergedLogStream",
    "MethodNotAllowed",
    "NonUniqueIdentifier",
    "NotSupported",
    "ObjectNotFound",
    "OperationNotAllowed",
    "OutputTooLarge",
    "PayloadTooLarge",
    "PaymentRequired",
    "Retry",
    "ServerError",
    "StackFileError",
    "Stream",
    "StreamClosed",
    "ThrottledError",
    "Timings",
    "Unavailable",
    "UnknownFilter",
    "UnsupportedMediaType",
    "VersionConflict",
    "WaitFailed",
    "log_text",
]


def _attribute(name: str) -> str:
    """Return the version when a program asks for it: a plain import needs none."""
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 - a slow import

        return version("aiodockercloud")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


# Type checkers must not see this: they would take any misspelled name for a string.
globals()["__getattr__"] = _attribute
