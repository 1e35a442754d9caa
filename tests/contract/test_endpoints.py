"""The 65 endpoints of the reference: our client calls each, our server answers each."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from aiodockercloud import ApiError, DockerCloud, wire
from aiodockercloud.server import Embedded, Server, running
from aiodockercloud.server.engines import ContainerSpec
from tests.support.endpoints import ENDPOINTS, PAGE, SLIPS, STUCK, Endpoint, page
from tests.support.facts import PATIENCE, SHARED
from tests.support.flows import client_of

REFERENCE = SHARED / "reference" / "endpoints.json"
NAMESPACE = "exampleorg"


class Slow(Embedded):
    """An engine on which the containers of one image never come up."""

    async def create(self, spec: ContainerSpec) -> None:
        if spec.image.startswith(f"{STUCK}:"):
            await asyncio.get_running_loop().create_future()
        await super().create(spec)


@pytest.fixture
def engine() -> Embedded:
    return Slow()


class Recorder:
    """Requests and the statuses of their answers, websockets included."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, int]] = []
        self.trace = aiohttp.TraceConfig()
        self.trace.on_request_end.append(self._ended)

    async def _ended(
        self,
        session: aiohttp.ClientSession,
        context: SimpleNamespace,
        params: aiohttp.TraceRequestEndParams,
    ) -> None:
        path = params.url.raw_path
        self.seen.append((params.method, path, params.response.status))


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture(params=[None, NAMESPACE], ids=["plain", "namespaced"])
async def client(
    request: pytest.FixtureRequest, server: Server, recorder: Recorder
) -> AsyncIterator[DockerCloud]:
    async with (
        aiohttp.ClientSession(trace_configs=[recorder.trace]) as session,
        DockerCloud(
            server.url,
            user=server.user,
            apikey=server.apikey,
            namespace=request.param,
            session=session,
            retry=None,
        ) as cloud,
    ):
        yield cloud


async def perform(cloud: DockerCloud, endpoint: Endpoint, thing: Any) -> None:
    api, _, name = endpoint.client.partition(".")
    things = [] if thing is None else [thing]
    if name in ("inspect", "delete", "call") and api == "triggers":
        # The service comes first; a trigger's URI holds both.
        target = wire.target_of("trigger", thing)
        things = [target.key[0], thing]
    called = getattr(getattr(cloud, api), name)(
        *things, *endpoint.arguments, **endpoint.fields
    )
    if endpoint.status == 101:
        async with called:
            pass
    else:
        await called


def filled(path: str, namespace: str | None, thing: Any) -> str:
    """Return the reference's path with the names of a real object."""
    path = path.replace("[optional_namespace/]", f"{namespace}/" if namespace else "")
    if thing is not None:
        target = wire.split_path(thing["resource_uri"])
        assert target is not None
        keys = list(target.key)
        if target.kind == "repository":
            keys = [target.pk]
        path = re.sub(r"\([a-z_.]+\)", lambda _: keys.pop(0), path)
        assert not keys
    return path


@pytest.mark.parametrize("name", ENDPOINTS)
async def test_endpoint_by_our_client_is_answered_by_our_server(
    client: DockerCloud, recorder: Recorder, name: str
) -> None:
    endpoint = ENDPOINTS[name]
    method, _, path = name.partition(" ")
    async with asyncio.timeout(PATIENCE):
        thing = endpoint.given and await endpoint.given(client)
        recorder.seen.clear()

        await perform(client, endpoint, thing)

    expected = filled(path, client.namespace, thing)
    assert recorder.seen == [(method, expected, endpoint.status)]


class Own(Embedded):
    """An engine that provisions no nodes."""

    provisions = False


async def test_own_machines_are_one_cluster_and_no_others_are_to_be_had() -> None:
    refused = {
        name.partition("(uuid)")[0].split()[0] + " " + endpoint.client
        for name, endpoint in ENDPOINTS.items()
        if "refused" in endpoint.swarm
    }
    async with running(Own(nodes=2)) as server, client_of(server) as cloud:
        (cluster,) = await cloud.nodeclusters.list()
        (provider,) = await cloud.providers.list()
        nodes = await cloud.nodes.list()

        async def error(call: Awaitable[Any]) -> int:
            with pytest.raises(ApiError) as caught:
                await call
            return caught.value.status

        region = "aws/us-east-1"
        statuses = {
            "POST nodeclusters.create": await error(
                cloud.nodeclusters.create(name="x", node_type="y", region="z")
            ),
            "POST nodeclusters.deploy": await error(cloud.nodeclusters.deploy(cluster)),
            "PATCH nodeclusters.update": await error(
                cloud.nodeclusters.update(cluster, target_num_nodes=3)
            ),
            "DELETE nodeclusters.delete": await error(
                cloud.nodeclusters.delete(cluster)
            ),
            "POST nodes.upgrade_docker": await error(
                cloud.nodes.upgrade_docker(nodes[0])
            ),
            "GET regions.inspect": await error(cloud.regions.inspect(region)),
            "GET azs.inspect": await error(cloud.azs.inspect(f"{region}/us-east-1a")),
            "GET nodetypes.inspect": await error(
                cloud.nodetypes.inspect("aws/t2.micro")
            ),
        }

    assert cluster["state"] == "Deployed"
    assert (cluster["current_num_nodes"], cluster["target_num_nodes"]) == (2, 2)
    assert cluster["region"] is None
    assert {node["node_cluster"] for node in nodes} == {cluster["resource_uri"]}
    assert provider["available"] is False
    assert statuses.keys() == refused
    assert set(statuses.values()) == {501, 404}


@pytest.mark.skipif(not REFERENCE.exists(), reason="the reference is not here")
def test_endpoints_of_the_reference_are_all_in_the_table() -> None:
    reference = [
        f"{one['method']} {one['path']}" for one in json.loads(REFERENCE.read_text())
    ]
    served = [SLIPS.get(name, name) for name in reference]

    found = sum(name in ENDPOINTS for name in served)
    print(f"{found} of {len(reference)}")
    assert set(served) == set(ENDPOINTS)
    assert len(served) == len(ENDPOINTS) == 65


def test_coverage_page_is_the_table() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), (
        "docs/coverage.rst is out of date: run python -m tests.support.endpoints"
    )
