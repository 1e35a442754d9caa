"""The commands ``account`` and ``key`` against a running server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aiodockercloud.__main__ import main
from aiodockercloud.server import ThreadServer, running_in_thread

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadServer]:
    with running_in_thread() as server:
        assert server.apikey is not None
        monkeypatch.setenv("DOCKERCLOUD_REST_HOST", server.url)
        log_in(monkeypatch, server.user, server.apikey)
        yield server


def log_in(monkeypatch: pytest.MonkeyPatch, user: str, key: str) -> None:
    monkeypatch.setenv("DOCKERCLOUD_USER", user)
    monkeypatch.setenv("DOCKERCLOUD_APIKEY", key)


def printed(capsys: Capture, *arguments: str, status: int = 0) -> str:
    """Return what a command prints: the output, or the error of a failure."""
    assert main(arguments) == status
    out, err = capsys.readouterr()
    assert (out if status else err) == ""
    return err if status else out


def test_account_with_its_key_manages_its_own_keys(
    server: ThreadServer, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    key = printed(capsys, "account", "add", "bob", "--namespace", "acme").strip()
    lines = printed(capsys, "account", "list").splitlines()
    assert [line.split() for line in lines] == [
        ["USER", "ROLE", "NAMESPACES"],
        ["admin", "operator", "admin"],
        ["bob", "acme"],
    ]

    log_in(monkeypatch, "bob", key)
    options = ("--scope", "read", "--expires-in", "30d", "--name", "grafana")
    made = printed(capsys, "key", "create", *options).strip()
    listed = printed(capsys, "key", "list")
    assert made not in listed
    (row,) = [line for line in listed.splitlines() if line.endswith("grafana")]
    assert row.startswith(made[:8])

    log_in(monkeypatch, "bob", made)
    refusal = printed(capsys, "key", "create", status=1)
    assert "this needs a key with the scope admin" in refusal

    log_in(monkeypatch, "bob", key)
    printed(capsys, "key", "revoke", made[:8])
    assert "grafana" not in printed(capsys, "key", "list")
    assert "there is no key 'nope'" in printed(
        capsys, "key", "revoke", "nope", status=1
    )


def test_removed_account_is_refused(
    server: ThreadServer, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    key = printed(capsys, "account", "add", "bob").strip()
    printed(capsys, "account", "remove", "bob")

    log_in(monkeypatch, "bob", key)

    assert "the user or the API key is wrong" in printed(
        capsys, "key", "list", status=1
    )


@pytest.mark.parametrize("value", ["30", "d", "1w", "-1d", "0s", "1.5h", "٣d"])
def test_wrong_duration_is_refused_in_one_line(value: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["key", "create", f"--expires-in={value}"])

    assert caught.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert value in line or "seconds above 0" in line
