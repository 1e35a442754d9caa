"""The rules of the wire, without a network."""

from __future__ import annotations

import itertools
import re
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from aiodockercloud import (
    DOCKER_CLOUD,
    TUTUM,
    ApiError,
    ConnectError,
    Dialect,
    InvalidResponse,
    ObjectNotFound,
    OperationNotAllowed,
    ServerError,
    StreamClosed,
    wire,
)

UUID = "7eaf7fff-882c-4f3d-9a8f-a22317ac00ce"


# --- paths ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("segments", "namespace", "expected"),
    [
        (("service",), None, "/api/app/v1/service/"),
        (("service", UUID, "start"), None, f"/api/app/v1/service/{UUID}/start/"),
        (("service", UUID), "acme", f"/api/app/v1/acme/service/{UUID}/"),
        (("node", UUID), "acme", f"/api/infra/v1/acme/node/{UUID}/"),
        (("action", UUID), "acme", f"/api/audit/v1/action/{UUID}/"),
        (("region", "aws", "eu 1"), "acme", "/api/infra/v1/region/aws/eu%201/"),
        (("repository", "r:5000", "a"), None, "/api/repo/v1/repository/r%3A5000/a/"),
        (("service", "a?b#c/d"), None, "/api/app/v1/service/a%3Fb%23c%2Fd/"),
        (("events",), None, "/api/audit/v1/events/"),
    ],
)
def test_path_of_segments_is_quoted_and_ends_in_a_slash(
    segments: tuple[str, ...], namespace: str | None, expected: str
) -> None:
    assert wire.path(*segments, namespace=namespace) == expected


@given(st.lists(st.text(min_size=1)), st.none() | st.text(min_size=1))
def test_path_has_each_segment_quoted(
    segments: list[str], namespace: str | None
) -> None:
    parts = [*filter(None, [namespace]), "service", *segments]
    assume(not {".", ".."} & {*parts})
    expected = "".join(f"{quote(part, safe='')}/" for part in parts)

    found = wire.path("service", *segments, namespace=namespace)

    assert found == f"/api/app/v1/{expected}"


@pytest.mark.parametrize("segment", ["", ".", ".."])
def test_path_with_a_segment_that_names_another_path_is_refused(segment: str) -> None:
    with pytest.raises(ValueError, match="cannot stand in a path"):
        wire.path("service", segment)


@pytest.mark.parametrize("dialect", [DOCKER_CLOUD, TUTUM])
@given(
    reference=st.one_of(
        st.text(min_size=1),
        st.sampled_from(
            [UUID, f"/api/app/v1/acme/service/{UUID}/", f"/api/v1/service/{UUID}/"]
        ),
    ),
    operation=st.sampled_from([(), ("start",)]),
    namespace=st.sampled_from([None, "beta"]),
    stream=st.booleans(),
)
def test_path_of_an_object_is_that_of_its_target(
    dialect: Dialect,
    reference: str,
    operation: tuple[str, ...],
    namespace: str | None,
    stream: bool,
) -> None:
    def parsed() -> str:
        target = wire.target_of("service", reference)
        return wire.path(
            "service",
            *target.key,
            *operation,
            namespace=target.namespace or namespace,
            dialect=dialect,
            stream=stream,
        )

    def kept(given: str | dict[str, str]) -> str:
        return wire.object_path(
            "service",
            given,
            operation,
            namespace=namespace,
            dialect=dialect,
            stream=stream,
        )

    try:
        expected = parsed()
    except ValueError as exc:
        with pytest.raises(ValueError, match=re.escape(str(exc))):
            kept(reference)
        return
    assert [kept(reference), kept(reference)] == [expected, expected]
    assert kept({"resource_uri": reference}) == expected


def test_path_in_tutum_has_no_subsystem_and_no_namespace() -> None:
    assert (
        wire.path("service", UUID, namespace="acme", dialect=TUTUM)
        == f"/api/v1/service/{UUID}/"
    )
    assert (
        wire.path("service", UUID, "logs", dialect=TUTUM, stream=True)
        == f"/v1/service/{UUID}/logs/"
    )


