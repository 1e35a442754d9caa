"""Versions of objects: no update overwrites a change that the client has not seen."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from multidict import CIMultiDict

from aiodockercloud import BadRequest, ConflictError, DockerCloud, VersionConflict
from tests.support.flows import Answer, Raw, run

REGION = "/api/infra/v1/region/aws/us-east-1/"
TYPE = "/api/infra/v1/nodetype/aws/t2.micro/"
REPOSITORY = "registry.example.com/team/app"


async def kinds(live: DockerCloud) -> list[tuple[Any, dict[str, Any]]]:
    """Return a new object of each kind with versions, with its sub-API."""
    cluster = await live.nodeclusters.create(
        name="farm",
        node_type=TYPE,
        region=REGION,
    )
    found = [
        (live.services, await live.services.create(image="acme/web")),
        (live.stacks, await live.stacks.create(name="shop")),
        (live.nodeclusters, cluster),
        (live.repositories, await live.repositories.create(name=REPOSITORY)),
    ]
    return [(api, dict(one)) for api, one in found]


def change(api: Any, value: str) -> dict[str, str]:
    return {"username" if api.kind == "repository" else "nickname": value}


def etag(answer: Answer) -> str | None:
    return CIMultiDict(answer.headers).get("ETag")


def unchanged(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the result of a changing call as ``inspect`` returns the object."""
    return {k: v for k, v in result.items() if k != "dockercloud_action_uri"}


async def test_update_of_the_current_version_increases_the_version(
    live: DockerCloud,
) -> None:
    for api, one in await kinds(live):
        updated = await api.update(one, version=one["version"], **change(api, "a"))

        assert updated["version"] > one["version"], api.kind
        inspected = await api.inspect(one)
        assert inspected["version"] == updated["version"]
        assert inspected["version"] in [o["version"] for o in await api.list()]


async def test_update_of_a_former_version_changes_nothing(live: DockerCloud) -> None:
    for api, one in await kinds(live):
        second = await api.update(one, **change(api, "a"))

        with pytest.raises(VersionConflict) as caught:
            await api.update(one, version=one["version"], **change(api, "b"))

        assert isinstance(caught.value, ConflictError)
        assert caught.value.status == 409
        assert caught.value.current_version == second["version"]
        assert f"version {one['version']}" in caught.value.message
        assert f"version {second['version']}" in caught.value.message
        assert await api.inspect(one) == unchanged(second)


async def test_update_without_a_change_keeps_the_version(live: DockerCloud) -> None:
    service = await live.services.create(image="acme/web", nickname="a")

    again = await live.services.update(service, nickname="a")

    assert again["version"] == service["version"]


async def test_answers_have_the_version_as_etag(live: DockerCloud, raw: Raw) -> None:
    for api, one in await kinds(live):
        uri = one["resource_uri"]
        for method, body in (("GET", None), ("PATCH", b"{}")):
            answer = await raw(method, uri, body)
            assert etag(answer) == f'"{answer.json()["version"]}"', api.kind
    listed = await raw("GET", "/api/app/v1/service/")
    created = await raw("POST", "/api/app/v1/service/", b'{"image": "acme/web"}')
    started = await raw("POST", f"{created.json()['resource_uri']}start/")

    assert etag(listed) is None
    assert etag(created) == f'"{created.json()["version"]}"'
    assert etag(started) == f'"{started.json()["version"]}"'


@pytest.mark.parametrize("tags", ['"0"', '"0", "77"', 'W/"{}"'])
async def test_if_match_of_another_version_answers_412(
    live: DockerCloud, raw: Raw, tags: str
) -> None:
    for _, one in await kinds(live):
        wanted = tags.format(one["version"])

        answer = await raw("PATCH", one["resource_uri"], b"{}", If_Match=wanted)

        assert answer.status == 412
        assert f"version {one['version']}" in answer.error
        assert etag(answer) == f'"{one["version"]}"'


@pytest.mark.parametrize("tags", ["*", '"{}"', '"0", "{}"', '"0" ,W/"1","{}"'])
async def test_if_match_of_the_current_version_is_carried_out(
    live: DockerCloud, raw: Raw, tags: str
) -> None:
    for _, one in await kinds(live):
        wanted = tags.format(one["version"])

        answer = await raw("PATCH", one["resource_uri"], b"{}", If_Match=wanted)

        assert answer.status == 200


@pytest.mark.parametrize("text", ["5", "five", '"5', "W/"])
async def test_malformed_if_match_is_refused(
    live: DockerCloud, raw: Raw, text: str
) -> None:
    service = await live.services.create(image="acme/web")

    answer = await raw("PATCH", service["resource_uri"], b"{}", If_Match=text)

    assert answer.status == 400
    assert answer.error.startswith("If-Match: ")


@pytest.mark.parametrize("text", ["x", "1.5", "-1", '"1"'])
async def test_malformed_version_is_refused(
    live: DockerCloud, raw: Raw, text: str
) -> None:
    service = await live.services.create(image="acme/web")

    answer = await raw("PATCH", f"{service['resource_uri']}?version={text}", b"{}")

    assert answer.status == 400
    assert answer.error.startswith("version: ")


