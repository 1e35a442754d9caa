"""What a release consists of: version, dependencies with reasons, links, fragments."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import metadata, version
from pathlib import Path

import pytest

import aiodockercloud
from tests.support.facts import ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
REPOSITORY = PYPROJECT["project"]["urls"]["Homepage"]


def declared() -> set[tuple[str, str, str]]:
    """Return package, extra and lowest version of each dependency."""
    project = PYPROJECT["project"]
    groups = {"": project["dependencies"], **project["optional-dependencies"]}
    found = set()
    for extra, requirements in groups.items():
        for requirement in requirements:
            package, _, lowest = requirement.partition(">=")
            if not package.startswith("aiodockercloud["):
                found.add((package.partition("[")[0], extra, lowest))
    return found


def test_every_dependency_has_a_row_with_licence_and_reason() -> None:
    with (ROOT / "docs" / "dependencies.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))

    assert {(row["Package"], row["Extra"], row["Lowest"]) for row in rows} == declared()
    assert [row["Package"] for row in rows if not (row["Licence"] and row["Why"])] == []


def test_client_brings_aiohttp_and_yaml_only() -> None:
    assert {name for name, extra, _ in declared() if not extra} == {"aiohttp", "PyYAML"}


def test_version_is_that_of_the_distribution() -> None:
    assert aiodockercloud.__version__ == version("aiodockercloud")
    with pytest.raises(AttributeError, match="no attribute 'versions'"):
        _ = aiodockercloud.versions  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("tag", "commits", "expected"),
    [
        ("v1.2.3", 0, r"1\.2\.3"),
        ("v1.2.3", 1, r"1\.2\.4\.dev1\+.*"),
        (None, 0, r"0\.1\.0\.dev0"),
    ],
    ids=["tagged", "after a tag", "without git"],
)
def test_version_comes_from_the_tag(
    tmp_path: Path, tag: str | None, commits: int, expected: str
) -> None:
    files = ("pyproject.toml", "README.md", "LICENSE")
    for name in files:
        (tmp_path / name).write_text((ROOT / name).read_text())
    if tag:
        git(tmp_path, "init", "--quiet")
        git(tmp_path, "add", ".")
        git(tmp_path, "commit", "--quiet", "--message", "All")
        git(tmp_path, "tag", tag)
    for number in range(commits):
        git(tmp_path, "commit", "--quiet", "--allow-empty", "--message", str(number))

    ran = subprocess.run(
        [sys.executable, "-m", "hatchling", "version"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        # A repository in a folder above is not this project's.
        env={**os.environ, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)},
    )

    assert re.fullmatch(expected, ran.stdout.strip()), ran


def git(directory: Path, *arguments: str) -> None:
    """Run git as a user of the test."""
    user = ("-c", "user.name=T", "-c", "user.email=t@example.org")
    subprocess.run(["git", *user, *arguments], cwd=directory, check=True)


@pytest.mark.parametrize("name", ["README.md"])
def test_links_of_the_readme_work_outside_the_repository(name: str) -> None:
    found = re.findall(r"\]\(([^)]+)\)|\bsrc=\"([^\"]+)\"", (ROOT / name).read_text())
    links = [link or source for link, source in found]

    assert len(links) > 10
    assert [link for link in links if not link.startswith("https://")] == []
    own = re.compile(rf"{re.escape(REPOSITORY)}/(?:blob|raw)/main/([^#]+)")
    inside = [match[1] for link in links if (match := own.match(link))]
    assert [path for path in inside if not (ROOT / path).exists()] == []
    assert len(inside) > 10


def test_metadata_names_where_users_go() -> None:
    urls = metadata("aiodockercloud").get_all("Project-URL") or []

    labels = {url.partition(",")[0] for url in urls}
    assert labels == {"Homepage", "Documentation", "Changes", "Issues", "Security"}


def test_fragments_become_an_entry_of_the_changes() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "towncrier", "build", "--draft", "--version", "9.8.7"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert ran.returncode == 0, ran.stderr
    assert "9.8.7" in ran.stdout
    kinds = {kind["directory"] for kind in PYPROJECT["tool"]["towncrier"]["type"]}
    fragments = {*(ROOT / "changes").glob("*.rst")} - {ROOT / "changes" / "README.rst"}
    assert {path.name.split(".")[1] for path in fragments} <= kinds
    for path in fragments:
        [first, *_] = path.read_text().splitlines()
        assert first[:40] in ran.stdout, path
