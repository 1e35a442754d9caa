"""Triggers (``cloud.triggers``): URLs that redeploy or scale a service when called.

Source: Docker Cloud API reference, "Triggers".
"""

from __future__ import annotations

import builtins
from typing import Any, Unpack, cast

from .. import wire
from ..transport.session import Transport
from ..types import Trigger, TriggerFields
from .readable import Reference

__all__ = ["Triggers"]


class Triggers:
    """The first argument is the service, the second its trigger.

    Each is a dict, a ``resource_uri`` or a uuid. Whoever knows a trigger's ``url`` may
    call it: treat it as a password.
    """

    def __init__(self, cloud: Transport) -> None:
        self._cloud = cloud

    async def list(self, service: Reference) -> builtins.list[Trigger]:
        """All triggers of a service."""
        path = self._path(service)
        found: builtins.list[Trigger] = []
        params: dict[str, Any] = {}
        while True:
            page = await self._cloud.request("GET", path, params=params)
            found += page["objects"]
            offset = wire.next_offset(page)
            if offset is None or not page["objects"]:
                return found
            params = {"offset": offset, "limit": page["meta"]["limit"]}

    async def inspect(self, service: Reference, trigger: Reference) -> Trigger:
        """One trigger."""
        return await self._call("GET", self._path(service, trigger))

    async def create(
        self, service: Reference, **fields: Unpack[TriggerFields]
    ) -> Trigger:
        """Make a trigger; ``operation`` is ``"REDEPLOY"`` unless given.

        Returns:
            ``{"name": str, "operation": str, "url": str, "resource_uri": str, …}``.
        """
        return await self._call("POST", self._path(service), json=fields)

    async def delete(self, service: Reference, trigger: Reference) -> Trigger:
        """Revoke a trigger: its URL works no more. ``{}`` if the answer is empty."""
        return await self._call("DELETE", self._path(service, trigger))

    async def call(
        self,
        service: Reference,
        trigger: Reference,
        containers: int | None = None,
        *,
        body: Any = None,
    ) -> dict[str, Any]:
        """Do what the trigger does.

        Args:
            service: The service.
            trigger: The trigger.
            containers: With a ``"SCALEUP"`` trigger, how many to add; 1 by default.
            body: JSON for the new containers' ``DOCKERCLOUD_TRIGGER_BODY``.

        Returns:
            The answer with the action's URI under ``"dockercloud_action_uri"``.
        """
        count = () if containers is None else (str(containers),)
        path = self._path(service, trigger, "call", *count)
        return await self._cloud.request("POST", path, json=body)

    def _path(
        self, service: Reference, trigger: Reference | None = None, *operation: str
    ) -> str:
        target = wire.target_of("service", service)
        key: tuple[str, ...] = ()
        if trigger is not None:
            key = wire.target_of("trigger", trigger).key[-1:]
        return wire.path(
            "service",
            *target.key,
            "trigger",
            *key,
            *operation,
            namespace=target.namespace or self._cloud.namespace,
            dialect=self._cloud.dialect,
        )

    async def _call(self, method: str, path: str, *, json: Any = None) -> Trigger:
        return cast(Trigger, await self._cloud.request(method, path, json=json))