@pytest.mark.parametrize(
    ("path", "kind", "namespace", "key", "operation"),
    [
        ("/api/app/v1/service/", "service", None, (), ()),
        (f"/api/app/v1/service/{UUID}", "service", None, (UUID,), ()),
        (f"/api/app/v1//service/{UUID}//", "service", None, (UUID,), ()),
        (f"/app/v1/service/{UUID}/logs/", "service", None, (UUID,), ("logs",)),
        (f"/api/app/v1/acme/stack/{UUID}/", "stack", "acme", (UUID,), ()),
        (f"/api/audit/v1/acme/action/{UUID}/", "action", "acme", (UUID,), ()),
        (
            f"/api/app/v1/service/{UUID}//trigger/t1/call/3/",
            *("trigger", None, (UUID, "t1"), ("call", "3")),
        ),
        ("/api/infra/v1/az/aws/eu/eu-1/", "az", None, ("aws", "eu", "eu-1"), ()),
        (
            "/api/repo/v1/repository/r.example.com/u/i/",
            *("repository", None, ("r.example.com", "u", "i"), ()),
        ),
        ("/api/audit/v1/events", "events", None, (), ()),
        ("/v1/events", "events", None, (), ()),
        (f"/api/v1/service/{UUID}/", "service", None, (UUID,), ()),
    ],
)
def test_split_path_of_the_spellings_of_clients_returns_the_object(
    path: str,
    kind: str,
    namespace: str | None,
    key: tuple[str, ...],
    operation: tuple[str, ...],
) -> None:
    target = wire.split_path(path)

    assert target is not None
    assert target[:4] == (kind, namespace, key, operation)


@pytest.mark.parametrize("path", ["/", "/api/", "/api/app/v1/node/x/", "/index.html"])
def test_split_path_of_an_unknown_path_is_none(path: str) -> None:
    assert wire.split_path(path) is None


@pytest.mark.parametrize(
    "reference",
    [
        UUID,
        f"/api/app/v1/service/{UUID}/",
        f"https://cloud.example.com/api/app/v1/service/{UUID}/",
        {"uuid": UUID},
        {"uuid": "other", "resource_uri": f"/api/app/v1/service/{UUID}/"},
    ],
)
def test_target_of_each_form_is_the_same_object(
    reference: str | dict[str, str],
) -> None:
    target = wire.target_of("service", reference)

    assert (target.kind, target.namespace, target.pk) == ("service", None, UUID)


def test_target_of_a_namespaced_uri_keeps_the_namespace() -> None:
    target = wire.target_of("service", f"/api/app/v1/acme/service/{UUID}/")

    assert target.namespace == "acme"


@pytest.mark.parametrize(
    "reference", ["", {}, {"uuid": ""}, f"/api/app/v1/stack/{UUID}/", "/elsewhere/"]
)
def test_target_of_another_kind_is_refused(reference: str | dict[str, str]) -> None:
    with pytest.raises(ValueError, match="service"):
        wire.target_of("service", reference)


# --- secrets ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://u:p@host/x/?tail=1", "https://host/x/?tail=1"),
        (
            "wss://host/e?user=a&token=b&type=c",
            "wss://host/e?user=***&token=***&type=c",
        ),
        (
            "https://host/api/app/v1/service/u/trigger/t0p/call/",
            "https://host/api/app/v1/service/u/trigger/***/call/",
        ),
    ],
)
def test_redact_url_hides_the_secrets(url: str, shown: str) -> None:
    assert wire.redact(url) == shown


def test_parse_authorization_of_basic_auth_returns_user_and_key() -> None:
    value = wire.basic_auth("alice", "a:b")

    assert value == "Basic YWxpY2U6YTpi"
    assert wire.parse_authorization(value) == ("alice", "a:b")
    assert wire.parse_authorization("ApiKey alice:key") == ("alice", "key")


@pytest.mark.parametrize("value", ["", "Basic", "Basic ???", "Bearer x", "Basic YQ=="])
def test_parse_authorization_of_another_value_is_none(value: str) -> None:
    assert wire.parse_authorization(value) is None


# --- values -------------------------------------------------------------------------


def test_format_date_has_the_pattern_that_the_old_cli_parses() -> None:
    moment = datetime(2016, 3, 1, 4, 52, 18, tzinfo=timezone(timedelta(hours=1)))

    assert wire.format_date(moment) == "Tue, 1 Mar 2016 03:52:18 +0000"
    assert wire.format_event_date(moment) == "2016-03-01T03:52:18Z"
    assert wire.format_date(None) is None


@pytest.mark.parametrize(
    "text",
    [
        "Tue, 1 Mar 2016 03:52:18 +0000",
        "2016-03-01T03:52:18Z",
        "2016-03-01T04:52:18+01:00",
        "2016-03-01T03:52:18",
    ],
)
def test_parse_date_of_each_form_returns_the_same_time(text: str) -> None:
    assert wire.parse_date(text) == datetime(2016, 3, 1, 3, 52, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "value"), [("True", True), ("true", True), ("0", False), ("False", False)]
)
def test_parse_bool_of_the_words_of_clients_returns_the_boolean(
    text: str, value: bool
) -> None:
    assert wire.parse_bool(text) is value


