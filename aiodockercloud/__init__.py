"""The Docker Cloud API for asyncio: the client.

::

    async with DockerCloud(url, user="me", apikey="…") as cloud:
        service = await cloud.services.run(image="dockercloud/hello-world")

The server is ``aiodockercloud.server``, which the client never imports.
"""

from __future__ import annotations

from typing import Any

from .lazy import names_of

_load, __dir__ = names_of(__name__, "exports")


def __getattr__(name: str) -> Any:
    """Load the client when a program uses its first name: a server needs no client.

    Type checkers read ``__init__.pyi``.
    """
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 - a slow import

        return version(__name__)
    return _load(name)
