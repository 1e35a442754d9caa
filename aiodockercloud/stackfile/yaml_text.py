"""The YAML of stack files: each scalar is text, and the size is bounded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import yaml
from yaml.composer import ComposerError

from ..exceptions import StackFileError

__all__ = ["read_yaml"]

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


def read_yaml(text: str, file: str) -> Any:
    """Return the content of the only document of a file, None for an empty file.

    Raises:
        StackFileError: The text is not valid YAML, a key is given twice, or there are
            several documents. The message quotes no value, which may be a secret.
    """
    try:
        documents = list(islice(yaml.load_all(text, Loader=_Loader), 2))
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
    if len(documents) > 1:
        raise StackFileError(
            "has several YAML documents (---); write one stack per file", file
        )
    return documents[0] if documents else None
