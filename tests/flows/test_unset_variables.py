"""Deploying a stack file with variables that are not set."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from aiodockercloud import BadRequest, DockerCloud, StackFileError
from tests.support.facts import IDLE, PATIENCE


async def test_deploy_without_the_image_names_the_variable(
    live: DockerCloud, tmp_path: Path
) -> None:
    file = tmp_path / "docker-cloud.yml"
    file.write_text("web:\n  image: ${IMAGE}\n")

    with pytest.raises(StackFileError, match="the variable IMAGE is not set"):
        await live.stacks.deploy(file, "shop", environ={}, timeout=PATIENCE)
    assert not await live.stacks.list()


async def test_deploy_of_an_image_that_the_server_refuses_names_the_variable(
    live: DockerCloud, tmp_path: Path
) -> None:
    file = tmp_path / "docker-cloud.yml"
    file.write_text("web:\n  image: ${REGISTRY}/web\n")

    with pytest.raises(BadRequest, match=r"image: .*the variable REGISTRY is not set"):
        await live.stacks.deploy(file, "shop", environ={}, timeout=PATIENCE)


async def test_deploy_logs_a_variable_without_which_the_file_is_valid(
    live: DockerCloud, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "docker-cloud.yml"
    file.write_text(f"web:\n  image: {IDLE}\n  hostname: $HOST\n")

    with caplog.at_level(logging.WARNING, "aiodockercloud.stackfile"):
        await live.stacks.deploy(file, "shop", environ={}, timeout=PATIENCE)

    (record,) = [r for r in caplog.records if r.name == "aiodockercloud.stackfile"]
    assert "key hostname: the variable HOST is not set" in record.message
