"""Placement by constraints, platforms, reservations, spreading and numbers."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodockercloud.server.control import demands, placement
from aiodockercloud.server.control.placement import Candidate
from aiodockercloud.server.state.errors import OperationFailed

ZONE = "node.labels.zone"


def node(name: str, **columns: Any) -> Candidate:
    return Candidate(uuid=name, tags=(), **columns)


def choose(nodes: list[Candidate], **definition: Any) -> str:
    return placement.choose(nodes, demand=demands.demand(definition))


# --- constraints --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        ("node.labels.zone==b", "b"),
        ("node.labels.zone != a", "b"),
        ("node.hostname==B.example", "b"),
        ("node.role==worker", "b"),
        ("node.labels.gpu!=yes", "b"),
    ],
)
def test_node_that_meets_the_constraint_is_chosen(
    constraint: str, expected: str
) -> None:
    nodes = [
        node(
            "a",
            attributes={ZONE: "a", "node.role": "manager", "node.labels.gpu": "Yes"},
        ),
        node(
            "b",
            attributes={ZONE: "b", "node.hostname": "b.example", "node.role": "worker"},
            containers=9,
        ),
    ]

    assert choose(nodes, placement={"constraints": [constraint]}) == expected


def test_constraint_on_a_label_that_no_node_has_is_refused_by_name() -> None:
    with pytest.raises(OperationFailed, match=r"of placement: node\.labels\.x"):
        choose([node("a")], placement={"constraints": ["node.labels.x==1"]})


@pytest.mark.parametrize("wanted", ["amd64", "x86_64", None])
def test_platform_has_the_names_of_images_and_of_nodes(wanted: str | None) -> None:
    arm = {"node.platform.os": "linux", "node.platform.arch": "aarch64"}
    intel = {"node.platform.os": "linux", "node.platform.arch": "x86_64"}
    nodes = [node("arm", attributes=arm), node("intel", attributes=intel)]
    platforms = [{"os": "linux", "architecture": wanted}]

    found = choose(nodes, placement={"platforms": platforms})

    assert found == ("intel" if wanted else "arm")


# --- reservations -------------------------------------------------------------------


def test_node_with_enough_left_to_reserve_is_chosen() -> None:
    nodes = [
        node("full", free=demands.capacity(2, 100, {})),
        node("free", free=demands.capacity(2, 1000, {"gpu": 1}), containers=5),
    ]

    assert choose(nodes, memory_reservation=500) == "free"
    assert choose(nodes, generic_resources=[{"kind": "gpu", "value": "1"}]) == "free"
    assert choose(nodes, cpu_reservation=2) == "full"
    with pytest.raises(OperationFailed, match=r"no matching node has 2\.5 CPU left"):
        choose(nodes, cpu_reservation=2.5)
    with pytest.raises(OperationFailed, match="2 gpu left"):
        choose(nodes, generic_resources=[{"kind": "gpu", "value": "2"}])


def test_containers_placed_together_reserve_together() -> None:
    nodes = [node("a", free=demands.capacity(2, 100, {}))]
    together = demands.demand({"cpu_reservation": 1}, [{"cpu_reservation": 1.5}])

    with pytest.raises(OperationFailed, match=r"2\.5 CPU"):
        placement.choose(nodes, demand=together)


def test_no_more_containers_than_stated_run_on_one_node() -> None:
    nodes = [node("a", replicas=2), node("b", replicas=1, containers=9)]
    limited = {"max_replicas_per_node": 2}

    assert choose(nodes, placement=limited) == "b"
    with pytest.raises(OperationFailed, match="has 1 of max_replicas_per_node"):
        choose(nodes, placement={"max_replicas_per_node": 1})


# --- spreading ----------------------------------------------------------------------


@given(st.lists(st.sampled_from("abc"), min_size=1), st.integers(1, 30))
def test_containers_are_spread_over_zones(zones: list[str], count: int) -> None:
    """Zones differ by at most one container, however many nodes a zone has."""
    placed: Counter[int] = Counter()
    preferences = [{"spread": ZONE}]
    for _ in range(count):
        nodes = [
            node(
                str(i),
                attributes={ZONE: zone},
                containers=placed[i],
                of_service=placed[i],
            )
            for i, zone in enumerate(zones)
        ]
        placed[int(choose(nodes, placement={"preferences": preferences}))] += 1

    in_zone = Counter({zone: 0 for zone in zones})
    for i, number in placed.items():
        in_zone[zones[i]] += number
    assert max(in_zone.values()) - min(in_zone.values()) <= 1
