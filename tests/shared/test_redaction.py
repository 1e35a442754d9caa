"""Redaction of texts: a secret is hidden to its end, in every notation."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from aiodockercloud.redaction import redact_text


@pytest.mark.parametrize("write", [json.dumps, repr])
@pytest.mark.parametrize(
    "secret", ["plain", 'with "quotes" in it', 'it\'s "both" kinds', "ends with \\"]
)
def test_secret_of_a_dict_is_hidden_to_its_end(
    write: Callable[[object], str], secret: str
) -> None:
    text = write({"user": "alice", "password": secret, "port": 1})

    assert redact_text(text) == write({"user": "alice", "password": "***", "port": 1})
