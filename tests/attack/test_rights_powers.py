"""Rights: power over the node, and what the key of a container may do."""

from __future__ import annotations

from typing import Any

import pytest

from aiodockercloud import DockerCloud, Forbidden, wire
from aiodockercloud.server import Server
from aiodockercloud.server.state.accounts import Account
from tests.support import rights
from tests.support.credentials import settings
from tests.support.facts import IDLE
from tests.support.flows import Raw, done, run

__all__ = ["settings"]

POWERS: list[dict[str, Any]] = [
    {"privileged": True},
    {"bindings": [{"host_path": "/", "container_path": "/host"}]},
    {"devices": ["/dev/sda"]},
    {"pid": "host"},
    {"net": "host"},
    {"cap_add": ["SYS_ADMIN"]},
    {"security_opt": ["label:disable"]},
    {"security_opt": ["no-new-privileges", "seccomp=unconfined"]},
    {"security_opt": ["no-new-privileges:false"]},
    {"oom_score_adj": -1},
    {"bindings": [{"container_path": "/x", "volume_name": "dc-1"}]},
    {"bindings": [{"container_path": "/x", "volume_driver": "local"}]},
    {"cgroup_parent": "/"},
]


@pytest.mark.parametrize("power", POWERS, ids=lambda power: next(iter(power)))
async def test_only_operators_give_containers_power_over_the_node(
    bob: DockerCloud, live: DockerCloud, server: Server, power: dict[str, Any]
) -> None:
    (field,) = power
    fields: dict[str, Any] = {"name": "x", "image": IDLE, **power}
    with pytest.raises(Forbidden, match=f"{field}: gives power over the node"):
        await bob.services.create(**fields)
    with pytest.raises(Forbidden, match=field):
        await bob.stacks.create(name="s", services=[fields])
    plain = await bob.services.create(image=IDLE, name="plain")
    with pytest.raises(Forbidden, match=field):
        await bob.services.update(plain, **power)
    assert [one["name"] for one in await bob.services.list()] == ["plain"]
    assert await bob.stacks.list() == []

    # What an operator made in the namespace may be operated, and not be changed.
    async with DockerCloud(
        server.url, user=server.user, apikey=server.apikey, namespace="bob"
    ) as operator:
        made = await operator.services.create(image=IDLE, name="agent", **power)
    with pytest.raises(Forbidden, match=field):
        await bob.services.update(made, image="acme/other")
    assert (await bob.services.update(made, target_num_containers=2))["uuid"]


@pytest.mark.parametrize(
    "power",
    [
        {"swarm": {"TaskTemplate": {}}},
        {"log_driver": {"name": "syslog", "options": {"syslog-address": "unix:///x"}}},
    ],
    ids=lambda power: next(iter(power)),
)
async def test_powers_that_only_swarm_has_are_for_operators(
    bob: DockerCloud, power: dict[str, Any]
) -> None:
    with pytest.raises(Forbidden, match="gives power over the node"):
        await bob.services.create(image=IDLE, **power)


async def test_fields_that_only_restrict_containers_are_for_everyone(
    bob: DockerCloud,
) -> None:
    made = await bob.services.create(
        image=IDLE, security_opt=["no-new-privileges"], oom_score_adj=100, init=True
    )

    assert made["security_opt"] == ["no-new-privileges"]


async def test_volumes_of_a_service_with_a_host_path_are_refused_too(
    bob: DockerCloud, server: Server
) -> None:
    async with DockerCloud(
        server.url, user=server.user, apikey=server.apikey, namespace="bob"
    ) as operator:
        await operator.services.create(
            image=IDLE,
            name="files",
            bindings=[{"host_path": "/etc", "container_path": "/etc"}],
        )
        await operator.services.create(
            image=IDLE, name="middle", bindings=[{"volumes_from": "files"}]
        )

    for name in ("files", "middle"):
        with pytest.raises(Forbidden, match="bindings"):
            await bob.services.create(image=IDLE, bindings=[{"volumes_from": name}])


async def test_only_an_operator_enters_a_container_with_power(
    bob: DockerCloud, server: Server
) -> None:
    async with DockerCloud(
        server.url, user=server.user, apikey=server.apikey, namespace="bob"
    ) as operator:
        service = await run(operator, privileged=True)
        result = await operator.containers.run(service["containers"][0], "echo hi")
        assert result["stdout"] == "hi\n"

    with pytest.raises(Forbidden, match="only an operator may run commands"):
        await bob.containers.run(service["containers"][0], "echo hi")


