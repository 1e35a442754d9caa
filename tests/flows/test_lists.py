"""Lists over HTTP: pages, as each client follows the links between pages."""

from __future__ import annotations

from typing import Any

import pytest

from aiodockercloud import BadRequest, DockerCloud, UnknownFilter
from tests.support.facts import IDLE
from tests.support.flows import Raw

SERVICES = "/api/app/v1/service/"


@pytest.fixture
async def sixty(live: DockerCloud) -> list[str]:
    """The uuids of 60 services, newest first."""
    uuids = []
    for i in range(60):
        service = await live.services.create(
            image="acme/web", name=f"web-{i}", nickname="odd" if i % 2 else "even"
        )
        uuids.append(service["uuid"])
    return uuids[::-1]


async def test_list_of_more_than_a_page_is_read_whole_by_our_client(
    live: DockerCloud, sixty: list[str]
) -> None:
    assert [one["uuid"] for one in await live.services.list()] == sixty
    assert [one["uuid"] for one in await live.services.list(limit=7)] == sixty
    odd = [one["uuid"] for one in await live.services.list(nickname="odd")]
    assert odd == sixty[::2]


async def test_list_by_the_rule_of_the_old_sdk_is_read_whole(
    raw: Raw, sixty: list[str]
) -> None:
    """The SDK adds ``limit`` to ``offset`` while ``next`` is set."""
    found, query, pages = [], "", 0
    while True:
        page = (await raw("GET", f"{SERVICES}?nickname__startswith={query}")).json()
        found += [one["uuid"] for one in page["objects"]]
        pages += 1
        meta = page["meta"]
        assert meta["total_count"] == 60
        if not meta["next"]:
            break
        query = f"&offset={meta['offset'] + meta['limit']}&limit={meta['limit']}"

    assert found == sixty
    assert pages == 3


async def test_next_is_a_path_from_api_that_keeps_the_filters(
    raw: Raw, sixty: list[str]
) -> None:
    """The Go client removes ``/api/`` from the path and follows the rest."""
    page = (await raw("GET", f"{SERVICES}?nickname=odd&limit=20")).json()
    assert page["meta"]["previous"] is None
    assert page["meta"]["next"].startswith("/api/app/v1/service/?")

    second = (await raw("GET", page["meta"]["next"])).json()

    uuids = [one["uuid"] for one in page["objects"] + second["objects"]]
    assert uuids == sixty[::2]
    assert second["meta"]["next"] is None
    assert second["meta"]["previous"].startswith("/api/")


async def test_next_of_a_doubled_slash_still_begins_with_api(
    raw: Raw, sixty: list[str]
) -> None:
    page = (await raw("GET", "//api/app/v1//service?limit=20")).json()

    assert page["meta"]["next"].startswith("/api/")
    assert (await raw("GET", page["meta"]["next"])).status == 200


@pytest.mark.parametrize(
    "query", ["limit=x", "limit=-1", "offset=-1", "offset=1.5", "limit=1e3"]
)
async def test_list_with_a_bad_page_is_400(raw: Raw, query: str) -> None:
    answer = await raw("GET", f"{SERVICES}?{query}")

    assert answer.status == 400
    assert query.partition("=")[0] in answer.error


async def test_list_beyond_the_end_is_empty(raw: Raw, sixty: list[str]) -> None:
    page = (await raw("GET", f"{SERVICES}?offset=100")).json()

    assert page["objects"] == []
    assert page["meta"]["next"] is None
    assert page["meta"]["total_count"] == 60


async def test_unknown_filter_is_400_unless_empty(raw: Raw) -> None:
    refused = await raw("GET", f"{SERVICES}?colour=red")

    assert refused.status == 400
    assert "colour" in refused.error
    # One public client sends an unknown parameter without a value.
    assert (await raw("GET", f"{SERVICES}?udid=")).status == 200


# --- filters of published clients -----------------------------------------------------

CATALOGUE = ("name", "provider", "region", "regions", "availability_zones")

#: Kind → the filters that published clients send; ``reference/behaviour.md`` 1.5.
SENT = {
    "app/v1/service": "uuid uuid__startswith name state stack stack__name",
    "app/v1/container": (
        "uuid uuid__startswith name state service service__stack__name service__name"
        " node"
    ),
    "app/v1/stack": "uuid uuid__startswith name",
    "infra/v1/node": (
        "uuid uuid__startswith state node_cluster node_type region docker_version"
    ),
    "infra/v1/nodecluster": "uuid uuid__startswith name state region node_type",
    "audit/v1/action": "uuid uuid__startswith state object include_related",
    **{
        f"infra/v1/{kind}": " ".join(CATALOGUE)
        for kind in ("provider", "region", "az", "nodetype")
    },
    "repo/v1/repository": "name registry",
    "repo/v1/registry": "uuid name host is_docker_registry",
    "infra/v1/tag": "name origin",
}


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, name) for kind, names in SENT.items() for name in names.split()],
)
async def test_filter_of_published_clients_is_accepted(
    raw: Raw, kind: str, name: str
) -> None:
    text = "true" if name.startswith(("is_", "include_")) else "x"

    assert (await raw("GET", f"/api/{kind}/?{name}={text}")).status == 200


