"""The YAML of stack files: scalars are texts, keys have lines, the size is bounded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import yaml
from yaml.composer import ComposerError

from ..exceptions import StackFileError
from .documents import Document, Path

__all__ = [
    "Document",
    "Path",
    "comment_lines",
    "read_document",
    "write_yaml",
]

#: The bound on the values of one file, with all aliases expanded.
MAX_NODES = 100_000
_TAG = "tag:yaml.org,2002:"


class _GivenTwice(ComposerError):
    """A mapping has a key twice.

    Args:
        path: The keys from the top of the file to the repeated key.
        first: The first of the two keys.
        second: The second one.
    """

    def __init__(
        self, path: Sequence[str], first: yaml.Node, second: yaml.ScalarNode
    ) -> None:
        line = first.start_mark.line + 1
        problem = f"{second.value} is given twice, first in line {line}"
        super().__init__(None, None, problem, second.start_mark)
        self.service, self.key = [*path, ""][:2]


class _Loader(yaml.SafeLoader):
    """YAML in which each scalar is text, except nulls; ``<<`` merges mappings.

    A tag such as ``!!int`` has no effect: the key of a value defines the type.
    """

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._sizes: dict[yaml.Node, int] = {}
        #: The keys of the mappings around the present node.
        self._path: list[str] = []

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Bound the nodes, and refuse a key that a mapping has twice."""
        node_of_key: object = index
        key = [node_of_key.value] if isinstance(node_of_key, yaml.ScalarNode) else []
        self._path += key
        alias = self.check_event(yaml.AliasEvent)
        node = super().compose_node(parent, index)
        if alias and node is not None and node not in self._sizes:
            problem = "an alias is inside the value that it names"
            raise ComposerError(None, None, problem, node.start_mark)
        if node is not None and not alias:
            if isinstance(node, yaml.MappingNode):
                self._check_keys(node)
            self._count(node)
        del self._path[len(self._path) - len(key) :]
        return node

    def _count(self, node: yaml.Node) -> None:
        """Count nodes with aliases expanded, so that few nodes cannot become many."""
        below: Iterable[yaml.Node] = ()
        if isinstance(node, yaml.MappingNode):
            below = [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            below = node.value
        self._sizes[node] = 1 + sum(self._sizes[part] for part in below)
        if self._sizes[node] > MAX_NODES:
            problem = f"more than {MAX_NODES} values"
            raise ComposerError(None, None, problem, node.start_mark)

    def _check_keys(self, mapping: yaml.MappingNode) -> None:
        """Refuse a key that a mapping has twice: one of the values would be lost.

        ``<<`` may occur several times, because each occurrence adds its keys.
        """
        first: dict[str, yaml.Node] = {}
        for key, _ in mapping.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == f"{_TAG}merge":
                continue
            if (earlier := first.setdefault(key.value, key)) is not key:
                raise _GivenTwice([*self._path, key.value], earlier, key)


def _as_written(loader: _Loader, node: Any) -> str:
    return str(loader.construct_scalar(node))


_Loader.yaml_implicit_resolvers = {}
_Loader.add_implicit_resolver(
    f"{_TAG}null", re.compile(r"(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""]
)
_Loader.add_implicit_resolver(f"{_TAG}merge", re.compile("<<$"), ["<"])
_Loader.yaml_constructors = {
    tag: construct
    for tag, construct in yaml.SafeLoader.yaml_constructors.items()
    if tag not in {f"{_TAG}{name}" for name in ("set", "omap", "pairs")}
}
for _name in ("bool", "int", "float", "timestamp", "binary"):
    _Loader.add_constructor(f"{_TAG}{_name}", _as_written)


def read_document(text: str, file: str) -> Document:
    """Return the content of the only document of a file, and the lines of its keys.

    Raises:
        StackFileError: The text is not valid YAML, a key is given twice, or there are
            several documents. The message quotes no value, which may be a secret.
    """
    try:
        loader = _Loader(text)
        try:
            node = loader.get_node() if loader.check_node() else None
            several = loader.check_node()
            data = None if node is None else loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as exc:
        # Without the lines that PyYAML quotes, which may have a secret.
        mark = exc.problem_mark or exc.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        at = (exc.service, exc.key) if isinstance(exc, _GivenTwice) else ("", "")
        problem = f"is not valid YAML{line}: {exc.problem}"
        raise StackFileError(problem, file, *at) from None
    except yaml.reader.ReaderError as exc:
        line = f", line {text.count(chr(10), 0, exc.position) + 1}"
        raise StackFileError(f"is not valid YAML{line}: {exc.reason}", file) from None
    if several:
        raise StackFileError(
            "has several YAML documents (---); write one stack per file", file
        )
    return Document(data, {} if node is None else dict(_lines(node, ())))


def _lines(node: yaml.Node, path: Path) -> Iterator[tuple[Path, int]]:
    """Yield the line of each key and of each item; of merged keys, that of the key."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            below = (*path, key.value if isinstance(key, yaml.ScalarNode) else "?")
            yield below, key.start_mark.line + 1
            yield from _lines(value, below)
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield (*path, number), item.start_mark.line + 1
            yield from _lines(item, (*path, number))


def comment_lines(text: str) -> list[int]:
    """Return the lines of a valid YAML text that have a comment."""
    found, end = [], 0
    for token in yaml.scan(text):
        gap = text[end : token.start_mark.index]
        first = text.count("\n", 0, end) + 1 if "#" in gap else 0
        found += [
            first + number
            for number, line in enumerate(gap.split("\n"))
            if "#" in line and first
        ]
        end = max(end, token.end_mark.index)
    return found


# --- writing --------------------------------------------------------------------------


class _Dumper(yaml.SafeDumper):
    """YAML of which every version of the language reads the same texts."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent the items of a list below their key."""
        super().increase_indent(flow, False)


_NOT_TEXT = re.compile(r"[-+.]?[0-9]|(true|false|yes|no|on|off|y|n|null)$", re.I)


#: Characters that only the escapes of double quotes keep.
_SPECIAL = re.compile("[^\\t\\n\\x20-\\x7e\\xa0-\\u2027\\u202a-\\ufefe\\uff00-\\uffef]")


def _text(dumper: _Dumper, text: str) -> yaml.Node:
    """Return a text; quoted where a version of YAML could read a number."""
    style = '"' if _NOT_TEXT.match(text) else None
    if "\n" in text:
        style = "|"
    if _SPECIAL.search(text):
        style = '"'
    return dumper.represent_scalar(f"{_TAG}str", text, style)


_Dumper.add_representer(str, _text)


def write_yaml(data: Any) -> str:
    """Return data as YAML, its keys in the given order."""
    found: str = yaml.dump(
        data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000
    )
    return found
