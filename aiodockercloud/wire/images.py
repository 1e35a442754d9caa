"""Names of images, as Docker writes and reads them.

Source: Docker's ``distribution/reference``, "Grammar" and "normalize".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

__all__ = ["DOCKER_HUB", "PATTERN", "ImageName"]

#: The registry of an image whose name has no host.
DOCKER_HUB: Final = "registry-1.docker.io"
#: Hosts that a name may spell out for Docker Hub.
_HUB_HOSTS = frozenset({"docker.io", "index.docker.io", DOCKER_HUB})
#: The path of Docker Hub's official images.
_OFFICIAL = "library/"

_MOST_CHARACTERS = 512
_PART = "[A-Za-z0-9][A-Za-z0-9._-]*"
_IMAGE = re.compile(
    rf"(?P<name>{_PART}(?::[0-9]+(?=/))?(?:/{_PART})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
#: The regular expression of a name, without names of groups.
PATTERN: Final = re.sub(r"\?P<\w+>", "?:", _IMAGE.pattern)


@dataclass(frozen=True, slots=True)
class ImageName:
    """The name of an image: ``[host[:port]/]path[:tag][@digest]``.

    ``str()`` of a parsed name is the text that was parsed.

    Attributes:
        host: The registry with its port, as written; empty when the name has none.
        path: The path on the registry, such as ``acme/web``.
        tag: The tag without its colon.
        digest: The digest, ``sha256:`` and 64 hexadecimal digits.
    """

    host: str
    path: str
    tag: str | None = None
    digest: str | None = None

    @classmethod
    def parse(cls, text: str) -> ImageName:
        """Read a name as Docker does.

        The first part is a host if it has a dot or a port, or is ``localhost``.

        Raises:
            ValueError: The text is no name of an image.
        """
        return _parse(text)

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.repository}{tag}{digest}"

    @property
    def repository(self) -> str:
        """The name without tag and digest."""
        return f"{self.host}/{self.path}" if self.host else self.path

    @property
    def base_name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def on_hub(self) -> bool:
        """Whether Docker Hub has the image."""
        return not self.host or self.host in _HUB_HOSTS

    @property
    def registry(self) -> str:
        """The host of the registry, with its port."""
        return DOCKER_HUB if self.on_hub else self.host

    def familiar(self) -> ImageName:
        """Return the shortest name of the same image.

        Two names mean the same image if their shortest names are equal:
        ``docker.io/library/nginx`` and ``nginx``.
        """
        if not self.on_hub:
            return self
        path = self.path.removeprefix(_OFFICIAL)
        return replace(self, host="", path=self.path if "/" in path else path)

    def with_tag(self, tag: str = "latest") -> ImageName:
        """Return the name with *tag*, unless it has a tag or a digest."""
        return self if self.tag or self.digest else replace(self, tag=tag)


@lru_cache(1024)  # Lists of services and repositories compare the same names often.
def _parse(text: str) -> ImageName:
    match = _IMAGE.fullmatch(text)
    if match is None or len(text) > _MOST_CHARACTERS:
        raise ValueError(f"{text[:60]!r} is not the name of an image")
    first, slash, rest = match["name"].partition("/")
    hosted = slash and ("." in first or ":" in first or first == "localhost")
    host, path = (first, rest) if hosted else ("", match["name"])
    return ImageName(host, path, match["tag"], match["digest"])