@pytest.mark.parametrize(
    ("kind", "query", "names"),
    [
        ("provider", "provider=aws", {"aws"}),
        ("provider", "region=lon1", {"digitalocean"}),
        ("provider", "regions=digitalocean/lon1", {"digitalocean"}),
        ("provider", "availability_zones=eu-west-1a", {"aws"}),
        ("region", "region=lon1", {"lon1"}),
        ("region", "regions=/api/infra/v1/region/aws/eu-west-1/", {"eu-west-1"}),
        ("region", "provider=aws&name=lon1", set()),
        ("region", "availability_zones=eu-west-1a", {"eu-west-1"}),
        ("az", "provider=digitalocean", set()),
        ("az", "region=eu-west-1", {f"eu-west-1{zone}" for zone in "abc"}),
        ("az", "availability_zones=eu-west-1a", {"eu-west-1a"}),
        ("nodetype", "region=nowhere", set()),
        ("nodetype", "region=lon1&name=1gb", {"1gb"}),
        ("nodetype", "region=lon1&name=t2.micro", set()),
        ("nodetype", "availability_zones=eu-west-1a&name=t2.micro", {"t2.micro"}),
    ],
)
async def test_catalogue_is_filtered_by_the_relations_of_every_kind(
    raw: Raw, kind: str, query: str, names: set[str]
) -> None:
    """A published gem requests ``nodetype/?region=NAME``."""
    page = (await raw("GET", f"/api/infra/v1/{kind}/?{query}")).json()

    assert {one["name"] for one in page["objects"]} == names


# --- filters of our client ------------------------------------------------------------


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"labels": "tier=front"}, {"web"}),
        ({"labels": "tier"}, {"web", "db"}),
        ({"labels": {"tier": "back"}}, {"db"}),
        ({"labels": {"tier": "back", "of": "shop"}}, {"db"}),
        ({"labels": {"tier": "front", "of": "shop"}}, set()),
        ({"labels": ["tier=front", {"of": "shop"}]}, {"web", "db"}),
        ({"name": ["web", "job"]}, {"web", "job"}),
        ({"state": ["Not running", "Running"], "name": ("db", "x")}, {"db"}),
        ({"name": []}, set()),
        ({"name__in": "web,db"}, {"web", "db"}),
    ],
)
async def test_list_with_several_values_and_labels_finds_any(
    live: DockerCloud, filters: dict[str, Any], names: set[str]
) -> None:
    await live.services.create(image="x", name="web", labels={"tier": "front"})
    labels = {"tier": "back", "of": "shop"}
    await live.services.create(image="x", name="db", labels=labels)
    await live.services.create(image="x", name="job")

    found = await live.services.list(**filters)

    assert {one["name"] for one in found} == names
    assert len(found) == len(names)


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"state__in": ["Running", "Terminated"]}, {"run", "end"}),
        ({"state__in": "Running,Terminated"}, {"run", "end"}),
        ({"state__ne": "Running"}, {"new", "end"}),
        ({"state__ne": ["Running", "Terminated"]}, {"new"}),
        ({"state": "Running,Not running"}, {"run", "new"}),
        ({"terminated": False}, {"run", "new"}),
        ({"image": IDLE}, set()),
        ({"image": f"{IDLE}:latest"}, {"run", "new", "end"}),
        ({"terminated": True}, {"end"}),
        ({"terminated": False, "name": "end"}, set()),
        ({"tags__name": "eu"}, {"run"}),
        ({"tags__name": ["eu", "us"]}, {"run", "new"}),
        ({"tags__name__in": "eu,us"}, {"run", "new"}),
        ({"tags__name__startswith": "u"}, {"new"}),
        ({"tags__name__ne": "eu"}, {"new", "end"}),
    ],
)
async def test_list_by_states_and_tags_finds(
    live: DockerCloud, filters: dict[str, Any], names: set[str]
) -> None:
    run = await live.services.create(image=IDLE, name="run", tags=["eu"])
    await live.services.create(image=IDLE, name="new", tags=["us"])
    end = await live.services.create(image=IDLE, name="end")
    node = (await live.nodes.list())[0]
    await live.nodes.update(node, tags=["eu"])
    await live.services.start(run)
    await live.services.wait(run, "Running")
    await live.services.delete(end)
    await live.services.wait(end, "Terminated")

    found = await live.services.list(**filters)

    assert {one["name"] for one in found} == names


