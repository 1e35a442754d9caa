"""``pin_images``: the tag of a service's image, resolved once for each deployment.

The definition of the service keeps the name with the digest, ``app:2@sha256:…``, so
that a container that joins later, and a rollback, have the image of their deployment: a
tag that has moved meanwhile cannot mix versions.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from ...wire.images import ImageName
from ..engines import EngineError
from ..state.records import Service
from ..state.state import State

log: logging.Logger = logging.getLogger(__name__)

#: The key of a definition with the image and its digest.
PINNED = "pinned_image"
_REDEPLOY = "redeploy"


def pinned(definition: Mapping[str, Any]) -> ImageName | None:
    """Return the image with the digest of its deployment; ``None`` without one."""
    found = ImageName.parse(definition.get(PINNED) or definition["image"])
    named = ImageName.parse(definition["image"])
    same = (found.repository, found.tag) == (named.repository, named.tag)
    if not definition["pin_images"] or named.digest or not found.digest or not same:
        return None
    return found


async def pin(cloud: State, service: Service, deployment: str) -> None:
    """Resolve the tag of the image, unless the deployment has the digest already.

    Args:
        cloud: The state.
        service: The service.
        deployment: The uuid of the action that deploys containers. A redeploy resolves
            the tag again, every other action keeps the digest.
    """
    if not service.definition["pin_images"]:
        return
    async with cloud.pinning[service.uuid]:
        action = cloud.actions.get(deployment)
        fresh = action is not None and (
            action.object == service.uri and action.operation == _REDEPLOY
        )
        resolved = service.pinned_by == deployment
        if resolved or (pinned(service.definition) and not fresh):
            return
        name = ImageName.parse(service.definition["image"])
        digest = None if name.digest else await _digest(cloud, service)
        service.pinned_by = deployment
        image = f"{name}@{digest}" if digest else None
        service.definition = {**service.definition, PINNED: image}
        cloud.save(service)


async def _digest(cloud: State, service: Service) -> str | None:
    image = service.definition["image"]
    credentials = cloud.credentials_for(service, image)
    try:
        return await cloud.engine.image_digest(image, credentials)
    except EngineError as error:
        log.info("the digest of %s cannot be resolved: %s", image, error)
        return None
