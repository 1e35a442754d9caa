"""The download of a file of any size, as it arrives."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from aiohttp import ClientTimeout
from yarl import URL

from .. import wire
from .exchange import FAULTS, no_answer, read_body, with_login
from .session import Transport

__all__ = ["download"]

#: Bytes that are written at a time.
_CHUNK = 256 * 1024


async def download(transport: Transport, path: str, file: Path) -> None:
    """Write the answer to a request to a file, which appears when it is complete.

    Only the owner may read the file.

    Args:
        transport: The connection to the server.
        path: The path from the root, quoted.
        file: The file, replaced if it exists.

    Raises:
        ApiError: The server refused the request.
        ConnectError: No complete response was received.
        OSError: The file cannot be written.
    """
    session = await transport._prepared()
    url = f"{transport.rest_url}{path}"
    timeout = ClientTimeout(total=None, sock_read=transport._timeout.total)
    with _new_file(file) as target:
        with _faults(url, timeout):
            response = await session.get(
                with_login(URL(url, encoded=True), transport._login),
                headers=transport._headers,
                timeout=timeout,
                ssl=transport._ssl,
                proxy=transport._proxies[0],
                allow_redirects=False,
                raise_for_status=False,
            )
        async with response:
            if response.status != 200:
                with _faults(url, timeout):
                    body = await read_body(response, transport.limits)
                wire.decode_response(
                    response.status,
                    response.headers,
                    body,
                    method="GET",
                    url=url,
                    dialect=transport.dialect,
                )
            while True:
                with _faults(url, timeout):
                    chunk = await response.content.read(_CHUNK)
                if not chunk:
                    break
                target.write(chunk)


@contextmanager
def _new_file(file: Path) -> Iterator[IO[bytes]]:
    """Open a file for its owner only, which replaces *file* at the end of the block."""
    descriptor, part = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(descriptor, "wb") as opened:
            yield opened
            opened.flush()
            os.fsync(descriptor)
        Path(part).replace(file)
    finally:
        Path(part).unlink(missing_ok=True)


@contextmanager
def _faults(url: str, timeout: ClientTimeout) -> Iterator[None]:
    """Raise an error of the connection as the error of a client."""
    try:
        yield
    except FAULTS as exc:
        raise no_answer("GET", url, exc, timeout) from exc
