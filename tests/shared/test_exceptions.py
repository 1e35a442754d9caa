"""The error tree: statuses, texts, pickling, and no secrets in errors."""

from __future__ import annotations

import copy
import importlib
import inspect
import pickle
import pkgutil
import traceback
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

import aiodockercloud
from aiodockercloud import exceptions, wire
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
from aiodockercloud.redaction import redact_text


def tree() -> list[type[DockerCloudError]]:
    """Return every error class of the library."""
    for module in pkgutil.walk_packages(aiodockercloud.__path__, "aiodockercloud."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found: list[type[DockerCloudError]] = [DockerCloudError]
    for kind in found:
        found += [one for one in kind.__subclasses__() if one not in found]
    return found


ERRORS = tree()

#: A value for every argument of an error.
ARGUMENTS: dict[str, Any] = {
    "args": "what went wrong",
    "message": "what went wrong",
    "status": 418,
    "method": "GET",
    "url": "https://h/api/",
    "headers": {"Retry-After": "3", "X-Other": "é"},
    "attempts": 3,
    "code": 4000,
    "reason": "restarting",
    "problem": "is unknown",
    "file": "docker-cloud.yml",
    "service": "web",
    "key": "ports",
}

SECRET = "Hunter2-sécret"
BASIC = wire.basic_auth("alice", SECRET).removeprefix("Basic ")
UUID = "7eaf7fff-882c-4f3d-9a8f-a22317ac00ce"
SECRETS = (SECRET, quote(SECRET), BASIC, UUID, UUID[:8])

#: Texts and URLs of servers and of errors of other libraries, with secrets.
LEAKS = [
    f"no answer from https://alice:{SECRET}@registry.example.com:5000/v2/",
    f"no answer from https://alice:{quote(SECRET)}@registry.example.com:5000/v2/",
    f"no path /api/app/v1/service/1/trigger/{UUID}/call/ here",
    f"no path '/api/app/v1/service/1/webhook/handler/{UUID}/call/'",
    f"wss://h/v1/events?user=alice&token={SECRET}",
    f"wss://h/v1/events?auth=Basic%20{BASIC}",
    f"wss://h/v1/events?x=1&apikey={SECRET}&y=2",
    f"Authorization: Basic {BASIC}",
    f"authorization: {SECRET}",
    f"{{'Authorization': 'Basic {BASIC}', 'Accept': '*/*'}}",
    f"<CIMultiDictProxy('Host': 'h', 'Authorization': 'Basic {BASIC}')>",
    f"refused with Basic {BASIC}.",
    f"refused with Bearer {SECRET}",
    f"Authorization: ApiKey alice:{SECRET}",
    f"Set-Cookie: session={SECRET}; Path=/",
    f"X-Registry-Auth: {BASIC}",
    f'{{"X-Registry-Auth": "{BASIC}"}}',
    f'{{"username": "alice", "password": "{SECRET}"}}',
    f"{{'registry_password': '{SECRET} with spaces'}}",
    f"login failed with password={SECRET}",
    f"DOCKERCLOUD_APIKEY={SECRET} is wrong",
]

HEADERS = {
    "Authorization": f"Basic {BASIC}",
    "set-cookie": f"session={SECRET}",
    "X-Registry-Auth": BASIC,
    "Retry-After": "3",
}


def make(kind: type[DockerCloudError], **given: Any) -> DockerCloudError:
    """Return an error with all arguments of its class."""
    args: list[Any] = []
    named: dict[str, Any] = {}
    for name, parameter in inspect.signature(kind).parameters.items():
        value = given.get(name, ARGUMENTS[name])
        if parameter.kind is parameter.KEYWORD_ONLY:
            named[name] = value
        else:
            args.append(value)
    return kind(*args, **named)


def test_tree_has_every_exported_error() -> None:
    names = {kind.__name__ for kind in ERRORS}

    assert names >= {*exceptions.__all__} - {"error_class"}


def test_errors_of_other_modules_that_users_meet_belong_to_the_tree() -> None:
    """Catching the root catches every error class of the library."""
    public = [getattr(aiodockercloud, name) for name in aiodockercloud.__all__]
    errors = [x for x in public if isinstance(x, type) and issubclass(x, Exception)]

    assert errors
    assert all(issubclass(one, DockerCloudError) for one in errors)


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_has_a_message(kind: type[DockerCloudError]) -> None:
    error = make(kind)

    assert error.message
    assert error.message in str(error)
    assert pickle.loads(pickle.dumps(error)).message == error.message


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_survives_pickling(
    kind: type[DockerCloudError], protocol: int
) -> None:
    error = make(kind)
    error.add_note("a note")

    found = pickle.loads(pickle.dumps(error, protocol))

    assert type(found) is kind
    assert (str(found), repr(found)) == (str(error), repr(error))
    assert found.args == error.args
    assert vars(found) == vars(error)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_copied_is_the_same(
    kind: type[DockerCloudError], copied: Callable[[Any], Any]
) -> None:
    error = make(kind)

    found = copied(error)

    assert type(found) is kind
    assert (str(found), repr(found)) == (str(error), repr(error))
    assert vars(found) == vars(error)


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_made_without_arguments_has_a_text(
    kind: type[DockerCloudError],
) -> None:
    error = kind()

    assert isinstance(str(error), str)
    assert vars(pickle.loads(pickle.dumps(error))) == vars(error)


@pytest.mark.parametrize("kind", ERRORS)
def test_no_error_shows_a_secret(kind: type[DockerCloudError]) -> None:
    for leak in LEAKS:
        texts = {name: leak for name in ("args", "message", "reason", "problem", "url")}
        error = make(kind, **texts, headers=HEADERS)
        for one in (error, pickle.loads(pickle.dumps(error))):
            rendered = f"{one} {one!r} {one.args} {vars(one)}"
            rendered += "".join(traceback.format_exception(one))
            assert [secret for secret in SECRETS if secret in rendered] == [], leak


@pytest.mark.parametrize(
    "text",
    [
        "credentials are missing: send Authorization: Basic",
        "Basic authentication is needed; Bearer tokens are not",
        "password: must be a text, got 5",
        "token: is missing",
        "there is no path /api/app/v1/service/1/trigger/",
        "mail to admin@example.com, or see https://example.com/a@b",
        "name: there is a service 'web' already",
        "Authorization Required",
    ],
)
def test_text_without_secrets_is_unchanged(text: str) -> None:
    assert redact_text(text) == text
    assert ApiError(text).message == text


def test_invalid_url_causes_no_second_error() -> None:
    assert SECRET not in ConnectError("x", url=f"http://[{SECRET}").url


def test_headers_without_secrets_are_kept() -> None:
    assert ApiError(headers=HEADERS).headers == {"Retry-After": "3"}


def test_api_error_as_text_has_status_place_message_and_attempts() -> None:
    error = AuthError("who?", method="GET", url="https://h/", attempts=3)

    assert str(error) == "401 (GET https://h/): who? [3 attempts]"


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


def test_errors_as_text_have_reason_and_place() -> None:
    assert str(ApiError(status=402)) == "402: Payment Required"
    assert str(ConnectError("reset", attempts=2)) == "reset [2 attempts]"
    assert (
        str(StreamClosed(1011, "oops")) == "the stream was closed with code 1011: oops"
    )
    assert (
        str(StackFileError("unknown", file="a.yml", service="web", key="prots"))
        == "a.yml: service web: key prots: unknown"
    )
