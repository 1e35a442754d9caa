"""``/openapi.json``: the OpenAPI document of the whole API.

``operations`` is the table of what requests do, ``schemas`` makes the schemas from the
types of the client and from the table of service fields, and ``document`` puts both
together with the routes of the server.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from importlib.metadata import version

from aiohttp import web

from .... import wire
from ..pieces import Json
from ..resource import PUBLIC, Call, Reply, Resource

__all__ = ["DOCUMENT", "Document", "resource"]

resource: Resource = Resource("openapi.json")


class Document:
    """The document of an application, written when the first reader requests it.

    Args:
        resources: The routes of the application, by kind.
    """

    def __init__(self, resources: Mapping[str, Resource]) -> None:
        self._resources = resources

    @cached_property
    def text(self) -> bytes:
        """The document as JSON."""
        # Local: a server whose document is not read starts without the tables.
        from .document import document  # noqa: PLC0415

        return wire.dumps(document(self._resources, version("aiodockercloud")))


DOCUMENT: web.AppKey[Document] = web.AppKey("OpenAPI document", Document)


@resource.route("GET", key=False, scope=PUBLIC)
async def read(call: Call) -> Reply:
    """Return the document."""
    return Reply(Json(call.request.app[DOCUMENT].text, None))
