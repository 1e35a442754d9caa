"""The kinds that only Tutum v1 has: images, as views of repositories, and volumes."""

from __future__ import annotations

from typing import Any

import pytest

from aiodockercloud import DockerCloud, wire
from tests.support.flows import Raw, containers, done, run


async def test_image_is_a_view_of_a_repository(live: DockerCloud, raw: Raw) -> None:
    body = {"name": "quay.io/acme/web", "username": "u", "password": "p"}
    created = await raw(
        "POST", "/api/v1/image/", wire.dumps({**body, "description": "ours"})
    )
    [repository] = await live.repositories.list()
    await live.services.create(image="quay.io/acme/web:v2")
    uri = "/api/v1/image/quay.io/acme/web/"

    image = (await raw("GET", uri)).json()
    tag = (await raw("GET", f"{uri}tag/v2/")).json()
    build = await raw("POST", f"{uri}tag/v2/build/")
    deleted = await raw("DELETE", uri)

    assert created.status == 201
    assert repository["name"] == image["name"] == "quay.io/acme/web"
    assert (image["resource_uri"], image["in_use"]) == (uri, True)
    assert image["tags"] == [f"{uri}tag/v2/"]
    assert image["registry"] == "/api/v1/registry/quay.io/"
    assert "password" not in image
    assert (tag["full_name"], tag["image"]) == ("quay.io/acme/web:v2", uri)
    assert build.status == 501
    assert deleted.status == 204
    assert await live.repositories.list() == []


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 1),
        ("is_user_image=True", 1),
        ("is_private_image=True", 1),
        ("jumpstart=True", 0),
        ("jumpstart=False", 1),
        ("name=quay.io/acme/web", 1),
    ],
)
async def test_image_list_accepts_tutums_filters(
    raw: Raw, query: str, count: int
) -> None:
    body = {"name": "quay.io/acme/web", "username": "u", "password": "p"}
    await raw("POST", "/api/v1/image/", wire.dumps(body))

    page = (await raw("GET", f"/api/v1/image/?{query}")).json()

    assert page["meta"]["total_count"] == len(page["objects"]) == count


async def test_volumes_and_groups_are_views_of_containers_and_services(
    tutum: DockerCloud, raw: Raw
) -> None:
    service = await run(
        tutum,
        name="db",
        target_num_containers=2,
        bindings=[{"container_path": "/data"}],
    )
    await done(tutum, await tutum.services.redeploy(service))
    both = await containers(tutum, service)

    volumes = (await raw("GET", "/api/v1/volume/")).json()["objects"]
    [group] = (await raw("GET", "/api/v1/volumegroup/")).json()["objects"]

    assert {one["state"] for one in volumes} == {"Created"}
    assert [one["containers"] for one in volumes] == [
        [one["resource_uri"]] for one in reversed(both)
    ]
    assert {one["volume_group"] for one in volumes} == {group["resource_uri"]}
    assert group["name"] == "db"
    assert group["services"] == [service["resource_uri"]]
    assert set(group["volumes"]) == {one["resource_uri"] for one in volumes}
    assert (await raw("GET", group["resource_uri"])).json() == group
    assert (await raw("GET", volumes[0]["resource_uri"])).json() == volumes[0]
    assert both[0]["bindings"][0]["volume"] == volumes[1]["resource_uri"]


async def test_kinds_of_tutum_are_not_found_under_docker_clouds_paths(raw: Raw) -> None:
    assert (await raw("GET", "/api/infra/v1/volume/")).status == 404
    assert (await raw("GET", "/api/infra/v1/volumegroup/")).status == 404


async def test_client_of_tutum_reads_images_as_repositories(tutum: DockerCloud) -> None:
    name = "quay.io/acme/web"
    made = await tutum.repositories.create(name=name, username="u", password="p")

    [found] = await tutum.repositories.list()
    [action] = await tutum.actions.list(object=made["resource_uri"])

    assert found["resource_uri"] == f"/api/v1/image/{name}/" == action["object"]
    assert (await tutum.repositories.inspect(found))["name"] == name
    assert await tutum.repositories.delete(name)
    assert await tutum.repositories.list() == []


# --- tags of one object ---------------------------------------------------------------


@pytest.mark.parametrize("kind", ["service", "node", "nodecluster"])
async def test_tags_of_an_object_are_listed_added_and_removed(
    tutum: DockerCloud, raw: Raw, kind: str
) -> None:
    """Tutum's SDK of 2014 sends these requests."""
    if kind == "service":
        created: Any = await tutum.services.create(image="x", name="web")
    elif kind == "node":
        (created, *_) = await tutum.nodes.list()
    else:
        created = await tutum.nodeclusters.create(
            name="prod",
            node_type="/api/v1/nodetype/digitalocean/1gb/",
            region="/api/v1/region/digitalocean/lon1/",
        )
    path = f"{created['resource_uri']}tags/"

    async def names() -> list[str]:
        page = (await raw("GET", path)).json()
        assert page["meta"]["total_count"] == len(page["objects"])
        return [one["name"] for one in page["objects"]]

    assert await names() == []
    added = await raw("POST", path, wire.dumps([{"name": "ssd"}, {"name": "prod"}]))
    assert added.status == 200
    assert added.headers["X-Tutum-Action-URI"]
    assert added.json()["tags"] == [{"name": "ssd"}, {"name": "prod"}]
    assert added.json()["resource_uri"] == created["resource_uri"]
    await raw("POST", path, wire.dumps([{"name": "prod"}, {"name": "eu"}]))
    assert await names() == ["ssd", "prod", "eu"]

    removed = await raw("DELETE", f"{path}prod/")

    assert removed.status == 200
    assert await names() == ["ssd", "eu"]
    assert (await raw("DELETE", f"{path}prod/")).status == 404
    assert (await raw("POST", path, "{")).status == 400
    assert (await raw("POST", path, "[5]")).status == 400


async def test_tags_of_an_object_are_not_found_under_docker_clouds_path(
    live: DockerCloud, raw: Raw
) -> None:
    web = await live.services.create(image="x", name="web")

    assert (await raw("GET", f"{web['resource_uri']}tags/")).status == 404
