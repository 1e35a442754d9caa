"""``autoredeploy``: noticing that the tag of a service's image was pushed anew.

Docker tells nobody of pushes and only the registry knows, so it is asked now and then,
through the engine: for the images of services with ``autoredeploy`` that have
containers, each image once. What the tag meant when a container was deployed stands in
the container's record: so nothing is missed while this server is down, and a redeploy
by hand is not done once more.

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

log = logging.getLogger(__name__)


class AutoRedeploy:
    """Looks for pushes, and redeploys what they concern."""

    def __init__(self, cloud: State, request: Request) -> None:
        self._cloud = cloud
        self._request = request
        #: Service uuid → the digest that it was redeployed for: once, even if that
        #: left an old container on a node that is lost.
        self._done: dict[str, str] = {}
        #: Questions that have not been answered yet, which many containers may have.
        self._asked: dict[tuple[str, str], asyncio.Task[str | None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self._keep(self._keep_looking())

    async def close(self) -> None:
        tasks = [*self._tasks, *self._asked.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def pushed(self, name: str) -> None:
        """Redeploy what runs an image of which the engine has told a push."""
        pushed = ImageName.parse(name.strip()).with_tag().familiar()
        for service in list(self._cloud.services.values()):
            definition = service.definition
            image = ImageName.parse(definition["image"]).familiar()
            if definition["autoredeploy"] and image == pushed:
                self._redeploy(service)

    def deploying(self, container: Container) -> None:
        """Note what the image of a container means that is about to be created."""
        if container.definition["autoredeploy"]:
            self._keep(self._note(container))

    async def look(self) -> None:
        """Ask for every image that counts, one after another."""
        self._done = {k: v for k, v in self._done.items() if k in self._cloud.services}
        running: defaultdict[tuple[str, str], list[Service]] = defaultdict(list)
        for service in self._cloud.services.values():
            if self._concerned(service):
                running[service.namespace, _image(service)].append(service)
        for (namespace, name), services in running.items():
            digest = await self._digest(namespace, name)
            for service in services:
                if digest is not None and _image(service) == name:
                    self._compare(service, digest)

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(self._cloud.settings.timings.image_poll)
            try:
                await self.look()
            except Exception:
                log.exception("could not look for pushed images")

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="pushes")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- one image, one service -------------------------------------------------------

    def _concerned(self, service: Service) -> list[Container]:
        """The containers that a push of the service's image would concern."""
        if not service.definition["autoredeploy"]:
            return []
        if (
            service.state == states.NOT_RUNNING
            or ImageName.parse(_image(service)).digest
        ):
            return []
        # An image that was changed is deployed when somebody asks for it.
        return [
            container
            for container in self._cloud.containers_of(service)
            if container.definition["image"] == _image(service)
        ]

    def _compare(self, service: Service, digest: str) -> None:
        containers = self._concerned(service)
        for container in containers:
            if container.image_digest is None:
                container.image_digest = digest
                self._cloud.save(container)
        if self._done.get(service.uuid) == digest:
            return
        outdated = any(container.image_digest != digest for container in containers)
        if outdated and self._redeploy(service):
            self._done[service.uuid] = digest

    def _redeploy(self, service: Service) -> bool:
        """Whether that was begun: its state may not allow it just now."""
        if service.state == states.NOT_RUNNING:
            return False
        reason = f"a push of {_image(service)}"
        return self._request("redeploy", service, reason=reason) is not None

    async def _note(self, container: Container) -> None:
        name = container.definition["image"]
        digest = await self._digest(container.namespace, name)
        if digest is not None and container.state != states.TERMINATED:
            container.image_digest = digest
            self._cloud.save(container)

    async def _digest(self, namespace: str, name: str) -> str | None:
        key = namespace, name
        if (task := self._asked.get(key)) is None:
            credentials = self._cloud.credentials_for(namespace, name)
            question = self._cloud.engine.image_digest(name, credentials)
            self._asked[key] = task = asyncio.ensure_future(question)
            task.add_done_callback(lambda _: self._asked.pop(key, None))
        return await asyncio.shield(task)


def _image(service: Service) -> str:
    return str(service.definition["image"])
