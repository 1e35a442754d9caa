"""Credentials with the call: the service keeps them, and only the engine has them."""

from __future__ import annotations

import base64
import json
import logging
from typing import Any

import pytest

from aiodockercloud import BadRequest, DockerCloud, OperationNotAllowed
from aiodockercloud.server import Embedded
from aiodockercloud.server.engines import ContainerSpec
from aiodockercloud.types import RegistryAuth
from tests.support.flows import Raw

IMAGE = "registry.example.com:5000/team/app"
SECRET, OTHER = "canary-7f3a", "canary-9c1b"
AUTH: RegistryAuth = {"username": "me", "password": SECRET}
NEW: RegistryAuth = {"username": "me", "password": OTHER}


class RecordingEngine(Embedded):
    """An engine that records the credentials that it receives."""

    def __init__(self) -> None:
        super().__init__()
        self.specs: list[ContainerSpec] = []

    @property
    def received(self) -> list[tuple[str, str] | None]:
        return [spec.credentials for spec in self.specs]

    async def create(self, spec: ContainerSpec) -> None:
        self.specs.append(spec)
        await super().create(spec)


@pytest.fixture
def engine() -> RecordingEngine:
    return RecordingEngine()


def header(auth: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(auth).encode()).decode()


async def redeployed(live: DockerCloud, action: Any) -> None:
    await live.actions.wait(action)


async def test_credentials_of_create_are_used_by_every_deployment(
    live: DockerCloud, engine: RecordingEngine
) -> None:
    await live.repositories.create(name=IMAGE, username="other", password="x")
    service = await live.services.run(image=IMAGE, registry_auth=AUTH)
    await redeployed(live, await live.services.redeploy(service))

    assert engine.received == [("me", SECRET), ("me", SECRET)]


async def test_identity_token_reaches_the_engine(
    live: DockerCloud, engine: RecordingEngine
) -> None:
    await live.services.run(image=IMAGE, registry_auth={"identitytoken": SECRET})

    assert engine.received == [("<token>", SECRET)]


async def test_update_and_redeploy_replace_the_credentials(
    live: DockerCloud, engine: RecordingEngine
) -> None:
    service = await live.services.run(image=IMAGE, registry_auth=AUTH)
    updated = await live.services.update(service, registry_auth=NEW)
    await redeployed(live, await live.services.redeploy(service))
    await redeployed(live, await live.services.redeploy(service, registry_auth={}))

    assert engine.received == [("me", SECRET), ("me", OTHER), None]
    assert updated["version"] > service["version"]
    assert updated["synchronized"] is True


async def test_previous_credentials_are_restored(
    live: DockerCloud, engine: RecordingEngine
) -> None:
    service = await live.services.run(image=f"{IMAGE}:1", registry_auth=AUTH)
    await live.services.update(service, image=f"{IMAGE}:2", registry_auth=NEW)
    await redeployed(live, await live.services.redeploy(service))

    back = await live.services.rollback(service, registry_auth_from="previous-spec")
    await redeployed(live, back)
    await live.services.update(service, registry_auth_from="previous-spec")
    await live.services.update(service, registry_auth_from="spec")
    await redeployed(live, await live.services.redeploy(service))

    passwords = [credentials and credentials[1] for credentials in engine.received]
    assert passwords == [SECRET, OTHER, SECRET, OTHER]
    assert engine.specs[2].image == f"{IMAGE}:1"


async def test_another_registry_never_receives_the_credentials(
    live: DockerCloud, engine: RecordingEngine
) -> None:
    service = await live.services.run(image=IMAGE, registry_auth=AUTH)
    await live.services.update(service, image="other.example.com/team/app")
    await redeployed(live, await live.services.redeploy(service))

    assert engine.received == [("me", SECRET), None]


