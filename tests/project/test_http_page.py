"""The page of the HTTP API has every request, parameter and schema of the document."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest

from tests.support.builtdocs import LIMIT
from tests.support.openapi import DOCUMENT, OPERATIONS

pytestmark = pytest.mark.timeout(LIMIT)


@pytest.fixture
def page(built: Path) -> str:
    return (built / "http.html").read_text(encoding="utf-8")


def _code(page: str) -> set[str]:
    """Return all texts of the page in the type of code."""
    found = re.findall(r"<code[^>]*>(.*?)</code>", page, re.DOTALL)
    return {unescape(re.sub(r"<[^>]+>", "", one)) for one in found}


def test_page_has_all_requests(page: str) -> None:
    assert OPERATIONS.keys() - _code(page) == set()


def test_page_has_all_parameters(page: str) -> None:
    names = {one["name"] for one in DOCUMENT["components"]["parameters"].values()}

    assert names - _code(page) == set()


def test_page_has_all_schemas_with_their_keys(page: str) -> None:
    code = _code(page)
    for name, schema in DOCUMENT["components"]["schemas"].items():
        if not name.endswith("Page"):
            assert f'id="schema-{name.lower()}"' in page
            assert schema["properties"].keys() - code == set()
