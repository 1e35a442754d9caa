"""The HTTP side: who asks, for what, and errors as JSON.

One handler takes every request, because the paths of this API are regular and what
clients make of them is not (``wire.split_path``). The resources say what they serve in
their ``resource``; ``RESOURCES`` is the list of them.
"""

from __future__ import annotations

import asyncio
import logging

from aiohttp import WSCloseCode, web

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
from ..state.accounts import ANONYMOUS, Account
from ..state.errors import CredentialsRefused, OperationFailed
from . import (
    actions,
    catalog,
    containers,
    events,
    infrastructure,
    nodeclusters,
    nodes,
    repositories,
    services,
    stacks,
    streams,
    triggers,
    tutum,
)
from .errors import api_error, is_unexpected
from .idempotency import ANSWER, IdempotencyKeys
from .resource import Call, Handler, Reply

log = logging.getLogger(__name__)

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
        actions.resource,
        events.resource,
    )
}

#: What each dialect serves; Tutum had some kinds of its own.
SERVED = {
    wire.DOCKER_CLOUD: RESOURCES,
    wire.TUTUM: {**RESOURCES, **tutum.RESOURCES},
}

CLOUD = web.AppKey("cloud", ControlPlane)
IDEMPOTENCY = web.AppKey("idempotency", IdempotencyKeys)


def make_app(cloud: ControlPlane, faults: Faults | None = None) -> web.Application:
    """The API over *cloud*, which the application starts and closes; *faults* are what
    its clients may meet on top."""
    app = web.Application(client_max_size=cloud.settings.limits.largest_body)
    app[CLOUD] = cloud
    app[IDEMPOTENCY] = IdempotencyKeys(cloud.store, cloud.settings)
    cloud.stored[ANSWER] = app[IDEMPOTENCY]
    app[streams.SOCKETS] = set()
    if faults is not None:
        _install(app, faults)
    app.router.add_route("*", "/{path:.*}", handle)
    app.on_startup.append(_start)
    app.on_shutdown.append(_close_sockets)
    app.on_cleanup.append(_close)
    return app


