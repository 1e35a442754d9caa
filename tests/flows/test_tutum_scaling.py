"""Scaling in the dialect of Tutum: PATCH of the target scales at once."""

from __future__ import annotations

import pytest

from aiodockercloud import (
    DockerCloud,
)
from tests.support.facts import IDLE
from tests.support.flows import Gated, Raw, done, run


async def test_patch_of_the_target_scales_at_once(tutum: DockerCloud, raw: Raw) -> None:
    service = await run(tutum, name="web")

    answer = await raw("PATCH", service["resource_uri"], '{"target_num_containers": 3}')

    assert (answer.status, answer.json()["state"]) == (202, "Scaling")
    await done(tutum, answer.headers["X-Tutum-Action-URI"])
    assert (await tutum.services.inspect(service))["current_num_containers"] == 3


async def test_patch_of_the_target_of_a_service_not_running_is_stored(raw: Raw) -> None:
    created = (await raw("POST", "/api/v1/service/", f'{{"image": "{IDLE}"}}')).json()

    answer = await raw("PATCH", created["resource_uri"], '{"target_num_containers": 3}')

    assert (answer.status, answer.json()["state"]) == (200, "Not running")
    assert answer.json()["target_num_containers"] == 3


async def test_patch_of_another_field_does_not_scale_to_a_stored_target(
    tutum: DockerCloud, live: DockerCloud, raw: Raw
) -> None:
    service = await run(tutum, name="web")
    await live.services.update(service, target_num_containers=3)

    answer = await raw("PATCH", service["resource_uri"], '{"run_command": "serve"}')

    assert (answer.status, answer.json()["state"]) == (200, "Running")


class TestWhileScaling:
    @pytest.fixture
    def engine(self) -> Gated:
        engine = Gated(nodes=2)
        engine.gate.set()
        return engine

    async def test_scale_after_patch_returns_the_running_action(
        self, tutum: DockerCloud, engine: Gated
    ) -> None:
        """The later command line sends both requests."""
        service = await run(tutum, name="web")
        engine.gate.clear()

        patched = await tutum.services.update(service, target_num_containers=2)
        scaled = await tutum.services.scale(service)

        assert scaled["state"] == "Scaling"
        uri = "dockercloud_action_uri"
        assert dict(scaled)[uri] == dict(patched)[uri]
        engine.gate.set()
        await done(tutum, scaled)
        assert (await tutum.services.inspect(service))["running_num_containers"] == 2

    async def test_scale_to_another_target_is_refused(
        self, tutum: DockerCloud, raw: Raw, engine: Gated
    ) -> None:
        service = await run(tutum, name="web")
        engine.gate.clear()
        await tutum.services.update(service, target_num_containers=2)

        await tutum.services.update(service, target_num_containers=4)
        answer = await raw("POST", f"{service['resource_uri']}scale/")

        assert answer.status == 422
        engine.gate.set()
