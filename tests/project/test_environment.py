"""The page of the environment variables has those that the code reads and sets."""

from __future__ import annotations

import ast
import asyncio
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import aiohttp
import pytest

from aiodockercloud import DockerCloud
from aiodockercloud.server import Embedded, running
from aiodockercloud.server.engines.embedded import Container
from tests.support.facts import PATIENCE, ROOT
from tests.support.flows import client_of

PAGE = ROOT / "docs" / "environment.rst"

#: Variables that libraries read: aiohttp, and aiodocker.
OF_LIBRARIES = {
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
    *("DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"),
}
#: No contract: the mark of the processes of a command in a container.
INTERNAL = {"AIODOCKERCLOUD_EXEC"}


def on_page(title: str = "") -> set[str]:
    """Return the variables of the page, or those of the section with a title."""
    text = PAGE.read_text(encoding="utf-8")
    if title:
        text = re.split(rf"^{title}\n-+$", text, flags=re.MULTILINE)[1]
        text = re.split(r"^.+\n-{4,}$", text, flags=re.MULTILINE)[0]
    names = re.findall(r"^   \* - (``.*(?:\n {7}``.*)*)", text, re.MULTILINE)
    return set(re.findall(r"``(\w+)``", " ".join(names)))


# --- read -----------------------------------------------------------------------------


class Recorded(dict[str, str]):
    """An environment that records the names that are read."""

    def __init__(self, *args: dict[str, str]) -> None:
        super().__init__(*args)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.read.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]  # as os.environ
        self.read.add(name)
        return super().get(name, default)


async def _use(client: Callable[[], DockerCloud]) -> None:
    async with client() as cloud:
        with pytest.raises(Exception, match="no answer"):
            await cloud.services.list()


async def test_variables_that_the_client_reads_are_on_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = "http://127.0.0.1:9"
    variables = {"DOCKERCLOUD_REST_HOST": nowhere, "HOME": str(tmp_path)}
    # Without a key, so that the client looks for one in each place.
    recorded = Recorded({**variables, "DOCKERCLOUD_USER": "me"})
    monkeypatch.setattr(os, "environ", recorded)

    await _use(lambda: DockerCloud(retry=None))

    read = {name for name in recorded.read if "DOCKER" in name}
    documented = on_page("The client") - OF_LIBRARIES
    assert read == {name for name in documented if "DOCKER" in name}


def _texts(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield the names in capitals that a module gives to texts."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(
                targets=[ast.Name(id=name)], value=ast.Constant(value=str(text))
            ) if name.isupper():
                yield name, text


def _read(tree: ast.AST) -> Iterator[ast.expr]:
    """Yield the names that a module passes to ``os.environ``."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(
                    value=ast.Attribute(attr="environ"), attr="get" | "pop"
                )
                | ast.Attribute(value=ast.Name("os"), attr="getenv")
            ):
                yield node.args[0]
            case ast.Subscript(value=ast.Attribute(attr="environ")):
                yield node.slice


def read_in(folder: str) -> set[str]:
    """Return the variables that the modules of a folder read by constant names."""
    trees = {
        path: ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted((ROOT / "aiodockercloud").rglob("*.py"))
    }
    named = {name: text for tree in trees.values() for name, text in _texts(tree)}
    found = set()
    for path, tree in trees.items():
        if path.is_relative_to(ROOT / "aiodockercloud" / folder):
            for name in _read(tree):
                if isinstance(name, ast.Constant):
                    found.add(str(name.value))
                elif isinstance(name, ast.Name) and name.id in named:
                    found.add(named[name.id])
    return found


def test_variables_that_the_server_reads_are_on_the_page() -> None:
    assert read_in("server") == on_page("The server") - OF_LIBRARIES


def test_variables_that_the_command_reads_are_on_the_page() -> None:
    read = read_in("cli")

    assert "XDG_CONFIG_HOME" in read
    assert read - on_page() == set()


# --- set ------------------------------------------------------------------------------


async def test_variables_of_a_container_are_on_the_page() -> None:
    engine = Embedded()
    found: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()

    @engine.image("acme/env")
    async def env(container: Container) -> None:
        if "DOCKERCLOUD_TRIGGER_BODY" in container.environment:
            found.set_result(dict(container.environment))
        await container.wait_stopped()

    async with running(engine) as server, client_of(server) as cloud:
        stack = await cloud.stacks.create(
            name="shop",
            services=[{"name": "web", "image": "acme/env", "roles": ["global"]}],
        )
        await cloud.actions.wait(await cloud.stacks.start(stack))
        service = await cloud.services.find("web.shop")
        trigger = await cloud.triggers.create(service)
        url = server.url + trigger["url"]
        async with aiohttp.ClientSession() as http, http.post(url, data=b"x") as answer:
            assert answer.ok
        async with asyncio.timeout(PATIENCE):
            variables = await found

    documented = on_page("In a container")
    documented |= {name.replace("_API_URI", "_API_URL") for name in documented}
    set_here = {name for name in variables if name.startswith("DOCKERCLOUD_")}
    links = {name for name in documented if name.startswith("DB_")}
    assert set_here - INTERNAL == documented - links
