"""The page "Running the server": its commands print what the page shows."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from aiodockercloud import DockerCloud
from aiodockercloud.server import Server
from tests.support.facts import IDLE, PATIENCE, ROOT
from tests.support.flows import Raw

PAGE = ROOT / "docs" / "running.rst"


def blocks(language: str) -> list[str]:
    """Return the blocks of a language on the page, without their indentation."""
    found = re.findall(
        rf"^\.\. code-block:: {language}\n\n((?:   .*\n|\n)+)",
        PAGE.read_text(),
        re.MULTILINE,
    )
    return [re.sub("^   ", "", block, flags=re.MULTILINE).strip() for block in found]


def pattern(printed: list[str]) -> str:
    """Return the pattern of a text in which an ellipsis stands for any line."""
    return "\n".join(".+" if line == "…" else re.escape(line) for line in printed)


@pytest.mark.parametrize("block", blocks("console"), ids=lambda block: block[2:30])
async def test_commands_print_what_the_page_shows(
    live: DockerCloud, server: Server, tmp_path: Path, block: str
) -> None:
    service = await live.services.create(image=IDLE)
    trigger = await live.triggers.create(service, secret="s3cret")
    assert server.apikey is not None
    environment = {
        **os.environ,
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "DOCKERCLOUD_REST_HOST": server.url,
        "DOCKERCLOUD_USER": server.user,
        "DOCKERCLOUD_APIKEY": server.apikey,
        "TRIGGER": trigger["url"],
        "SECRET": "s3cret",
    }
    command = tmp_path / "aiodockercloud"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m aiodockercloud "$@"\n')
    command.chmod(0o755)
    lines = block.splitlines()
    script = "\n".join(line[2:] for line in lines if line.startswith("$ "))

    process = await asyncio.create_subprocess_exec(
        *("bash", "-eu", "-o", "pipefail", "-c", script),
        cwd=tmp_path,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE):
        output, errors = await process.communicate()

    assert process.returncode == 0, errors.decode()
    printed = [line for line in lines if not line.startswith("$ ")]
    found = output.decode().replace("\r", "").strip()
    assert re.fullmatch(pattern(printed), found), found


async def test_names_of_the_page_are_those_of_the_metrics(raw: Raw) -> None:
    await raw("GET", "/api/app/v1/service/", auth="Basic YTpi")
    text = (await raw("GET", "/metrics")).body.decode()
    served = {
        name
        for family in text_string_to_metric_families(text)
        for name in (family.name, *(sample.name for sample in family.samples))
    }

    named = set(re.findall(r"\baiodockercloud_[a-z_]+", PAGE.read_text()))

    assert named - served == set()


def test_configuration_of_prometheus_can_be_read() -> None:
    scrape, rules = (yaml.safe_load(block) for block in blocks("yaml"))

    assert [job["job_name"] for job in scrape["scrape_configs"]] == ["aiodockercloud"]
    assert all("expr" in rule for rule in rules["groups"][0]["rules"])