def test_parse_bool_of_another_word_is_refused() -> None:
    with pytest.raises(ValueError, match="'maybe' is not true or false"):
        wire.parse_bool("maybe")


# --- answers ------------------------------------------------------------------------


def test_decode_response_with_an_action_has_its_uri() -> None:
    headers = {"X-DockerCloud-Action-URI": "/api/audit/v1/action/1/"}

    found = wire.decode_response(202, headers, b'{"state": "Starting"}')

    assert found == {
        "state": "Starting",
        "dockercloud_action_uri": "/api/audit/v1/action/1/",
    }


def test_decode_response_without_a_body_is_an_empty_dict() -> None:
    assert wire.decode_response(204, {}, b"") == {}


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (404, b'{"error": "no service x"}', ObjectNotFound, "no service x"),
        (422, b'{"error": "not now"}', OperationNotAllowed, "not now"),
        (502, b"<html>proxy</html>", ServerError, "Bad Gateway"),
        (418, b"short and stout", ApiError, "short and stout"),
        (599, b"", ServerError, "HTTP status 599"),
    ],
)
def test_decode_response_of_an_error_raises_the_error_of_its_status(
    status: int, body: bytes, kind: type[ApiError], message: str
) -> None:
    with pytest.raises(kind) as caught:
        wire.decode_response(
            status,
            {"Set-Cookie": "secret", "Retry-After": "1"},
            body,
            method="GET",
            url="https://u:p@host/x/",
        )

    error = caught.value
    assert (error.status, error.message, error.method) == (status, message, "GET")
    assert error.url == "https://host/x/"
    assert error.headers == {"Retry-After": "1"}


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("https://h/api/app/v1/service/web/", "cloud.services.find('web')"),
        ("https://h/pre/api/app/v1/acme/stack/a%20b/start/", "stacks.find('a b')"),
        ("wss://h/api/app/v1/container/web-1/logs/?tail=1", "containers.find('web-1')"),
        ("https://h/api/infra/v1/node/7eaf7fff/", "cloud.nodes.find('7eaf7fff')"),
        (f"https://h/api/app/v1/service/{UUID}/", None),
        ("https://h/api/app/v1/service/", None),
        ("https://h/api/infra/v1/region/aws/x/", None),
    ],
)
def test_decode_response_404_for_a_name_mentions_find(
    url: str, advice: str | None
) -> None:
    with pytest.raises(ObjectNotFound, match=r"^404: no such thing") as caught:
        wire.decode_response(404, {}, b'{"error": "no such thing"}', url=url)

    if advice is None:
        assert caught.value.message == "no such thing"
    else:
        assert advice in caught.value.message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"[1]", "the response is not a JSON object"),
        (b"null", "the response is not a JSON object"),
        (b"<html>", "the response is not JSON"),
    ],
)
def test_decode_response_that_is_no_object_raises_invalid_response(
    body: bytes, message: str
) -> None:
    with pytest.raises(InvalidResponse) as caught:
        wire.decode_response(200, {}, body, method="GET", url="https://u:p@host/x/")

    error = caught.value
    assert (error.status, error.message, error.method) == (200, message, "GET")
    assert error.url == "https://host/x/"


def test_next_offset_is_none_after_the_last_page() -> None:
    meta = {"limit": 25, "offset": 25, "next": "/api/app/v1/service/?offset=50"}

    assert wire.next_offset({"meta": meta}) == 50
    assert wire.next_offset({"meta": {**meta, "next": None}}) is None


# --- trying again -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "transient"),
    [
        (ApiError("", 503), True),
        (ApiError("", 429), True),
        (ApiError("", 401), False),
        (ApiError("", 404), False),
        (ApiError("", 500), False),
        (ConnectError(), True),
        (StreamClosed(1006), True),
        (StreamClosed(1001), True),
        (StreamClosed(1000), False),
        (StreamClosed(1008), False),
        (KeyError(), False),
    ],
)
def test_is_transient_is_true_for_failures_that_may_end(
    error: Exception, transient: bool
) -> None:
    assert wire.is_transient(error) is transient


def test_backoff_grows_to_its_cap_with_jitter() -> None:
    pauses = list(itertools.islice(wire.backoff(1.0, cap=4.0), 5))

    for pause, full in zip(pauses, [1, 2, 4, 4, 4], strict=True):
        assert full / 2 <= pause <= full


def test_loads_mended_of_a_deep_text_raises_value_error() -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        wire.loads_mended("[" * 100_000)
