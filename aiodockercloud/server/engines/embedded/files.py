"""The files of embedded containers: volumes and ``/tmp``, below a temporary directory.

A container sees its volumes, a ``/tmp`` of its own, and its secrets and configs, which
exist in memory only; nothing else has files. A mounted path of a node is a directory of
the embedded node, not of the host.
"""

from __future__ import annotations

import errno
import os
import posixpath
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from .. import ContainerSpec
from .settings import EmbeddedSettings
from .text import to_bytes, to_text

__all__ = ["Files", "Mount", "Storage"]

_TMP = "/tmp"
#: Characters of one piece of a file.
_PIECE = 65_536


class Mount(NamedTuple):
    """A directory of the system that a container sees under a path of its own."""

    storage: Storage
    directory: str
    writable: bool

    def root(self) -> Path:
        """Return the directory; create the directory at its first use."""
        root = self.storage.directory() / self.directory
        root.mkdir(parents=True, exist_ok=True)
        return root


class Storage:
    """The directories of one engine. All of them end with the engine."""

    def __init__(self, settings: EmbeddedSettings) -> None:
        self._settings = settings
        self._directory: Path | None = None
        self._remove = weakref.finalize(self, lambda: None)

    def directory(self) -> Path:
        """Return the directory of the engine; create the directory at its first use."""
        if self._directory is None:
            created = Path(tempfile.mkdtemp(prefix="aiodockercloud-")).resolve()
            # Also removes the files of an engine that is dropped without a close.
            self._remove = weakref.finalize(
                self, lambda: shutil.rmtree(created, ignore_errors=True)
            )
            self._directory = created
        return self._directory

    def close(self) -> None:
        """Remove all files."""
        self._remove()
        self._directory = None

    def files(self, spec: ContainerSpec, shared: Iterable[Files]) -> Files:
        """Return the file system of a container.

        Args:
            spec: The specification of the container.
            shared: The file systems of the containers in ``volumes_from``.
        """
        mounts: dict[str, Mount] = {}
        for files in shared:
            mounts |= files.volumes
        for mount in spec.mounts:
            if mount.volume is not None:
                directory = _volume(spec.node, mount.volume)
            elif mount.name is not None:
                directory = _named_volume(spec.node, mount.name)
            else:
                path = _absolute(mount.host_path or "/").strip("/")
                path = quote(path, safe="/", errors="replace")
                directory = f"{_node(spec.node)}/paths/{path}"
            path = _absolute(mount.container_path)
            mounts[path] = Mount(self, directory, mount.writable)
        temporary = {
            _absolute(one["container_path"]): Mount(
                self, _tmpfs(spec.uuid, one["container_path"]), True
            )
            for one in spec.options.get("tmpfs") or ()
        }
        tmp = Mount(self, f"{_container(spec.uuid)}/tmp", True)
        fixed = {_absolute(file.path): file.content for file in spec.files}
        return Files(mounts, tmp, temporary, fixed=fixed, settings=self._settings)

    def remove_volumes(self, node: str, volumes: Iterable[str]) -> None:
        """Remove the files of volumes."""
        for volume in volumes:
            self._delete(_volume(node, volume))

    def remove_container(self, uuid: str) -> None:
        """Remove the files of a container, but not its volumes."""
        self._delete(_container(uuid))

    def remove_node(self, node: str) -> None:
        """Remove the files of a node."""
        self._delete(_node(node))

    def _delete(self, directory: str) -> None:
        if self._directory is not None:
            shutil.rmtree(self._directory / directory, ignore_errors=True)


