"""Any sequence of deployments, failures, cancels, retries, updates and restarts keeps
every volume and service that no order ends.

Hypothesis generates the sequences. The orders are the only steps that may end a volume:
scaling down, terminating, redeploying without ``reuse_volumes``, updating with
``prune``.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Collection
from contextlib import AsyncExitStack
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from aiodockercloud import ApiError, DockerCloud, WaitFailed
from aiodockercloud.server import Embedded, Settings, running
from aiodockercloud.server.engines import ContainerSpec, EngineError
from aiodockercloud.server.engines.embedded import Container
from aiodockercloud.server.settings import Timings
from aiodockercloud.types import Service, Stack
from tests.support.facts import PATIENCE
from tests.support.flows import client_of, containers

NAMES = ("db", "cache", "web")
MISSING, SLOW, EXITS = "acme/missing", "acme/slow", "acme/exits"
#: Fields that replace the fields of a service: a new version, or a mistake.
VERSIONS: dict[str, dict[str, Any]] = {
    "good": {},
    "missing image": {"image": MISSING},
    "slow image": {"image": SLOW},
    "exits at once": {"image": EXITS, "autorestart": "OFF"},
    "tag typo": {"tags": [{"name": "typo"}]},
    "open quote": {"run_command": "sh -c 'oops"},
    "taken port": {"container_ports": [{"inner_port": 80, "outer_port": 9}]},
    "no volume": {"bindings": []},
    "other volume": {"bindings": [{"container_path": "/other"}]},
}
#: The fields that the versions replace, except for ``bindings``.
REPAIRED = {"image", "autorestart", "run_command", "tags", "container_ports"}
SETTINGS = Settings(timings=Timings(settle=0.0))

number = st.integers(0, len(NAMES) - 1)
waited = st.booleans()
version = st.sampled_from(sorted(VERSIONS))
subset = st.sets(st.sampled_from([*NAMES, "new"]))
#: A step, its two arguments, and whether the end of the step is awaited.
step = st.one_of(
    st.tuples(st.just("version"), number, version, waited),
    st.tuples(st.just("version"), number, version, waited),
    st.tuples(st.just("service"), number, st.sampled_from(["start", "stop"]), waited),
    st.tuples(st.just("service"), number, st.just("redeploy"), waited),
    st.tuples(st.just("service"), number, st.just("rollback"), waited),
    st.tuples(st.just("stack"), st.just(0), st.sampled_from(["start", "stop"]), waited),
    st.tuples(st.just("stack"), st.just(0), st.just("redeploy"), waited),
    st.tuples(st.just("container"), number, st.integers(0, 1), waited),
    st.tuples(st.just("more"), number, st.integers(1, 2), waited),
    st.tuples(st.just("update"), subset, version, waited),
    st.tuples(st.just("cancel"), st.integers(0, 2), st.just(0), waited),
    st.tuples(st.just("retry"), st.integers(0, 2), st.just(0), waited),
    st.tuples(st.just("crash"), number, st.just(0), waited),
    st.tuples(st.just("restart"), st.just(0), st.just(0), waited),
    st.tuples(st.just("order"), number, st.sampled_from(["less", "end", "fresh"])),
    st.tuples(st.just("prune"), subset, st.just("good")),
)


class Images(Embedded):
    """An engine with an image that is missing and one that arrives late."""

    def __init__(self) -> None:
        super().__init__(nodes=2)
        self.arrived = asyncio.Event()
        self.image(EXITS)(_exits)

    async def create(self, spec: ContainerSpec) -> None:
        if spec.image.startswith(f"{MISSING}:"):
            raise EngineError("pull access denied")
        if spec.image.startswith(f"{SLOW}:"):
            await self.arrived.wait()
        await super().create(spec)

    async def remove_container(self, uuid: str, *, volumes: Collection[str]) -> None:
        """Also remove the volumes of a container that was never created, as Swarm."""
        await super().remove_container(uuid, volumes=volumes)
        for node in self.nodes:
            await self.remove_volumes(node, volumes)


async def _exits(container: Container) -> int:
    return 3


def fields(name: str) -> dict[str, Any]:
    """Return the fields of a service that works."""
    made: dict[str, Any] = {
        "name": name,
        "image": "acme/app",
        "autorestart": "ALWAYS",
        "run_command": "",
        "tags": [],
        "container_ports": [],
        "bindings": [{"container_path": "/data"}],
    }
    if name == "web":
        made["bindings"].append({"volumes_from": "cache"})
    return made


class Story:
    """A stack, and what no step but an order may end."""

    def __init__(self, engine: Images, folder: str) -> None:
        self.engine, self.folder = engine, folder
        self.opened = AsyncExitStack()
        self.cloud: DockerCloud
        self.stack: Stack
        #: (Service, number of the container) → the volume of ``/data``.
        self.owned: dict[tuple[str, str], str] = {}
        #: Services that exist: uri → name.
        self.services: dict[str, str] = {}

    async def open(self) -> None:
        server = await self.opened.enter_async_context(
            running(
                self.engine, data_dir=self.folder, apikey="s3cret", settings=SETTINGS
            )
        )
        self.cloud = await self.opened.enter_async_context(client_of(server))

    async def begin(self) -> None:
        await self.open()
        self.stack = await self.cloud.stacks.create(
            name="shop",
            services=[{**fields(n), "target_num_containers": 2} for n in NAMES],
        )
        await self.cloud.stacks.start(self.stack)
        await self.settle()
        assert len(self.owned) == 2 * len(NAMES)

    async def do(self, what: str, first: Any, second: Any, waited: bool = True) -> None:
        if what in ("order", "prune"):
            await self.settle()
        try:
            await getattr(self, f"_{what}")(first, second)
        except ApiError as error:
            # Forbidden by a state, or refused as impossible.
            if error.status not in (400, 404, 409, 422):
                raise
        if waited or what in ("order", "prune"):
            await self.settle()
        self.check()

    def check(self) -> None:
        """Check that the volumes exist, also in the middle of actions."""
        lost = {key for key, uuid in self.owned.items() if uuid not in self.volumes}
        assert not lost

    @property
    def volumes(self) -> frozenset[str]:
        return self.engine.volumes

    async def settle(self) -> None:
        """Wait until every action has ended, then compare services and volumes."""
        self.engine.arrived.set()
        while going := [
            action
            for action in await self.cloud.actions.list(limit=1000)
            if action["end_date"] is None
        ]:
            for action in going:
                try:
                    await self.cloud.actions.wait(action, timeout=PATIENCE)
                except WaitFailed:
                    pass  # a failed or canceled action has ended
        self.engine.arrived.clear()
        found = {uri: await self.cloud.services.inspect(uri) for uri in self.services}
        assert {s["state"] for s in found.values()}.isdisjoint({"Terminated"})
        for service in await self._live():
            self.services[service["resource_uri"]] = service["name"]
            for key, volume in (await self._data(service)).items():
                assert self.owned.setdefault(key, volume) == volume

    async def _live(self) -> list[Service]:
        stack = await self.cloud.stacks.inspect(self.stack)
        return [await self.cloud.services.inspect(uri) for uri in stack["services"]]

    async def _data(self, service: Service) -> dict[tuple[str, str], str]:
        """Return the volumes at ``/data`` of the containers that were deployed."""
        return {
            (service["resource_uri"], container["name"]): str(binding["volume"])
            .rstrip("/")
            .rpartition("/")[2]
            for container in await containers(self.cloud, service)
            for binding in container["bindings"]
            if binding["container_path"] == "/data"
        }

    async def _nth(self, number: int) -> Service:
        live = await self._live()
        return live[number % len(live)]

    # --- steps that may end nothing ---------------------------------------------------

    async def _version(self, number: int, version: str) -> None:
        service = await self._nth(number)
        changed = {**fields(service["name"]), **VERSIONS[version]}
        changed.pop("name")
        for binding in changed["bindings"]:
            if binding.get("volumes_from"):
                binding["volumes_from"] = await self._uri("cache")
        await self.cloud.services.update(service, **changed)
        await self.cloud.services.redeploy(service)

    async def _uri(self, name: str) -> str:
        return next(uri for uri, known in self.services.items() if known == name)

    async def _service(self, number: int, operation: str) -> None:
        await getattr(self.cloud.services, operation)(await self._nth(number))

    async def _stack(self, _: int, operation: str) -> None:
        await getattr(self.cloud.stacks, operation)(self.stack)

    async def _container(self, number: int, which: int) -> None:
        found = await containers(self.cloud, await self._nth(number))
        if found:
            await self.cloud.containers.redeploy(found[which % len(found)])

    async def _more(self, number: int, by: int) -> None:
        service = await self._nth(number)
        target = service["target_num_containers"] + by
        await self.cloud.services.scale(service, min(target, 4))

    async def _update(
        self, names: set[str], version: str, *, prune: bool = False
    ) -> None:
        changed = [{**fields(name), **VERSIONS[version]} for name in sorted(names)]
        services: Any = changed
        await self.cloud.stacks.update(self.stack, services=services, prune=prune)

    async def _cancel(self, number: int, _: int) -> None:
        actions = await self.cloud.actions.list()
        await self.cloud.actions.cancel(actions[number % len(actions)])

    async def _retry(self, number: int, _: int) -> None:
        actions = await self.cloud.actions.list()
        await self.cloud.actions.retry(actions[number % len(actions)])

    async def _crash(self, number: int, _: int) -> None:
        for container in await containers(self.cloud, await self._nth(number)):
            if container["state"] == "Running":
                self.engine.crash(container["uuid"])
                break

    async def _restart(self, *_: int) -> None:
        await self.opened.aclose()
        await self.open()

    # --- orders -----------------------------------------------------------------------

    async def _order(self, number: int, order: str) -> None:
        """Carry out an order; volumes of other services stay.

        Volumes of this service count again from the next container on.
        """
        service = await self._nth(number)
        uri = service["resource_uri"]
        if order == "less":
            answer = await self.cloud.services.scale(service, 1)
        elif order == "fresh":
            answer = await self.cloud.services.redeploy(service, reuse_volumes=False)
        else:
            if len(self.services) == 1:
                return
            answer = await self.cloud.services.delete(service)
        self.owned = {k: v for k, v in self.owned.items() if k[0] != uri}
        if order == "end":
            del self.services[uri]
        try:
            await self.cloud.actions.wait(answer, timeout=PATIENCE)
        except WaitFailed:
            pass

    async def _prune(self, names: set[str], version: str) -> None:
        if names.isdisjoint(self.services.values()):
            return
        keep = {u: n for u, n in self.services.items() if n in names}
        before = self.services, self.owned
        self.services = keep
        self.owned = {k: v for k, v in self.owned.items() if k[0] in keep}
        try:
            await self._update(names, version, prune=True)
        except ApiError:
            self.services, self.owned = before
            raise

    # --- the end ----------------------------------------------------------------------

    async def repair(self) -> None:
        """Give every service a definition that works; each gets its volumes back."""
        await self.settle()
        for uri, name in self.services.items():
            service = await self.cloud.services.inspect(uri)
            wanted = {k: v for k, v in self.owned.items() if k[0] == uri}
            # Every number that has a volume gets a container again.
            numbers = [int(name.rpartition("-")[2]) for _, name in wanted]
            good = {k: v for k, v in fields(name).items() if k in REPAIRED}
            await self.cloud.services.update(
                service,
                **good,
                bindings=[{"container_path": "/data"}],
                target_num_containers=max([1, *numbers]),
            )
            redeployed = await self.cloud.services.redeploy(service)
            await self.cloud.actions.wait(redeployed, timeout=PATIENCE)
            found = await self._data(await self.cloud.services.inspect(uri))
            assert wanted.items() <= found.items()
        self.check()


async def play(steps: list[tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        story = Story(Images(), folder)
        async with asyncio.timeout(3 * PATIENCE), story.opened:
            await story.begin()
            for one in steps:
                await story.do(*one)
            await story.repair()


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(st.lists(step, min_size=2, max_size=10))
@example([("version", 0, "slow image", False), ("cancel", 0, 0, True)])
@example([("version", 0, "missing image", True), ("restart", 0, 0, True)])
@example([("update", {"web"}, "good", True), ("update", set(), "good", True)])
def test_any_sequence_of_steps_loses_no_volume_and_no_service(
    steps: list[tuple[Any, ...]],
) -> None:
    asyncio.run(play(steps))
