"""Many clients that change the same services at once, and the checks afterwards.

A storm records each response. Only a later change may replace a change with a response,
and each operation with a response has an action that ends. The state at the end is
compared with the containers of the engine.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aiodockercloud import ConflictError, DockerCloud, OperationNotAllowed, WaitFailed
from aiodockercloud.types import Service
from aiodockercloud.wire.loglines import log_text

CLIENTS, OPERATIONS = 10, 50
ENDED = frozenset({"Success", "Failed", "Canceled"})
#: How an operation may fail: at once, or because an earlier operation has terminated
#: the object.
REFUSED, OVERTAKEN = "which does not allow it", "was terminated meanwhile"
#: Fields that only updates change, with a function that creates a value.
FIELDS: Mapping[str, Callable[[str], Any]] = {
    "nickname": str,
    "container_envvars": lambda value: [{"key": "MARK", "value": value}],
    "labels": lambda value: {"mark": value},
}


class Change(NamedTuple):
    """An update: the storm's counter at the request and at the response."""

    sent: int
    answered: int
    value: Any


def last(changes: list[Change]) -> list[Any]:
    """Return the possible last values: no request was sent after their response."""
    begun = max(change.sent for change in changes)
    return [change.value for change in changes if change.answered > begun]


@dataclass
class Storm:
    """Clients that send operations chosen by *seed*.

    Args:
        clients: The clients, which send their operations at the same time.
        seed: The seed of all random choices.
        fields: The fields of each new service.
        timeout: Seconds for any one operation.
        patience: The probability that a client waits for the end of an operation.
        services: The number of services that all clients share.
    """

    clients: list[DockerCloud]
    seed: int
    fields: Mapping[str, Any]
    timeout: float
    patience: float = 0.5
    services: int = 4
    #: The number of responses, by operation and outcome.
    answers: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._clock = itertools.count()
        #: (service, field) → the changes with a response.
        self._changes: defaultdict[tuple[str, str], list[Change]] = defaultdict(list)
        self._created: dict[str, str] = {}
        #: Names of services that a client has deleted.
        self._ending: set[str] = set()
        self._uris: list[str] = []
        self._actions: set[str] = set()
        self._removed = 0

    async def rage(self) -> None:
        """Create the services, then send all operations of all clients."""
        for number in range(self.services):
            name = f"web{number}"
            service = await self.clients[0].services.create(
                name=name, target_num_containers=2, **self.fields
            )
            uri = service["resource_uri"]
            self._uris.append(uri)
            self._created[name] = uri
            await self.clients[0].services.start(uri)
        await asyncio.gather(*map(self._work, range(len(self.clients))))

    async def _work(self, number: int) -> None:
        cloud = self.clients[number]
        chosen = random.Random(f"{self.seed} {number}")
        for turn in range(OPERATIONS):
            operation = chosen.choice(OPERATION_MIX)
            name = operation.__name__.strip("_")
            try:
                answer = await operation(self, cloud, chosen, f"{number}-{turn}")
            except (ConflictError, OperationNotAllowed):
                self.answers[f"{name} refused"] += 1
                continue
            except Exception as error:
                self.problems.append(f"{name}: {error!r}")
                continue
            self.answers[name] += 1
            if answer is None:
                continue
            self._actions.add(answer["dockercloud_action_uri"])
            if chosen.random() < self.patience:
                await self._end(cloud, answer)

    async def _end(self, cloud: DockerCloud, answer: Any) -> None:
        try:
            await cloud.actions.wait(answer, timeout=self.timeout)
        except WaitFailed:
            self.answers["failed or canceled"] += 1
        except TimeoutError:
            self.problems.append(f"no end of {answer['dockercloud_action_uri']}")

    # --- operations -------------------------------------------------------------------

    async def _update(
        self, cloud: DockerCloud, chosen: random.Random, mark: str
    ) -> None:
        uri = chosen.choice(self._uris)
        name = chosen.choice(list(FIELDS))
        value = FIELDS[name](mark)
        sent = next(self._clock)
        service: Any = await cloud.services.update(uri, **{name: value})
        self._changes[uri, name].append(Change(sent, next(self._clock), value))
        if service[name] != value:
            self.problems.append(f"{name} was updated to {value}, not {service[name]}")

    async def _scale(
        self, cloud: DockerCloud, chosen: random.Random, mark: str
    ) -> Service:
        uri = chosen.choice(self._uris)
        target = chosen.randint(1, 4)
        sent = next(self._clock)
        await cloud.services.update(uri, target_num_containers=target)
        change = Change(sent, next(self._clock), target)
        self._changes[uri, "target_num_containers"].append(change)
        return await cloud.services.scale(uri)

    async def _start(self, cloud: DockerCloud, chosen: random.Random, _: str) -> Any:
        return await cloud.services.start(chosen.choice(self._uris))

    async def _stop(self, cloud: DockerCloud, chosen: random.Random, _: str) -> Any:
        return await cloud.services.stop(chosen.choice(self._uris))

    async def _redeploy(self, cloud: DockerCloud, chosen: random.Random, _: str) -> Any:
        return await cloud.services.redeploy(chosen.choice(self._uris))

    async def _create(self, cloud: DockerCloud, chosen: random.Random, _: str) -> Any:
        name = f"new{chosen.randrange(20)}"
        service = await cloud.services.create(name=name, **self.fields)
        uri = service["resource_uri"]
        if name in self._created and name not in self._ending:
            self.problems.append(f"{name} was created twice")
        self._created[name] = uri
        return await cloud.services.start(uri)

    async def _delete(self, cloud: DockerCloud, chosen: random.Random, _: str) -> Any:
        new = sorted(name for name in self._created if name.startswith("new"))
        if not new:
            return None
        name = chosen.choice(new)
        self._ending.add(name)
        return await cloud.services.delete(self._created[name])

    async def _container(self, cloud: DockerCloud, chosen: random.Random) -> str | None:
        uris = self._uris + sorted(self._created.values())
        service = await cloud.services.inspect(chosen.choice(uris))
        return chosen.choice(service["containers"] or [None])

    async def _stop_container(
        self, cloud: DockerCloud, chosen: random.Random, _: str
    ) -> Any:
        if uri := await self._container(cloud, chosen):
            return await cloud.containers.stop(uri)

    async def _start_container(
        self, cloud: DockerCloud, chosen: random.Random, _: str
    ) -> Any:
        if uri := await self._container(cloud, chosen):
            return await cloud.containers.start(uri)

    async def _redeploy_container(
        self, cloud: DockerCloud, chosen: random.Random, _: str
    ) -> Any:
        if uri := await self._container(cloud, chosen):
            return await cloud.containers.redeploy(uri)

    async def _remove_container(
        self, cloud: DockerCloud, chosen: random.Random, _: str
    ) -> Any:
        if uri := await self._container(cloud, chosen):
            answer = await cloud.containers.delete(uri)
            self._removed += 1
            return answer
        return None

    async def _cancel(self, cloud: DockerCloud, chosen: random.Random, _: str) -> None:
        unfinished = await cloud.actions.list(state="In progress")
        if unfinished:
            await cloud.actions.cancel(chosen.choice(unfinished))

    async def _inspect(self, cloud: DockerCloud, chosen: random.Random, _: str) -> None:
        service = await cloud.services.inspect(chosen.choice(self._uris))
        counted = service["running_num_containers"] + service["stopped_num_containers"]
        if not (counted <= service["current_num_containers"]) or (
            len(service["containers"]) != service["current_num_containers"]
        ):
            self.problems.append(f"does not add up: {service}")

    async def _list(self, cloud: DockerCloud, chosen: random.Random, _: str) -> None:
        await chosen.choice((cloud.services, cloud.containers, cloud.actions)).list()

    async def _read_logs(
        self, cloud: DockerCloud, chosen: random.Random, _: str
    ) -> None:
        uri = chosen.choice(self._uris)
        async with cloud.services.logs(uri, tail=3, follow=False) as lines:
            async for line in lines:
                log_text(line)

    # --- checks -----------------------------------------------------------------------

    async def settled(self) -> None:
        """Wait for the end of all actions, and record unexpected failures."""
        cloud = self.clients[0]
        await settled(cloud, self.timeout)
        known = {one["resource_uri"] for one in await cloud.actions.list(limit=100)}
        self.problems += [f"{uri} is not known" for uri in self._actions - known]
        self.problems += await failures(cloud)

    async def changes_kept(self) -> None:
        """Record lost updates and lost services."""
        cloud = self.clients[0]
        for (uri, name), changes in self._changes.items():
            service: Any = await cloud.services.inspect(uri)
            allowed = last(changes)
            if name == "target_num_containers":
                # Each removed container reduces the target by one.
                low, high = min(allowed) - self._removed, max(allowed)
                allowed = list(range(max(0, low), high + 1))
            if service[name] not in allowed:
                self.problems.append(
                    f"{service['name']}: {name} is {service[name]}, not of {allowed}"
                )
        names = [one["name"] for one in await self.live()]
        if len(names) != len(set(names)):
            self.problems.append(f"a name is taken twice: {names}")
        if lost := self._created.keys() - self._ending - set(names):
            self.problems.append(f"services are lost: {lost}")

    async def live(self) -> list[Service]:
        found = await self.clients[0].services.list(limit=100)
        return [one for one in found if one["state"] != "Terminated"]

    async def made_whole(self) -> int:
        """Redeploy all services and record differences from the definitions.

        Returns:
            The number of containers that should run.
        """
        cloud = self.clients[0]
        uris = [service["resource_uri"] for service in await self.live()]

        async def one(uri: str) -> int:
            await cloud.actions.wait(
                await cloud.services.redeploy(uri), timeout=self.timeout
            )
            service = await cloud.services.inspect(uri)
            target = service["target_num_containers"]
            environment = {e["key"]: e["value"] for e in service["container_envvars"]}
            for container_uri in service["containers"]:
                container = await cloud.containers.inspect(container_uri)
                theirs = {e["key"]: e["value"] for e in container["container_envvars"]}
                if theirs.get("MARK") != environment.get("MARK"):
                    self.problems.append(f"{container['name']} is not redeployed")
            if service["running_num_containers"] != target or (
                len(service["containers"]) != target
            ):
                self.problems.append(
                    f"{service['name']} does not have {target} containers"
                )
            return target

        return sum(await asyncio.gather(*map(one, uris)))


