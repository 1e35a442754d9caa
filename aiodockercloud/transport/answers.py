"""What became of one request: a response within bounds, or the error to raise."""

from __future__ import annotations

import aiohttp
from aiohttp import ClientTimeout
from yarl import URL

from ..exceptions import ConnectError
from . import diagnostics

__all__ = ["no_answer"]


def no_answer(
    method: str, url: str, exc: Exception, timeout: ClientTimeout
) -> ConnectError:
    """Return the error for a request without a response.

    Args:
        method: The method of the request.
        url: The URL of the request.
        exc: The error of aiohttp or of the operating system.
        timeout: The timeout of the client.
    """
    if isinstance(exc, TimeoutError):
        total = timeout.total
        detail = (
            f"timed out ({total} s for the whole request)" if total else "timed out"
        )
    elif isinstance(exc, (OSError, aiohttp.ClientConnectionError)) and str(exc):
        detail = str(exc)
    else:  # other messages of aiohttp may quote the URL
        detail = type(exc).__name__
    origin = URL(url, encoded=True).origin()
    return diagnostics.unanswered(
        ConnectError(f"no answer from {origin}: {detail}", method=method, url=url)
    )
