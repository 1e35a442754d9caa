"""The event stream.

Source: Docker Cloud API reference, "Docker Cloud Events".
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from aiohttp import web

from ... import wire
from ...exceptions import BadRequest, StreamClosed
from ...wire.scopes import READ
from ..journal import Missed
from ..state.records import EVENT_KINDS
from . import streams
from .resource import Call, Resource

resource: Resource = Resource("events")


@resource.route("GET", key=False, scope=READ)
async def events(call: Call) -> web.StreamResponse:
    """Stream all events of the namespace from the moment of the upgrade.

    The parameters ``type``, ``object`` and ``parent`` select events; commas separate
    several values. Another parameter, a type without events, and a text that is no URI
    are refused: the stream would contain nothing or everything.

    Beyond the old API: ``since`` is ``now``, or the ``id`` of the event after which the
    stream continues. With ``since``, the first frame is ``{"type": "position", "id"}``,
    and further position frames may follow. Events that the server has no longer are
    replaced by one frame ``{"type": "gap", "id", "missed"}``; *missed* is their number,
    or null for an unknown number. Without ``since``, missed events end the stream with
    close code 1013.
    """
    return await streams.serve(call, _frames(call))


def _frames(call: Call) -> AsyncGenerator[str, None]:
    # Tutum's events have no ids: a stream cannot continue after an event.
    resumable = call.target.dialect.by_subsystem
    call.refuse_parameters_except(*_PARAMETERS, *(("since",) if resumable else ()))
    types = set(_values(call, "type"))
    if unknown := types - EVENT_KINDS:
        raise BadRequest(
            f"type: there are no events of type {', '.join(sorted(unknown))}; types are"
            f" {', '.join(sorted(EVENT_KINDS))}"
        )
    since = call.query.get("since") if resumable else None
    subscription = call.cloud.hub.subscribe(
        call.namespace,
        types=types,
        objects=_uris(call, "object"),
        parents=_uris(call, "parent", "parents"),
        since=since or None,
    )

    async def frames() -> AsyncGenerator[str, None]:
        async with aclosing(subscription):
            async for frame in subscription:
                if isinstance(frame, Missed):
                    # A reader that does not know gaps reconnects and reads the state
                    # again. The alternative would be events missing silently.
                    raise StreamClosed(1013, f"{frame.count} events were missed")
                yield call.event(frame)

    return frames()


#: The Go client sends "parents"; the API's reference documents "parent".
_PARAMETERS = ("type", "object", "parent", "parents")


def _values(call: Call, *names: str) -> list[str]:
    texts = (text for name in names for text in call.request.query.getall(name, []))
    return [value for text in texts for value in text.split(",") if value]


def _uris(call: Call, *names: str) -> set[str]:
    """Return the URIs of objects in parameters, in one of their several spellings.

    Raises:
        BadRequest: None of the values is the URI of an object.
    """
    values = _values(call, *names)
    if values and not any(map(_is_uri, values)):
        raise BadRequest(f"{names[0]}: must be the resource_uri of an object")
    return {wire.canonical_uri(value) for value in values}


def _is_uri(text: str) -> bool:
    target = wire.split_path(text)
    return target is not None and bool(target.key)
