"""The choice of a container's node."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from aiodockercloud.server.control.placement import Candidate, choose, matching
from aiodockercloud.server.state.errors import OperationFailed

STRATEGIES = ["EMPTIEST_NODE", "HIGH_AVAILABILITY", "EVERY_NODE"]


def node(
    uuid: str,
    *,
    tags: str = "",
    containers: int = 0,
    of_service: int = 0,
    ports: tuple[tuple[int, str], ...] = (),
) -> Candidate:
    return Candidate(
        uuid,
        tags=tags.split(),
        containers=containers,
        of_service=of_service,
        host_ports=frozenset(ports),
    )


# --- tags ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ([], ["a", "b", "c"]),
        (["prod"], ["b", "c"]),
        (["prod", "eu"], ["c"]),
        (["eu", "prod", "eu"], ["c"]),
        (["Prod"], []),
        (["pro"], []),
    ],
)
def test_matching_returns_nodes_with_all_tags(
    tags: list[str], expected: list[str]
) -> None:
    nodes = [node("a"), node("b", tags="prod"), node("c", tags="prod eu")]

    assert [found.uuid for found in matching(nodes, tags)] == expected


def test_choose_with_tags_takes_a_fuller_node_with_the_tags() -> None:
    nodes = [node("a"), node("b", tags="prod", containers=9)]

    assert choose(nodes, tags=["prod"]) == "b"


def test_choose_with_tags_of_no_node_names_the_tags() -> None:
    with pytest.raises(OperationFailed, match="no node has all of the tags eu, prod"):
        choose([node("a", tags="prod")], tags=["prod", "eu"])


def test_choose_without_nodes_fails() -> None:
    with pytest.raises(OperationFailed, match="there is no node"):
        choose([], tags=["prod"])


# --- strategies ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        # The fewest containers of all services.
        ("EMPTIEST_NODE", "b"),
        # The fewest containers of the service, then the fewest of all services.
        ("HIGH_AVAILABILITY", "d"),
        # A node without a container of the service.
        ("EVERY_NODE", "d"),
    ],
)
def test_choose_follows_the_strategy(strategy: str, expected: str) -> None:
    nodes = [
        node("a", containers=5, of_service=1),
        node("b", containers=1, of_service=1),
        node("c", containers=9),
        node("d", containers=8),
    ]

    assert choose(nodes, strategy=strategy) == expected


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_choose_between_equal_nodes_takes_the_oldest(strategy: str) -> None:
    assert choose([node("z"), node("a"), node("m")], strategy=strategy) == "z"


def test_choose_for_every_node_with_no_node_left_fails() -> None:
    nodes = [node("a", of_service=1), node("b", tags="prod", of_service=2)]

    with pytest.raises(OperationFailed, match="every matching node has a container"):
        choose(nodes, strategy="EVERY_NODE")


# --- ports --------------------------------------------------------------------------


def test_choose_with_a_host_port_avoids_nodes_that_use_the_port() -> None:
    nodes = [node("a", ports=((80, "tcp"),)), node("b", containers=9)]

    assert choose(nodes, host_ports=[(80, "tcp")]) == "b"


def test_choose_with_the_same_port_of_another_protocol_succeeds() -> None:
    nodes = [node("a", ports=((53, "tcp"),)), node("b", containers=9)]

    assert choose(nodes, host_ports=[(53, "udp")]) == "a"


def test_choose_with_a_port_in_use_on_every_node_names_the_port() -> None:
    nodes = [
        node("a", ports=((80, "tcp"), (22, "tcp"))),
        node("b", ports=((80, "tcp"),)),
        node("other", tags="x"),
    ]

    with pytest.raises(OperationFailed, match=r"already allocated .*: 80/tcp$"):
        choose(nodes[:2], host_ports=[(80, "tcp"), (443, "tcp")])
    assert choose(nodes, host_ports=[(80, "tcp")]) == "other"


# --- volumes ------------------------------------------------------------------------


def test_choose_bound_to_nodes_takes_one_of_the_nodes() -> None:
    nodes = [node("a"), node("b", containers=9), node("c", containers=8)]

    assert choose(nodes, bound_to=[(["b"], "its volumes")]) == "b"
    assert choose(nodes, bound_to=[({"b", "c"}, "x"), ({"a", "c"}, "y")]) == "c"


def test_choose_bound_to_a_missing_node_states_the_reason() -> None:
    nodes = [node("a", tags="prod"), node("b")]

    with pytest.raises(
        OperationFailed, match="no node is left that has the volumes of db"
    ):
        choose(nodes, bound_to=[(["missing"], "the volumes of db")])
    # The tags exclude the node of the volumes: a redeploy fails.
    with pytest.raises(OperationFailed, match="no node is left that has its volumes"):
        choose(nodes, tags=["prod"], bound_to=[(["b"], "its volumes")])


# --- properties ---------------------------------------------------------------------

TAGS = st.sets(st.sampled_from(["prod", "eu", "ssd"]))
PORTS = st.sets(
    st.tuples(st.sampled_from([80, 443]), st.sampled_from(["tcp", "udp"])), max_size=2
)


@st.composite
def candidates(draw: st.DrawFn) -> list[Candidate]:
    return [
        Candidate(
            uuid=str(number),
            tags=draw(TAGS),
            containers=(mine := draw(st.integers(0, 3))) + draw(st.integers(0, 3)),
            of_service=mine,
            host_ports=draw(PORTS),
        )
        for number in range(draw(st.integers(0, 5)))
    ]


@given(candidates(), TAGS, st.sampled_from(STRATEGIES), PORTS, st.data())
def test_choose_takes_the_best_suitable_node_or_fails_without_one(
    nodes: list[Candidate],
    tags: set[str],
    strategy: str,
    ports: set[tuple[int, str]],
    data: st.DataObject,
) -> None:
    uuids = [n.uuid for n in nodes]
    bound = data.draw(st.none() | st.sets(st.sampled_from(uuids or ["0"])))
    possible = {
        n.uuid: n
        for n in nodes
        if tags <= set(n.tags)
        and ports.isdisjoint(n.host_ports)
        and (bound is None or n.uuid in bound)
        and (strategy != "EVERY_NODE" or n.of_service == 0)
    }
    bound_to = [] if bound is None else [(bound, "volumes")]

    def chosen() -> str:
        return choose(
            nodes, tags=tags, strategy=strategy, host_ports=ports, bound_to=bound_to
        )

    if not possible:
        with pytest.raises(OperationFailed):
            chosen()
        return
    best = possible[chosen()]
    if strategy == "HIGH_AVAILABILITY":
        assert best.of_service == min(n.of_service for n in possible.values())
    else:
        assert best.containers == min(n.containers for n in possible.values())


@given(st.integers(1, 5), st.integers(0, 20), st.sampled_from(STRATEGIES[:2]))
def test_choose_repeatedly_spreads_evenly(
    node_count: int, containers: int, strategy: str
) -> None:
    nodes = [Candidate(str(number), tags=()) for number in range(node_count)]
    by_uuid = {n.uuid: n for n in nodes}

    for _ in range(containers):
        taken = by_uuid[choose(nodes, strategy=strategy)]
        taken.containers += 1
        taken.of_service += 1

    counts = [n.containers for n in nodes]
    assert max(counts) - min(counts) <= 1


@given(candidates())
def test_choose_leaves_its_arguments_unchanged(nodes: list[Candidate]) -> None:
    assume(nodes)
    before = [(n.uuid, n.containers, n.of_service, set(n.tags)) for n in nodes]

    choose(nodes)

    assert before == [(n.uuid, n.containers, n.of_service, set(n.tags)) for n in nodes]