def _install(app: web.Application, faults: Faults) -> None:
    """Let *faults* intercept requests and frames; other servers do not ask for faults.

    Called first of all: faults begin before and end before everything else.
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
    await app[CLOUD].start()


async def _close_sockets(app: web.Application) -> None:
    """Say goodbye to streams, else they would hold up the end."""
    timeout = app[CLOUD].settings.timings.close_handshake
    sockets = app[streams.SOCKETS]
    await asyncio.gather(
        *(
            streams.close(ws, WSCloseCode.GOING_AWAY, "the server ends", timeout)
            for ws in list(sockets)
        ),
        return_exceptions=True,
    )


async def _close(app: web.Application) -> None:
    await app[CLOUD].close()


async def handle(request: web.Request) -> web.StreamResponse:
    """Answer one request, whatever happens with JSON."""
    cloud = request.app[CLOUD]
    try:
        response = await _dispatch(request, cloud)
    except Exception as error:
        response = _refusal(request, _as_api_error(error, request))
    if request.method == "GET":
        return response
    try:
        # What is answered is kept, the Failed action of a refused operation too.
        await cloud.store.flush()
    except OSError as error:
        return _refusal(request, _as_api_error(error, request))
    return response


def _answer(
    request: web.Request, reply: Reply | web.StreamResponse
) -> web.StreamResponse:
    if isinstance(reply, web.StreamResponse):
        return reply
    response = _json(request, reply.body, reply.status)
    if reply.action is not None:
        target = wire.split_path(request.path)
        dialect = target.dialect if target else wire.DOCKER_CLOUD
        uri = wire.respell(reply.action.uri, dialect)
        response.headers[dialect.action_header] = uri
    return response


def _refusal(request: web.Request, problem: ApiError) -> web.Response:
    response = _json(request, {"error": problem.message}, problem.status)
    response.headers.update(problem.headers)
    return response


def _json(
    request: web.Request, body: dict[str, object] | None, status: int
) -> web.Response:
    retention = request.app[IDEMPOTENCY].retention
    headers = {wire.IDEMPOTENCY_KEPT: f"{retention:g}"}
    if body is None:
        return web.Response(status=204, headers=headers)
    # Without a charset: the PHP client compares the whole value.
    return web.Response(
        body=wire.dumps(body),
        status=status,
        headers=headers,
        content_type="application/json",
    )


async def _dispatch(request: web.Request, cloud: ControlPlane) -> web.StreamResponse:
    target = wire.split_path(request.rel_url.raw_path)
    if target is None:
        raise ObjectNotFound(f"there is no path {request.path}")
    resource = SERVED[target.dialect].get(target.kind)
    handlers, public = resource.find(target) if resource else ({}, False)
    try:
        account = ANONYMOUS if public else authenticate(request, cloud)
    except CredentialsRefused:
        if target.dialect is wire.TUTUM and streams.is_upgrade(request):
            return await tutum.refuse(request)
        raise
    if target.kind == "auth":
        return _json(request, {"username": account.user}, 200)
    if not handlers:
        raise ObjectNotFound(f"there is no path {request.path}")
    handler: Handler | None = handlers.get(request.method)
    if handler is None:
        allowed = ", ".join(handlers)
        raise MethodNotAllowed(
            f"{request.method} is not possible here; {allowed} is",
            headers={"Allow": allowed},
        )
    namespace = cloud.accounts.namespace(account, target.namespace)

    async def answer() -> web.StreamResponse:
        given = (request, cloud, target, account, namespace)
        if target.dialect is wire.TUTUM:
            reply = await tutum.answer(tutum.TutumCall(*given), handler)
        else:
            reply = await handler(Call(*given))
        return _answer(request, reply)

    # Who calls a trigger is nobody, with keys of that trigger.
    scope = request.path if public else namespace
    return await request.app[IDEMPOTENCY].run(request, account, scope, answer)


def authenticate(request: web.Request, cloud: ControlPlane) -> Account:
    """The account of a request: by its header, or, as browsers and old clients do on
    websockets, by its query (``auth=`` or ``user=`` with ``token=``).

    Raises:
        CredentialsRefused: The credentials are missing or wrong.
    """
    query = request.query
    header = request.headers.get("Authorization")
    if header is None and "auth" in query:
        # Not percent-encoded by the Node client: a plus arrives as a space.
        scheme, _, rest = query["auth"].partition(" ")
        header = f"{scheme} {rest.replace(' ', '+')}"
    if header is not None:
        credentials = wire.parse_authorization(header)
    elif "user" in query and "token" in query:
        credentials = (query["user"], query["token"])
    else:
        credentials = None
    return cloud.accounts.authenticate(credentials)


def _as_api_error(error: Exception, request: web.Request) -> ApiError:
    if isinstance(error, ApiError):
        return error
    if isinstance(error, EngineError | OperationFailed):
        if is_unexpected(error):
            _warn(request, error)
        refusal = api_error(error)
        if isinstance(refusal, AuthError):
            refusal.headers = {"WWW-Authenticate": 'Basic realm="aiodockercloud"'}
        return refusal
    if isinstance(error, OSError):
        _warn(request, error)
        return Unavailable(str(error))
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return PayloadTooLarge(
            f"the body has more than {request.client_max_size} bytes"
        )
    if isinstance(error, web.RequestPayloadError):
        return BadRequest("body: is not what its Content-Encoding says")
    if isinstance(error, StackFileError):
        return ApiError(str(error), 400)
    log.exception("%s %s failed", request.method, wire.redact(request.path))
    return ServerError("internal error; the server's log has it")


def _warn(request: web.Request, error: Exception) -> None:
    log.warning("%s %s: %s", request.method, wire.redact(request.path), error)
