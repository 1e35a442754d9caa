"""Uuids of records."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from aiodockercloud.server.state import records


@pytest.mark.parametrize("number", ["9041e088", "01234567", "12345678", "1234567e"])
def test_new_uuid_never_begins_as_a_number(
    monkeypatch: pytest.MonkeyPatch, number: str
) -> None:
    rest = "-2f0a-4f0f-8c8e-2b9a1ee0d3aa"
    found: Iterator[uuid.UUID] = iter(
        uuid.UUID(first + rest) for first in (number, "1a345678")
    )
    monkeypatch.setattr(uuid, "uuid4", lambda: next(found))

    assert records.new_uuid() == f"1a345678{rest}"