Operation = Callable[[Storm, DockerCloud, random.Random, str], Awaitable[Any]]

#: The operations, in the proportions of the choice.
OPERATION_MIX: list[Operation] = [
    *[Storm._update] * 4,
    *[Storm._scale] * 3,
    *[Storm._redeploy] * 2,
    Storm._start,
    Storm._start,
    Storm._stop,
    Storm._create,
    Storm._create,
    Storm._delete,
    Storm._stop_container,
    Storm._start_container,
    Storm._start_container,
    Storm._redeploy_container,
    Storm._remove_container,
    Storm._cancel,
    Storm._inspect,
    Storm._inspect,
    Storm._list,
    Storm._read_logs,
]


async def settled(cloud: DockerCloud, seconds: float) -> None:
    """Wait for the end of all actions, successful or not."""
    async with asyncio.timeout(seconds):
        while unfinished := [
            one
            for one in await cloud.actions.list(limit=100)
            if one["state"] not in ENDED
        ]:
            for one in unfinished:
                with suppress(WaitFailed):
                    await cloud.actions.wait(one, timeout=None)


async def failures(cloud: DockerCloud) -> list[str]:
    """Return the texts of unexpected failures of actions."""
    found = []
    for action in await cloud.actions.list(state="Failed", limit=100):
        async with cloud.actions.logs(action, follow=False) as lines:
            text = "".join([log_text(line) async for line in lines])
        if REFUSED not in text and OVERTAKEN not in text:
            found.append(f"{action['action']} of {action['object']}: {text}")
    return found


