"""A simulated manager of a Swarm: answers as Docker Engine 20.10 was recorded.

The containers do nothing, and start and end after fixed times. So the cost of a server
beside thousands of containers can be measured, and its requests can be counted.

Source: answers and events that an Engine 20.10.24 (API 1.41) has sent.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from aiodockercloud.server.engines.swarm import service_specs
from aiodockercloud.server.engines.swarm.naming import CONTAINER_LABEL

Json = dict[str, Any]

#: Containers that are not pinned run on these in turn. The first is the manager.
NODES = ("n1", "n2", "n3")


def _id(kind: str, number: int) -> str:
    """Return an id as long as those of Swarm."""
    return f"{kind}{number:0>24}"


def _time() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "000Z")


def _json(data: object) -> bytes:
    return json.dumps(data, separators=(",", ":")).encode()


class _Rows:
    """Objects by id, with the JSON of each, which is written when it changes."""

    def __init__(self) -> None:
        self._rows: dict[str, Json] = {}
        self._texts: dict[str, bytes] = {}

    def __contains__(self, id: str) -> bool:
        return id in self._rows

    def __getitem__(self, id: str) -> Json:
        return self._rows[id]

    def __setitem__(self, id: str, row: Json) -> None:
        self._rows[id] = row
        self._texts.pop(id, None)

    def __delitem__(self, id: str) -> None:
        del self._rows[id]
        self._texts.pop(id, None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def text(self, id: str) -> bytes:
        if id not in self._texts:
            self._texts[id] = _json(self._rows[id])
        return self._texts[id]

    def list(self, ids: Iterable[str]) -> bytes:
        return b"[" + b",".join(map(self.text, ids)) + b"]"


class SimulatedSwarm:
    """A Swarm of three nodes.

    Args:
        starting: Seconds from the creation of a task until its container runs.
        ending: Seconds from the request to end until the end of a container.

    Attributes:
        asked: How often each kind of request has arrived, such as ``GET tasks``.
        before: Kind of request → a function to call once before the next answer.
        leaderless: Whether all requests fail, as without a leader of the Swarm.
    """

    def __init__(self, *, starting: float = 0.5, ending: float = 0.3) -> None:
        self.url = ""
        self.asked: Counter[str] = Counter()
        self.before: dict[str, Callable[[], object]] = {}
        self.leaderless = False
        self._starting, self._ending = starting, ending
        self._services, self._tasks, self._networks = _Rows(), _Rows(), _Rows()
        #: Container uuid → service id; service id → the ids of its tasks.
        self._ids: dict[str, str] = {}
        self._tasks_of: dict[str, list[str]] = {}
        self._names: set[str] = set()
        self._numbers = count(1)
        self._listeners: set[asyncio.Queue[bytes]] = set()
        self._news = asyncio.Event()

    # --- what happens without the server ----------------------------------------------

    async def until_asked(self, kind: str, times: int) -> None:
        """Wait until a kind of request has arrived so often."""
        async with asyncio.timeout(60):
            while self.asked[kind] < times:
                self._news.clear()
                await self._news.wait()

    def publish(self, event: Json) -> None:
        """Send an event to all subscribers."""
        for events in self._listeners:
            events.put_nowait(_json(event) + b"\n")

    def has(self, uuid: str) -> bool:
        """Whether the Swarm service of a container exists."""
        return uuid in self._ids

    def remove(self, uuid: str) -> None:
        """Delete the Swarm service of a container, as another client does."""
        self._delete(self._ids[uuid])

    def crash(self, uuid: str) -> None:
        """End the running container."""
        for task in self._tasks_of[self._ids[uuid]]:
            if self._tasks[task]["Status"]["State"] == "running":
                self._ended(task)

    # --- Docker's API -----------------------------------------------------------------

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        path = request.path.strip("/")
        if path.startswith("v1."):
            path = path.partition("/")[2]
        kind, _, rest = path.partition("/")
        name = rest if rest == "create" else "{}" if rest else ""
        if rest.endswith("/update"):
            name = "{}/update"
        asked = f"{request.method} {kind}{name and '/' + name}"
        if kind == "events":
            return await self._events(request)
        self.asked[asked] += 1
        self._news.set()
        self.before.pop(asked, lambda: None)()
        if self.leaderless:
            problem = {"message": "The swarm does not have a leader"}
            return web.json_response(problem, status=500)
        body = await request.json() if request.can_read_body else None
        filters = json.loads(request.query.get("filters", "{}"))
        status, answer = self._answer(request, kind, rest, filters, body)
        text = answer if isinstance(answer, bytes) else _json(answer)
        return web.Response(status=status, body=text, content_type="application/json")

    def _answer(
        self, request: web.Request, kind: str, rest: str, filters: Json, body: Any
    ) -> tuple[int, object]:
        id, _, action = rest.partition("/")
        match request.method, kind, id, action:
            case "GET", "version", _, _:
                return 200, {"ApiVersion": "1.41", "Version": "20.10.24"}
            case "GET", "info", _, _:
                return 200, {"Swarm": {"NodeID": "n1", "ControlAvailable": True}}
            case "GET", "swarm", _, _:
                return 200, {"DefaultAddrPool": ["10.0.0.0/8"], "SubnetSize": 24}
            case "GET", "nodes", "", _:
                return 200, [_node(id) for id in NODES]
            case "GET", "networks", "", _:
                return 200, self._networks.list(self._networks)
            case "POST", "networks", "create", _:
                self._networks[body["Name"]] = {**body, "Id": body["Name"]}
                return 201, {"Id": body["Name"]}
            case "DELETE", "networks", _, _:
                del self._networks[id]
                return 204, b""
            case "GET", "services", "", _:
                return 200, self._services.list(self._matching(filters))
            case "POST", "services", "create", _:
                return self._create(body)
            case "GET", "tasks", "", _:
                return self._list_tasks(filters)
            case _, "services", _, _ if id not in self._services:
                return 404, {"message": f"service {id} not found"}
            case "GET", "services", _, _:
                return 200, self._services.text(id)
            case "POST", "services", _, "update":
                return self._update(id, int(request.query["version"]), body)
            case "DELETE", "services", _, _:
                self._delete(id)
                return 200, b""
        return 404, {"message": "page not found"}

    def _matching(self, filters: Json) -> list[str]:
        ids = filters.get("id")
        found = list(self._services) if ids is None else ids
        for label in filters.get("label", ()):
            if label.startswith(f"{CONTAINER_LABEL}="):
                found = [self._ids.get(label.partition("=")[2], "")]
        return [id for id in found if id in self._services]

    def _list_tasks(self, filters: Json) -> tuple[int, object]:
        services = filters.get("service")
        if services is None:
            return 200, self._tasks.list(self._tasks)
        for service in services:
            if service not in self._services:
                return 404, {"message": f"service {service} not found"}
        found = (task for service in services for task in self._tasks_of[service])
        return 200, self._tasks.list(found)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        events: asyncio.Queue[bytes] = asyncio.Queue()
        self._listeners.add(events)
        try:
            while True:
                await response.write(await events.get())
        finally:
            self._listeners.discard(events)

    def _publish(self, kind: str, action: str, id: str, **attributes: str) -> None:
        actor = {"ID": id, "Attributes": attributes}
        self.publish({"Type": kind, "Action": action, "Actor": actor})

    # --- services ---------------------------------------------------------------------

    def _create(self, spec: Json) -> tuple[int, object]:
        if spec["Name"] in self._names:
            return 409, {"message": "name conflicts with an existing object"}
        id = _id("s", next(self._numbers))
        self._names.add(spec["Name"])
        self._ids[spec["Labels"][CONTAINER_LABEL]] = id
        self._tasks_of[id] = []
        self._save(id, spec, 1)
        self._publish("service", "create", id, name=spec["Name"])
        self._start(id)
        return 201, {"ID": id, "Warnings": None}

    def _save(self, id: str, spec: Json, version: int) -> None:
        self._services[id] = {
            "ID": id,
            "Version": {"Index": version},
            "CreatedAt": _time(),
            "UpdatedAt": _time(),
            "Spec": spec,
            "Endpoint": {"Spec": {}},
        }

    def _update(self, id: str, version: int, spec: Json) -> tuple[int, object]:
        current = self._services[id]["Version"]["Index"]
        if version != current:
            text = "rpc error: code = Unknown desc = update out of sequence"
            return 500, {"message": text}
        self._save(id, spec, version + 1)
        self._publish("service", "update", id, name=spec["Name"])
        for task in self._tasks_of[id]:
            self._end(task, "shutdown")
        self._start(id)
        return 200, {"Warnings": None}

    def _delete(self, id: str) -> None:
        spec = self._services[id]["Spec"]
        del self._services[id], self._ids[spec["Labels"][CONTAINER_LABEL]]
        self._names.discard(spec["Name"])
        self._publish("service", "remove", id, name=spec["Name"])
        for task in self._tasks_of.pop(id):
            if self._end(task, "remove"):
                asyncio.get_running_loop().call_later(
                    self._ending, self._tasks.__delitem__, task
                )
            else:
                del self._tasks[task]

    # --- tasks ------------------------------------------------------------------------

    def _start(self, service: str) -> None:
        """Create a task, which runs after a while unless the service is stopped."""
        number = next(self._numbers)
        id, spec = _id("t", number), self._services[service]["Spec"]
        self._tasks_of[service].append(id)
        self._tasks[id] = {
            "ID": id,
            "Version": {"Index": 1},
            "CreatedAt": _time(),
            "UpdatedAt": _time(),
            "Labels": {},
            "Spec": spec["TaskTemplate"],
            "ServiceID": service,
            "Slot": 1,
            "Status": {"State": "pending", "PortStatus": {}},
            "DesiredState": "running",
        }
        if service_specs.is_stopped(spec):
            problem = "no suitable node (scheduling constraints not satisfied)"
            self._change(id, Status={"State": "pending", "Err": problem})
        else:
            node = service_specs.pinned_to(spec) or NODES[number % len(NODES)]
            self._change(id, NodeID=node, Status={"State": "preparing"})
            asyncio.get_running_loop().call_later(self._starting, self._run, id)

    def _run(self, id: str) -> None:
        if id in self._tasks and self._tasks[id]["Status"]["State"] == "preparing":
            self._change(
                id,
                Status=_status("running", id),
                NetworksAttachments=[
                    {"Network": self._attached(one), "Addresses": ["10.0.1.190/24"]}
                    for one in self._tasks[id]["Spec"].get("Networks") or ()
                ],
            )
            self._publish_of_container("start", id)

    def _end(self, id: str, desired: str) -> bool:
        """Ask a container to end; return whether it ran."""
        self._change(id, DesiredState=desired)
        if self._tasks[id]["Status"]["State"] != "running":
            self._change(id, Status={"State": "shutdown"})
            return False
        asyncio.get_running_loop().call_later(self._ending, self._ended, id)
        return True

    def _ended(self, id: str) -> None:
        if id in self._tasks:
            self._change(id, Status=_status("complete", id))
            self._publish_of_container("die", id)

    def _change(self, id: str, **fields: object) -> None:
        self._tasks[id] = self._tasks[id] | fields

    def _publish_of_container(self, action: str, task: str) -> None:
        """Publish an event of a container on the manager's node, and of no other."""
        if self._tasks[task]["NodeID"] == NODES[0]:
            service = self._tasks[task]["ServiceID"]
            attributes = {"com.docker.swarm.service.id": service}
            self._publish("container", action, task, **attributes)

    def _attached(self, network: Json) -> Json:
        name = network["Target"]
        return {
            "ID": name,
            "Spec": {
                "Name": name,
                "Labels": self._networks[name]["Labels"],
                "DriverConfiguration": {"Name": "overlay"},
                "Scope": "swarm",
            },
            "DriverState": {"Name": "overlay"},
            "IPAMOptions": {
                "Driver": {"Name": "default"},
                "Configs": [{"Subnet": "10.0.1.0/24", "Gateway": "10.0.1.1"}],
            },
        }


