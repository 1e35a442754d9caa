"""Services (``cloud.services``): so many containers of one image.

Source: Docker Cloud API reference, "Services".
"""

from __future__ import annotations

from typing import Unpack

from ..transport.log_stream import LogStream, Since
from ..types import Service, ServiceFields
from .managed import Managed, Reference

__all__ = ["Services"]


class Services(Managed[Service]):
    """The first argument is a service's dict, its ``resource_uri`` or its uuid.

    Changing calls return the service, mostly still in the state on the way
    (``"Starting"``); ``wait`` and ``cloud.actions.wait`` follow it to the end.
    """

    kind = "service"
    stack_filter = "stack__name"

    async def create(self, **fields: Unpack[ServiceFields]) -> Service:
        """Define a service; ``image`` is required. It runs only after ``start``.

        Returns:
            The service, ``"Not running"``.

        Raises:
            BadRequest: A field is wrong; the message names it.
            ConflictError: The name is taken.
        """
        return await self._create(fields)

    async def update(
        self, service: Reference, **fields: Unpack[ServiceFields]
    ) -> Service:
        """Change the definition; the containers follow at the next ``redeploy``.

        Lists such as ``container_envvars`` are replaced as a whole.
        ``target_num_containers`` is stored, and acted upon by ``scale``.
        """
        return await self._update(service, fields)

    async def start(self, service: Reference) -> Service:
        """Start all containers of a service that is not running."""
        return await self._operate(service, "start")

    async def stop(self, service: Reference) -> Service:
        """Stop all containers."""
        return await self._operate(service, "stop")

    async def scale(self, service: Reference, containers: int | None = None) -> Service:
        """Add or remove containers.

        Args:
            service: The service.
            containers: How many there should be; it is stored first. Without it,
                the stored ``target_num_containers`` is what the service scales to.

        Returns:
            The service, usually ``"Scaling"``.
        """
        if containers is not None:
            await self.update(service, target_num_containers=containers)
        return await self._operate(service, "scale")

    async def redeploy(
        self, service: Reference, *, reuse_volumes: bool = True
    ) -> Service:
        """Replace all containers by new ones made from the current definition.

        Args:
            service: The service.
            reuse_volumes: Whether the new containers get the old ones' volumes.
        """
        params = {"reuse_volumes": reuse_volumes}
        return await self._operate(service, "redeploy", params=params)

    async def rollback(self, service: Reference) -> Service:
        """Go back to the definition before the last change that was deployed.

        The hosted service had no such call; aiodockercloud's server has.
        """
        return await self._operate(service, "rollback")

    def logs(
        self,
        service: Reference,
        *,
        tail: int | None = None,
        follow: bool = True,
        since: Since | None = None,
        reconnect: bool = True,
    ) -> LogStream:
        """The logs of all containers of the service, interleaved: as long as several
        have new lines, one of each in turn.

        Args:
            service: The service.
            tail: How many past lines to begin with: all those since *since*, without it
                the server's default, 300. With *follow* so many of each container.
            follow: Whether to go on with new lines until the service is terminated, or
                to end after the past ones, in the order of their stamps.
            since: No lines older than this: a ``datetime`` with a time zone, seconds
                since 1970, or a stamp as at the start of a line.
            reconnect: Whether to connect again when the connection is lost, and go on
                with the next line; see :class:`~aiodockercloud.logs.LogStream`. Else
                that is StreamClosed.

        Returns:
            A stream of lines, as in
            ``{"log": "2016-05-04T12:00:00.123456789Z text\\n", "source": "web-1",
            "streamType": "stdout", "timestamp": seconds}``. A line that has ``missed``
            stands for lines that cannot be had any more: how many, or ``None``.

        Raises:
            ValueError: *since* is no such moment.
        """
        return self.read_logs(
            service, tail=tail, follow=follow, since=since, reconnect=reconnect
        )
