"""The log of ``serve``: form, levels and secrets."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from aiodockercloud.server import log

SECRET = "CANARY-s3cret"


@contextmanager
def logged(form: str, level: str = "debug") -> Iterator[io.StringIO]:
    """Log to the stream as ``serve`` does, while the block runs."""
    root, stream = logging.getLogger(), io.StringIO()
    handlers, before = root.handlers[:], root.level
    root.handlers.clear()
    log.configure(level, form, stream)
    try:
        yield stream
    finally:
        root.handlers[:] = handlers
        root.setLevel(before)


def fail(text: str) -> None:
    raise ValueError(text)


@pytest.mark.parametrize("form", log.FORMATS)
@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Basic {SECRET}",
        f"GET /events/?user=admin&token={SECRET}",
        f"/service/a/trigger/{SECRET}/call/",
        f"{{'password': '{SECRET}'}}",
        f'{{"apikey": "{SECRET}"}}',
        f"http://user:{SECRET}@host/",
    ],
)
def test_secret_in_message_argument_field_and_traceback_is_hidden(
    form: str, text: str
) -> None:
    with logged(form) as stream:
        logger = logging.getLogger("aiodockercloud.test")

        logger.warning(text)
        logger.warning("%s and %r", text, text, extra={"path": text, "all": [text]})
        try:
            fail(text)
        except ValueError:
            logging.getLogger("other").exception("failed")

    assert "failed" in stream.getvalue()
    assert SECRET not in stream.getvalue()


@pytest.mark.parametrize("form", log.FORMATS)
def test_other_packages_report_warnings_only(form: str) -> None:
    with logged(form) as stream:
        for name in ("aiosqlite", "aiohttp.access", "asyncio", "aiodockercloud.x"):
            logging.getLogger(name).debug("detail of %s", name)
            logging.getLogger(name).info("news of %s", name)
            logging.getLogger(name).warning("warning of %s", name)

    text = stream.getvalue()
    assert text.count("warning of ") == 4
    assert text.count("detail of ") == text.count("news of ") == 1


@pytest.mark.parametrize("form", log.FORMATS)
def test_level_bounds_the_own_records(form: str) -> None:
    with logged(form, "error") as stream:
        logging.getLogger("aiodockercloud.x").warning("quiet")
        logging.getLogger("other").error("loud")

    assert "quiet" not in stream.getvalue()
    assert "loud" in stream.getvalue()


@pytest.mark.parametrize("time", ["first", "second"])
def test_level_that_a_test_sets_ends_with_the_test(time: str) -> None:
    logger = logging.getLogger("aiodockercloud")
    assert logger.level == logging.NOTSET, f"set before the {time} test"

    logger.setLevel(logging.DEBUG)


@pytest.mark.parametrize("form", log.FORMATS)
def test_message_cannot_begin_another_line(form: str) -> None:
    with logged(form) as stream:
        logging.getLogger("aiodockercloud.x").warning(
            "from %s", "a\n2026 ERROR forged\r\x1b[2J\u2028\udc80"
        )

    text = stream.getvalue()
    assert text.count("\n") == 1
    assert "\x1b" not in text
    text.encode()


def test_json_line_has_the_fields_of_its_message() -> None:
    with logged("json") as stream:
        logging.getLogger("aiodockercloud.access").info(
            "GET %s", "/api/", extra={"status": 200, "request": "6f1c", "odd": {1}}
        )
        try:
            fail("bad")
        except ValueError:
            logging.getLogger("aiodockercloud.x").exception("failed")

    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    time: Any = first.pop("time")
    assert time.endswith("Z")
    assert first == {
        "level": "info",
        "logger": "aiodockercloud.access",
        "message": "GET /api/",
        "status": 200,
        "request": "6f1c",
        "odd": "{1}",
    }
    assert "ValueError: bad" in second["exception"]


def test_sparse_log_counts_what_it_leaves_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = 0.0
    sparse = log.SparseLog(logging.getLogger("sparse"), 10.0, lambda: now)

    for now in (0.0, 1.0, 9.9, 10.0, 20.0):
        sparse.warning("from %s", now)

    assert [record.getMessage() for record in caplog.records] == [
        "from 0.0",
        "from 10.0 (2 similar lines were left out)",
        "from 20.0",
    ]
