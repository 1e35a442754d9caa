"""The result of a service that ran to its end: output and exit code."""

from __future__ import annotations

from collections.abc import Iterable

from .. import types
from ..transport.log_stream import LogStream
from ..wire.loglines import log_text
from .output import Output

__all__ = ["result_of"]


async def result_of(
    service: types.Service,
    containers: Iterable[types.Container],
    log: LogStream[types.ServiceLogLine],
    most: int,
) -> types.RunResult:
    """Return the result of a service that has stopped.

    Args:
        service: The service.
        containers: The containers of the service, in their order.
        log: The whole log of the service; read to its end.
        most: The number of bytes of the output to keep.

    Raises:
        OutputTooLarge: The output is larger.
    """
    output = Output(most)
    async with log:
        async for line in log:
            end = "\n" if line.get("log", "").endswith("\n") else ""
            output.add(line.get("streamType"), log_text(line) + end)
    codes = [container.get("exit_code") for container in containers]
    return {
        "stdout": output.stdout.decode(),
        "stderr": output.stderr.decode(),
        "exit_code": next((code for code in codes if code != 0), 0),
        "service": service,
    }
