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
    """All events of the namespace from the moment of the upgrade; ``type``, ``object``
    and ``parent`` select, several values separated by commas.

    Beyond the old API: ``since`` is the ``id`` of an event, after which the stream goes
    on, or ``now``. Then the first frame is ``{"type": "position", "id"}``, others like
    it may follow, and events that are not kept any more are one frame ``{"type": "gap",
    "id", "missed"}``, where *missed* is null unless it is known. Readers that send no
    ``since`` are closed with 1013 instead.
    """
    return await streams.serve(call, _frames(call))


def _frames(call: Call) -> AsyncGenerator[str, None]:
    def values(*names: str) -> set[str]:
        # The Go client says parents where the reference says parent.
        texts = (text for name in names for text in call.request.query.getall(name, []))
        # Objects may be spelled in whatever way; types are no URIs and stay.
        found = (value for text in texts for value in text.split(","))
        return {wire.canonical_uri(value) for value in found if value}

    # Tutum's events have no ids, so its readers cannot go on from one.
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
                    # Whoever cannot keep up and knows no gaps reconnects and looks
                    # anew: better than events silently missing.
                    raise StreamClosed(1013, f"{frame.count} events were missed")
                yield call.event(frame)

    return frames()
