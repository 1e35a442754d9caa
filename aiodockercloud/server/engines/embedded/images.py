"""Images of the embedded engine: async functions with variables, command and ports.

The function of an image receives a ``Container`` and returns its exit code; None means
0.
"""

from __future__ import annotations

import shlex
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from ....wire.images import ImageName
from .. import ContainerSpec, EngineError, ImageInfo
from .runtime import Container

__all__ = ["Image", "ImageFunction", "Images", "command_line"]

ImageFunction = Callable[[Container], Awaitable[int | None]]


class Image(NamedTuple):
    """A function, and the facts that Docker reports of an image."""

    function: ImageFunction
    info: ImageInfo
    #: Whether the function reports its health; until then, the health is ``starting``.
    reports_health: bool = False


class Images:
    """Images by name. A name without a tag stands for each tag without an image."""

    def __init__(self, images: Mapping[str, Image]) -> None:
        self._images: dict[tuple[str, str | None], Image] = {}
        for name, image in images.items():
            self.add(name, image)

    def add(self, name: str, image: Image) -> None:
        """Register an image; replaces an image of the same name.

        Raises:
            ValueError: The text is no name of an image.
        """
        self._images[_split(name)] = image

    def get(self, name: str) -> Image | None:
        """Return the image of a name, None when there is none."""
        try:
            repository, tag = _split(name)
        except ValueError:
            return None
        return self._images.get((repository, tag or "latest")) or self._images.get(
            (repository, None)
        )


def _split(name: str) -> tuple[str, str | None]:
    """Return the repository by its shortest name, and the tag."""
    image = ImageName.parse(name).familiar()
    return image.repository, image.tag


def command_line(spec: ContainerSpec, info: ImageInfo) -> list[str]:
    """Return the words of the entrypoint and of the command.

    As in Docker, an entrypoint of the container replaces the command of the image, too.

    Raises:
        EngineError: The text of one of them has an open quote.
    """
    entrypoint = info.entrypoint if spec.entrypoint is None else spec.entrypoint
    command = spec.command
    if command is None:
        command = info.command if spec.entrypoint is None else ""
    words = []
    for field_name, text in (("entrypoint", entrypoint), ("run_command", command)):
        try:
            words += shlex.split(text)
        except ValueError as error:
            # Without the text itself: commands hold secrets.
            raise EngineError(f"{field_name}: {error}") from None
    return words
