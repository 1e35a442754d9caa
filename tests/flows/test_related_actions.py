"""The actions that errors name, and the actions of related objects."""

from __future__ import annotations

import pytest

from aiodockercloud import DockerCloud, OperationNotAllowed, wire
from tests.support.flows import Raw, done, run


@pytest.mark.parametrize(
    ("prefix", "header"),
    [
        ("/api/app/v1", "X-DockerCloud-Action-URI"),
        ("/api/v1", "X-Tutum-Action-URI"),
    ],
)
async def test_refused_operation_names_its_failed_action_in_the_header(
    live: DockerCloud, raw: Raw, prefix: str, header: str
) -> None:
    service = await run(live)

    answer = await raw("POST", f"{prefix}/service/{service['uuid']}/start/")

    assert answer.status == 422
    (failed,) = await live.actions.list(state="Failed")
    spelled = failed["resource_uri"]
    if header == "X-Tutum-Action-URI":
        spelled = wire.respell(spelled, wire.TUTUM)
    assert answer.headers[header] == spelled


async def test_error_of_a_refused_operation_has_the_action(live: DockerCloud) -> None:
    service = await run(live)

    with pytest.raises(OperationNotAllowed) as refused:
        await live.services.start(service)

    uri = refused.value.headers["X-DockerCloud-Action-URI"]
    assert (await live.actions.inspect(uri))["state"] == "Failed"


async def test_error_without_an_action_has_no_action_header(
    live: DockerCloud, raw: Raw
) -> None:
    service = await run(live)

    for answer in (
        await raw("POST", f"{service['resource_uri']}rollback/"),
        await raw("PATCH", service["resource_uri"], '{"bogus": 1}'),
        await raw("GET", "/api/app/v1/service/nope/"),
    ):
        assert answer.status in (400, 404, 422)
        assert "X-DockerCloud-Action-URI" not in answer.headers


async def test_related_actions_of_a_node_include_those_of_its_cluster(
    live: DockerCloud,
) -> None:
    cluster, other = [
        await live.nodeclusters.create(
            name=name, node_type="aws/t2.micro", region="aws/us-east-1"
        )
        for name in ("farm", "other")
    ]
    for one in (cluster, other):
        await done(live, await live.nodeclusters.deploy(one))
    (node,) = await live.nodes.list(node_cluster=cluster["resource_uri"])
    await done(live, await live.nodes.health_check(node))

    found = await live.actions.list(object=node, include_related=True)
    own = await live.actions.list(object=node)

    assert {action["object"] for action in found} == {
        node["resource_uri"],
        cluster["resource_uri"],
    }
    assert {action["object"] for action in own} == {node["resource_uri"]}
