"""The object of a PATCH is rendered only for a body that has read-only fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from aiodockercloud.server.api import definitions
from aiodockercloud.server.api.readonly import Late, ReadOnly
from aiodockercloud.wire.service_fields import READ_ONLY


def test_body_of_writable_fields_needs_no_rendered_object() -> None:
    def render() -> Mapping[str, Any]:
        pytest.fail("the object was rendered")

    read_only = ReadOnly(READ_ONLY, Late(render))

    assert definitions.read({"nickname": "x"}, read_only) == {"nickname": "x"}


def test_object_is_rendered_once_for_all_read_only_fields_of_a_body() -> None:
    rendered = []

    def render() -> Mapping[str, Any]:
        rendered.append(1)
        return {"uuid": "u", "state": "Running"}

    read_only = ReadOnly(READ_ONLY, Late(render))

    assert definitions.read({"uuid": "u", "state": "Running"}, read_only) == {}
    assert rendered == [1]
    assert dict(read_only.current) == {"uuid": "u", "state": "Running"}
    assert len(read_only.current) == 2
