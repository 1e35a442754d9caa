"""The operations of services: start, stop, scale, redeploy, rollback.

Source: Docker Cloud API reference, "Services".
"""

from __future__ import annotations

from typing import Literal, cast, overload

from .. import types
from .managed import Managed, Reference
from .registry_auth import AuthFrom, auth_params, registry_headers


class ServiceOperations(Managed["types.Service", "types.ServiceState"]):
    """The operations of :class:`~.services.Services`, whose table lists the states."""

    async def start(self, service: Reference) -> types.Service:
        """Start the stopped containers, and create the missing ones.

        Args:
            service: The service.

        Returns:
            The service's dict, usually in the state ``"Starting"``. At the end, the
            service is ``"Running"``.

        Raises:
            OperationNotAllowed: The service's state does not allow the operation; see
                the table of the class.
            ObjectNotFound: The service does not exist.

        Source:
            Docker Cloud API reference, "Start a service".
        """
        return await self._operate(service, "start")

    async def stop(self, service: Reference) -> types.Service:
        """Stop all containers of a service.

        Args:
            service: The service.

        Returns:
            The service's dict, usually in the state ``"Stopping"``. At the end, the
            service is ``"Stopped"``.

        Raises:
            OperationNotAllowed: The service's state does not allow the operation; see
                the table of the class.
            ObjectNotFound: The service does not exist.

        Source:
            Docker Cloud API reference, "Stop a service".
        """
        return await self._operate(service, "stop")

    async def scale(
        self, service: Reference, containers: int | None = None
    ) -> types.Service:
        """Create or remove containers until their number is the target.

        Args:
            service: The service.
            containers: The target number of containers, 0 or more; an update stores
                the number first. By default, the target is the stored
                ``target_num_containers``.

        Returns:
            The service's dict, usually in the state ``"Scaling"``. At the end, the
            state follows from the containers, for example ``"Running"``, or
            ``"Not running"`` without containers.

        Raises:
            BadRequest: The number is invalid, or the service runs on every node.
            OperationNotAllowed: The service's state does not allow the operation; see
                the table of the class.
            ObjectNotFound: The service does not exist.

        Source:
            Docker Cloud API reference, "Scale a service".
        """
        if containers is not None:
            await self._update(service, {"target_num_containers": containers})
        return await self._operate(service, "scale")

    @overload
    async def redeploy(
        self,
        service: Reference,
        *,
        reuse_volumes: bool = ...,
        registry_auth: types.RegistryAuth | None = ...,
        dry_run: Literal[False] = ...,
    ) -> types.Service: ...
    @overload
    async def redeploy(
        self, service: Reference, *, reuse_volumes: bool = ..., dry_run: Literal[True]
    ) -> types.RolloutPlan: ...

    async def redeploy(
        self,
        service: Reference,
        *,
        reuse_volumes: bool = True,
        registry_auth: types.RegistryAuth | None = None,
        dry_run: bool = False,
    ) -> types.Service | types.RolloutPlan:
        """Replace all containers by new ones with the current definition.

        The containers are replaced in batches, by the service's ``update_config``. A
        batch begins when the containers of the former batch run, and are healthy if
        they have a health check, for the time ``monitor``. When a new container ends or
        becomes unhealthy, the redeploy pauses, continues, or rolls back, as
        ``failure_action`` states, and the action ends as ``"Failed"``; its log names
        the container, the exit code and the last lines. The action's ``progress`` has
        the numbers of containers. Canceling the action stops between two batches, and
        another redeploy replaces the rest.

        A redeploy that cannot work is refused before the first container is touched:
        no node has a place, tags or a free port for a new container, or the order is
        ``"start-first"`` and the containers have volumes of their own.

        Args:
            service: The service.
            reuse_volumes: Whether the new containers use the volumes of the containers
                that they replace.
            registry_auth: New credentials for the registry of the image, as for
                ``create``; an empty dict removes those of the service.
            dry_run: Whether to return the plan instead, without a change.

        Returns:
            The service's dict, usually in the state ``"Redeploying"``. At the end, the
            service is ``"Running"`` and its containers have new uuids. With *dry_run*,
            a dict with the order, the parallelism, the image, warnings, and the batches
            of new containers with their nodes.

        Raises:
            OperationNotAllowed: The service's state does not allow the operation (see
                the table of the class), or the redeploy cannot work; the message has
                the reason.
            BadRequest: The definition cannot be deployed, for example because its
                command cannot be split into words.
            ObjectNotFound: The service does not exist.
            ValueError: *registry_auth* has an unknown key or is incomplete.
            TypeError: *registry_auth* is no dict, or a value is no text.

        Source:
            Docker Cloud API reference, "Redeploy a service".
        """
        params = {"reuse_volumes": reuse_volumes}
        if dry_run:
            path, params = self._path(service, "redeploy"), {**params, "dry_run": True}
            plan = await self.cloud.request("POST", path, params=params)
            return cast("types.RolloutPlan", plan)
        headers = registry_headers(registry_auth)
        return await self._operate(service, "redeploy", params=params, headers=headers)

    async def rollback(
        self, service: Reference, *, registry_auth_from: AuthFrom | None = None
    ) -> types.Service:
        """Return to the definition that was deployed last, and redeploy.

        When the definition has not changed since the last deployment, the rollback
        restores the definition of the deployment before, so that a second rollback
        undoes the first one. Deployments that failed do not count.
        ``target_num_containers`` keeps its value.

        Args:
            service: The service.
            registry_auth_from: ``"previous-spec"`` restores the credentials that the
                service had before the last *registry_auth*. By default (``"spec"``),
                the service keeps its credentials.

        Returns:
            The service's dict, usually in the state ``"Redeploying"``. At the end, the
            service is ``"Running"`` with the former definition.

        Raises:
            OperationNotAllowed: The service's state does not allow the operation (see
                the table of the class), or the service was never deployed with another
                definition.
            ObjectNotFound: The service does not exist, or the server is not
                aiodockercloud's.

        Source:
            aiodockercloud's server; the Docker Cloud API has no such operation.
        """
        params = auth_params(registry_auth_from)
        return await self._operate(service, "rollback", params=params)
