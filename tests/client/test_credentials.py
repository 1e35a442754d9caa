"""The sources of credentials, and their order."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aioresponses import aioresponses
from yarl import URL

from aiodockercloud import TUTUM, AuthError, DockerCloud, wire
from aiodockercloud.transport import credentials
from aiodockercloud.wire import DOCKER_CLOUD

INDEX = "https://index.docker.io/v1/"
LIST = "https://cloud.example.com/api/app/v1/service/"
EMPTY = {"meta": {"limit": 25, "offset": 0, "next": None}, "objects": []}


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.fixture
def home() -> Path:
    home = Path.home()
    home.mkdir()
    return home


@pytest.fixture
def config(home: Path) -> Path:
    (home / ".docker").mkdir()
    return home / ".docker" / "config.json"


def write(config: Path, content: Any) -> None:
    config.write_text(content if isinstance(content, str) else json.dumps(content))


def helper(home: Path, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a credential helper named ``fake`` on the path."""
    program = home / "docker-credential-fake"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{home}{os.pathsep}{os.environ['PATH']}")


async def sent_authorization(api: aioresponses, cloud: DockerCloud) -> str | None:
    api.get(LIST, payload=EMPTY)
    async with cloud:
        await cloud.services.list()
    (call,) = api.requests["GET", URL(LIST)]
    headers: Mapping[str, str] = call.kwargs["headers"]
    return headers.get("Authorization")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"AUTH": "Basic x", "USER": "u", "APIKEY": "k"}, "Basic x"),
        ({"USER": "u", "APIKEY": "k", "PASS": "p"}, wire.basic_auth("u", "k")),
        ({"USER": "u", "PASS": "p"}, wire.basic_auth("u", "p")),
        ({"USER": "u"}, None),
        ({}, None),
    ],
)
@pytest.mark.parametrize("dialect", [DOCKER_CLOUD, TUTUM])
async def test_resolve_with_variables_uses_the_first_in_order(
    environ: dict[str, str], expected: str | None, dialect: wire.Dialect
) -> None:
    variables = {f"{dialect.env_prefix}_{k}": v for k, v in environ.items()}

    assert await credentials.resolve(dialect, variables) == expected


async def test_resolve_after_docker_login_returns_its_entry(config: Path) -> None:
    write(config, {"auths": {INDEX: {"auth": encoded("u:p")}}})

    assert await credentials.resolve(DOCKER_CLOUD, {}) == wire.basic_auth("u", "p")
    variables = {"DOCKERCLOUD_AUTH": "Basic first"}
    assert await credentials.resolve(DOCKER_CLOUD, variables) == "Basic first"


async def test_resolve_with_docker_config_reads_that_folder(tmp_path: Path) -> None:
    text = json.dumps({"auths": {INDEX: {"auth": encoded("u:p")}}})
    (tmp_path / "config.json").write_text(text)

    found = await credentials.resolve(DOCKER_CLOUD, {"DOCKER_CONFIG": str(tmp_path)})

    assert found == wire.basic_auth("u", "p")


@pytest.mark.parametrize(
    "text", ["{", "[]", json.dumps({"auths": {INDEX: {"auth": "c2VjcmV0"}}})]
)
async def test_resolve_with_a_broken_config_raises_and_names_the_file(
    config: Path, text: str
) -> None:
    write(config, text)

    with pytest.raises(AuthError, match=r"config\.json") as caught:
        await credentials.resolve(DOCKER_CLOUD, {})
    assert "c2VjcmV0" not in str(caught.value)


@pytest.mark.parametrize("where", ["credsStore", "credHelpers"])
async def test_resolve_with_a_helper_runs_the_helper(
    home: Path, config: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    store = {"credsStore": "fake", "credHelpers": {INDEX: "fake"}}[where]
    write(config, {"auths": {INDEX: {}}, where: store})
    answer = json.dumps({"Username": "u", "Secret": "p"})
    script = f'test "$1 $(cat)" = "get {INDEX}" && echo \'{answer}\''
    helper(home, script, monkeypatch)

    assert await credentials.resolve(DOCKER_CLOUD, {}) == wire.basic_auth("u", "p")


async def test_resolve_with_a_missing_helper_raises_its_name(config: Path) -> None:
    write(config, {"credsStore": "nowhere"})

    with pytest.raises(AuthError, match="docker-credential-nowhere cannot be run"):
        await credentials.resolve(DOCKER_CLOUD, {})


async def test_resolve_with_a_helper_without_entry_finds_nothing(
    home: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(config, {"credsStore": "fake"})
    helper(home, "echo 'credentials not found'; exit 1", monkeypatch)

    assert await credentials.resolve(DOCKER_CLOUD, {}) is None


async def test_resolve_with_a_helper_that_hangs_raises(
    home: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(config, {"credsStore": "fake"})
    helper(home, "exec sleep 60", monkeypatch)

    with pytest.raises(AuthError, match="gave no answer"):
        await credentials.resolve(DOCKER_CLOUD, {}, helper_timeout=0.05)


async def test_resolve_with_a_helper_of_another_format_hides_its_output(
    home: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(config, {"credsStore": "fake"})
    helper(home, "echo hunter2", monkeypatch)

    with pytest.raises(AuthError, match="Username and Secret") as caught:
        await credentials.resolve(DOCKER_CLOUD, {})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("[auth]\nuser = u\napikey = k\n", wire.basic_auth("u", "k")),
        ("[auth]\nbasic_auth = abc%\n", "Basic abc%"),
        ("[other]\n", None),
    ],
)
async def test_resolve_for_tutum_reads_its_file(
    home: Path, lines: str, expected: str | None
) -> None:
    (home / ".tutum").write_text(lines)

    assert await credentials.resolve(TUTUM, {}) == expected


async def test_client_with_arguments_prefers_them_to_the_environment(
    api: aioresponses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKERCLOUD_AUTH", "Basic environment")
    cloud = DockerCloud("https://cloud.example.com", user="u", apikey="k")

    assert await sent_authorization(api, cloud) == wire.basic_auth("u", "k")


async def test_client_with_auth_sends_it_unchanged(api: aioresponses) -> None:
    cloud = DockerCloud("https://cloud.example.com", auth="ApiKey u:k")

    assert await sent_authorization(api, cloud) == "ApiKey u:k"


async def test_client_with_credentials_in_the_url_uses_and_hides_them(
    api: aioresponses,
) -> None:
    cloud = DockerCloud("https://u:hunter2@cloud.example.com")

    assert "hunter2" not in repr(cloud)
    assert await sent_authorization(api, cloud) == wire.basic_auth("u", "hunter2")


async def test_client_without_credentials_sends_no_authorization(
    api: aioresponses,
) -> None:
    cloud = DockerCloud("https://cloud.example.com")

    assert await sent_authorization(api, cloud) is None


def test_client_with_a_user_or_an_apikey_only_is_refused() -> None:
    with pytest.raises(ValueError, match="user and apikey"):
        DockerCloud("https://cloud.example.com", user="u")
