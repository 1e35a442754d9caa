"""Where a shell runs: the names, the user, the directory and the files."""

from __future__ import annotations

from dataclasses import dataclass, field

from .files import Files

__all__ = ["Place"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a shell knows of its container.

    Attributes:
        hostname: The output of ``hostname``.
        domainname: The rest of the output of ``hostname -f``; may be empty.
        user: The output of ``whoami``.
        directory: The working directory at the beginning.
        files: The files; by default none.
    """

    hostname: str = "localhost"
    domainname: str = ""
    user: str = "root"
    directory: str = "/"
    files: Files = field(default_factory=Files)
