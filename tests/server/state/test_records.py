"""Uuids of records."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest

from aiodockercloud.server.state import records


@pytest.mark.parametrize("number", ["9041e088", "01234567", "12345678", "1234567e"])
def test_new_uuid_never_begins_as_a_number(
    monkeypatch: pytest.MonkeyPatch, number: str
) -> None:
    rest = "-2f0a-4f0f-8c8e-2b9a1ee0d3aa"
    found: Iterator[bytes] = iter(
        uuid.UUID(first + rest).bytes for first in (number, "1a345678")
    )
    monkeypatch.setattr(os, "urandom", lambda _: next(found))

    assert records.new_uuid() == f"1a345678{rest}"


def test_new_uuid_is_a_random_uuid_of_version_4() -> None:
    found = [records.new_uuid() for _ in range(1000)]

    assert all(str(uuid.UUID(one)) == one for one in found)
    assert {uuid.UUID(one).version for one in found} == {4}
    assert {one[19] for one in found} == set("89ab")
    assert len(set(found)) == len(found)
