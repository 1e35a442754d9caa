"""Fixtures of the client's tests: recorded requests, a client."""

from __future__ import annotations

from tests.support.recorded import api, cloud

__all__ = ["api", "cloud"]
