"""The indexes of the records: each equals what a scan of all records finds."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from aiodockercloud.server.engines import Engine
from aiodockercloud.server.engines.embedded import Embedded
from aiodockercloud.server.settings import Settings
from aiodockercloud.server.state.loads import reserved
from aiodockercloud.server.state.records import (
    SHARED,
    Container,
    Node,
    NodeCluster,
    Record,
    Secret,
    Service,
    Stack,
    Trigger,
)
from aiodockercloud.server.state.state import State
from aiodockercloud.server.state.store import Store
from aiodockercloud.wire import states
from aiodockercloud.wire.health import HEALTHY, STARTING, UNHEALTHY
from aiodockercloud.wire.service_fields import JOB, complete

NAMESPACES = ("u", "v", SHARED)
NAMES = ("web", "db", "web.shop", "shop")
STATES = (states.STARTING, states.RUNNING, states.STOPPED, states.TERMINATED)

#: What happens, and numbers that choose the records and the values.
OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(
            (
                *("stack", "service", "container", "node", "secret", "trigger"),
                *("link", "share", "mode", "state", "move", "port", "digest", "health"),
                *("remove", "revert"),
            )
        ),
        st.integers(0, 999),
        st.integers(0, 999),
    ),
    max_size=40,
)


def one_of(found: Any, number: int) -> Any:
    """Return one of the values that a number chooses, or None without values."""
    choices = list(found)
    return choices[number % len(choices)] if choices else None


def definition(number: int) -> dict[str, Any]:
    return complete(
        {
            "image": "idle:1",
            "linked_to_service": [],
            "bindings": [],
            "mode": "replicated",
            "memory_reservation": (number % 3) * 10 or None,
            "cpu_reservation": (number % 4) * 0.1 or None,
        }
    )


class World:
    """A state, and operations on its records."""

    def __init__(self) -> None:
        engine: Engine = Embedded()
        self.cloud = State(engine, Store(), domain="", settings=Settings())
        cloud = self.cloud
        cloud.add(NodeCluster(**self._shared("c", node_type="", region="")))
        for number in range(2):
            self.node(number, 0)

    @staticmethod
    def _shared(name: str, **more: Any) -> dict[str, Any]:
        return {"namespace": SHARED, "name": name, "nickname": name, **more}

    def run(self, name: str, a: int, b: int) -> None:
        getattr(self, name)(a, b)

    # --- new records ------------------------------------------------------------------

    def stack(self, a: int, b: int) -> None:
        name = one_of(NAMES, b)
        namespace = one_of(NAMESPACES[:2], a)
        self.cloud.add(Stack(namespace=namespace, name=name, nickname=name))

    def service(self, a: int, b: int) -> None:
        stack = one_of([None, *self.cloud.stacks.values()], a)
        self.cloud.add(
            Service(
                namespace=stack.namespace if stack else one_of(NAMESPACES[:2], b),
                name=one_of(NAMES, b),
                stack=stack.uuid if stack else None,
                definition=definition(a),
            )
        )

    def container(self, a: int, b: int) -> None:
        service = one_of(self.cloud.services.values(), a)
        node = one_of(self.cloud.nodes.values(), b)
        if service is None or node is None:
            return
        ordinal = b % 4 + 1
        self.cloud.add(
            Container(
                namespace=service.namespace,
                name=f"{service.name}-{ordinal}",
                ordinal=ordinal,
                service=service.uuid,
                node=node.uuid,
                definition=service.definition,
                revision=1,
                deployment=str(b % 2),
                ports=[[80, "tcp", True, None, ["host", "ingress"][b % 2]]],
            )
        )

    def node(self, a: int, b: int) -> None:
        cluster = one_of(self.cloud.nodeclusters.values(), 0)
        self.cloud.add(
            Node(
                namespace=one_of(NAMESPACES, b),
                engine_id=f"n{a}",
                hostname="",
                nickname="",
                cluster=cluster.uuid,
                state=states.DEPLOYED,
            )
        )

    def secret(self, a: int, b: int) -> None:
        namespace = one_of(NAMESPACES[:2], a)
        self.cloud.add(Secret(namespace=namespace, name=one_of(NAMES, b), data=""))

    def trigger(self, a: int, b: int) -> None:
        service = one_of(self.cloud.services.values(), a)
        container = one_of(["", *self.cloud.containers], b)
        if service is not None:
            self.cloud.add(
                Trigger(
                    namespace=service.namespace,
                    service=service.uuid,
                    name="t",
                    operation="redeploy",
                    container=container,
                )
            )

    # --- changes ----------------------------------------------------------------------

    def _define(self, number: int, **fields: Any) -> None:
        service = one_of(self.cloud.services.values(), number)
        if service is not None:
            service.definition = {**service.definition, **fields}
            self.cloud.touch(service)

    def link(self, a: int, b: int) -> None:
        target = one_of([None, *self.cloud.services], b)
        self._define(
            a,
            linked_to_service=[
                {"to_service": target, "name": name} for name in ("x", "y") if target
            ],
        )

    def share(self, a: int, b: int) -> None:
        owner = one_of([None, *self.cloud.services], b)
        binding = {"volumes_from": owner, "container_path": "", "host_path": None}
        self._define(a, bindings=[binding])

    def mode(self, a: int, b: int) -> None:
        self._define(a, mode=one_of((JOB, "replicated"), b))

    def state(self, a: int, b: int) -> None:
        parts = (self.cloud.containers, self.cloud.services, self.cloud.nodes)
        record = one_of([r for part in parts for r in part.values()], a)
        if record is not None:
            self.cloud.set_state(record, one_of(STATES, b))

    def move(self, a: int, b: int) -> None:
        container = one_of(self.cloud.containers.values(), a)
        node = one_of(self.cloud.nodes.values(), b)
        if container is not None and node is not None:
            self.cloud.move(container, node)

    def port(self, a: int, b: int) -> None:
        container = one_of(self.cloud.containers.values(), a)
        if container is not None:
            container.ports[0][3] = one_of((None, 80, 81), b)  # in place, as observed
            self.cloud.save(container)

    def digest(self, a: int, b: int) -> None:
        container = one_of(self.cloud.containers.values(), a)
        if container is not None:
            container.image_digest = one_of((None, "sha256:1"), b)
            self.cloud.save(container)

    def health(self, a: int, b: int) -> None:
        container = one_of(self.cloud.containers.values(), a)
        if container is not None:
            container.health = one_of((None, STARTING, HEALTHY, UNHEALTHY), b)
            self.cloud.save(container)

    def remove(self, a: int, b: int) -> None:
        """Remove a record as the sweep does, the parts before their owner."""
        kinds = (self.cloud.containers, self.cloud.services, self.cloud.secrets)
        tables: list[dict[str, Any]] = [dict(kind) for kind in kinds]
        record = one_of(tables[b % 3].values(), a)
        if record is not None:
            for part in self.cloud.members(record):
                self.cloud.remove(part)
            self.cloud.remove(record)
            self.cloud.save(record)  # of a coroutine that still has the record

    def revert(self, a: int, b: int) -> None:
        """Take a change back, or the removal of a record that nothing else follows."""
        service = one_of(self.cloud.services.values(), a)
        if service is None:
            return
        before = service.as_json()
        if b % 2 and not self.cloud.members(service):
            self.cloud.remove(service)
            self.cloud.revert("service", service.uuid, before, None)
        elif service.state != states.TERMINATED:
            self._define(a, linked_to_service=[{"to_service": "gone", "name": "x"}])
            self.cloud.revert("service", service.uuid, before, service.as_json())

    # --- scans ------------------------------------------------------------------------

    def live(self, kind: str) -> list[Any]:
        table = getattr(self.cloud, f"{kind}s")
        return [r for r in table.values() if r.state != states.TERMINATED]


def check_services(world: World) -> None:
    cloud = world.cloud
    services, containers = world.live("service"), world.live("container")
    for service in cloud.services.values():
        mine = [c for c in containers if c.service == service.uuid]
        assert cloud.containers_of(service) == sorted(
            mine, key=lambda c: (c.ordinal, c.number)
        )
        for ordinal in range(6):
            same = [c for c in cloud.containers_of(service) if c.ordinal == ordinal]
            assert cloud.numbered(service, ordinal) == same
        assert set(cloud.states_of_parts(service)) == {
            (c.state, c.health) for c in mine
        }
        for deployment in "01":
            known = [c for c in mine if c.deployment == deployment and c.image_digest]
            found = cloud.with_digest(service, deployment)
            assert sorted(c.uuid for c in found) == sorted(c.uuid for c in known)
        assert cloud.members(service) == [
            c for c in cloud.containers.values() if c.service == service.uuid
        ]
        assert cloud.linking_to(service) == [
            other
            for other in services
            if any(
                link["to_service"] == service.uuid
                for link in other.definition["linked_to_service"]
            )
        ]
        assert cloud.sharing_volumes_of(service) == [
            other
            for other in services
            if any(
                binding["volumes_from"] == service.uuid
                for binding in other.definition["bindings"]
            )
        ]
        triggers = cloud._tables["trigger"].values()
        assert cloud.triggers_of(service) == [
            t for t in triggers if t.service == service.uuid
        ]
    for container in cloud.containers.values():
        triggers = cloud._tables["trigger"].values()
        assert cloud.triggers_made_by(container) == [
            t for t in triggers if t.container == container.uuid
        ]


def check_owners(world: World) -> None:
    cloud = world.cloud
    for stack in cloud.stacks.values():
        inside = [s for s in world.live("service") if s.stack == stack.uuid]
        assert cloud.services_of(stack) == inside
        assert {state for state, _ in cloud.states_of_parts(stack)} == {
            s.state for s in inside
        }
        assert {
            state for state, ended in cloud.states_of_parts(stack) if not ended
        } == {
            s.state
            for s in inside
            if s.definition["mode"] != JOB or s.state != states.STOPPED
        }
    for cluster in cloud.nodeclusters.values():
        nodes = [n for n in world.live("node") if n.cluster == cluster.uuid]
        assert cloud.nodes_of(cluster) == nodes
        assert {state for state, _ in cloud.states_of_parts(cluster)} == {
            n.state for n in nodes
        }


def check_loads(world: World) -> None:
    cloud = world.cloud
    for node in cloud.nodes.values():
        present = [c for c in world.live("container") if c.node == node.uuid]
        running = [c for c in present if c.state != states.STOPPED]
        assert sorted(c.uuid for c in cloud.containers_on(node)) == sorted(
            c.uuid for c in present
        )
        load = cloud.load_of(node)
        assert load.running == len(running)
        assert load.running_of == Counter(c.service for c in running)
        assert load.present_of == Counter(c.service for c in present)
        for mode, counts in (("host", load.ports), ("ingress", load.ingress)):
            assert counts == Counter(
                (outer, protocol)
                for c in present
                for _, protocol, published, outer, how in c.ports
                if published and outer is not None and how == mode
            )
        amounts: Counter[str] = Counter()
        for container in running:
            for name, amount in reserved(container.definition).items():
                amounts[name] += amount  # type: ignore[assignment] # fractions
        assert load.reserved.keys() == amounts.keys()
        for name, total in amounts.items():
            assert abs(load.reserved[name] - total) < 1e-9


def check_names(world: World) -> None:
    cloud = world.cloud
    for namespace in NAMESPACES:
        for kind in ("service", "stack", "container", "node", "secret"):
            everything: list[Record] = list(cloud._tables[kind].values())
            visible = [r for r in everything if r.namespace in (namespace, SHARED)]
            newest = sorted(visible, key=lambda r: -r.number)
            assert cloud.all(kind, namespace) == newest
            view = cloud.newest(kind, namespace)
            assert len(view) == len(newest)
            assert view[1:3] == newest[1:3]
            assert view[-2:] == newest[-2:]
            assert [view[at] for at in range(len(newest))] == newest
        for name in NAMES:
            for kind in ("service", "stack", "container"):
                everything = list(cloud._tables[kind].values())
                assert list(cloud.called(kind, namespace, name)) == [
                    r
                    for r in cloud.all(kind, namespace)
                    if getattr(r, "name", None) == name
                ]
            for kind in ("stack", "secret"):
                assert cloud.named(kind, name, namespace) == [
                    r
                    for r in world.live(kind)
                    if r.name == name and r.namespace == namespace
                ]
            for stack in (None, *cloud.stacks):
                found = [
                    s
                    for s in world.live("service")
                    if (s.name, s.namespace, s.stack) == (name, namespace, stack)
                ]
                assert cloud.named("service", name, namespace, stack) == found
            service = cloud.find_service(f"{name}.shop", namespace, None)
            exact = cloud.named("service", f"{name}.shop", namespace)
            in_full = [
                s
                for s in world.live("service")
                if s.namespace == namespace
                and (owner := cloud.stack_of(s)) is not None
                and f"{s.name}.{owner.name}" == f"{name}.shop"
            ]
            assert service is next(iter([*exact, *in_full]), None)


@settings(deadline=None)
@given(OPERATIONS)
def test_every_index_after_any_changes_equals_a_scan(
    operations: list[tuple[str, int, int]],
) -> None:
    world = World()

    for operation in operations:
        world.run(*operation)

    check_services(world)
    check_owners(world)
    check_loads(world)
    check_names(world)


@settings(deadline=None)
@given(OPERATIONS)
def test_every_index_after_a_restart_equals_a_scan(
    operations: list[tuple[str, int, int]],
) -> None:
    world, again = World(), World.__new__(World)
    for operation in operations:
        world.run(*operation)

    again.cloud = State(Embedded(), Store(), domain="", settings=Settings())
    for kind, table in world.cloud._tables.items():
        for record in reversed(table.values()):  # the store has no order
            again.cloud.load(kind, record.as_json())
    again.cloud.loaded()

    check_services(again)
    check_owners(again)
    check_loads(again)
    check_names(again)
