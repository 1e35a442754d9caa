"""The log of ``aiodockercloud serve``: one line for each record, without secrets.

One handler receives the records of all loggers, and hides what looks like a secret in
each of them, tracebacks included. Loggers of other packages report warnings and errors
only, whatever the level: at debug level, such loggers report rows and requests.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, TextIO

from ..redaction import redact_text

__all__ = ["ACCESS", "AUTH", "FORMATS", "REQUEST_ID", "SparseLog", "configure"]

#: One line for each request.
ACCESS: logging.Logger = logging.getLogger("aiodockercloud.access")
#: Failed logins, and changes of accounts and keys.
AUTH: logging.Logger = logging.getLogger("aiodockercloud.auth")

#: The id of the request in progress, or of the request that began the action in
#: progress; an empty text for what no request caused.
REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")

#: The forms of a line: for people, or one JSON object.
FORMATS = ("text", "json")

_PACKAGE = __name__.partition(".")[0]

#: The attributes that every record has; all others are fields of one message.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
#: Characters that would end a line, or change how a terminal shows the line.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def configure(level: str, form: str, stream: TextIO) -> None:
    """Let all loggers of the process write to a stream, unless handlers exist.

    Args:
        level: The lowest level of this package's records, such as ``info``.
        form: One of ``FORMATS``.
        stream: The stream to write to.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Json() if form == "json" else _Text())
    handler.addFilter(_is_reported)
    handler.addFilter(_with_request_id)
    logging.basicConfig(level=level.upper(), handlers=[handler])


def _is_reported(record: logging.LogRecord) -> bool:
    """Return whether the record is this package's own, or at least a warning."""
    package = record.name.partition(".")[0]
    return package == _PACKAGE or record.levelno >= logging.WARNING


def _with_request_id(record: logging.LogRecord) -> bool:
    """Add the id of the request to a record; every record passes."""
    if request_id := REQUEST_ID.get():
        vars(record).setdefault("request_id", request_id)
    return True


class _Text(logging.Formatter):
    """One line for people; a traceback follows on lines of its own."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return the line, in which a message cannot begin a further line."""
        line = super().formatMessage(record)
        if request_id := vars(record).get("request_id"):
            line += f" (request {request_id})"
        return _CONTROL.sub(_escaped, line)

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of a record without secrets."""
        return redact_text(super().format(record))


class _Json(logging.Formatter):
    """One JSON object in one line, with the fields that a message has of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object of a record without secrets."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, Any] = {
            "time": f"{moment}.{int(record.msecs):03}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name, value in vars(record).items():
            if name not in _STANDARD:
                line.setdefault(name, value)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(_without_secrets(line), default=str)


def _without_secrets(value: Any) -> Any:
    """Return a value of JSON in which no text contains what looks like a secret."""
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, Mapping):
        return {str(name): _without_secrets(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_secrets(one) for one in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return redact_text(str(value))


def _escaped(found: re.Match[str]) -> str:
    return repr(found[0])[1:-1]


class SparseLog:
    """Warnings that clients can cause: at most one in an interval, with a number.

    Args:
        log: The logger.
        interval: Seconds between two lines.
        clock: Returns the time in seconds.
    """

    def __init__(
        self,
        log: logging.Logger,
        interval: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._interval = interval
        self._clock = clock
        self._next = float("-inf")
        self._left_out = 0

    def warning(self, message: str, *args: object) -> None:
        """Log a message, or count it for the next line."""
        now = self._clock()
        if now < self._next:
            self._left_out += 1
            return
        if self._left_out:
            message += " (%d similar lines were left out)"
            args = (*args, self._left_out)
        self._next, self._left_out = now + self._interval, 0
        self._log.warning(message, *args)
