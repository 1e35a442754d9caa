"""The JSON of objects, kept as bytes until the object changes.

A read answers bytes that exist already: an object is rendered at the first read after a
change, and a page of a list joins the bytes of its objects. A program that reads the
same page again, while nothing changes, receives the same bytes. Most JSON of a service
comes from its containers: a change of the service's own record keeps that half.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from aiohttp import web

from ... import wire
from ..control.control_plane import ControlPlane
from ..state.records import Container, Node, NodeCluster, Service, Stack

__all__ = ["PIECES", "Halves", "Json", "Pieces", "Render", "joined"]

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


@dataclass(frozen=True, slots=True)
class Halves:
    """Renders services in two halves, so that one can be kept without the other.

    Attributes:
        own: Renders the first half, at each change.
        parts: Renders the second half: from the containers of the service, from other
            objects, and from what *shown* returns.
        shown: Returns what the second half contains of the record itself.
    """

    own: Render
    parts: Render
    shown: Callable[[Any], object]

    def __call__(self, cloud: ControlPlane, record: Any) -> dict[str, Any]:
        """Return the whole object."""
        return {**self.own(cloud, record), **self.parts(cloud, record)}


class _Piece(NamedTuple):
    """A kept JSON.

    Attributes:
        stamp: The stamp at the rendering.
        text: The JSON.
        parts: The stamp of the second half, and what the half contains of the record.
        middle: Where the second half begins in the text.
    """

    stamp: int
    text: bytes
    parts: object = None
    middle: int = 0


class Pieces:
    """The rendered objects of a server.

    Args:
        cloud: The control plane.
        largest: The largest number of bytes to keep.
    """

    def __init__(self, cloud: ControlPlane, largest: int = LARGEST) -> None:
        self._cloud = cloud
        self._largest = largest
        #: Uuid, or what a page shows → the JSON.
        self._kept: dict[str, _Piece] = {}
        self._size = 0

    def of(self, record: Any, render: Render) -> bytes:
        """Return the JSON of an object, as *render* returns the object now."""
        if not isinstance(record, _STAMPED):
            return wire.dumps(render(self._cloud, record))
        stamp = self._cloud.stamps.of(record)
        kept = self._kept.get(record.uuid)
        if kept is not None and kept.stamp == stamp:
            return kept.text
        if isinstance(render, Halves):
            piece = self._of_halves(record, render, stamp, kept)
        else:
            piece = _Piece(stamp, wire.dumps(render(self._cloud, record)))
        self._keep(record.uuid, piece)
        return piece.text

    def _of_halves(
        self, record: Any, render: Halves, stamp: int, kept: _Piece | None
    ) -> _Piece:
        own = wire.dumps(render.own(self._cloud, record))
        parts = self._cloud.stamps.of_parts(record), render.shown(record)
        if kept is not None and kept.parts == parts:
            second = kept.text[kept.middle :]
        else:
            second = wire.dumps(render.parts(self._cloud, record))[1:]
        return _Piece(stamp, b"%b,%b" % (own[:-1], second), parts, len(own))

    def page(self, kind: str, namespace: str, address: str) -> Json | None:
        """Return a kept page of a list, if no record has changed since.

        Args:
            kind: The kind of the objects.
            namespace: The namespace of the objects.
            address: The path with the query; empty for a page that is not kept.
        """
        kept = self._kept.get(f"{kind} {namespace} {address}") if address else None
        if kept is None or kept.stamp != self._cloud.stamps.number:
            return None
        return Json(kept.text)

    def keep_page(
        self, kind: str, namespace: str, address: str, number: int, page: Json
    ) -> None:
        """Keep a page; *number* is that of the last change before the page was made."""
        if address:
            self._keep(f"{kind} {namespace} {address}", _Piece(number, page.text))

    def _keep(self, key: str, piece: _Piece) -> None:
        self._drop(key)
        self._kept[key] = piece
        self._size += len(key) + len(piece.text)
        while self._size > self._largest:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: str) -> None:
        if (kept := self._kept.pop(key, None)) is not None:
            self._size -= len(key) + len(kept.text)


PIECES: web.AppKey[Pieces] = web.AppKey("pieces", Pieces)


def joined(meta: Mapping[str, Any], objects: Iterable[bytes]) -> Json:
    """Return the JSON of a page of a list."""
    return Json(b'{"meta":%b,"objects":[%b]}' % (wire.dumps(meta), b",".join(objects)))
