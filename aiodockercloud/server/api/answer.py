"""The JSON answers of the server: head and body leave in one write.

aiohttp collects the headers of a response in a dictionary, asks its signals, and
encodes the headers, for each response again. Most of the head is the same for all JSON
answers, so this part exists as a text. Other responses, and answers to requests that
are not plain HTTP/1.1, leave by aiohttp's own way.
"""

from __future__ import annotations

import time
from email.utils import formatdate
from functools import lru_cache

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.abc import AbstractStreamWriter

from ... import wire
from .connections import Output, output_of
from .guard import SECURITY_HEADERS

__all__ = ["json_answer"]


def json_answer(body: bytes, status: int, headers: dict[str, str]) -> web.Response:
    """Return a response with a JSON body.

    The response has no cookie, and no header of ``SECURITY_HEADERS`` of its own. What
    needs one is a response of aiohttp.

    Args:
        body: The body.
        status: The HTTP status.
        headers: The headers, without those of the head that all answers have.
    """
    return _Answer(body, status, headers)


class _Answer(web.Response):
    #: The way to the client, once the answer leaves without aiohttp.
    _output: Output | None = None

    def __init__(self, body: bytes, status: int, headers: dict[str, str]) -> None:
        super().__init__(
            body=body, status=status, reason=wire.reason(status), headers=headers
        )

    @property
    def prepared(self) -> bool:
        """Whether the answer leaves."""
        return self._output is not None or super().prepared

    @property
    def keep_alive(self) -> bool | None:
        """Whether the connection stays open; None for an answer that is not sent."""
        return True if self._output is not None else super().keep_alive

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        if (
            request.version == HttpVersion11
            and request.method != hdrs.METH_HEAD
            and request.keep_alive
            and self.keep_alive is None
        ):
            self._output = output_of(request)
        if self._output is not None:
            return None
        return await super().prepare(request)

    async def write_eof(self, data: bytes = b"") -> None:
        output, body = self._output, self.body
        if output is None:
            await super().write_eof(data)
            return
        assert isinstance(body, bytes)
        if not output.is_open:
            raise ConnectionResetError("the connection is closed")
        output.write(self._head(len(body)) + body)
        if output.is_full:
            await output.until_room()

    def _head(self, size: int) -> bytes:
        """Return the status line and the headers, up to the body of so many bytes.

        Raises:
            ValueError: A header would end before its value does.
        """
        own = "".join([f"{name}: {value}\r\n" for name, value in self.headers.items()])
        if own.count("\r") + own.count("\n") > 2 * len(self.headers) or "\0" in own:
            raise ValueError("a header has a line break")
        return (
            f"{_common(self.status, int(time.time()))}{own}"
            f"{hdrs.CONTENT_LENGTH}: {size}\r\n\r\n"
        ).encode()


@lru_cache(maxsize=64)  # of the last second
def _common(status: int, now: int) -> str:
    """Return the lines that all answers of a second with one status have."""
    headers = {**SECURITY_HEADERS, hdrs.DATE: formatdate(now, usegmt=True)}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} {wire.reason(status)}\r\n{lines}"
