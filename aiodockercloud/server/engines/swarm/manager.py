"""The Engine of a manager: its role in the Swarm, its images, its token for new nodes.

Source: Docker Engine API, "SystemVersion", "SystemInfo", "ImageInspect",
"DistributionInspect" and "SwarmInspect".
"""

from __future__ import annotations

import logging
import shlex
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from .. import EngineError, ImageInfo
from . import options
from .docker_api import Api, DockerProblem, registry_auth

log: logging.Logger = logging.getLogger(__name__)

_OLDEST_API = (1, 41)


async def info(api: Api) -> Mapping[str, Any]:
    """Return Docker's information about a manager, and the version of its API.

    Raises:
        EngineError: The Engine is no manager of a Swarm, or is too old. The text states
            the remedy.
        EngineUnavailable: The Engine cannot be reached.
    """
    version = await api.call("GET", "version")
    number = str(version["ApiVersion"])
    api_version = tuple(map(int, number.split(".")))
    if api_version < _OLDEST_API:
        raise EngineError(
            f"Docker Engine {version['Version']} speaks API {number}; 1.41 or later"
            " is needed: install Docker Engine 20.10 or later"
        )
    found: Mapping[str, Any] = await api.call("GET", "info")
    if not found["Swarm"].get("ControlAvailable"):
        state = found["Swarm"].get("LocalNodeState", "inactive")
        role = "a worker of its Swarm" if state == "active" else "in no Swarm"
        raise EngineError(
            f"Docker Engine on {found.get('Name')} is {role}: give the address of a"
            " manager, or make it one with: docker swarm init"
        )
    return {**found, "ApiVersion": api_version}


def warnings(answer: Mapping[str, Any] | None) -> list[str]:
    """Return the warnings in Docker's answer to a creation or an update."""
    found = (answer or {}).get("Warnings") or ()
    single = (answer or {}).get("Warning") or ""  # of Engines before 1.44
    return [text for text in (*found, single) if text]


async def creation_warnings(
    api: Api, created: Mapping[str, Any], addition: Mapping[str, Any] | None
) -> list[str]:
    """Return the warnings about a new service.

    Args:
        api: The Engine of the manager.
        created: Docker's answer to the creation.
        addition: The field ``swarm``, of which the Engine may have dropped keys.
    """
    found = warnings(created)
    if addition:
        stored = await api.call("GET", f"services/{created['ID']}")
        found += options.dropped(addition, stored["Spec"])
    return found


async def image_info(api: Api, name: str) -> ImageInfo | None:
    """Return the contents of an image that the manager has, else None."""
    try:
        found = await api.call("GET", f"images/{name}/json")
    except DockerProblem:
        return None
    config = found.get("Config") or {}
    variables = (one.partition("=") for one in config.get("Env") or ())
    ports = (port.partition("/") for port in config.get("ExposedPorts") or {})
    return ImageInfo(
        {key: value for key, _, value in variables},
        shlex.join(config.get("Cmd") or ()),
        shlex.join(config.get("Entrypoint") or ()),
        [(int(number), protocol or "tcp") for number, _, protocol in ports],
    )


async def image_digest(
    api: Api, name: str, credentials: tuple[str, str] | None
) -> str | None:
    """Return the digest that the registry has for an image, None without an answer."""
    try:
        found = await api.call(
            "GET",
            f"distribution/{name}/json",
            headers=registry_auth(name, credentials),
        )
    except EngineError as error:
        log.info("the digest of %s cannot be read: %s", name, error)
        return None
    return str(found["Descriptor"]["digest"])


#: The registry has no such image, or does not give the image to this user.
_REFUSALS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)


async def registry_has(
    api: Api, name: str, credentials: tuple[str, str] | None
) -> bool | None:
    """Return whether the registry has an image, None without a definite answer."""
    path, headers = f"distribution/{name}/json", registry_auth(name, credentials)
    try:
        await api.call("GET", path, headers=headers)
    except DockerProblem as problem:
        return False if problem.status in _REFUSALS else None
    return True


async def join_token(api: Api) -> str:
    """Return the token for ``docker swarm join --token TOKEN MANAGER:2377``."""
    found = await api.call("GET", "swarm")
    return str(found["JoinTokens"]["Worker"])
