"""Errors of the client and of stack files: no response states the error."""

from __future__ import annotations

from ..redaction import redact, redact_text
from .root import DockerCloudError, tries


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
        return f"{self.message}{tries(self.attempts)}"


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
        return f"{self.message}{where}{tries(self.attempts)}"


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


class OutputTooLarge(DockerCloudError):
    """A command or a job printed more than ``output_bytes`` of the client's limits.

    A stream, as of ``containers.exec`` and ``services.logs``, has no such bound.
    """


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
