"""The page "Running the server": its metrics and its configuration of Prometheus."""

from __future__ import annotations

import re

import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.support.facts import ROOT
from tests.support.flows import Raw
from tests.support.snippets import blocks

PAGE = ROOT / "docs" / "running.rst"


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
    scrape, rules = (yaml.safe_load(block) for block in blocks(PAGE, "yaml"))

    assert [job["job_name"] for job in scrape["scrape_configs"]] == ["aiodockercloud"]
    assert all("expr" in rule for rule in rules["groups"][0]["rules"])
