"""Nodes by the command, on a server of their own."""

from __future__ import annotations

from tests.cli.conftest import Run


def test_node_is_removed_by_its_kind_and_the_beginning_of_its_uuid(run: Run) -> None:
    [node] = run("node", "ls").objects

    assert run("rm", f"node/{node['uuid'][:8]}").objects[0]["state"] == "Terminated"
