"""``context``: several clouds, the environment first, files for their owner only."""

from __future__ import annotations

import io
import json
import stat
from pathlib import Path

import pytest

from aiodockercloud.server import ThreadServer, running_in_thread
from tests.cli.conftest import Run


@pytest.fixture
def file(environment: dict[str, str]) -> Path:
    """The file of the contexts."""
    folder = Path(environment["XDG_CONFIG_HOME"])
    return folder / "aiodockercloud" / "contexts.json"


def add(run: Run, server: ThreadServer, name: str, *more: str) -> None:
    run("context", "add", name, server.url, "--user", server.user, *more)


def test_stored_cloud_is_used_without_an_environment(
    run: Run, server: ThreadServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(run, server, "home")
    nodes = run("node", "ls").objects

    with monkeypatch.context() as patch:
        for name in ("REST_HOST", "USER", "APIKEY"):
            patch.delenv(f"DOCKERCLOUD_{name}")
        patch.setenv("DOCKERCLOUD_NAMESPACE", "another")

        assert run("node", "ls").objects == nodes


def test_key_is_kept_for_the_owner_only_and_never_printed(
    run: Run, server: ThreadServer, file: Path
) -> None:
    add(run, server, "home")

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [each.name for each in file.parent.iterdir()] == ["contexts.json"]
    key = json.loads(file.read_text())["contexts"]["home"]["apikey"]
    assert key == server.apikey
    for form in ("json", "table"):
        assert key not in run("context", "ls", "--output", form).out


def test_environment_precedes_the_current_context_and_an_option_the_environment(
    run: Run, server: ThreadServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_in_thread() as other:
        with monkeypatch.context() as patch:
            patch.setenv("DOCKERCLOUD_APIKEY", other.apikey or "")
            add(run, other, "other")
        others = run("--context", "other", "node", "ls").objects

        assert run("node", "ls").objects != others
        note = run("context", "use", "other").err
        assert "DOCKERCLOUD_REST_HOST is set" in note
        with monkeypatch.context() as patch:
            patch.delenv("DOCKERCLOUD_REST_HOST")
            # User and key of the environment belong to another address.
            assert run("node", "ls").objects == others


def test_contexts_are_listed_chosen_and_removed(run: Run, server: ThreadServer) -> None:
    add(run, server, "home")
    add(run, server, "work", "--namespace", "acme")
    run("context", "use", "work")

    rows = run("context", "ls", "--output=table").out.splitlines()
    assert [row.split()[-1] for row in rows] == ["NAMESPACE", server.user, "acme"]
    assert [row.startswith("*") for row in rows] == [False, False, True]
    run("context", "rm", "work")
    [left] = run("context", "ls").objects
    assert (left["name"], left["current"]) == ("home", False)


def test_key_comes_from_standard_input_without_a_variable(
    run: Run, server: ThreadServer, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.delenv("DOCKERCLOUD_APIKEY")
        patch.setattr("sys.stdin", io.StringIO("typed\n"))

        add(run, server, "home")

    assert json.loads(file.read_text())["contexts"]["home"]["apikey"] == "typed"


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["add", "a b", "http://a", "--user", "u"], 1, "one word"),
        (["add", "a", "ftp://a", "--user", "u"], 2, "http://HOST"),
        (["add", "a", "http://u:s3cret@a", "--user", "u"], 2, "credentials"),
        (["add", "a", "http://a", "--user", "u:v"], 2, "without a colon"),
        (["use", "a"], 1, "no context 'a'"),
        (["rm", "a"], 1, "no context 'a'"),
    ],
)
def test_wrong_context_is_refused_in_one_line(
    run: Run, file: Path, arguments: list[str], status: int, words: str
) -> None:
    [line] = run("context", *arguments, status=status).err.splitlines()

    assert words in line
    assert "s3cret" not in line
    assert not file.exists()


def test_name_in_use_is_refused(run: Run, server: ThreadServer) -> None:
    add(run, server, "home")

    said = run("context", "add", "home", "http://other", "--user", "x", status=1).err

    assert server.url in said
    assert "context rm home" in said


def test_same_address_receives_the_new_key(
    run: Run, server: ThreadServer, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server without a data directory has a new key after each start."""
    add(run, server, "home")

    with monkeypatch.context() as patch:
        patch.setenv("DOCKERCLOUD_APIKEY", "new")
        run("context", "add", "home", server.url, "--user", server.user)

    stored = json.loads(file.read_text())
    assert stored["contexts"]["home"]["apikey"] == "new"
    assert stored["current"] == "home"


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"current": null, "contexts": {"a": {"url": "x"}}}']
)
def test_file_in_another_form_is_named_and_its_text_is_not(
    run: Run, file: Path, text: str
) -> None:
    file.parent.mkdir(parents=True)
    file.write_text(text)

    [line] = run("context", "ls", status=1).err.splitlines()

    assert str(file) in line