async def test_only_an_operator_rolls_back_to_a_definition_with_power(
    bob: DockerCloud, server: Server
) -> None:
    async with DockerCloud(
        server.url, user=server.user, apikey=server.apikey, namespace="bob"
    ) as operator:
        service = await run(operator, name="agent", privileged=True)
        await operator.services.update(service, privileged=False)
        await done(operator, await operator.services.redeploy(service))
        with pytest.raises(Forbidden, match="privileged"):
            await bob.services.rollback(service)

        rolled = await operator.services.rollback(service)
        await done(operator, rolled)
        await operator.services.update(service, privileged=False)
    with pytest.raises(Forbidden, match="privileged"):
        await bob.actions.retry(rolled["dockercloud_action_uri"])
    assert (await bob.services.inspect(service))["privileged"] is False


@pytest.mark.parametrize("name", ["read", "exec", "container", "other container"])
async def test_commands_read_no_containers_key_with_more_than_the_callers(
    server: Server, live: DockerCloud, name: str
) -> None:
    accounts = server.cloud.accounts
    service = await run(
        live, image="busybox", run_command="sleep 1000", roles=["global"]
    )
    uri = service["containers"][0]
    auth = (await environment_of(server, uri))["DOCKERCLOUD_AUTH"]
    if name == "other container":
        auth = accounts.for_container(rights.UUID, "admin")
    elif name != "container":
        accounts.put(Account("eve", ("admin",)))
        auth = wire.basic_auth("eve", accounts.create_key("eve", (name,))[0])

    async with DockerCloud(server.url, auth=auth, retry=None) as cloud:
        if name == "container":  # its own key
            result = await cloud.containers.run(uri, "printenv DOCKERCLOUD_AUTH")
            assert result["stdout"] == f"{auth}\n"
        else:
            with pytest.raises(Forbidden):
                await cloud.containers.run(uri, "printenv DOCKERCLOUD_AUTH")


async def test_a_key_without_the_scope_exec_makes_no_key_with_it(
    server: Server, keys: dict[str, str]
) -> None:
    async with DockerCloud(server.url, auth=keys["deploy"], retry=None) as cloud:
        with pytest.raises(Forbidden, match="does not have exec"):
            await cloud.services.create(image=IDLE, roles=["global"])
        plain = await cloud.services.create(image=IDLE)
        with pytest.raises(Forbidden, match="roles"):
            await cloud.services.update(plain, roles=["global"])


async def test_a_containers_key_makes_no_further_power(inside: DockerCloud) -> None:
    with pytest.raises(Forbidden, match="cannot make further keys"):
        await inside.services.create(image=IDLE, roles=["global"])
    with pytest.raises(Forbidden):
        await inside.keys.create(scopes=["read"])
    with pytest.raises(Forbidden):
        await inside.accounts.create(user="eve")
    with pytest.raises(Forbidden):
        await inside.services.create(image=IDLE, privileged=True)
    assert await inside.services.list() == []


async def environment_of(server: Server, uri: str) -> dict[str, str]:
    record = server.cloud.containers[uri.rstrip("/").rpartition("/")[2]]
    return record.environment


async def test_a_containers_key_and_its_triggers_end_with_the_container(
    server: Server, live: DockerCloud, raw: Raw
) -> None:
    service = await run(live, name="lb", roles=["global"])
    other = await run(live, name="web")
    kept = await live.triggers.create(other)
    auth = (await environment_of(server, service["containers"][0]))["DOCKERCLOUD_AUTH"]
    async with DockerCloud(server.url, auth=auth, retry=None) as inside:
        # The key does not read triggers that would outlive the container.
        assert await inside.triggers.list(other) == []
        made = await inside.triggers.create(other)
        assert [one["uuid"] for one in await inside.triggers.list(other)] == [
            made["uuid"]
        ]

    await done(live, await live.services.delete(service))

    assert (await raw("GET", "/api/auth/", auth=auth)).status == 401
    assert (await raw("POST", made["url"], auth=None)).status == 404
    assert [one["uuid"] for one in await live.triggers.list(other)] == [kept["uuid"]]


async def test_credentials_of_a_container_are_in_no_answer(
    server: Server, live: DockerCloud, raw: Raw
) -> None:
    service = await run(
        live,
        roles=["global"],
        container_envvars=[{"key": "COPY", "value": "x$DOCKERCLOUD_AUTH"}],
    )
    uri = service["containers"][0]
    found = await environment_of(server, uri)
    auth = found["DOCKERCLOUD_AUTH"]
    assert found["COPY"] == f"x{auth}"

    for path in (uri, "/api/app/v1/container/", service["resource_uri"]):
        answer = await raw("GET", path)
        assert answer.status == 200
        assert auth.encode() not in answer.body
        assert auth.removeprefix("Basic ").encode() not in answer.body
