"""Cases of fields of a service, for parametrized tests."""

from __future__ import annotations

from typing import Any

import pytest

HTTP = {"protocol": "tcp", "inner_port": 80, "outer_port": 80, "published": True}


def case(field: str, value: Any, expected: Any) -> Any:
    return pytest.param(field, value, expected, id=f"{field} {value!r:.40}")
