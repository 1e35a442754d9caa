"""The images that every embedded engine has."""

from __future__ import annotations

import html
from collections.abc import Mapping

from aiohttp import web

from .. import ImageInfo
from .images import Image
from .runtime import Container
from .text import Stream

__all__ = ["BUILT_IN", "IDLE"]


async def idle(container: Container) -> None:
    """Run in place of an image that the engine does not have: wait until stopped."""
    container.print(
        f"simulated: {container.image} is not an image of the embedded engine;"
        " idle until stopped"
    )
    await container.wait_stopped()


async def hello_world(container: Container) -> None:
    """Answer HTTP requests on port 80; log the start and each request."""
    greeting = f"Hello {container.environment.get('NAME') or 'world'}!"
    page = (
        f"<html><head><title>{html.escape(greeting)}</title></head><body>"
        f"<h1>{html.escape(greeting)}</h1>"
        f"<h3>My hostname is {html.escape(container.hostname)}</h3>"
        "</body></html>\n"
    )

    async def answer(request: web.BaseRequest) -> web.Response:
        container.print(f'{request.remote} "{request.method} {request.raw_path}" 200')
        return web.Response(text=page, content_type="text/html")

    async with container.listen_http(80, answer):
        container.print(f"{container.image} listens on port 80 of {container.hostname}")
        await container.wait_stopped()


async def shell(container: Container) -> int:
    """Run the command in the small shell; idle when that shell cannot run it."""
    # Here, because the start of a server would wait for all commands of the shell.
    from .shell import Pipe, Shell, unsupported  # noqa: PLC0415

    if reason := unsupported(container.command):
        container.print(
            f"simulated: {reason} for the embedded shell; idle until stopped"
        )
        await container.wait_stopped()
        return 0
    unfinished: dict[Stream, str] = {"stdout": "", "stderr": ""}

    async def write(stream: Stream, text: str) -> None:
        *lines, unfinished[stream] = (unfinished[stream] + text).split("\n")
        for line in lines:
            container.write(stream, line)
        if len(unfinished[stream]) > container.settings.longest_log_line:
            container.write(stream, unfinished[stream], partial=True)
            unfinished[stream] = ""

    interpreter = Shell(
        container.environment,
        write=write,
        stdin=Pipe(ended=not container.stdin_open),
        clock=container.clock,
        place=container.place,
    )
    try:
        return await interpreter.run(container.command)
    finally:
        for stream, text in unfinished.items():
            if text:
                container.write(stream, text)


#: Runs in place of every image that the engine does not have.
IDLE = Image(idle, ImageInfo({}, "", "", ()))
_HELLO_WORLD = Image(hello_world, ImageInfo({}, "/run.sh", "", ((80, "tcp"),)))
_SHELL = Image(shell, ImageInfo({}, "sh", "", ()))

BUILT_IN: Mapping[str, Image] = {
    "dockercloud/hello-world": _HELLO_WORLD,
    "tutum/hello-world": _HELLO_WORLD,
    "busybox": _SHELL,
    "alpine": _SHELL,
}
