"""Servers in processes of their own, and their files."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from aiodockercloud import DockerCloud
from tests.support.facts import PATIENCE

READY = re.compile(r"(https?://127\.0\.0\.1:\d+)")
ACCOUNT = {"DOCKERCLOUD_USER": "alice", "DOCKERCLOUD_APIKEY": "s3cret-key"}


class Process:
    """A process of ``python -m aiodockercloud serve``, with its output."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.url = ""
        self.out = self.err = ""

    async def ready(self) -> str:
        """Wait for the line with the server's address and return the address."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            line = (await self.process.stdout.readline()).decode()
        self.out += line
        if (found := READY.search(line)) is None:
            await self.ended()
            raise AssertionError(f"not ready: {self.out}{self.err}")
        self.url = found[1]
        return self.url

    async def ended(self) -> int:
        """Wait for the end of the process, read its output, return its exit status."""
        async with asyncio.timeout(PATIENCE):
            out, err = await self.process.communicate()
        self.out += out.decode()
        # Development mode also reports slow steps, such as imports.
        lines = err.decode().splitlines(keepends=True)
        self.err += "".join(x for x in lines if "WARNING asyncio: Executing" not in x)
        assert self.process.returncode is not None
        return self.process.returncode

    async def end(self, number: signal.Signals) -> int:
        """Send a signal and return the exit status."""
        self.process.send_signal(number)
        return await self.ended()


@asynccontextmanager
async def serving(
    data: Path | None = None, environ: Mapping[str, str] = ACCOUNT, *options: str
) -> AsyncIterator[Process]:
    """Yield a server process; kill the process at the end if it still runs."""
    arguments = ["--data-dir", str(data)] if data else []
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-X", "dev", "-W", "error", "-m", "aiodockercloud"),
        *("serve", "--port", "0", *arguments, *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **environ},
    )
    serving = Process(process)
    try:
        yield serving
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


def kept(data: Path) -> bytes:
    """Return the contents of all files in a data directory."""
    return b"".join(file.read_bytes() for file in data.rglob("*") if file.is_file())


def alice(process: Process) -> DockerCloud:
    """Return a client of the server, without retries."""
    return DockerCloud(process.url, user="alice", apikey="s3cret-key", retry=None)
