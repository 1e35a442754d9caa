"""The sources of credentials, and their order."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aioresponses import aioresponses
from yarl import URL

from aiodockercloud import TUTUM, AuthError, DockerCloud, Limits, Timings, wire
from aiodockercloud.transport import credentials
from aiodockercloud.wire import DOCKER_CLOUD

INDEX = "https://index.docker.io/v1/"
LIST = "https://cloud.example.com/api/app/v1/service/"
HOSTED = (DOCKER_CLOUD.rest_host, DOCKER_CLOUD.stream_host)
HOST = "cloud.example.com"
SERVER = (f"https://{HOST}", f"wss://{HOST}")
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

    assert await credentials.resolve(dialect, variables, SERVER) == expected


async def test_resolve_after_docker_login_returns_its_entry(config: Path) -> None:
    write(config, {"auths": {INDEX: {"auth": encoded("u:p")}}})

    assert await credentials.resolve(DOCKER_CLOUD, {}, HOSTED) == wire.basic_auth(
        "u", "p"
    )
    variables = {"DOCKERCLOUD_AUTH": "Basic first"}
    assert await credentials.resolve(DOCKER_CLOUD, variables, HOSTED) == "Basic first"


async def test_resolve_with_docker_config_reads_that_folder(tmp_path: Path) -> None:
    text = json.dumps({"auths": {INDEX: {"auth": encoded("u:p")}}})
    (tmp_path / "config.json").write_text(text)

    found = await credentials.resolve(
        DOCKER_CLOUD, {"DOCKER_CONFIG": str(tmp_path)}, HOSTED
    )

    assert found == wire.basic_auth("u", "p")


@pytest.mark.parametrize(
    "text", ["{", "[]", json.dumps({"auths": {INDEX: {"auth": "c2VjcmV0"}}})]
)
async def test_resolve_with_a_broken_config_raises_and_names_the_file(
    config: Path, text: str
) -> None:
    write(config, text)

    with pytest.raises(AuthError, match=r"config\.json") as caught:
        await credentials.resolve(DOCKER_CLOUD, {}, HOSTED)
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

    assert await credentials.resolve(DOCKER_CLOUD, {}, HOSTED) == wire.basic_auth(
        "u", "p"
    )


async def test_resolve_with_a_missing_helper_raises_its_name(config: Path) -> None:
    write(config, {"credsStore": "nowhere"})

    with pytest.raises(AuthError, match="docker-credential-nowhere cannot be run"):
        await credentials.resolve(DOCKER_CLOUD, {}, HOSTED)


async def test_resolve_with_a_helper_without_entry_finds_nothing(
    home: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(config, {"credsStore": "fake"})
    helper(home, "echo 'credentials not found'; exit 1", monkeypatch)

    assert await credentials.resolve(DOCKER_CLOUD, {}, HOSTED) is None


async def test_resolve_with_a_helper_that_hangs_raises(
    home: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(config, {"credsStore": "fake"})
    helper(home, "exec sleep 60", monkeypatch)

    with pytest.raises(AuthError, match="gave no answer"):
        await credentials.resolve(
            DOCKER_CLOUD, {}, HOSTED, timings=Timings(credential_helper=0.05)
        )


async def test_resolve_with_a_helper_of_another_format_hides_its_output(
    home: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(config, {"credsStore": "fake"})
    helper(home, "echo hunter2", monkeypatch)

    with pytest.raises(AuthError, match="Username and Secret") as caught:
        await credentials.resolve(DOCKER_CLOUD, {}, HOSTED)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("body", ["yes", "sleep 60 & exit 0", "yes & sleep 60"])
async def test_resolve_with_a_helper_that_does_not_end_terminates_its_children(
    home: Path, config: Path, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    """The pipe that the helper and its children share ends with the last of them."""
    write(config, {"credsStore": "fake"})
    pipe = home / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    helper(home, f"exec 3>{pipe}\n{body}", monkeypatch)

    with pytest.raises(AuthError, match=r"gave no answer|printed more than"):
        await credentials.resolve(
            DOCKER_CLOUD,
            {},
            HOSTED,
            timings=Timings(credential_helper=0.5),
            limits=Limits(credential_bytes=4096),
        )

    os.set_blocking(reading, True)
    assert await asyncio.to_thread(os.read, reading, 1) == b""
    os.close(reading)


async def test_resolve_with_a_helper_whose_output_stays_open_raises_in_time(
    home: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(config, {"credsStore": "fake"})
    blocks = home / "blocks"
    os.mkfifo(blocks)
    reader = "import os; os.setsid(); print(flush=True); open('blocks').read()"
    (home / "daemon.py").write_text(reader)
    writing = os.open(blocks, os.O_RDWR)
    body = f"cd {home}; {sys.executable} daemon.py & sleep 60"
    helper(home, body, monkeypatch)

    with pytest.raises(AuthError, match="gave no answer"):
        await credentials.resolve(
            DOCKER_CLOUD, {}, HOSTED, timings=Timings(credential_helper=2)
        )

    os.close(writing)  # ends the process that left the group


@pytest.mark.parametrize(
    "answer",
    [
        "<html>",
        "[]",
        '{"Username": [], "Secret": {}}',
        '{"Username": "a:b", "Secret": "s"}',
        '{"Username": "\\ud800", "Secret": "s"}',
        "[" * 100_000,
    ],
)
async def test_resolve_with_an_odd_answer_of_a_helper_raises_auth_error(
    home: Path, config: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    write(config, {"credsStore": "fake"})
    (home / "answer").write_text(answer)
    helper(home, f"cat {home}/answer", monkeypatch)

    with pytest.raises(AuthError, match="Username and Secret"):
        await credentials.resolve(DOCKER_CLOUD, {}, HOSTED)


@pytest.mark.parametrize(
    "content",
    [
        {"credsStore": 5},
        {"credsStore": ["a"]},
        {"credsStore": "x/../../../../bin/sh"},
        {"credsStore": "a\0b"},
        {"credsStore": "\ud800"},
        {"credHelpers": {INDEX: {"a": 1}}},
        {"auths": {INDEX: {"auth": 5}}},
        {"auths": {INDEX: {"auth": encoded("a:b") + "\n"}}},
        "[" * 100_000,
        " " * 2**21,
    ],
)
async def test_resolve_with_an_odd_config_raises_auth_error(
    config: Path, content: Any
) -> None:
    write(config, content)

    with pytest.raises(AuthError):
        await credentials.resolve(DOCKER_CLOUD, {}, HOSTED)


async def test_resolve_with_a_pipe_as_config_raises_at_once(config: Path) -> None:
    os.mkfifo(config)

    with pytest.raises(AuthError, match="is not a file"):
        await credentials.resolve(DOCKER_CLOUD, {}, HOSTED)


@pytest.mark.parametrize(
    "addresses",
    [
        SERVER,
        (HOSTED[0], "wss://stream.example.com"),
        ("http://cloud.docker.com", "ws://ws.cloud.docker.com"),
        ("http://127.0.0.1:8008", "ws://127.0.0.1:8008"),
        ("https://cloud.docker.com.example.com", "wss://ws.cloud.docker.com"),
    ],
)
@pytest.mark.parametrize("stored", ["auths", "credsStore"])
async def test_login_of_docker_hub_is_not_sent_to_other_servers(
    home: Path,
    config: Path,
    monkeypatch: pytest.MonkeyPatch,
    addresses: tuple[str, str],
    stored: str,
) -> None:
    answer = json.dumps({"Username": "u", "Secret": "p"})
    helper(home, f"test $(cat) = {INDEX} && echo '{answer}'", monkeypatch)
    auths = {INDEX: {"auth": encoded("u:p")}}
    write(config, {"auths": auths} if stored == "auths" else {"credsStore": "fake"})

    assert await credentials.resolve(DOCKER_CLOUD, {}, HOSTED)
    assert await credentials.resolve(DOCKER_CLOUD, {}, addresses) is None


@pytest.mark.parametrize(
    ("address", "key", "sent"),
    [
        ("https://h.test", "h.test", True),
        ("https://h.test/prefix", "https://h.test", True),
        ("https://h.test:8008", "h.test:8008", True),
        ("https://h.test:8008", "h.test", False),
        ("https://h.test", "other.test", False),
        ("http://h.test", "h.test", False),
        ("http://127.0.0.1:8008", "127.0.0.1:8008", True),
        ("http://localhost:8008", "localhost:8008", True),
        ("http://[::1]:8008", "[::1]:8008", True),
        ("http://127.0.0.1.test:8008", "127.0.0.1.test:8008", False),
    ],
)
async def test_stored_credentials_of_a_host_are_sent_to_this_host_only(
    config: Path, address: str, key: str, sent: bool
) -> None:
    write(config, {"auths": {key: {"auth": encoded("u:p")}}})

    found = await credentials.resolve(
        DOCKER_CLOUD, {}, (address, wire.stream_url(address))
    )

    assert found == (wire.basic_auth("u", "p") if sent else None)


async def test_variables_are_sent_to_any_server_over_any_connection() -> None:
    variables = {"DOCKERCLOUD_USER": "u", "DOCKERCLOUD_APIKEY": "k"}
    addresses = ("http://h.test", "ws://h.test")

    found = await credentials.resolve(DOCKER_CLOUD, variables, addresses)

    assert found == wire.basic_auth("u", "k")


@pytest.mark.parametrize(
    "options",
    [
        {"user": "u\n", "apikey": "k\r\n"},
        {"auth": wire.basic_auth("u", "k") + "\n"},
        {},
    ],
)
async def test_line_breaks_at_the_end_of_secrets_are_left_out(
    api: aioresponses, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    """A secret is often read from a file."""
    monkeypatch.setenv("DOCKERCLOUD_USER", "u\n")
    monkeypatch.setenv("DOCKERCLOUD_APIKEY", "k\n")
    cloud = DockerCloud("https://cloud.example.com", **options)

    assert await sent_authorization(api, cloud) == wire.basic_auth("u", "k")


async def test_line_break_within_auth_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    auth = "Basic eA==\r\nX-Evil: 1"
    monkeypatch.setenv("DOCKERCLOUD_AUTH", auth)

    with pytest.raises(ValueError, match=r"^auth: ") as caught:
        DockerCloud("https://cloud.example.com", auth=auth)
    assert "eA==" not in str(caught.value)
    async with DockerCloud("https://cloud.example.com") as cloud:
        with pytest.raises(AuthError, match="DOCKERCLOUD_AUTH: "):
            await cloud.services.list()


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

    hosted = (TUTUM.rest_host, TUTUM.stream_host)
    assert await credentials.resolve(TUTUM, {}, hosted) == expected
    assert await credentials.resolve(TUTUM, {}, SERVER) is None


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
