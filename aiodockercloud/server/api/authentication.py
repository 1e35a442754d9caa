"""Who sends a request: the credentials in its headers, its query or its cookie."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from aiohttp import hdrs, web

from ... import wire
from ..control.control_plane import ControlPlane
from ..state.access import Access
from ..state.errors import CredentialsRefused, TooManyAttempts
from ..state.sessions import Session, Sessions
from . import request_log, streams
from .guard import GUARD

__all__ = [
    "SESSIONS",
    "access_of",
    "authenticate",
    "challenge",
    "check_credentials",
    "cookie_name",
    "session_of",
]

#: The open sessions of the page.
SESSIONS: web.AppKey[Sessions] = web.AppKey("sessions", Sessions)


async def authenticate(request: web.Request, cloud: ControlPlane) -> Access:
    """Return what the credentials of a request allow.

    The credentials are in the ``Authorization`` header. Browsers and old clients send
    credentials for websockets in the query: ``auth=``, or ``user=`` with ``token=``.
    In the query of other requests, credentials are refused: queries are logged. The
    page has the cookie of a session.

    Raises:
        CredentialsRefused: The credentials are missing or wrong.
        TooManyAttempts: Too many attempts failed before.
        Forbidden: Another page than the server's sends the cookie with a change or a
            stream.
    """
    query = request.query if streams.is_upgrade(request) else {}
    header = request.headers.get("Authorization")
    if header is None and "auth" in query:
        # The Node client does not percent-encode the value: a plus arrives as a space.
        scheme, _, rest = query["auth"].partition(" ")
        header = f"{scheme} {rest.replace(' ', '+')}"
    if header is not None:
        if (access := cloud.accounts.recognize(header)) is not None:
            return access
        credentials = wire.parse_authorization(header)
    elif "user" in query and "token" in query:
        credentials = (query["user"], query["token"])
    elif (session := session_of(request)) is not None:
        request.app[GUARD].check_page(request)
        return access_of(session, cloud)
    else:
        credentials = None
    access = await check_credentials(request, cloud, credentials)
    if header is not None:
        cloud.accounts.remember(header, access)
    return access


async def check_credentials(
    request: web.Request, cloud: ControlPlane, credentials: tuple[str, str] | None
) -> Access:
    """Return what a user and key allow; log a failed attempt, and delay too many.

    Raises:
        CredentialsRefused: The credentials are missing or wrong.
        TooManyAttempts: Too many attempts failed before.
    """
    try:
        return await cloud.accounts.authenticate(credentials, request.remote or "")
    except (CredentialsRefused, TooManyAttempts) as error:
        if credentials is not None:
            request_log.login_failed(request, cloud, credentials[0], error)
        if isinstance(error, TooManyAttempts):
            await asyncio.sleep(cloud.settings.timings.refusal)
        raise


# --- sessions -----------------------------------------------------------------------


def session_of(request: web.Request) -> Session | None:
    """Return the open session whose cookie a request has."""
    if hdrs.COOKIE not in request.headers:
        return None
    cookies = request.cookies
    for secure in (True, False):
        if (token := cookies.get(cookie_name(request, secure=secure))) is not None:
            return request.app[SESSIONS].find(token)
    return None


def access_of(session: Session, cloud: ControlPlane) -> Access:
    """Return what a session allows at this moment: what its key allows.

    Raises:
        CredentialsRefused: The key was revoked, or has expired.
    """
    access = cloud.accounts.access_of(session.key)
    expires = min(session.expires, access.expires or session.expires)
    return replace(access, expires=expires, session=session.id)


def cookie_name(request: web.Request, *, secure: bool) -> str:
    """Return the name of the cookie of a session.

    Browsers send the cookies of a host to all its ports, so that the name has the port.
    ``__Host-`` lets browsers accept the cookie over TLS only.
    """
    transport = request.transport
    address = transport and transport.get_extra_info("sockname")
    name = f"aiodockercloud-{address[1] if address else 0}"
    return f"__Host-{name}" if secure else name


def challenge(request: web.Request) -> dict[str, str]:
    """Return the headers of an answer to wrong or missing credentials.

    For a script, a browser would answer the challenge with a dialog of its own.
    """
    if hdrs.X_REQUESTED_WITH in request.headers:
        return {}
    return {hdrs.WWW_AUTHENTICATE: 'Basic realm="aiodockercloud"'}