async def test_operations_and_deletes_respect_the_version(
    live: DockerCloud, raw: Raw
) -> None:
    for api, one in await kinds(live):
        before = await live.actions.list()
        calls = [("DELETE", one["resource_uri"])]
        if api.kind in ("service", "stack"):
            calls += [
                ("POST", f"{one['resource_uri']}{operation}/")
                for operation in ("start", "redeploy")
            ]
        for method, path in calls:
            answer = await raw(method, path, If_Match='"0"')
            assert answer.status == 412
            answer = await raw(method, f"{path}?version=0")
            assert answer.status == 409
        assert await live.actions.list() == before


async def test_read_only_version_may_be_sent_back(live: DockerCloud, raw: Raw) -> None:
    """A client that sends whole objects back notices nothing."""
    service = await live.services.create(image="acme/web")
    whole = {"uuid": service["uuid"], "version": service["version"]}
    await live.services.update(service, nickname="a")

    for body in ({"version": service["version"] + 1}, whole):
        updated = await live.request("PATCH", service["resource_uri"], json=body)
        assert updated["nickname"] == "a"
    with pytest.raises(BadRequest, match=r"^400 .*version: is read-only"):
        await live.request("PATCH", service["resource_uri"], json={"version": 99})


async def test_scale_and_rollback_increase_the_version(live: DockerCloud) -> None:
    service = await run(live, image="acme/web")
    scaled = await live.services.scale(service, 2)
    await live.actions.wait(scaled)
    updated = await live.services.update(service, container_envvars={"A": "1"})
    await live.actions.wait(await live.services.redeploy(service))
    before = await live.services.inspect(service)

    await live.actions.wait(await live.services.rollback(service))

    assert service["version"] < scaled["version"] < updated["version"]
    assert before["version"] < (await live.services.inspect(service))["version"]


async def test_states_do_not_change_the_version(live: DockerCloud) -> None:
    service = await live.services.create(image="acme/web")
    for operation in (live.services.start, live.services.stop, live.services.redeploy):
        await live.actions.wait(await operation(service))

    assert (await live.services.inspect(service))["version"] == service["version"]


async def test_change_of_a_service_changes_the_version_of_its_stack(
    live: DockerCloud,
) -> None:
    stack = await live.stacks.create(
        name="shop", services=[{"name": "web", "image": "acme/web"}]
    )
    updated = await live.services.update(
        stack["services"][0], container_envvars={"A": "1"}
    )

    with pytest.raises(VersionConflict):
        await live.stacks.update(
            stack,
            version=stack["version"],
            services=[{"name": "web", "image": "acme/web", "container_envvars": []}],
        )

    assert await live.services.inspect(updated) == unchanged(updated)


@pytest.mark.parametrize("change", ["add", "terminate"])
async def test_services_of_a_stack_are_part_of_its_version(
    live: DockerCloud, change: str
) -> None:
    stack = await live.stacks.create(
        name="shop",
        services=[{"name": "web", "image": "acme/web", "target_num_containers": 0}],
    )
    if change == "add":
        await live.services.create(stack=stack, image="acme/db")
    else:
        deleted = await live.services.delete(stack["services"][0])
        await live.actions.wait(deleted)

    assert (await live.stacks.inspect(stack))["version"] > stack["version"]


async def test_no_concurrent_update_with_version_is_lost(live: DockerCloud) -> None:
    service = await live.services.create(image="acme/web")

    async def add(name: str) -> int:
        """Add a variable; return the number of conflicts."""
        for conflicts in range(10_000):
            read = await live.services.inspect(service)
            variables = {v["key"]: v["value"] for v in read["container_envvars"]}
            try:
                await live.services.update(
                    service,
                    version=read["version"],
                    container_envvars={**variables, name: "1"},
                )
            except VersionConflict:
                continue
            return conflicts
        raise AssertionError("every attempt met another version")

    async def writer(task: int) -> int:
        return sum([await add(f"V{task}_{i}") for i in range(10)])

    conflicts = await asyncio.gather(*(writer(task) for task in range(20)))

    last = await live.services.inspect(service)
    names = {variable["key"] for variable in last["container_envvars"]}
    assert names == {f"V{task}_{i}" for task in range(20) for i in range(10)}
    assert last["version"] == service["version"] + 200
    assert sum(conflicts) > 0


async def test_tags_of_a_cluster_are_not_set_for_a_former_version(
    live: DockerCloud,
) -> None:
    cluster = await live.nodeclusters.create(
        name="farm", node_type=TYPE, region=REGION, target_num_nodes=2
    )
    await live.nodeclusters.deploy(cluster)
    cluster = await live.nodeclusters.wait(cluster, "Deployed")

    async def update(tag: str) -> bool:
        try:
            await live.nodeclusters.update(
                cluster, version=cluster["version"], tags=[{"name": tag}]
            )
        except VersionConflict:
            return False
        return True

    done = await asyncio.gather(*(update(f"t{i}") for i in range(5)))

    assert done.count(True) == 1
