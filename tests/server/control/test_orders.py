"""The order of a stack's services, and the ordinals of new containers."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from aiodockercloud.server.control import plan
from aiodockercloud.server.control.jobs import in_order
from aiodockercloud.server.engines.embedded import Embedded
from aiodockercloud.server.settings import Settings
from aiodockercloud.server.state.records import Container, Node, Service
from aiodockercloud.server.state.state import State
from aiodockercloud.server.state.store import Store
from aiodockercloud.wire import states

UUIDS = "abcdef"


def service(uuid: str, links: list[str], **more: Any) -> Service:
    definition = {
        "linked_to_service": [{"to_service": link} for link in links],
        "bindings": [],
    }
    return Service(namespace="u", uuid=uuid, name=uuid, definition=definition, **more)


@given(st.lists(st.lists(st.sampled_from(UUIDS), max_size=3), max_size=len(UUIDS)))
def test_in_order_puts_each_service_into_the_first_possible_group(
    links: list[list[str]],
) -> None:
    services = [service(*pair) for pair in zip(UUIDS, links, strict=False)]
    left, expected = services, []
    while left:
        waiting = {one.uuid for one in left}
        free = [
            one
            for one in left
            if waiting.isdisjoint(set(links[UUIDS.index(one.uuid)]) - {one.uuid})
        ]
        expected.append(free or left)
        left = [one for one in left if free and one not in free]

    assert in_order(services) == expected


@given(
    st.lists(st.integers(1, 6), max_size=5),
    st.sets(st.integers(1, 8), max_size=4),
    st.lists(st.integers(0, 4) | st.none(), max_size=12),
)
def test_ordinals_are_those_with_kept_volumes_then_the_lowest_at_any_time(
    live: list[int], kept: set[int], steps: list[int | None]
) -> None:
    cloud = State(Embedded(), Store(), domain="", settings=Settings())
    node = Node(namespace="", engine_id="n", hostname="", nickname="")
    volumes = {"node": node.uuid, "volumes": {"/data": "v"}}
    owner = service("a", [], kept_volumes={str(n): volumes for n in sorted(kept)})
    cloud.add(node)
    cloud.add(owner)
    for ordinal in live:
        cloud.add(
            Container(
                namespace="u",
                name=f"a-{ordinal}",
                ordinal=ordinal,
                service=owner.uuid,
                node=node.uuid,
                definition=owner.definition,
                revision=0,
                deployment="",
                state=states.RUNNING,
            )
        )
    ordinals, taken, leaving = plan._Ordinals(cloud, owner), list(live), list(live)

    for step in steps:
        if step is not None and step < len(leaving):
            taken.remove(leaving[step])
            ordinals.release(leaving.pop(step))
            continue
        free = [n for n in range(1, 40) if n not in taken]
        expected = min(free, key=lambda n: (n not in kept, n))
        assert ordinals.take() == expected
        taken.append(expected)
