"""``/`` and ``/page/…``: the files of the page, which need no key."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import hdrs, web

from ... import wire
from ...exceptions import ObjectNotFound
from ..page import INDEX, files
from .resource import PUBLIC, Call, Resource

#: The page runs its own scripts and styles, and sends requests to this server, only.
HEADERS: Mapping[str, str] = {
    hdrs.CACHE_CONTROL: "no-cache",
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "connect-src 'self'",
            "img-src 'self'",
            "script-src 'self'",
            "style-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        )
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
}

resource: Resource = Resource("page")


def target_of(raw_path: str) -> wire.Target | None:
    """Return the parts of a path of the page; None for a path of the API."""
    match raw_path.split("/"):
        case ["", ""]:
            return wire.Target("page", None, (), (), wire.DOCKER_CLOUD)
        case ["", "page", name] if name:
            return wire.Target("page", None, (name,), (), wire.DOCKER_CLOUD)
        case ["", "session"]:
            return wire.Target("session", None, (), (), wire.DOCKER_CLOUD)
    return None


@resource.route("GET", key=False, scope=PUBLIC)
async def index(call: Call) -> web.StreamResponse:
    """Return the page.

    Raises:
        ObjectNotFound: The request names another host in the place of the path.
    """
    if call.request.raw_path.partition("?")[0] != "/":
        raise ObjectNotFound(f"there is no path {call.request.raw_path}")
    return _response(call, INDEX)


@resource.route("GET", scope=PUBLIC)
async def file(call: Call) -> web.StreamResponse:
    """Return a script, the style or the icon of the page."""
    return _response(call, call.pk)


def _response(call: Call, name: str) -> web.Response:
    found = files().get(name)
    if found is None:
        raise ObjectNotFound(f"the page has no file {name}")
    headers = {**HEADERS, wire.ETAG: found.etag}
    if call.request.headers.get(hdrs.IF_NONE_MATCH) == found.etag:
        return web.Response(status=304, headers=headers)
    headers[hdrs.CONTENT_TYPE] = found.content_type
    return web.Response(body=found.body, headers=headers)
