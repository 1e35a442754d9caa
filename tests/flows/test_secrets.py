"""Secrets and configs: files of containers, whose content no answer contains."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from aiodockercloud import (
    BadRequest,
    ConflictError,
    DockerCloud,
    ObjectNotFound,
    VersionConflict,
)
from aiodockercloud.server import Embedded
from aiodockercloud.server.engines.embedded import Container
from aiodockercloud.types import Service
from tests.support.facts import PATIENCE, SHELL
from tests.support.flows import Raw, containers, done, run

CANARY = "canary-5d41402a"


async def shell(live: DockerCloud, service: Service, script: str) -> str:
    """Run a script in the first container of a service; return its output."""
    container, *_ = await containers(live, service)
    result = await live.containers.run(
        container, ["sh", "-c", script], timeout=PATIENCE
    )
    return result["stdout"] + result["stderr"]


async def running(live: DockerCloud, **fields: Any) -> Service:
    return await run(live, image=SHELL, run_command="sleep 1000", **fields)


async def test_secret_is_a_file_of_the_containers(live: DockerCloud) -> None:
    await live.secrets.create(name="db", data=CANARY)
    await live.configs.create(name="app.conf", data=b"\xff\x00a\n")
    web = await running(
        live,
        secrets=["db", {"source": "db", "target": "/etc/other", "mode": "0400"}],
        configs=["app.conf"],
    )

    assert await shell(live, web, "cat /run/secrets/db /etc/other") == CANARY * 2
    assert await shell(live, web, "wc -c </app.conf") == "4\n"
    assert await shell(live, web, "ls /; ls /run; ls /run/secrets; ls /etc") == (
        "app.conf\netc\nrun\ntmp\nsecrets\ndb\nother\n"
    )
    assert "Read-only" in await shell(live, web, "echo x >/run/secrets/db")
    assert "Read-only" in await shell(live, web, "rm /run/secrets/db")
    assert web["secrets"] == [
        {"source": "db", "target": "db", "mode": 0o444, "uid": "0", "gid": "0"},
        {"source": "db", "target": "/etc/other", "mode": 0o400, "uid": "0", "gid": "0"},
    ]


async def test_image_reads_its_secrets_and_configs(
    live: DockerCloud, engine: Embedded
) -> None:
    @engine.image("reader")
    async def reader(container: Container) -> None:
        container.print(container.secret("db"), container.config("app"))
        with pytest.raises(KeyError, match="its secrets are: db"):
            container.secret("app")

    await live.secrets.create(name="db", data="s")
    await live.configs.create(name="app", data="c")

    result = await live.services.run(
        image="reader", secrets=["db"], configs=["app"], until="stopped"
    )

    assert (result["stdout"], result["exit_code"]) == ("s c\n", 0)


async def test_new_content_reaches_containers_at_the_next_redeploy(
    live: DockerCloud,
) -> None:
    secret = await live.secrets.create(name="db", data="one")
    web = await running(live, secrets=["db"])
    changed = await live.secrets.update("db", data="two", version=secret["version"])

    assert changed["version"] > secret["version"]
    assert (await live.services.inspect(web))["synchronized"] is False
    assert await shell(live, web, "cat /run/secrets/db") == "one"
    await done(live, await live.services.stop(web))
    await done(live, await live.services.start(web))
    assert await shell(live, web, "cat /run/secrets/db") == "one"
    await done(live, await live.services.redeploy(web))
    assert await shell(live, web, "cat /run/secrets/db") == "two"
    assert (await live.services.inspect(web))["synchronized"] is True


async def test_same_content_is_no_new_version(live: DockerCloud) -> None:
    secret = await live.secrets.create(name="db", data="one")

    again = await live.secrets.update(secret, data=b"one")

    assert again["version"] == secret["version"]


async def test_changes_of_another_version_are_refused(live: DockerCloud) -> None:
    secret = await live.secrets.create(name="db", data="one")
    await live.secrets.update(secret, data="two")

    with pytest.raises(VersionConflict):
        await live.secrets.update(secret, data="3", version=secret["version"])


async def test_used_secret_cannot_be_deleted(live: DockerCloud) -> None:
    secret = await live.secrets.create(name="db", data="one")
    web = await running(live, name="web", secrets=["db"])

    assert (await live.secrets.inspect("db"))["services"] == [web["resource_uri"]]
    with pytest.raises(ConflictError, match="used by web"):
        await live.secrets.delete("db")
    await live.services.update(web, secrets=[])
    with pytest.raises(ConflictError, match="used by web"):
        await live.secrets.delete("db")
    await done(live, await live.services.redeploy(web))
    await live.secrets.delete(secret)
    assert await live.secrets.list() == []
    with pytest.raises(ObjectNotFound):
        await live.secrets.inspect("db")


async def test_no_answer_has_the_content(live: DockerCloud, raw: Raw) -> None:
    created = await live.secrets.create(name="db", data=CANARY)
    web = await running(live, secrets=["db"])
    await live.secrets.update("db", data=CANARY + "2")
    answers = [
        created,
        await live.secrets.inspect(created),
        *await live.secrets.list(),
        web,
        *await live.containers.list(),
        *await live.actions.list(),
    ]
    forms = {CANARY, b64encode(CANARY.encode()).decode()[:12]}

    assert not any(form in str(one) for form in forms for one in answers)
    assert {one["name"] for one in await live.secrets.list(name="db")} == {"db"}
    action = await live.actions.inspect(created["dockercloud_action_uri"])
    assert (action["action"], action["state"]) == ("Secret Create", "Success")


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"secrets": ["other"]}, r"secrets\[0\]\.source: there is no secret 'other'"),
        ({"configs": ["db"]}, r"configs\[0\]\.source: there is no config 'db'"),
        ({"secrets": [{"target": "x"}]}, "source is missing"),
        ({"secrets": [{"source": "db", "modus": 1}]}, "there is no key modus"),
        ({"secrets": [{"source": "db", "mode": 4096}]}, "mode must be permissions"),
        ({"secrets": [{"source": "db", "uid": "root"}]}, "uid must be a number"),
        ({"secrets": [{"source": "db", "target": "../x"}]}, "target must be the path"),
        ({"secrets": ["db", "db"]}, "the path /run/secrets/db is given twice"),
        ({"secrets": {"source": "db"}}, "must be a list"),
        (
            {"secrets": [{"source": "db", "target": "/data"}], "bindings": ["/data"]},
            "the path /data is given twice",
        ),
    ],
)
async def test_wrong_files_are_refused(
    live: DockerCloud, fields: dict[str, Any], problem: str
) -> None:
    await live.secrets.create(name="db", data="one")

    with pytest.raises(BadRequest, match=problem):
        await live.services.create(image=SHELL, **fields)
    assert await live.services.list() == []


async def test_wrong_contents_and_names_are_refused(
    live: DockerCloud, raw: Raw
) -> None:
    await live.secrets.create(name="most", data=b"\xff" * (500 * 1024 - 1))
    for data in (b"", b"x" * 500 * 1024):
        with pytest.raises(BadRequest, match="1 to 511999 bytes"):
            await live.secrets.create(name="x", data=data)
    with pytest.raises(BadRequest, match="name: must be letters"):
        await live.secrets.create(name="a b", data="x")
    with pytest.raises(ConflictError, match="Duplicated name"):
        await live.secrets.create(name="most", data="x")
    for body in ("{}", '{"name": "a"}', '{"name": "a", "data": "%%"}'):
        answer = await raw("POST", "/api/infra/v1/secret/", body)
        assert answer.status == 400
    # A config may have the name of a secret.
    await live.configs.create(name="most", data="x")
    with pytest.raises(BadRequest, match="name: cannot be changed"):
        await live.request(
            "PATCH", "/api/infra/v1/secret/most/", json={"name": "other"}
        )


async def test_stack_files_name_secrets_and_configs(
    live: DockerCloud, tmp_path: Path
) -> None:
    await live.secrets.create(name="db", data="one")
    await live.configs.create(name="app", data="two")
    text = (
        "web:\n  image: busybox\n  command: sleep 1000\n  secrets:\n    - db\n"
        "  configs:\n    - source: app\n      target: /etc/app\n      mode: 0440\n"
    )

    file = tmp_path / "docker-cloud.yml"
    file.write_text(text)
    stack = await live.stacks.deploy(file, "shop", timeout=PATIENCE)
    (web,) = await live.services.list(stack__name="shop")

    assert await shell(live, web, "cat /run/secrets/db /etc/app") == "onetwo"
    assert web["configs"][0]["mode"] == 0o440
    exported = await live.stacks.export(stack)
    assert exported == {
        "web": {
            "image": "busybox:latest",
            "command": "sleep 1000",
            "secrets": ["db"],
            "configs": [{"source": "app", "target": "/etc/app", "mode": "0440"}],
        }
    }


@pytest.fixture
async def other(server: Any, live: DockerCloud) -> AsyncIterator[DockerCloud]:
    account = await live.accounts.create(user="bob")
    async with DockerCloud(server.url, user="bob", apikey=account["key"]) as cloud:
        yield cloud


async def test_secrets_belong_to_a_namespace(
    live: DockerCloud, other: DockerCloud
) -> None:
    secret = await live.secrets.create(name="db", data="one")

    assert await other.secrets.list() == []
    with pytest.raises(ObjectNotFound):
        await other.secrets.inspect(secret["uuid"])
    with pytest.raises(BadRequest, match="there is no secret 'db'"):
        await other.services.create(image=SHELL, secrets=["db"])
    await other.secrets.create(name="db", data="theirs")
