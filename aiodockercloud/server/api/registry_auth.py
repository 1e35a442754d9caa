"""Credentials with the call: the header ``X-Registry-Auth`` of Docker.

The credentials belong to the service from then on, and to the registry of its image:
another registry never receives them. Only the engine does.
"""

from __future__ import annotations

from ...exceptions import BadRequest
from ...wire import registry_auth
from ...wire.images import ImageName
from ..state.records import Service
from .resource import Call


def take(call: Call, service: Service, image: str) -> None:
    """Give a service the credentials of a request, if the request has any.

    Without the header, the parameter ``registryAuthFrom=previous-spec`` restores the
    credentials before the last change of credentials.

    Args:
        call: The request.
        service: The service, whose caller stores the change.
        image: The image of the service for which the credentials are.

    Raises:
        BadRequest: The header or the parameter is wrong; nothing was changed.
    """
    found = service.registry_auth
    source = call.query.get(registry_auth.AUTH_FROM) or registry_auth.SPEC
    if source not in (registry_auth.SPEC, registry_auth.PREVIOUS_SPEC):
        raise BadRequest(
            f"{registry_auth.AUTH_FROM}: must be {registry_auth.SPEC} or"
            f" {registry_auth.PREVIOUS_SPEC}"
        )
    if (header := call.request.headers.get(registry_auth.HEADER)) is not None:
        found = _read(header, ImageName.parse(image).registry)
    elif source == registry_auth.PREVIOUS_SPEC:
        found = service.previous_registry_auth
    if found != service.registry_auth:
        service.previous_registry_auth = service.registry_auth
        service.registry_auth = found


def _read(header: str, registry: str) -> dict[str, str] | None:
    """Return the credentials of a header for a registry; None for empty credentials."""
    try:
        auth = registry_auth.decode(header)
        address = auth.get("serveraddress")
        other = address is not None and registry_auth.registry_of(address) != registry
    except ValueError as error:
        raise _refusal(str(error)) from None
    if other:
        raise _refusal(f"has a serveraddress that is not the image's: {registry}")
    if token := auth.get("identitytoken"):
        user, password = registry_auth.TOKEN_USER, token
    elif "username" in auth:
        user, password = auth["username"], auth["password"]
    else:
        return None
    return {"registry": registry, "username": user, "password": password}


def _refusal(problem: str) -> BadRequest:
    # Not "header: problem": the redaction of errors hides what follows the colon.
    return BadRequest(f"the header {registry_auth.HEADER} {problem}")
