"""The values of the command's options, and errors that the command reports."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from aiodockercloud import checks
from aiodockercloud.__main__ import main
from aiodockercloud.server import Embedded, running

Capture = pytest.CaptureFixture[str]


def refused(arguments: Sequence[str], capsys: Capture) -> str:
    """Return the one line on standard error of a command with a wrong argument."""
    with pytest.raises(SystemExit) as caught:
        main(["serve", *arguments])
    assert caught.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    [line] = err.splitlines()
    return line


@pytest.mark.parametrize(
    ("option", "value", "allowed"),
    [
        ("--port", "99999", "0 to 65535"),
        ("--port", "65536", "0 to 65535"),
        ("--port", "-1", "0 to 65535"),
        ("--port", "http", "a number"),
        ("--port", "80.5", "a number"),
        ("--port", "", "a number"),
        ("--nodes", "-3", "from 0 to 10000"),
        ("--nodes", "100000000000", "from 0 to 10000"),
        ("--nodes", "many", "a number"),
        ("--image-poll", "nan", "seconds above 0"),
        ("--image-poll", "inf", "seconds above 0"),
        ("--image-poll", "-inf", "seconds above 0"),
        ("--image-poll", "0", "seconds above 0"),
        ("--image-poll", "-5", "seconds above 0"),
        ("--image-poll", "5m", "a number"),
        ("--public-url", "foo", "http://HOST"),
        ("--public-url", "", "http://HOST"),
        ("--public-url", "ftp://host", "http://HOST"),
        ("--public-url", "http://", "http://HOST"),
        ("--public-url", "http://:80", "http://HOST"),
        ("--public-url", "http://host:99999", "http://HOST"),
        ("--public-url", "http://host:port", "http://HOST"),
        ("--public-url", "http://host:", "http://HOST"),
        ("--public-url", "http://a b", "http://HOST"),
        ("--public-url", "http://host/a\nb", "http://HOST"),
        ("--public-url", "http://host/?a=b", "http://HOST"),
        ("--public-url", "http://host/#a", "http://HOST"),
        ("--public-url", "http://[::1", "http://HOST"),
        ("--host", "", "host name"),
        ("--host", "http://127.0.0.1", "host name"),
        ("--host", "127.0.0.1:80", "host name"),
        ("--host", "300.1.1.1", "host name"),
        ("--host", "a..b", "host name"),
        ("--host", "[::1]", "host name"),
        ("--allowed-host", "http://a.example", "host name"),
        ("--allowed-host", "*", "host name"),
        ("--shutdown-timeout", "0", "seconds above 0"),
        ("--domain", "foo bar", "example.com"),
        ("--domain", ".io", "example.com"),
        ("--domain", "-x.io", "example.com"),
        ("--domain", "http://example.com", "example.com"),
        ("--domain", ".".join(["a" * 60] * 5), "example.com"),
        ("--data-dir", "", "directory"),
        ("--data-dir", "a\0b", "directory"),
        ("--node-engine", "node", "NAME=URL"),
        ("--node-engine", "=tcp://host:2375", "NAME=URL"),
        ("--node-engine", "node=host", "tcp://HOST:PORT"),
        ("--node-engine", "node=tcp://", "tcp://HOST:PORT"),
        ("--node-engine", "node=unix://relative", "tcp://HOST:PORT"),
        ("--node-engine", "node=ftp://host", "tcp://HOST:PORT"),
        ("--engine", "podman", "swarm"),
        ("--log-level", "loud", "debug"),
    ],
)
def test_value_that_cannot_be_used_is_refused_in_one_line(
    option: str, value: str, allowed: str, capsys: Capture
) -> None:
    line = refused([f"{option}={value}"], capsys)

    assert line.startswith(f"aiodockercloud serve: argument {option}: ")
    assert allowed in line


def test_password_in_a_url_is_not_repeated(capsys: Capture) -> None:
    found = refused(["--public-url", "http://me:s3cret@host"], capsys)
    assert "s3cret" not in found
    found = refused(["--node-engine", "node=ftp://me:s3cret@host"], capsys)
    assert "s3cret" not in found


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (checks.http_url, "http://127.0.0.1:8008"),
        (checks.http_url, "https://cloud.example.com/docker/"),
        (checks.http_url, "http://[::1]:8008"),
        (checks.docker_url, "unix:///var/run/docker.sock"),
        (checks.docker_url, "ssh://me@host"),
        (checks.docker_url, "tcp://10.0.0.1:2376"),
        (checks.host, "0.0.0.0"),
        (checks.host, "::"),
        (checks.host, "::1"),
        (checks.host, "localhost"),
        (checks.host, "my_box.lan."),
        (checks.domain, ""),
        (checks.domain, "example.com"),
        (checks.domain, "10.0.0.1.nip.io"),
        (checks.user, "jane@example.com"),
    ],
)
def test_usual_value_is_returned(check: Callable[[str], str], value: str) -> None:
    assert check(value) == value


def test_help_names_each_default_once_and_never_none(capsys: Capture) -> None:
    assert main(["serve", "--help"]) == 0

    out = " ".join(capsys.readouterr().out.split())
    assert "None" not in out
    assert "[]" not in out
    defaults = re.findall(r"\(default: ([^)]*)\)", out)
    assert defaults == [
        *("embedded", "127.0.0.1", "8008", "1", "300"),
        *("the address that the server listens on", "10", "warning", "text"),
    ]


def test_port_in_use_is_reported_with_its_address(capsys: Capture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        assert main(["serve", "--port", str(port)]) == 1

    [line] = capsys.readouterr().err.splitlines()
    assert f"cannot listen on 127.0.0.1, port {port}: " in line


@pytest.mark.parametrize("user", ["a:b", "a\nb"])
def test_user_that_cannot_log_in_is_refused(
    user: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKERCLOUD_USER", user)

    assert main(["serve", "--port", "0"]) == 2

    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("aiodockercloud: DOCKERCLOUD_USER: ")


def test_docker_that_cannot_be_reached_is_reported_with_its_address(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")

    assert main(["serve", "--port", "0", "--engine", "swarm"]) == 1

    [line] = capsys.readouterr().err.splitlines()
    assert f"unix://{tmp_path}/docker.sock" in line
    assert "cannot be reached" in line


@pytest.mark.parametrize(
    "arguments",
    [
        {"port": 99999},
        {"image_poll": float("nan")},
        {"public_url": "foo"},
        {"domain": "foo bar"},
        {"host": "127.0.0.1:80"},
        {"user": "a:b"},
        {"data_dir": "a\0b"},
    ],
)
async def test_argument_of_running_that_cannot_be_used_is_refused(
    arguments: dict[str, object],
) -> None:
    with pytest.raises(ValueError, match="is not "):
        async with running(**arguments):  # type: ignore[arg-type]  # on purpose
            pass


def test_negative_number_of_embedded_nodes_is_refused() -> None:
    with pytest.raises(ValueError, match="-3"):
        Embedded(nodes=-3)


LATER = (
    "aiodockercloud.client",
    "aiodockercloud.types",
    "aiodockercloud.server.api.openapi.document",
    "aiodockercloud.server.engines.embedded.shell",
    "aiodockercloud.server.engines.swarm",
    "yaml",
)


def test_start_of_a_server_imports_no_module_that_few_servers_need() -> None:
    program = (
        "import sys; from aiodockercloud.server import command;"
        f" print(*({{*{LATER}}} & {{*sys.modules}}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout == "\n"
