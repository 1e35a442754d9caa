"""Triggers (``cloud.triggers``): URLs that redeploy or scale a service when called.

Source: Docker Cloud API reference, "Triggers".
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from typing import Any, Unpack, cast

from .. import types, wire
from ..transport.session import Transport
from .paging import Pages
from .readable import Reference

__all__ = ["Triggers"]


class Triggers:
    """Triggers: ``cloud.triggers``.

    The first argument is the service, the second its trigger. Each is a dict, a
    ``resource_uri`` or a uuid. Calling a trigger's ``url`` needs no credentials: a
    caller should keep the URL secret, as a password.

    No call is lost while an action on the service or on its containers is in progress:
    the call waits as a ``"Pending"`` action, which a restart of the server keeps, and
    runs afterwards. Of several waiting redeploys, the last one runs, with its body; the
    others end as ``"Canceled"``, and their logs name the last one. Waiting calls of
    ``"SCALEUP"`` triggers add up.

    Source: Docker Cloud API reference, "Triggers".
    """

    def __init__(self, cloud: Transport) -> None:
        self._cloud = cloud

    async def list(self, service: Reference) -> builtins.list[types.Trigger]:
        """Return all triggers of a service, from all pages.

        Args:
            service: The service.

        Returns:
            The triggers as dicts, as :meth:`create` returns them.

        Raises:
            ObjectNotFound: The service does not exist.

        Source:
            Docker Cloud API reference, "List all triggers".
        """
        path = self._list_path(service)

        async def page(params: Mapping[str, Any]) -> dict[str, Any]:
            return await self._cloud.request("GET", path, params=params)

        most = self._cloud.limits.repeated_objects
        pages = Pages[types.Trigger](page, {}, most_repeated=most)
        found: builtins.list[types.Trigger] = []
        while not pages.ended:
            found += await pages.next()
        return found

    async def inspect(self, service: Reference, trigger: Reference) -> types.Trigger:
        """Return one trigger of a service.

        Args:
            service: The service.
            trigger: The trigger.

        Returns:
            The trigger's dict, as :meth:`create` returns it.

        Raises:
            ObjectNotFound: The service or the trigger does not exist.

        Source:
            Docker Cloud API reference, "Get an existing trigger".
        """
        return await self._call("GET", self._path(service, trigger))

    async def create(
        self, service: Reference, **fields: Unpack[types.TriggerFields]
    ) -> types.Trigger:
        """Create a trigger of a service.

        Args:
            service: The service.
            **fields: ``operation``, which is ``"REDEPLOY"`` (by default) or
                ``"SCALEUP"``, ``name``, by default the name of the operation, and
                ``secret``, with which callers sign the body of each call; by default,
                calls need no signature.

        Returns:
            ``{"name": str, "operation": str, "url": str, "resource_uri": str, …}``;
            ``url`` is a path on the server.

        Raises:
            BadRequest: A field is unknown or invalid; the message names the field.
            ObjectNotFound: The service does not exist, or is ``"Terminating"`` or
                ``"Terminated"``.

        Source:
            Docker Cloud API reference, "Create a new trigger".
        """
        return await self._call("POST", self._list_path(service), json=fields)

    async def delete(self, service: Reference, trigger: Reference) -> types.Trigger:
        """Delete a trigger, which makes its URL invalid.

        Args:
            service: The service.
            trigger: The trigger.

        Returns:
            The deleted trigger's dict, with the action's URI.

        Raises:
            ObjectNotFound: The service or the trigger does not exist.

        Source:
            Docker Cloud API reference, "Delete a trigger".
        """
        return await self._call("DELETE", self._path(service, trigger))

    async def call(
        self,
        service: Reference,
        trigger: Reference,
        containers: int | None = None,
        *,
        body: Any = None,
    ) -> types.Trigger:
        """Call a trigger, which redeploys or scales its service.

        Args:
            service: The service.
            trigger: The trigger.
            containers: The number of containers that a ``"SCALEUP"`` trigger adds, 1
                by default.
            body: A JSON value that the containers of a redeploy receive in the
                environment variable ``DOCKERCLOUD_TRIGGER_BODY``.

        Returns:
            The trigger's dict, with the URI of the action under
            ``"dockercloud_action_uri"``. The service changes as after
            :meth:`Services.redeploy` or :meth:`Services.scale`: at once, or after the
            actions in progress. :meth:`Actions.wait` waits for either. When *body* is
            the webhook of a registry about another image, the service does not change:
            the key ``"ignored"`` has the reason, and the action has ended.

        Raises:
            Forbidden: The trigger has a secret: this method signs no calls.
            OperationNotAllowed: The service is ``"Terminating"``.
            BadRequest: The number is invalid, the target would be too large together
                with the waiting calls, or the body is too large.
            ObjectNotFound: The service or the trigger does not exist.

        Source:
            Docker Cloud API reference, "Call a trigger".
        """
        count = () if containers is None else (str(containers),)
        path = self._path(service, trigger, "call", *count)
        return await self._call("POST", path, json=body)

    def _list_path(self, service: Reference, *more: str) -> str:
        target = wire.target_of("service", service)
        return wire.path(
            "service",
            *target.key,
            "trigger",
            *more,
            namespace=target.namespace or self._cloud.namespace,
            dialect=self._cloud.dialect,
        )

    def _path(self, service: Reference, trigger: Reference, *operation: str) -> str:
        key = wire.target_of("trigger", trigger).key[-1]
        return self._list_path(service, key, *operation)

    async def _call(self, method: str, path: str, *, json: Any = None) -> types.Trigger:
        return cast("types.Trigger", await self._cloud.request(method, path, json=json))
