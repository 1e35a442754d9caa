"""The root of the errors, and how errors count attempts."""

from __future__ import annotations

from ..redaction import redact_text


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


def tries(attempts: int) -> str:
    """Return the number of attempts for a message; one attempt is not mentioned."""
    return "" if attempts == 1 else f" [{attempts} attempts]"
