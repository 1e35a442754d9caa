"""A credential helper of Docker: a program that keeps credentials.

The program reads the key of an account and prints JSON. The program is foreign code:
its time and its output are bounded, and its children end with it.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress

from ..exceptions import AuthError

__all__ = ["ask_helper"]

#: The name of a helper becomes a part of the name of a program, never of a path.
_NAME = re.compile(r"[A-Za-z0-9._-]+")


async def ask_helper(
    name: object, account: str, *, seconds: float, most: int
) -> bytes | None:
    """Return the output of a credential helper.

    Args:
        name: The name in the configuration of Docker, e.g. ``"pass"``.
        account: The key of the account, e.g. ``"cloud.example.com"``.
        seconds: How long the helper may run.
        most: How many bytes the helper may print.

    Returns:
        The output; ``None`` when the helper has no credentials for the account.

    Raises:
        AuthError: The name is invalid, or the helper cannot be run, does not end in
            time or prints too much.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise AuthError("the name of the credential helper is not a name of a program")
    program = f"docker-credential-{name}"
    try:
        process = await asyncio.create_subprocess_exec(
            program,
            "get",
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            process_group=0,
        )
    except OSError as exc:
        raise AuthError(
            f"the credential helper {program} cannot be run: {exc.strerror}"
        ) from exc
    ended = False
    try:
        async with asyncio.timeout(seconds):
            answer = await _converse(process, account.encode(), most)
            ended = answer is not None
            status = await process.wait() if ended else None
    except TimeoutError:
        ended = False
        raise AuthError(f"{program} gave no answer in {seconds:g} s") from None
    finally:
        if not ended or process.returncode is None:
            _kill(process)
            _close_output(process)
            await process.wait()
    if answer is None:
        raise AuthError(f"{program} printed more than {most} bytes")
    return answer if status == 0 else None


async def _converse(process: Process, question: bytes, most: int) -> bytes | None:
    """Return the output of a process; ``None`` for more than *most* bytes."""
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(ConnectionError):  # the helper may end without reading
        process.stdin.write(question)
        await process.stdin.drain()
    process.stdin.close()
    try:
        await process.stdout.readexactly(most + 1)
    except asyncio.IncompleteReadError as exc:
        return exc.partial
    return None


def _kill(process: Process) -> None:
    """Terminate a process and its children."""
    with suppress(ProcessLookupError):
        if sys.platform == "win32":  # no process groups
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)


def _close_output(process: Process) -> None:
    """Close the pipe for the output of a process.

    On Python 3.11, waiting for a process includes its pipes. A pipe has no end as long
    as unread output fills the pipe, or a process outside the group can write into it.
    """
    pipe = process._transport.get_pipe_transport(1)  # type: ignore[attr-defined]
    pipe.close()
