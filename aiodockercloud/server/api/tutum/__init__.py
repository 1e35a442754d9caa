"""Tutum v1, the same API under its first name: translated here, at the edge.

Every rule is Docker Cloud's and every object comes from the resources' own handlers;
this module respells requests on their way in and answers on their way out. States and
operations are those of late 2015: a new service is ``Not running``, not ``Init``.

Source: Tutum API reference, "Services"; what Tutum's SDK and command line do.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace

from aiohttp import WSCloseCode, web

from .... import wire
from ....wire import states
from .. import actions, containers, log_streams, services, streams
from ..render import submitted
from ..resource import Call, Handler, Reply
from .answers import translated
from .kinds import RESOURCES
from .requests import TutumCall

__all__ = ["RESOURCES", "TutumCall", "answer", "refuse"]

#: A service in one of these scales as soon as its target is changed.
_SCALES_AT_ONCE = (states.RUNNING, states.PARTLY_RUNNING)


async def refuse(request: web.Request) -> web.WebSocketResponse:
    """Wrong credentials on a stream: Tutum said so in a frame, not by a status."""
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    word = "UNAUTHORIZED"
    frame = {"type": "error", "message": word, "data": {"errorMessage": word}}
    await ws.send_str(wire.dumps(frame).decode())
    await ws.close(code=WSCloseCode.POLICY_VIOLATION, message=word.encode())
    return ws


async def answer(call: Call, handler: Handler) -> Reply | web.StreamResponse:
    """What *handler* answers, in Tutum's words."""
    method, operation = call.request.method, call.target.operation
    reply: Reply | web.StreamResponse | None = None
    if (method, operation) == ("GET", ("logs",)):
        if not streams.is_upgrade(call.request):
            return Reply({"logs": await _text_log(call)})
    elif call.target.kind == "service" and (method, operation) == ("POST", ("scale",)):
        reply = _begun(call)
    reply = reply or await handler(call)
    if call.target.kind == "service" and (method, operation) == ("PATCH", ()):
        service = services.find(call)
        asked = "target_num_containers" in await call.body()
        if asked and service.scale_pending and service.state in _SCALES_AT_ONCE:
            reply = submitted(call, service, "scale", services.render)
    if isinstance(reply, web.StreamResponse) or reply.body is None:
        return reply
    return Reply(translated(call, reply.body), reply.status, reply.action)


def _begun(call: Call) -> Reply | None:
    """The scaling that a PATCH has begun already: later clients ask for it again."""
    service = services.find(call)
    cloud = call.cloud
    running = cloud.active(service)
    if running is None or running.operation != "scale":
        return None
    changes = (
        action
        for action in cloud.actions.values()
        if action.object == service.uri and action.operation == "update"
    )
    if any(change.number > running.number for change in changes):
        return None
    return Reply(services.render(cloud, service), 202, running)


async def _text_log(call: Call) -> str:
    """A log as it was before May 2015: one text, each line of a service's log after
    the name of its container; *tail* counts as on the websocket."""
    cloud, kind = call.cloud, call.target.kind
    wanted = replace(log_streams.selection(call), follow=False, tell=False)
    if kind == "service":
        frames = log_streams.service_log(cloud, services.find(call), wanted)
    elif kind == "container":
        frames = log_streams.container_log(cloud, containers.find(call), wanted)
    else:
        frames = log_streams.action_log(cloud, actions.find(call), wanted)
    lines = []
    async with aclosing(frames):
        async for frame in frames:
            line = wire.loads(frame)
            source = f"[{line['source']}] " if "source" in line else ""
            lines.append(source + line["log"].removesuffix("\n"))
    return "".join(f"{line}\n" for line in lines)
