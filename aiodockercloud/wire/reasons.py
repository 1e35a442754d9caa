"""Reason phrases of responses, as the hosted API sent them."""

from __future__ import annotations

from functools import cache
from http.client import responses

__all__ = ["reason"]

#: Phrases that newer versions of Python spell differently.
_PHRASES = {413: "Request Entity Too Large", 422: "Unprocessable Entity"}


@cache
def reason(status: int) -> str:
    """Return the reason phrase of a status, in upper case; empty if there is none.

    The hosted API ran on Django. Go programs search errors for ``409 CONFLICT`` and
    ``404 NOT FOUND``.
    """
    return (_PHRASES.get(status) or responses.get(status, "")).upper()
