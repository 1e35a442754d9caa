"""The names of the client that ``aiodockercloud`` has, and where each is defined."""

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
