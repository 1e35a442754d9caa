"""The JSON of objects, kept as bytes until the object changes.

A read answers bytes that exist already: an object is rendered at the first read after a
change, and a page of a list joins the bytes of its objects. A program that reads the
same page again, while nothing changes, receives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from aiohttp import web

from ... import wire
from ..control.control_plane import ControlPlane
from ..state.records import Container, Node, NodeCluster, Service, Stack

__all__ = ["PIECES", "Json", "Pieces", "Render", "joined"]

Render = Callable[[ControlPlane, Any], Mapping[str, Any]]

#: Bytes of JSON that a server keeps. Without room, the oldest piece is dropped.
LARGEST = 64 * 2**20

#: The objects that other records show in: the stamp of the object counts all of these.
_STAMPED = (Service, Container, Stack, Node, NodeCluster)


class Json(NamedTuple):
    """A JSON object as the bytes of a response.

    Attributes:
        text: The JSON.
        version: The version of the object, for the header ``ETag``.
    """

    text: bytes
    version: int | None = None


class Pieces:
    """The rendered objects of a server.

    Args:
        cloud: The control plane.
        largest: The largest number of bytes to keep.
    """

    def __init__(self, cloud: ControlPlane, largest: int = LARGEST) -> None:
        self._cloud = cloud
        self._largest = largest
        #: Uuid, or what a page shows → the stamp at the rendering, and the JSON.
        self._kept: dict[str, tuple[int, bytes]] = {}
        self._size = 0

    def of(self, record: Any, render: Render) -> bytes:
        """Return the JSON of an object, as *render* returns the object now."""
        if not isinstance(record, _STAMPED):
            return wire.dumps(render(self._cloud, record))
        stamp = self._cloud.stamps.of(record)
        kept = self._kept.get(record.uuid)
        if kept is not None and kept[0] == stamp:
            return kept[1]
        text = wire.dumps(render(self._cloud, record))
        self._keep(record.uuid, stamp, text)
        return text

    def page(self, kind: str, namespace: str, address: str) -> Json | None:
        """Return a kept page of a list, if no record has changed since.

        Args:
            kind: The kind of the objects.
            namespace: The namespace of the objects.
            address: The path with the query; empty for a page that is not kept.
        """
        kept = self._kept.get(f"{kind} {namespace} {address}") if address else None
        if kept is None or kept[0] != self._cloud.stamps.number:
            return None
        return Json(kept[1])

    def keep_page(
        self, kind: str, namespace: str, address: str, number: int, page: Json
    ) -> None:
        """Keep a page; *number* is that of the last change before the page was made."""
        if address:
            self._keep(f"{kind} {namespace} {address}", number, page.text)

    def _keep(self, key: str, stamp: int, text: bytes) -> None:
        self._drop(key)
        self._kept[key] = stamp, text
        self._size += len(key) + len(text)
        while self._size > self._largest:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: str) -> None:
        if (kept := self._kept.pop(key, None)) is not None:
            self._size -= len(key) + len(kept[1])


PIECES: web.AppKey[Pieces] = web.AppKey("pieces", Pieces)


def joined(meta: Mapping[str, Any], objects: Iterable[bytes]) -> Json:
    """Return the JSON of a page of a list."""
    return Json(b'{"meta":%b,"objects":[%b]}' % (wire.dumps(meta), b",".join(objects)))
