"""The HTTP application: authentication, dispatch to resources, errors as JSON.

One handler receives every request: the paths of this API are regular, but old clients
spell paths in many ways (``wire.split_path``). Each resource module has a ``resource``
with its routes; ``RESOURCES`` lists all resources.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from functools import lru_cache, partial
from typing import NamedTuple
from urllib.parse import unquote

from aiohttp import WSCloseCode, hdrs, web

from ... import wire
from ...exceptions import (
    ApiError,
    AuthError,
    BadRequest,
    MethodNotAllowed,
    ObjectNotFound,
    PayloadTooLarge,
    ServerError,
    StackFileError,
    Unavailable,
)
from ..control.control_plane import ControlPlane
from ..engines import EngineError
from ..faults import Faults
from ..state.access import ANONYMOUS
from ..state.errors import (
    CredentialsRefused,
    NotAllowedNow,
    OperationFailed,
    TooManyAttempts,
)
from ..state.records import Action
from ..state.sessions import Sessions
from . import (
    accounts,
    actions,
    backup,
    catalog,
    containers,
    events,
    health,
    infrastructure,
    metrics,
    nodeclusters,
    nodes,
    openapi,
    page,
    repositories,
    request_log,
    rights,
    secrets,
    services,
    session,
    stacks,
    streams,
    triggers,
    tutum,
    versions,
)
from .answer import json_answer
from .authentication import SESSIONS, authenticate, challenge
from .connections import recognize
from .counts import OTHER, Metrics
from .errors import api_error, is_unexpected
from .guard import GUARD, Guard, add_headers, retry_after
from .idempotency import ANSWER, IdempotencyKeys
from .pieces import PIECES, Json, Pieces
from .resource import PUBLIC, SAFE, Call, Reply, Resource, Route

log: logging.Logger = logging.getLogger(__name__)

RESOURCES = {
    resource.kind: resource
    for resource in (
        services.resource,
        containers.resource,
        stacks.resource,
        triggers.resource,
        nodes.resource,
        nodeclusters.resource,
        *catalog.RESOURCES,
        infrastructure.tags,
        infrastructure.tokens,
        repositories.resource,
        repositories.registries,
        *secrets.RESOURCES,
        actions.resource,
        events.resource,
        accounts.accounts,
        accounts.keys,
        *health.RESOURCES,
        metrics.resource,
        backup.resource,
        openapi.resource,
    )
}

#: What the server has beside the API: the page, and its session.
OF_PAGE = {one.kind: one for one in (page.resource, session.resource)}

#: Kinds that Tutum did not have.
NEW_KINDS = wire.SERVER_KINDS | {"account", "backup", "key", "secret", "config"}
#: The resources of each dialect, by kind. Some kinds exist only in Tutum.
SERVED = {
    wire.DOCKER_CLOUD: RESOURCES,
    wire.TUTUM: {
        **{kind: one for kind, one in RESOURCES.items() if kind not in NEW_KINDS},
        **tutum.RESOURCES,
    },
}

CLOUD: web.AppKey[ControlPlane] = web.AppKey("cloud", ControlPlane)
IDEMPOTENCY: web.AppKey[IdempotencyKeys] = web.AppKey("idempotency", IdempotencyKeys)


def make_app(cloud: ControlPlane, faults: Faults | None = None) -> web.Application:
    """Return the application that serves the API.

    Args:
        cloud: The control plane. The application starts and closes the control plane.
        faults: The faults of the server, for tests of clients. Without faults, the
            application has neither a middleware nor a hook for frames.

    Returns:
        The application, for an aiohttp runner.
    """
    app = web.Application(client_max_size=cloud.settings.limits.largest_body)
    app[CLOUD] = cloud
    app[IDEMPOTENCY] = IdempotencyKeys(cloud.store, cloud.settings)
    app[GUARD] = Guard(cloud.settings)
    app[PIECES] = Pieces(cloud)
    app[openapi.DOCUMENT] = openapi.Document(RESOURCES)
    cloud.stored[ANSWER] = app[IDEMPOTENCY]
    app[streams.STREAMS] = {}
    app[SESSIONS] = Sessions(cloud.settings)
    app[SESSIONS].on_closed = partial(streams.end_of_session, app, cloud)
    app[health.PROBE] = health.EngineProbe(cloud)
    app[metrics.METRICS] = Metrics(cloud, app[streams.STREAMS])
    app.on_response_prepare.extend([request_log.name_stream, add_headers])
    cloud.accounts.on_revoked = partial(streams.end_of_key, app, cloud)
    if faults is not None:
        _install(app, faults)
    app.router.add_route("*", "/{path:.*}", handle)
    app.on_startup.append(_start)
    app.on_shutdown.append(_close_sockets)
    app.on_cleanup.append(_close)
    return app


def _install(app: web.Application, faults: Faults) -> None:
    """Let *faults* intercept requests and the frames of streams.

    Called before other handlers of startup and shutdown are added: faults start before
    the control plane, and end before streams are closed.
    """

    async def begin(_: web.Application) -> None:
        faults.begin()

    async def end(_: web.Application) -> None:
        faults.end()

    app.middlewares.append(faults.middleware)
    app[streams.FRAME_HOOK] = faults
    app.on_startup.append(begin)
    app.on_shutdown.append(end)


async def _start(app: web.Application) -> None:
    cloud = app[CLOUD]
    await cloud.start()
    cloud.in_background(app[metrics.METRICS].measure_lag())


async def _close_sockets(app: web.Application) -> None:
    """Close all streams, which would otherwise delay the end of the server."""
    timings = app[CLOUD].settings.timings
    timeout = min(timings.close_handshake, timings.shutdown / 3)
    opened = list(app[streams.STREAMS].values())
    await asyncio.gather(
        *(
            streams.close(one.ws, WSCloseCode.GOING_AWAY, "the server ends", timeout)
            for one in opened
        ),
        return_exceptions=True,
    )


async def _close(app: web.Application) -> None:
    await app[CLOUD].close()


async def handle(request: web.Request) -> web.StreamResponse:
    """Return the response to a request; every error becomes a JSON response."""
    with request_log.Recorded(request) as exchange:
        response = await _handle(request)
        if not response.prepared:
            reason = wire.reason(response.status)
            if response.reason != reason:
                response.set_status(response.status, reason)
            response.headers[wire.REQUEST_ID] = exchange.id
        elif (stream := request.app[streams.STREAMS].get(response)) is not None:
            await stream.run()
        exchange.response = response
        return response


async def _handle(request: web.Request) -> web.StreamResponse:
    cloud = request.app[CLOUD]
    if request.method in SAFE:
        return await _respond(request, cloud)
    with cloud.store.request():
        response = await _respond(request, cloud)
        try:
            # A change is durable before its response, and so is the failed action of a
            # refused operation. What cannot be written is reverted.
            await cloud.store.flush()
        except OSError as error:
            return _error_response(request, _as_api_error(error, request))
        return response


async def _respond(request: web.Request, cloud: ControlPlane) -> web.StreamResponse:
    try:
        return await _dispatch(request, cloud)
    except Exception as error:
        return _error_response(request, _as_api_error(error, request))


def _response(
    request: web.Request, reply: Reply | web.StreamResponse
) -> web.StreamResponse:
    if isinstance(reply, web.StreamResponse):
        return reply
    body = reply.body
    if isinstance(body, dict):
        version = body.get("version")
        body = Json(wire.dumps(body), version if isinstance(version, int) else None)
    response = _json_response(request, body.text if body else None, reply.status)
    if reply.action is not None:
        response.headers.update(_action_header(request, reply.action))
    if body is not None and body.version is not None:
        response.headers[wire.ETAG] = versions.etag(body.version)
    if reply.once:
        response.headers[wire.IDEMPOTENCY_KEPT] = "0"
    return response


def _action_header(request: web.Request, action: Action | None) -> dict[str, str]:
    """Return the header that names an action, in the dialect of the request."""
    if action is None:
        return {}
    dialect = _find(request.rel_url.raw_path, request.method).target.dialect
    return {dialect.action_header: wire.respell(action.uri, dialect)}


def _error_response(request: web.Request, problem: ApiError) -> web.Response:
    response = _json_response(
        request, wire.dumps({"error": problem.message}), problem.status
    )
    response.headers.update(problem.headers)
    return response


def _json_response(
    request: web.Request, body: bytes | None, status: int
) -> web.Response:
    kept = request.app[IDEMPOTENCY].retention_text
    if body is None:
        return web.Response(status=204, headers={wire.IDEMPOTENCY_KEPT: kept})
    # No charset: the PHP client compares the whole value of Content-Type.
    headers = {wire.IDEMPOTENCY_KEPT: kept, hdrs.CONTENT_TYPE: "application/json"}
    return json_answer(body, status, headers)


class _Found(NamedTuple):
    """What a path and a method lead to.

    Attributes:
        target: The parts of the path.
        routes: The routes of the path by method; empty for a path that does not exist.
        route: The route of the method, None if the path has none.
        public: Whether the path needs no credentials.
    """

    target: wire.Target
    routes: Mapping[str, Route]
    route: Route | None
    public: bool


@lru_cache(maxsize=1024)  # clients read the same objects again and again
def _find(raw_path: str, method: str) -> _Found:
    """Return what a path leads to.

    Raises:
        ObjectNotFound: The API has no such path.
    """
    if (target := page.target_of(raw_path)) is not None:
        resource: Resource | None = OF_PAGE[target.kind]
    elif (target := wire.split_path(raw_path)) is not None:
        resource = SERVED[target.dialect].get(target.kind)
    else:
        raise ObjectNotFound(f"there is no path {unquote(raw_path)}")
    routes = resource.find(target) if resource else {}
    route = routes.get("GET" if method == "HEAD" else method)
    public = any(one.scope == PUBLIC for one in routes.values())
    return _Found(target, routes, route, public)


async def _dispatch(request: web.Request, cloud: ControlPlane) -> web.StreamResponse:
    guard = request.app[GUARD]
    guard.check(request)
    if wire.valid_text(request.raw_path) != request.raw_path:
        # Only the parser of aiohttp that is written in Python lets such bytes pass.
        raise BadRequest("the path is not UTF-8")
    target, routes, route, public = _find(request.rel_url.raw_path, request.method)
    exchange = request_log.current()
    exchange.kind = target.kind if routes else OTHER
    public = public or (
        target.kind == metrics.resource.kind and cloud.settings.metrics_public
    )
    try:
        access = ANONYMOUS if public else await authenticate(request, cloud)
    except CredentialsRefused:
        if target.dialect is wire.TUTUM and streams.is_upgrade(request):
            return await tutum.refuse(request)
        raise
    exchange.user = access.user
    if access is not ANONYMOUS:
        recognize(request)
    if target.kind == "auth":
        return _json_response(request, wire.dumps({"username": access.user}), 200)
    if not routes:
        raise ObjectNotFound(f"there is no path {request.path}")
    if request.method == "OPTIONS":
        return web.Response(status=204, headers={"Allow": _allowed(routes)})
    if route is None:
        allowed = _allowed(routes)
        raise MethodNotAllowed(
            f"{request.method} is not allowed for this path; allowed: {allowed}",
            headers={"Allow": allowed},
        )
    rights.check_scope(access, PUBLIC if public else route.scope)
    if request.method not in SAFE and cloud.store.failing is not None:
        await cloud.store.flush()  # refuses the request while the store still fails
    namespace = cloud.accounts.namespace(access, target.namespace)
    kind = tutum.TutumCall if target.dialect is wire.TUTUM else Call
    call = kind(request, cloud, target, access, namespace)
    if public and target.kind == triggers.resource.kind:
        _, trigger = triggers.called(call)
        call.request = await guard.receive_call(request, trigger.uuid)
    elif public:
        call.request = await guard.receive_unknown(request)
    else:
        await guard.receive(request)

    async def answer() -> web.StreamResponse:
        if isinstance(call, tutum.TutumCall):
            return _response(request, await tutum.answer(call, route.handler))
        return _response(request, await route.handler(call))

    if streams.is_upgrade(request):
        release = guard.count_stream(access, runs="exec" in target.operation)
        stream = None
        try:
            response = await answer()
            stream = request.app[streams.STREAMS].get(response)
        finally:
            if stream is None:
                release()
        if stream is not None:
            stream.at_end = release
        return response
    if request.method in SAFE:
        return await answer()
    # A trigger call has no account: its idempotency keys belong to the trigger.
    scope = request.path if public else namespace
    return await request.app[IDEMPOTENCY].run(call.request, access, scope, answer)


def _allowed(routes: Mapping[str, Route]) -> str:
    """Return the methods of a path, for the header ``Allow``."""
    head = ["HEAD"] if "GET" in routes else []
    return ", ".join([*routes, *head, "OPTIONS"])


def _as_api_error(error: Exception, request: web.Request) -> ApiError:
    """Return the error of the response, and log errors that clients do not cause."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, EngineError | OperationFailed):
        if is_unexpected(error):
            _warn(request, error)
        refusal = api_error(error)
        if isinstance(error, TooManyAttempts):
            refusal.headers = retry_after(error.seconds)
        if isinstance(refusal, AuthError):
            refusal.headers = challenge(request)
        if isinstance(error, NotAllowedNow):
            # The Failed action that records the attempt.
            refusal.headers = _action_header(request, error.action)
        return refusal
    if isinstance(error, OSError):
        _warn(request, error)
        return Unavailable(str(error))
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return PayloadTooLarge(
            f"the body has more than {request.client_max_size} bytes"
        )
    if isinstance(error, web.RequestPayloadError):
        return BadRequest("body: is not valid HTTP")
    if isinstance(error, StackFileError):
        return ApiError(str(error), 400)
    log.exception("%s %s failed", request.method, wire.redact(request.path))
    return ServerError("internal error; the server's log has the details")


def _warn(request: web.Request, error: Exception) -> None:
    log.warning("%s %s: %s", request.method, wire.redact(request.path), error)