def _status(state: str, id: str) -> Json:
    return {
        "Timestamp": _time(),
        "State": state,
        "Message": state,
        "ContainerStatus": {"ContainerID": id * 2, "PID": 1, "ExitCode": 0},
        "PortStatus": {},
    }


def _node(id: str) -> Json:
    return {
        "ID": id,
        "Version": {"Index": 1},
        "Spec": {"Labels": {}, "Role": "manager", "Availability": "active"},
        "Description": {
            "Hostname": id,
            "Resources": {"NanoCPUs": 8_000_000_000, "MemoryBytes": 64 * 1024**3},
            "Engine": {"EngineVersion": "20.10.24"},
        },
        "Status": {"State": "ready", "Addr": f"10.232.0.{NODES.index(id) + 2}"},
    }


@asynccontextmanager
async def simulated(
    *, starting: float = 0.5, ending: float = 0.3
) -> AsyncIterator[SimulatedSwarm]:
    """Start a simulated Swarm."""
    swarm = SimulatedSwarm(starting=starting, ending=ending)
    app = web.Application(client_max_size=0)
    app.router.add_route("*", "/{path:.*}", swarm.answer)
    async with TestServer(app, shutdown_timeout=0.1) as server:
        swarm.url = f"tcp://127.0.0.1:{server.port}"
        yield swarm
