"""Tutum v1, the first version of the API: requests and answers are translated here.

The handlers of Docker Cloud's resources serve every request. ``requests`` translates
incoming requests, ``answers`` translates outgoing answers, ``kinds`` serves the kinds
that only Tutum has. States and operations are those of late 2015: a new service is
``Not running``, not ``Init``.

Source: Tutum API reference, "Services"; the behaviour of Tutum's SDK and command line.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace

from aiohttp import WSCloseCode, web

from .... import wire
from ....wire import states
from .. import actions, containers, log_selection, log_streams, services, streams
from ..pieces import Json
from ..render import submitted
from ..resource import Call, Handler, Reply
from . import kinds, tags
from .answers import translated
from .requests import TutumCall

__all__ = ["RESOURCES", "TutumCall", "answer", "refuse"]

#: The kinds that only Tutum has, and kinds with additional paths.
RESOURCES = {**kinds.RESOURCES, **tags.RESOURCES}

#: States in which a service scales as soon as a request changes its target.
_SCALES_AT_ONCE = (states.RUNNING, states.PARTLY_RUNNING)


async def refuse(request: web.Request) -> web.WebSocketResponse:
    """Refuse wrong credentials on a stream by a frame, as Tutum did, not a status."""
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    text = "UNAUTHORIZED"
    frame = {"type": "error", "message": text, "data": {"errorMessage": text}}
    await ws.send_str(wire.dumps(frame).decode())
    await ws.close(code=WSCloseCode.POLICY_VIOLATION, message=text.encode())
    return ws


async def answer(call: Call, handler: Handler) -> Reply | web.StreamResponse:
    """Return the answer of *handler*, translated for Tutum's clients.

    Three requests differ from Docker Cloud's: GET of logs without an upgrade, PATCH of
    a service's target, and POST of a scaling that such a PATCH has started.
    """
    method, operation = call.request.method, call.target.operation
    reply: Reply | web.StreamResponse | None = None
    if (method, operation) == ("GET", ("logs",)):
        if not streams.is_upgrade(call.request):
            return Reply({"logs": await _text_log(call)})
    elif call.target.kind == "service" and (method, operation) == ("POST", ("scale",)):
        reply = _running_scale(call)
    reply = reply or await handler(call)
    if call.target.kind == "service" and (method, operation) == ("PATCH", ()):
        service = services.find(call)
        requested = "target_num_containers" in await call.body()
        if requested and service.scale_pending and service.state in _SCALES_AT_ONCE:
            reply = submitted(call, service, "scale", services.render)
    if isinstance(reply, web.StreamResponse) or reply.body is None:
        return reply
    body = reply.body
    if isinstance(body, Json):
        body = wire.loads(body.text)
    return Reply(translated(call, body), reply.status, reply.action)


def _running_scale(call: Call) -> Reply | None:
    """Return the scaling that an earlier PATCH has started, if it still runs.

    Later clients request the scaling that their own PATCH has already started. A target
    changed after the start needs another scaling, so that None is returned then.
    """
    service = services.find(call)
    cloud = call.cloud
    running = cloud.active(service)
    if running is None or running.operation != "scale":
        return None
    changes = (
        action
        for action in cloud.actions_on(service.uri)
        if action.operation == "update"
    )
    if any(change.number > running.number for change in changes):
        return None
    return Reply(services.render(cloud, service), 202, running)


async def _text_log(call: Call) -> str:
    """Return a log in its form before May 2015: a single text.

    In a service's log the name of the container precedes each line. The parameter
    ``tail`` has the same meaning as on the websocket.
    """
    cloud, kind = call.cloud, call.target.kind
    requested = log_selection.selection(call)
    selection = replace(requested, follow=False, send_position=False)
    if kind == "service":
        frames = log_streams.service_log(cloud, services.find(call), selection)
    elif kind == "container":
        frames = log_streams.container_log(cloud, containers.find(call), selection)
    else:
        journal = cloud.operations.journal(actions.find(call))
        frames = log_streams.action_log(journal, selection)
    lines = []
    async with aclosing(frames):
        async for frame in frames:
            line = wire.loads(frame)
            source = f"[{line['source']}] " if "source" in line else ""
            lines.append(source + line["log"].removesuffix("\n"))
    return "".join(f"{line}\n" for line in lines)
