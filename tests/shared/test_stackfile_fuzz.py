"""Stack files and Compose files of any content: an error or a result, no crash."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from aiodockercloud.exceptions import StackFileError
from aiodockercloud.stackfile import STACK_KEYS, convert, lint, parse
from aiodockercloud.stackfile.compose_keys import HARMLESS, LOST, SAME
from aiodockercloud.stackfile.compose_reader import READERS
from aiodockercloud.stackfile.yaml_text import write_yaml

SCALARS = st.none() | st.sampled_from(
    ["", "x", "/a:/b:ro", "a:/b", "80:80", "1", "-1", "true", "$V", "${V:-d}", "a=b"]
)
NAMES = st.sampled_from(
    [
        *("web", "x", "name", "mode", "replicas", "labels", "resources", "limits"),
        *("placement", "restart_policy", "condition", "type", "source", "target"),
        *("aliases", "tmpfs", "size", "driver", "options", "external", "platforms"),
        *("update_config", "memory", "generic_resources", "constraints", "published"),
        *("inner_port", "container_path", "volume_name", "test", "key", "file", "1"),
    ]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4)
    ),
    max_leaves=8,
)


def files(keys: frozenset[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Return services with any values of the keys."""
    return st.dictionaries(
        st.sampled_from(["web", "db"]),
        st.dictionaries(st.sampled_from(sorted(keys)), VALUES, max_size=5),
        min_size=1,
        max_size=2,
    )


SECTIONS = st.dictionaries(
    st.sampled_from(["networks", "volumes", "secrets", "configs", "version", "name"]),
    VALUES,
    max_size=3,
)


def check(data: dict[str, Any]) -> None:
    text = write_yaml(data)
    with suppress(StackFileError):
        parse(text, environ={})
    with suppress(StackFileError):
        for finding in lint(text):
            assert finding.engines.keys() == {"embedded", "swarm"}
    with suppress(StackFileError):
        convert(convert(text).text)


@given(files(STACK_KEYS | {"autorestart", "name", "run_command", "container_ports"}))
def test_stack_file_of_any_content_is_read_or_refused(data: dict[str, Any]) -> None:
    check(data)


@given(files(SAME.union(READERS, HARMLESS, LOST)), SECTIONS)
def test_compose_file_of_any_content_is_read_or_refused(
    services: dict[str, Any], sections: dict[str, Any]
) -> None:
    check({"services": services, **sections})