async def differences(cloud: DockerCloud, running: Mapping[str, int]) -> list[str]:
    """Return the differences between the server and the engine.

    Args:
        cloud: A client of the server.
        running: Container uuid → the number of running tasks, for existing containers.
    """
    found = []
    reported = {c["uuid"]: c for c in await cloud.containers.list(limit=100)}
    for uuid, container in reported.items():
        state: str = container["state"]
        if (uuid in running) != (state != "Terminated"):
            found.append(f"{container['name']} is {state}; exists: {uuid in running}")
        elif uuid in running and running[uuid] != {"Running": 1, "Stopped": 0}.get(
            state
        ):
            found.append(f"{container['name']} is {state}; running: {running[uuid]}")
    found += [f"{uuid} is not known" for uuid in running.keys() - reported.keys()]
    for service in await cloud.services.list(limit=100):
        if service["state"] == "Terminated":
            if service["containers"]:
                found.append(f"{service['name']} is Terminated, not its containers")
            continue
        own = [reported[uri.split("/")[-2]]["state"] for uri in service["containers"]]
        up = own.count("Running")
        state = "Stopped" if own else "Not running"
        if up:
            state = "Running" if up == len(own) else "Partly running"
        if (service["state"], service["running_num_containers"]) != (state, up):
            found.append(f"{service['name']} is {service['state']}: {own}")
    return found