async def test_no_answer_log_event_or_repr_has_the_credentials(
    live: DockerCloud, engine: RecordingEngine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with live.events.subscribe() as events:
        service = await live.services.run(image=IMAGE, registry_auth=AUTH)
        answers = [
            service,
            await live.services.update(service, registry_auth=NEW),
            await live.services.redeploy(service, registry_auth=AUTH),
        ]
        await live.actions.wait(answers[-1])
        seen: list[Any] = []
        async for event in events:
            seen.append(event)
            if event["type"] == "action" and event["state"] == "Success":
                break
    answers += await live.services.list()
    found: list[Any] = [*answers, *seen, *await live.actions.list()]
    found += await live.containers.list()
    texts = [str(found), caplog.text, repr(engine.specs), repr(live)]

    for secret in (SECRET, OTHER, header(AUTH), header(NEW)):
        assert not any(secret in text for text in texts)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("canary", "must be a JSON object in base64url"),
        ("%%%", "must be a JSON object in base64url"),
        (header([SECRET]), "must be an object"),
        (header({"username": "me"}), "needs both username and password"),
        (header({"password": SECRET}), "needs both username and password"),
        (header({"username": 1, "password": SECRET}), "must have texts as values"),
        (header({"user": "me"}), "has no key 'user'"),
        (
            header({**AUTH, "serveraddress": "quay.io"}),
            "is not the image's: registry.example.com:5000",
        ),
        (header({**AUTH, "serveraddress": "::"}), "is no address"),
    ],
)
async def test_malformed_header_changes_nothing(
    live: DockerCloud, raw: Raw, value: str, problem: str
) -> None:
    service = await live.services.create(image=IMAGE, name="web")
    body = json.dumps({"image": IMAGE}).encode()
    uri = service["resource_uri"]

    for method, path, sent in (
        ("POST", "/api/app/v1/service/", body),
        ("PATCH", uri, b'{"nickname": "x"}'),
        ("POST", f"{uri}redeploy/", None),
    ):
        answer = await raw(method, path, sent, X_Registry_Auth=value)

        assert answer.status == 400
        assert answer.error.startswith("the header X-Registry-Auth ")
        assert problem in answer.error
        assert SECRET not in answer.error
    (left,) = await live.services.list()
    assert left["version"] == service["version"]
    assert left["state"] == "Not running"


@pytest.mark.parametrize(
    "server_address",
    ["https://index.docker.io/v1/", "docker.io", "registry-1.docker.io"],
)
async def test_header_of_docker_is_understood(
    live: DockerCloud, raw: Raw, engine: RecordingEngine, server_address: str
) -> None:
    """Docker's clients leave the padding and send further keys."""
    auth = {**AUTH, "email": "", "auth": "", "serveraddress": server_address}
    sent = header(auth).rstrip("=")
    created = await raw(
        "POST", "/api/app/v1/service/", b'{"image": "team/app"}', X_Registry_Auth=sent
    )
    await live.actions.wait(await live.services.start(created.json()))

    assert engine.received == [("me", SECRET)]


async def test_refused_operation_keeps_the_credentials(
    live: DockerCloud, engine: RecordingEngine
) -> None:
    service = await live.services.run(image=IMAGE, registry_auth=AUTH)
    with pytest.raises(OperationNotAllowed):
        await live.request(
            "POST",
            f"{service['resource_uri']}start/",
            headers={"X-Registry-Auth": header(NEW)},
        )
    await redeployed(live, await live.services.redeploy(service))

    assert engine.received == [("me", SECRET), ("me", SECRET)]


async def test_unknown_source_of_credentials_is_refused(live: DockerCloud) -> None:
    service = await live.services.create(image=IMAGE)

    with pytest.raises(BadRequest, match="registryAuthFrom: must be spec or previous"):
        await live.services.update(
            service,
            registry_auth_from="x",  # type: ignore[arg-type]  # the test's subject
        )


@pytest.mark.parametrize(
    ("auth", "error"),
    [
        ({"username": "me"}, ValueError),
        ({"user": "me"}, ValueError),
        ({"username": "me", "password": 1}, TypeError),
        ("me:secret", TypeError),
    ],
)
async def test_client_refuses_malformed_credentials_before_the_request(
    live: DockerCloud, auth: Any, error: type[Exception]
) -> None:
    with pytest.raises(error, match=r"^registry_auth: "):
        await live.services.create(image=IMAGE, registry_auth=auth)

    assert await live.services.list() == []
