"""``/session``: the login of the page, which a cookie keeps.

The cookie is readable by no script, and no other site can have it sent. A session
allows what its key allows, and ends with the key, with a logout, or after a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import hdrs, web

from ... import wire
from ...exceptions import BadRequest
from ...wire.scopes import SCOPES
from ..log import AUTH
from ..state.access import Access
from ..state.errors import CredentialsRefused
from ..state.lifecycle import OPERATIONS
from . import fields, request_log
from .authentication import (
    SESSIONS,
    access_of,
    check_credentials,
    cookie_name,
    session_of,
)
from .connections import recognize
from .fields import Field, text
from .guard import GUARD
from .render import date
from .resource import PUBLIC, Call, Reply, Resource

FIELDS: Mapping[str, Field] = {"user": Field(text), "apikey": Field(text)}

#: An answer that opens or closes a session is never repeated for an idempotency key.
_NOT_KEPT = {wire.IDEMPOTENCY_KEPT: "0"}

resource: Resource = Resource("session")


@resource.route("GET", key=False, scope=PUBLIC)
async def inspect(call: Call) -> Reply:
    """Return the session of the cookie; ``user`` is null without a session."""
    session = session_of(call.request)
    if session is not None:
        try:
            return Reply(_render(call, access_of(session, call.cloud)))
        except CredentialsRefused:
            call.request.app[SESSIONS].close(session)
    return Reply({"user": None})


@resource.route("POST", key=False, scope=PUBLIC)
async def login(call: Call) -> web.StreamResponse:
    """Open a session with a user and a key.

    Raises:
        Forbidden: The request is not of the server's own page.
        CredentialsRefused: The user or the key is wrong.
        TooManyAttempts: Too many attempts failed before.
    """
    request = call.request
    request.app[GUARD].check_page(request)
    body = fields.read(await call.body(), FIELDS)
    if missing := FIELDS.keys() - body.keys():
        raise BadRequest(f"{min(missing)}: is missing")
    credentials = body["user"], body["apikey"]
    access = await check_credentials(request, call.cloud, credentials)
    recognize(request)
    request_log.current().user = access.user
    token, session = request.app[SESSIONS].open(access.key)
    AUTH.info("%s opened a session from %s", access.user, request.remote)
    response = _answer(_render(call, access_of(session, call.cloud)))
    # A proxy may speak TLS in front of this server: the page knows how the browser
    # reached the proxy.
    origin = request.headers.get(hdrs.ORIGIN, "")
    secure = request.secure or origin.startswith("https://")
    response.set_cookie(
        cookie_name(request, secure=secure),
        token,
        path="/",
        secure=secure,
        httponly=True,
        samesite="Strict",
    )
    return response


@resource.route("DELETE", key=False, scope=PUBLIC)
async def logout(call: Call) -> web.StreamResponse:
    """Close the session of the cookie; its streams end.

    Raises:
        Forbidden: The request is not of the server's own page.
    """
    request = call.request
    request.app[GUARD].check_page(request)
    if (session := session_of(request)) is not None:
        request.app[SESSIONS].close(session)
        AUTH.info("a session from %s was closed", request.remote)
    response = web.Response(status=204, headers=_NOT_KEPT)
    for secure in (True, False):
        name = cookie_name(request, secure=secure)
        if name in request.cookies:
            response.del_cookie(name, path="/", secure=secure, httponly=True)
    return response


def _answer(body: Mapping[str, Any]) -> web.Response:
    return web.Response(
        body=wire.dumps(body), content_type="application/json", headers=_NOT_KEPT
    )


def _render(call: Call, access: Access) -> dict[str, Any]:
    """Return a session, and the operations that each state allows."""
    return {
        "user": access.user,
        "namespace": access.namespace,
        "namespaces": sorted(_namespaces(call, access)),
        "scopes": [scope for scope in SCOPES if scope in access.scopes],
        "operator": access.operator,
        "expires_datetime": date(access.expires),
        "operations": {
            kind: {name: sorted(rule.allowed) for name, rule in rules.items()}
            for kind, rules in OPERATIONS.items()
        },
    }


def _namespaces(call: Call, access: Access) -> set[str]:
    """Return the namespaces to choose from: for an operator, those of all accounts."""
    if access.namespaces is not None:
        return set(access.namespaces)
    known = {name for one in call.cloud.accounts.all for name in one.namespaces}
    return known | {access.namespace}
