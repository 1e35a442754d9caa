"""``autoredeploy``: a service is redeployed when its image is pushed.

Docker does not report pushes, so the server asks the registries at an interval, through
the engine: once for each image of services with ``autoredeploy`` and containers. The
record of a container contains the digest of the tag at its deployment, so the server
detects pushes during its downtime, and does not repeat a user's redeploy.

Source: Docker Cloud API reference, "Services", ``autoredeploy``.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Coroutine
from typing import Any

from ...wire import states
from ...wire.images import ImageName
from ..state.records import Container, Service
from ..state.state import State
from .operations import Request

#: An image, and the credentials for its registry.
_Image = tuple[str, tuple[str, str] | None]

log: logging.Logger = logging.getLogger(__name__)


class AutoRedeploy:
    """Detects pushes and redeploys the services that run the pushed images.

    Args:
        cloud: The state of the control plane.
        request: Starts an operation without a user.
        enqueue: Starts an operation without a user, after the operations in progress
            on the object: the engine reports a push once.
    """

    def __init__(self, cloud: State, request: Request, enqueue: Request) -> None:
        self._cloud = cloud
        self._request = request
        self._enqueue = enqueue
        #: Service uuid → the digest of the last redeploy: one redeploy for each digest,
        #: even if an old container remains on an unreachable node.
        self._redeployed: dict[str, str] = {}
        #: (namespace, image) → the request in progress, shared by many containers.
        self._requests: dict[_Image, asyncio.Task[str | None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Start to check for pushed images at the interval of the settings."""
        self._spawn(self._check_forever())

    async def close(self) -> None:
        """Cancel all checks."""
        tasks = [*self._tasks, *self._requests.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def image_pushed(self, name: str) -> None:
        """Redeploy the services with an image whose push the engine reported."""
        pushed = ImageName.parse(name.strip()).with_tag().familiar()
        for service in list(self._cloud.services.values()):
            definition = service.definition
            image = ImageName.parse(definition["image"]).familiar()
            if definition["autoredeploy"] and image == pushed:
                self._redeploy(service, self._enqueue)

    def container_created(self, container: Container) -> None:
        """Record the digest of a new container's image, in the background.

        The containers of one deployment need one request: some registries count each.
        """
        service = self._cloud.services[container.service]
        for other in self._cloud.with_digest(service, container.deployment)[:1]:
            container.image_digest = container.image_digest or other.image_digest
        if container.image_digest is None:
            self._spawn(self._record_digest(container))

    async def check_images(self) -> None:
        """Check each image for a push, one after another."""
        self._redeployed = {
            k: v for k, v in self._redeployed.items() if k in self._cloud.services
        }
        running: defaultdict[_Image, list[Service]] = defaultdict(list)
        for service in self._cloud.services.values():
            if self._outdated_by_push(service):
                image = self._with_credentials(service, _image(service))
                running[image].append(service)
        for (name, credentials), services in running.items():
            digest = await self._digest(name, credentials)
            for service in services:
                if digest is not None and _image(service) == name:
                    self._compare(service, digest)

    async def _check_forever(self) -> None:
        while True:
            await asyncio.sleep(self._cloud.settings.timings.image_poll)
            try:
                await self.check_images()
            except Exception:
                log.exception("could not check for pushed images")

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="pushes")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- one image, one service -------------------------------------------------------

    def _outdated_by_push(self, service: Service) -> list[Container]:
        """Return the containers that a push of the service's image would outdate."""
        if not service.definition["autoredeploy"]:
            return []
        if (
            service.state == states.NOT_RUNNING
            or ImageName.parse(_image(service)).digest
        ):
            return []
        # Containers of another image wait for the user's redeploy.
        return [
            container
            for container in self._cloud.containers_of(service)
            if container.definition["image"] == _image(service)
        ]

    def _compare(self, service: Service, digest: str) -> None:
        containers = self._outdated_by_push(service)
        for container in containers:
            if container.image_digest is None:
                container.image_digest = digest
                self._cloud.save(container)
        if self._redeployed.get(service.uuid) == digest:
            return
        outdated = any(container.image_digest != digest for container in containers)
        # A push that finds the service busy is found again by the next check.
        if outdated and self._redeploy(service, self._request):
            self._redeployed[service.uuid] = digest

    def _redeploy(self, service: Service, request: Request) -> bool:
        """Start a redeploy; return whether the state of the service allows one."""
        if service.state == states.NOT_RUNNING:
            return False
        reason = f"a push of {_image(service)}"
        return request("redeploy", service, reason=reason) is not None

    async def _record_digest(self, container: Container) -> None:
        name = container.definition["image"]
        service = self._cloud.services[container.service]
        digest = await self._digest(*self._with_credentials(service, name))
        if digest is not None and container.state != states.TERMINATED:
            container.image_digest = digest
            self._cloud.save(container)

    def _with_credentials(self, service: Service, name: str) -> _Image:
        return name, self._cloud.credentials_for(service, name)

    async def _digest(
        self, name: str, credentials: tuple[str, str] | None
    ) -> str | None:
        key = name, credentials
        if (task := self._requests.get(key)) is None:
            request = self._cloud.engine.image_digest(name, credentials)
            self._requests[key] = task = asyncio.ensure_future(request)
            task.add_done_callback(lambda _: self._requests.pop(key, None))
        return await asyncio.shield(task)


def _image(service: Service) -> str:
    return str(service.definition["image"])