@pytest.mark.parametrize(
    ("kind", "known"),
    [
        ("services", True),
        ("containers", True),
        ("stacks", True),
        ("nodes", True),
        ("nodeclusters", True),
        ("actions", False),
        ("repositories", False),
        ("providers", False),
    ],
)
async def test_terminated_is_a_filter_of_kinds_that_are_terminated(
    live: DockerCloud, kind: str, known: bool
) -> None:
    listing = getattr(live, kind).list(terminated=True)
    if known:
        assert await listing == []
    else:
        with pytest.raises(UnknownFilter):
            await listing


#: The sub-APIs with filters, by the paths of their kinds.
FILTERED = {
    "app/v1/service": "services",
    "app/v1/container": "containers",
    "app/v1/stack": "stacks",
    "infra/v1/node": "nodes",
    "infra/v1/nodecluster": "nodeclusters",
    "audit/v1/action": "actions",
    "repo/v1/repository": "repositories",
    "repo/v1/registry": "registries",
    "infra/v1/provider": "providers",
    "infra/v1/region": "regions",
    "infra/v1/az": "azs",
    "infra/v1/nodetype": "nodetypes",
}


#: Keys of results that are no fields of objects.
ONLY_RESULTS = {"dockercloud_action_uri"}
RESERVED = {"audit/v1/action": ("include_related", "object")}


@pytest.mark.parametrize("path", FILTERED)
async def test_client_and_server_have_the_same_filters(
    live: DockerCloud, raw: Raw, path: str
) -> None:
    refused = await raw("GET", f"/api/{path}/?nmae=x")
    fields = refused.error.partition("fields are ")[2].split(", ")
    ours = getattr(live, FILTERED[path]).filters.fields - ONLY_RESULTS

    assert set(fields) - ours - ONLY_RESULTS == set()
    assert ours - set(fields) - {"limit", "offset", *RESERVED.get(path, ())} == set()


async def test_list_of_several_values_and_pages_is_read_whole(
    live: DockerCloud, sixty: list[str]
) -> None:
    found = await live.services.list(nickname=["odd", "even"], limit=25)

    assert [one["uuid"] for one in found] == sixty


async def test_list_of_actions_of_several_objects_finds_any(live: DockerCloud) -> None:
    web, db, _ = [
        await live.services.create(image="x", name=name) for name in ("web", "db", "x")
    ]

    found = await live.actions.list(object=[web, db])

    assert {one["object"] for one in found} == {
        web["resource_uri"],
        db["resource_uri"],
    }


@pytest.mark.parametrize("related", [False, True])
async def test_list_of_actions_of_an_object_is_the_same_by_uuid(
    live: DockerCloud, related: bool
) -> None:
    web, _ = [await live.services.create(image="x", name=name) for name in ("a", "b")]

    found = await live.actions.list(object=web["uuid"], include_related=related)

    assert found
    assert found == await live.actions.list(object=web, include_related=related)


async def test_list_with_an_unknown_filter_raises_by_name(live: DockerCloud) -> None:
    with pytest.raises(BadRequest, match="nmae"):
        await live.services.list(nmae="web")  # type: ignore[call-arg]  # refused


async def test_services_are_found_by_the_name_that_docker_has_for_the_uuid(
    live: DockerCloud,
) -> None:
    first, second, _ = [await live.services.create(image="a/b") for _ in range(3)]

    found = await live.services.list(id=[first["uuid"], second["uuid"]])

    assert {one["uuid"] for one in found} == {first["uuid"], second["uuid"]}


async def test_containers_of_a_service_are_those_that_a_filter_of_all_finds(
    live: DockerCloud, raw: Raw
) -> None:
    wanted, other = [
        await live.services.run(image=IDLE, name=name, target_num_containers=3)
        for name in ("wanted", "other")
    ]
    await live.services.wait(await live.services.scale(wanted, containers=1), "Running")
    every = await live.containers.list()
    expected = [one["uuid"] for one in every if one["service"] != other["resource_uri"]]
    assert len(expected) == 3

    for text in (wanted["resource_uri"], wanted["uuid"]):
        page = (await raw("GET", f"/api/app/v1/container/?service={text}")).json()
        assert [one["uuid"] for one in page["objects"]] == expected
    live_ones = await live.containers.list(
        service=wanted["resource_uri"], terminated=False
    )
    assert [one["uuid"] for one in live_ones] == expected[-1:]