class Files:
    """The file system of one container.

    The methods take absolute paths of the container and raise ``OSError``. Writing is
    bounded, because clients of the server can write by commands.

    Args:
        volumes: Path → mount of each volume.
        tmp: The mount of ``/tmp``; None for a file system without files.
        temporary: Path → mount of each file system in memory.
        fixed: Path → content of each read-only file in memory: secrets and configs.
        settings: The bounds.
    """

    def __init__(
        self,
        volumes: Mapping[str, Mount] | None = None,
        tmp: Mount | None = None,
        temporary: Mapping[str, Mount] | None = None,
        *,
        fixed: Mapping[str, bytes] | None = None,
        settings: EmbeddedSettings | None = None,
    ) -> None:
        self.volumes: dict[str, Mount] = dict(volumes or {})
        self._fixed = dict(fixed or {})
        self._mounts = {**({_TMP: tmp} if tmp is not None else {}), **self.volumes}
        self._temporary = dict(temporary or {})
        self._mounts |= self._temporary
        self._settings = settings or EmbeddedSettings()

    def empty_temporary(self) -> None:
        """Remove the contents of the file systems in memory: a run has ended."""
        for mount in self._temporary.values():
            shutil.rmtree(mount.root(), ignore_errors=True)

    def locate(self, path: str) -> Path:
        """Return the path of the system for a path in a volume or ``/tmp``.

        Raises:
            FileNotFoundError: The path is in no volume, or leads out of the volume.
        """
        root, _, rest = self._find(path)
        place = root / rest
        if not Path(os.path.realpath(place)).is_relative_to(root):  # a symbolic link
            raise _error(errno.ENOENT)
        return place

    def exists(self, path: str) -> bool:
        """Return whether a file or a directory exists."""
        return self.is_directory(path) or self.size(path) is not None

    def covers(self, path: str) -> bool:
        """Return whether a path is in a volume, in ``/tmp``, or a file in memory."""
        return _absolute(path) in self._fixed or self._mount_of(path) is not None

    def is_writable(self, path: str) -> bool:
        """Return whether a path is in a volume that is not read-only."""
        mounted = None if _absolute(path) in self._fixed else self._mount_of(path)
        return mounted is not None and self._mounts[mounted].writable

    def is_directory(self, path: str) -> bool:
        """Return whether a directory exists; the way to a volume does."""
        try:
            return self.locate(path).is_dir()
        except OSError:
            return any(_inside(mount, path) for mount in self._mounts) or any(
                _inside(file, path) and file != _absolute(path) for file in self._fixed
            )

    def size(self, path: str) -> int | None:
        """Return the bytes of a regular file, None if there is no such file."""
        if (content := self._fixed.get(_absolute(path))) is not None:
            return len(content)
        try:
            place = self.locate(path)
            return place.stat().st_size if place.is_file() else None
        except OSError:
            return None

    def names(self, path: str) -> list[str]:
        """Return the sorted names in a directory. Outside of volumes: the way to them.

        Raises:
            FileNotFoundError: A volume has no such directory.
            NotADirectoryError: The path is a file.
        """
        path = _absolute(path)
        if path in self._fixed:
            raise _error(errno.ENOTDIR)
        found = {
            mount[len(path.rstrip("/")) + 1 :].partition("/")[0]
            for mount in (*self._mounts, *self._fixed)
            if mount != path and _inside(mount, path)
        }
        if self._mount_of(path) is not None:
            found |= set(os.listdir(self.locate(path)))
        return sorted(found)

    def read(self, path: str) -> Iterator[str]:
        """Yield the text of a file in pieces; see ``text`` for bytes.

        Raises:
            IsADirectoryError: The path is a directory.
            FileNotFoundError: The file does not exist.
        """
        if (content := self._fixed.get(_absolute(path))) is not None:
            yield to_text(content)
            return
        place = self.locate(path)
        if not place.is_file():
            raise _error(errno.EISDIR if place.is_dir() else errno.ENOENT)
        with place.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            while piece := file.read(_PIECE):
                yield piece

    def write(self, path: str, text: str = "", *, append: bool) -> None:
        """Write text to a file; create the file when it does not exist.

        Raises:
            OSError: The path is read-only, a directory, or without a directory, or the
                volume has no room.
        """
        data = to_bytes(text)
        root, writable, rest = self._find(path, created=True)
        place = self.locate(path) if writable and rest else root
        if not writable:
            raise _error(errno.EROFS)
        if place.is_dir() or (place.exists() and not place.is_file()):
            raise _error(errno.EISDIR)
        self._check_room(root, len(data), new=not place.exists())
        with place.open("ab" if append else "wb") as file:
            file.write(data)

    def create_directory(self, path: str, *, parents: bool) -> None:
        """Create a directory; with *parents* also those above, if missing.

        Raises:
            OSError: The path is read-only or exists, or the volume has no room.
        """
        root, writable, rest = self._find(path, created=True)
        if not writable:
            raise _error(errno.EROFS)
        if not parents:
            self._check_room(root, 0, new=True)
            self.locate(path).mkdir()
            return
        place = path = _absolute(path)[: -len(rest)] if rest else _absolute(path)
        for part in filter(None, rest.split("/")):
            place = posixpath.join(place, part)
            if not self.is_directory(place):
                self._check_room(root, 0, new=True)
                self.locate(place).mkdir()

    def remove(self, path: str, *, recursive: bool) -> None:
        """Remove a file, or with *recursive* a directory.

        Raises:
            OSError: The path does not exist, is read-only, or is a volume.
        """
        fixed = _absolute(path) in self._fixed
        _, writable, rest = self._find(path, created=fixed)
        if not writable:
            raise _error(errno.EROFS)
        if not rest:
            raise _error(errno.EBUSY)
        place = self.locate(path)
        if not place.is_dir():
            place.unlink()
        elif recursive:
            shutil.rmtree(place)
        else:
            raise _error(errno.EISDIR)

    def _mount_of(self, path: str) -> str | None:
        """Return the deepest mounted path that contains a path."""
        inside = [mount for mount in self._mounts if _inside(path, mount)]
        return max(inside, key=len, default=None)

    def _find(self, path: str, *, created: bool = False) -> tuple[Path, bool, str]:
        """Return the root of a path's mount, whether it is writable, and the rest."""
        path = _absolute(path)
        if "\0" in path or path != path.encode("utf-8", "replace").decode():
            raise _error(errno.EINVAL)
        mounted = None if path in self._fixed else self._mount_of(path)
        if mounted is None:
            raise _error(errno.EROFS if created else errno.ENOENT)
        mount = self._mounts[mounted]
        return mount.root(), mount.writable, path[len(mounted) :].strip("/")

    def _check_room(self, root: Path, added: int, *, new: bool) -> None:
        """Check the bounds of a volume before a write.

        Raises:
            OSError: The volume has no room.
        """
        entries, size = int(new), added
        for directory, directories, files in os.walk(root):
            entries += len(directories) + len(files)
            size += sum(
                os.lstat(os.path.join(directory, name)).st_size for name in files
            )
            if entries > self._settings.most_volume_files:
                raise _error(errno.ENOSPC)
        if size > self._settings.most_volume_bytes:
            raise _error(errno.ENOSPC)


def _error(number: int) -> OSError:
    """Return the error of a number, as the system raises errors."""
    return OSError(number, os.strerror(number))


def _absolute(path: str) -> str:
    return "/" + posixpath.normpath(posixpath.join("/", path)).lstrip("/")


def _inside(path: str, directory: str) -> bool:
    """Return whether a path is a directory or below the directory."""
    directory = _absolute(directory).rstrip("/")
    path = _absolute(path)
    return path == (directory or "/") or path.startswith(directory + "/")


def _node(node: str) -> str:
    return f"nodes/node-{quote(node, safe='')}"


def _volume(node: str, volume: str) -> str:
    return f"{_node(node)}/volumes/volume-{quote(volume, safe='')}"


def _named_volume(node: str, name: str) -> str:
    return f"{_node(node)}/named/{quote(name, safe='')}"


def _container(uuid: str) -> str:
    return f"containers/container-{quote(uuid, safe='')}"


def _tmpfs(uuid: str, path: str) -> str:
    return f"{_container(uuid)}/tmpfs/{quote(_absolute(path), safe='')}"
