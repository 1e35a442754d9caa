"""The files of the page, read without a browser."""

from __future__ import annotations

import re

import pytest

from aiodockercloud.server.page import INDEX, files
from aiodockercloud.server.state.lifecycle import OPERATIONS
from aiodockercloud.wire import states

STATES = {
    value
    for name, value in vars(states).items()
    if name.isupper() and isinstance(value, str)
}


def text(name: str) -> str:
    return files()[name].body.decode()


def keys(name: str) -> set[str]:
    """Return the keys of an object in ``words.js``."""
    found = re.search(
        rf"export const {name} = {{(.*?)^}};", text("words.js"), re.M | re.S
    )
    assert found is not None
    pairs = re.findall(r'(?:^|[,{])\s*(?:"([^"]+)"|([\w]+)): ["{]', found[1], re.M)
    return {quoted or plain for quoted, plain in pairs}


def test_every_state_has_a_tone() -> None:
    assert keys("TONES") == STATES


def test_every_operation_of_a_shown_kind_has_a_button() -> None:
    shown = ("stack", "service", "container", "node", "action")
    wanted = {name for kind in shown for name in OPERATIONS[kind]}

    assert wanted <= keys("OPERATIONS")


@pytest.mark.parametrize("name", sorted(files()))
def test_file_is_small_and_uses_nothing_of_another_host(name: str) -> None:
    body = text(name)

    addresses = set(re.findall(r"https?://[^\s\"')]+", body))
    assert addresses <= {"http://www.w3.org/2000/svg"}
    assert "innerHTML" not in body
    assert "eval(" not in body
    assert len(body.splitlines()) <= 450


def test_document_has_nothing_that_the_policy_refuses() -> None:
    body = text(INDEX)

    assert re.findall(r"\sstyle=|<style|\son\w+=|javascript:", body) == []
    assert re.findall(r"<script(?![^>]* src=)", body) == []


def test_files_that_the_page_names_exist() -> None:
    named = set(re.findall(r"/page/([\w.]+)", text(INDEX)))
    for name in files():
        if name.endswith(".js"):
            named |= set(re.findall(r'from "\./([\w.]+)"', text(name)))

    assert named | {INDEX} == set(files())


def test_icons_that_the_page_names_exist() -> None:
    drawn = set(re.findall(r'id="icon-([\w-]+)"', text(INDEX)))
    named = set(re.findall(r'#icon-([\w-]+)"', text(INDEX)))
    for name in files():
        named |= set(re.findall(r'\bicon\("([\w-]+)"\)', text(name)))
        named |= set(re.findall(r'icon: "([\w-]+)"', text(name)))

    assert named <= drawn
