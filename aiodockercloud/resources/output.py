"""The output of a command or a job, collected up to a bound."""

from __future__ import annotations

from ..exceptions import OutputTooLarge

__all__ = ["Output"]


class Output:
    """What a command or a job printed, as bytes.

    Args:
        most: The number of bytes to keep, of both streams together.

    Attributes:
        stdout: The bytes of standard output.
        stderr: The bytes of standard error.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.stdout: bytearray = bytearray()
        self.stderr: bytearray = bytearray()

    def add(self, stream: object, data: str | bytes) -> None:
        """Add a piece of output.

        Args:
            stream: ``"stderr"``; any other value means standard output.
            data: The piece; text becomes UTF-8.

        Raises:
            OutputTooLarge: The output is larger than the bound.
        """
        kept = self.stderr if stream == "stderr" else self.stdout
        kept += data.encode() if isinstance(data, str) else data
        if len(self.stdout) + len(self.stderr) > self._most:
            raise OutputTooLarge(
                f"the output has more than {self._most} bytes, the output_bytes of"
                " Limits; a stream, as of exec() or logs(), has no bound"
            )
