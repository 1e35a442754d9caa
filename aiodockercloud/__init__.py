"""The Docker Cloud API for asyncio: the client.

::

    async with DockerCloud(url, user="me", apikey="…") as cloud:
        service = await cloud.services.run(image="dockercloud/hello-world")

The server is ``aiodockercloud.server``, which the client never imports.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:
    """Load a module, or the client, when a program first uses one of its names.

    A server starts sooner without the client. Type checkers read ``__init__.pyi``.
    """
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 - a slow import

        return version(__name__)
    try:
        return import_module(f"{__name__}.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"{__name__}.{name}":
            raise
    from . import exports  # noqa: PLC0415 - needs the whole client

    names = {one: getattr(exports, one) for one in exports.__all__}
    globals().update(names, __all__=exports.__all__)
    if name not in globals():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *import_module(".exports", __name__).__all__})
