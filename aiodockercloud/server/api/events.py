"""The event stream.

Source: Docker Cloud API reference, "Docker Cloud Events".
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from aiohttp import web

from ... import wire
from ...exceptions import StreamClosed
from ..journal import Missed
from . import streams
from .resource import Call, Resource

resource = Resource("events")


@resource.route("GET", key=False)
async def events(call: Call) -> web.StreamResponse:
    """Stream all events of the namespace from the moment of the upgrade.

    The parameters ``type``, ``object`` and ``parent`` select events; commas separate
    several values.

    Beyond the old API: ``since`` is ``now``, or the ``id`` of the event after which the
    stream continues. With ``since``, the first frame is ``{"type": "position", "id"}``,
    and further position frames may follow. Events that the server has no longer are
    replaced by one frame ``{"type": "gap", "id", "missed"}``; *missed* is their number,
    or null for an unknown number. Without ``since``, missed events end the stream with
    close code 1013.
    """
    return await streams.serve(call, _frames(call))


def _frames(call: Call) -> AsyncGenerator[str, None]:
    def values(*names: str) -> set[str]:
        # The Go client sends "parents"; the API's reference documents "parent".
        texts = (text for name in names for text in call.request.query.getall(name, []))
        # URIs of objects have several spellings; types are no URIs and do not change.
        found = (value for text in texts for value in text.split(","))
        return {wire.canonical_uri(value) for value in found if value}

    # Tutum's events have no ids: a stream cannot continue after an event.
    since = call.query.get("since") if call.target.dialect.by_subsystem else None
    subscription = call.cloud.hub.subscribe(
        call.namespace,
        types=values("type"),
        objects=values("object"),
        parents=values("parent", "parents"),
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
