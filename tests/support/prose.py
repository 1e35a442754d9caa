"""The prose of the project: docstrings, comments and documentation.

``python -m tests.support.prose [DIRECTORY]`` prints how often each watched word occurs,
for 1,000 words.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.support.facts import ROOT

#: Words that a reader would have to translate.
FORBIDDEN = re.compile(
    r"\b(whoever|somebody|nobody|anew|be gone|tell of|tells of|told of)\b",
    re.IGNORECASE,
)
#: Fenced code, literals, and indented blocks after ``::`` are no prose.
_LITERAL = re.compile(
    r"```.*?```|``.*?``|`[^`]*`|::\n\n(?:[ ]+[^\n]*\n|\n)+", re.DOTALL
)


class Passage(NamedTuple):
    """A docstring, a comment or a page."""

    place: str
    text: str


def of_module(path: Path) -> Iterator[Passage]:
    """Yield the docstrings and the comments of a module."""
    source = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(
            node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        ) and (text := ast.get_docstring(node)):
            line = getattr(node, "lineno", 1)
            yield Passage(f"{path}:{line}", text)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield Passage(f"{path}:{token.start[0]}", token.string.lstrip("#: "))


def passages(root: Path = ROOT) -> Iterator[Passage]:
    """Yield the prose of the package, the plugin, the examples and the docs."""
    for path in sorted(root.glob("aiodockercloud/**/*.py")):
        yield from of_module(path)
    for path in sorted([*root.glob("pytest_*.py"), *root.glob("examples/*.py")]):
        yield from of_module(path)
    for path in sorted(
        [*root.glob("docs/**/*.rst"), *root.glob("*.md"), *root.glob("*.rst")]
    ):
        yield Passage(str(path), path.read_text(encoding="utf-8"))


def words(text: str) -> list[str]:
    """Return the words of a passage, without literals."""
    return re.findall(r"[a-z']+", _LITERAL.sub(" ", text).lower())


def per_thousand(watched: set[str], found: list[str]) -> float:
    """Return how often the watched words occur, for 1,000 words."""
    return 1000 * sum(word in watched for word in found) / len(found)


if __name__ == "__main__":
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT
    everything = [word for passage in passages(root) for word in words(passage.text)]
    print(f"{len(everything)} words")
    for watched in (
        {"it"},
        {"whoever", "somebody", "nobody", "told", "tell", "tells", "said", "anew"},
    ):
        figure = per_thousand(watched, everything)
        print(f"{', '.join(sorted(watched))}: {figure:.1f} of 1,000")
