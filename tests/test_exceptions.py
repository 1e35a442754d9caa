"""The error tree: statuses, texts, pickling."""

from __future__ import annotations

import pickle

import pytest

from aiodockercloud import exceptions
from aiodockercloud.exceptions import (
    ApiError,
    AuthError,
    ConnectError,
    DockerCloudError,
    ServerError,
    StackFileError,
    StreamClosed,
    error_class,
)

ERRORS = [
    getattr(exceptions, name) for name in exceptions.__all__ if name != "error_class"
]


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_has_the_one_root(kind: type[Exception]) -> None:
    assert issubclass(kind, DockerCloudError)


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_pickled_comes_back_whole(kind: type[Exception]) -> None:
    error = kind("what went wrong")

    copy = pickle.loads(pickle.dumps(error))

    assert type(copy) is kind
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


def test_api_error_pickled_keeps_all_it_knows() -> None:
    error = AuthError(
        "who?", method="GET", url="https://h/", headers={"A": "b"}, attempts=3
    )

    copy = pickle.loads(pickle.dumps(error))

    assert vars(copy) == vars(error)
    assert str(copy) == "401 (GET https://h/): who? [3 attempts]"


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "BadRequest"),
        (401, "AuthError"),
        (402, "PaymentRequired"),
        (403, "Forbidden"),
        (404, "ObjectNotFound"),
        (405, "MethodNotAllowed"),
        (409, "ConflictError"),
        (413, "PayloadTooLarge"),
        (415, "UnsupportedMediaType"),
        (422, "OperationNotAllowed"),
        (429, "ThrottledError"),
        (500, "ServerError"),
        (501, "NotSupported"),
        (503, "Unavailable"),
        (504, "GatewayTimeout"),
        (418, "ApiError"),
        (502, "ServerError"),
    ],
)
def test_error_class_of_a_status_is_the_documented_one(status: int, name: str) -> None:
    kind = error_class(status)

    assert kind.__name__ == name
    assert issubclass(kind, ServerError) is (status >= 500)


def test_errors_as_text_say_what_and_where() -> None:
    assert str(ApiError(status=402)) == "402: Payment Required"
    assert str(ConnectError("gone", attempts=2)) == "gone [2 attempts]"
    assert (
        str(StreamClosed(1011, "oops")) == "the stream was closed with code 1011: oops"
    )
    assert (
        str(StackFileError("unknown", file="a.yml", service="web", key="prots"))
        == "a.yml: service web: key prots: unknown"
    )
