"""The docs can be built without a warning, and no link leads nowhere.

No test sends a request to another host.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.builtdocs import LIMIT
from tests.support.facts import ROOT
from tests.support.links import broken

MARKDOWN = sorted(ROOT.glob("*.md"))


@pytest.mark.timeout(LIMIT)
def test_links_of_the_docs_lead_somewhere(built: Path) -> None:
    pages = sorted(built.rglob("*.html"))

    found = {page.name: problems for page in pages if (problems := [*broken(page)])}

    assert (built / "index.html") in pages
    assert found == {}


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda page: page.name)
def test_links_of_a_text_lead_somewhere(page: Path) -> None:
    assert [*broken(page)] == []


@pytest.mark.parametrize(
    ("link", "reason"),
    [
        ("[x](missing.md)", "there is no such file"),
        ("[x](other.md#no)", "the page has no such anchor"),
        ("[x](http://example.com/)", "is no address"),
        ("[x](https:///path)", "is no address"),
        ("[x](other.md#a-heading)", None),
    ],
)
def test_broken_link_is_found(tmp_path: Path, link: str, reason: str | None) -> None:
    (tmp_path / "other.md").write_text("# A heading\n", encoding="utf-8")
    page = tmp_path / "page.md"
    page.write_text(link, encoding="utf-8")

    found = [problem.partition(": ")[2] for problem in broken(page)]

    assert len(found) == (reason is not None)
    assert all(problem.startswith(str(reason)) for problem in found)
