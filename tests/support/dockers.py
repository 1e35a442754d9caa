"""Scripted Docker Engines that run nothing.

One answers all requests with a handler of the test; the other is a manager of a Swarm
that records changes, and lets a test delay or refuse each response.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from aiodockercloud.server.engines import ContainerSpec
from aiodockercloud.server.engines.swarm import naming, service_specs
from aiodockercloud.server.engines.swarm.docker_api import Api
from aiodockercloud.server.engines.swarm.settings import SwarmSettings

Json = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Manager:
    """The objects of a Swarm, as the Engine API has them.

    Attributes:
        url: The address of the Engine.
        services, nodes: By id.
        networks: Names.
        warnings: The warnings in responses to creations and updates.
        refused: Pairs of method and path with 400 as the response.
        asked: Called with method and path between the creation of a response and the
            sending.
    """

    def __init__(self) -> None:
        self.url = ""
        self.services: dict[str, Json] = {}
        self.tasks: list[Json] = []
        self.nodes: dict[str, Json] = {"n1": self._node("manager")}
        self.networks: set[str] = set()
        self.warnings: list[str] = []
        self.refused: set[tuple[str, str]] = set()
        self.asked: Callable[[str, str], Awaitable[None]] | None = None
        self._news = asyncio.Event()

    @staticmethod
    def _node(role: str) -> Json:
        return {
            "Spec": {"Labels": {}, "Role": role, "Availability": "active"},
            "Description": {"Hostname": role},
            "Status": {"State": "ready", "Addr": "10.232.0.2"},
        }

    def add_worker(self, id: str) -> None:
        self.nodes[id] = self._node("worker")

    def add_service(self, spec: ContainerSpec) -> str:
        """Add the service of a container; return its id, which is the uuid."""
        self.services[spec.uuid] = {"Spec": service_specs.service_spec(spec)}
        self.networks |= set(naming.network_names(spec))
        return spec.uuid

    def add_task(self, service: str, state: str, node: str) -> None:
        """Add a task, newer than the tasks before."""
        number = len(self.tasks)
        self.tasks.append(
            {
                "ID": f"t{number}",
                "ServiceID": service,
                "NodeID": node,
                "CreatedAt": f"2026-11-20T22:00:{number:02}Z",
                "Spec": {"ForceUpdate": 0},
                "Status": {"State": state, "ContainerStatus": {"ContainerID": "c"}},
                "DesiredState": "running" if state == "running" else "shutdown",
            }
        )

    async def until(self, fact: Callable[[], bool]) -> None:
        """Wait for the effect of a request."""
        async with asyncio.timeout(60):
            while not fact():
                self._news.clear()
                await self._news.wait()

    async def answer(self, request: web.Request) -> web.Response:
        path = request.path.strip("/")
        if path.startswith("v1."):
            path = path.partition("/")[2]
        if (request.method, path) in self.refused:
            return web.json_response({"message": "refused"}, status=400)
        body = await request.json() if request.can_read_body else None
        filters = json.loads(request.query.get("filters", "{}"))
        answer, status = self._answer(request.method, path, filters, body)
        if self.asked is not None:
            await self.asked(request.method, path)
        self._news.set()
        return web.json_response(answer, status=status)

    def _answer(
        self, method: str, path: str, filters: Json, body: Any
    ) -> tuple[Any, int]:
        kind, _, id = path.partition("/")
        objects = {"services": self.services, "nodes": self.nodes}.get(kind, {})
        match method, kind, id:
            case "GET", "version", _:
                return {"ApiVersion": "1.41", "Version": "20.10.24"}, 200
            case "GET", "info", _:
                return {"Swarm": {"NodeID": "n1", "ControlAvailable": True}}, 200
            case "GET", "swarm", _:
                return {"DefaultAddrPool": ["10.0.0.0/8"], "SubnetSize": 24}, 200
            case "GET", "tasks", _:
                if not set(filters.get("service", ())) <= self.services.keys():
                    return {"message": "service not found"}, 404
                return [t for t in self.tasks if self._has(t, filters)], 200
            case "GET", "networks", _:
                return [{"Name": name} for name in self.networks], 200
            case "POST", "networks", "create":
                self.networks.add(body["Name"])
                return {"ID": body["Name"]}, 201
            case "DELETE", "networks", _:
                self.networks.discard(id)
                return {}, 200
            case "POST", "services", "create":
                uuid = body["Labels"][naming.CONTAINER_LABEL]
                self.services[uuid] = {"Spec": body}
                return {"ID": uuid, "Warnings": self.warnings}, 201
            case "GET", "services" | "nodes", "":
                found = [_rendered(id, one) for id, one in objects.items()]
                return [one for one in found if self._has(one, filters)], 200
            case "GET" | "POST" | "DELETE", "services" | "nodes", _:
                id, _, update = id.partition("/")
                if id not in objects:
                    return {"message": f"{id} not found"}, 404
                if update:
                    objects[id]["Spec"] = body
                    return {"Warnings": self.warnings}, 200
                if method == "DELETE":
                    del objects[id]
                    return {}, 200
                return _rendered(id, objects[id]), 200
        return {}, 200

    def _has(self, one: Json, filters: Json) -> bool:
        labels = one.get("Spec", {}).get("Labels")
        if labels is None:  # a task has the labels of its service
            service = self.services.get(one["ServiceID"], {"Spec": {"Labels": {}}})
            labels = service["Spec"]["Labels"]
        lines = {*labels, *(f"{key}={value}" for key, value in labels.items())}
        return (
            set(filters.get("label", ())) <= lines
            and one.get("ServiceID") in filters.get("service", [one.get("ServiceID")])
            and one.get("NodeID") in filters.get("node", [one.get("NodeID")])
        )


def _rendered(id: str, one: Json) -> Json:
    return {"ID": id, "Version": {"Index": 1}, **one}


@asynccontextmanager
async def listening(answer: Handler) -> AsyncIterator[str]:
    """Start an Engine with one handler for all requests; yield its address."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server:
        yield f"tcp://127.0.0.1:{server.port}"


@asynccontextmanager
async def api_of(
    answer: Handler, settings: SwarmSettings | None = None
) -> AsyncIterator[Api]:
    """Start an Engine with one handler for all requests; yield its API."""
    async with listening(answer) as url:
        api = Api(url, settings)
        try:
            yield api
        finally:
            await api.close()


@asynccontextmanager
async def manager() -> AsyncIterator[Manager]:
    """Start a Swarm of one node, ``n1``."""
    found = Manager()
    async with listening(found.answer) as url:
        found.url = url
        yield found
