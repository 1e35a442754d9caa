"""The backup of the database, for operators; an addition to the old API.

Docs: "Running the server", "Backup".
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from aiohttp import hdrs, web

from ...exceptions import NotSupported
from .resource import OPERATE, Call, Resource

resource: Resource = Resource("backup")

#: Bytes that are read at a time.
_CHUNK = 256 * 1024


@resource.route("GET", scope=OPERATE, key=False)
async def download(call: Call) -> web.StreamResponse:
    """Send a consistent copy of the database as a file.

    The rows in the copy are encrypted with the secret key of the server, which is not
    part of the copy.
    """
    if not call.cloud.store.durable:
        raise NotSupported("the server has no data directory, so no backup is possible")
    with tempfile.TemporaryDirectory(prefix="aiodockercloud-") as directory:
        file = Path(directory) / "backup.sqlite3"
        await call.cloud.store.backup(file)
        content = await asyncio.to_thread(file.open, "rb")
        try:
            response = web.StreamResponse(
                headers={
                    "Content-Type": "application/vnd.sqlite3",
                    "Content-Disposition": 'attachment; filename="backup.sqlite3"',
                }
            )
            response.content_length = content.seek(0, 2)
            content.seek(0)
            await response.prepare(call.request)
            if call.request.method != hdrs.METH_HEAD:
                while chunk := await asyncio.to_thread(content.read, _CHUNK):
                    await response.write(chunk)
            await response.write_eof()
        finally:
            content.close()
    return response
