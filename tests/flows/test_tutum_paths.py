"""Tutum v1's paths and credentials, as client and server parse them."""

from __future__ import annotations

import base64

import pytest

from aiodockercloud import DOCKER_CLOUD, TUTUM, wire
from tests.support.facts import UUID


def test_canonical_uri_of_any_spelling_is_the_spelling_of_bodies() -> None:
    expected = f"/api/app/v1/service/{UUID}/"

    for spelling in (
        f"/api/v1/service/{UUID}/",
        f"/v1/service/{UUID}",
        f"/api/app/v1/acme/service/{UUID}/start/",
        expected,
    ):
        assert wire.canonical_uri(spelling) == expected


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("service", "service"),
        ("/api/v1/service/", "/api/v1/service/"),
        ("/api/v1/service/../", "/api/v1/service/../"),
        (
            f"/api/v1/service/{UUID}/trigger/{UUID}/",
            f"/api/app/v1/service/{UUID}/trigger/{UUID}/",
        ),
        ("/api/v1/image/a/b/", "/api/repo/v1/repository/a/b/"),
        (f"/api/v1/volumegroup/{UUID}/", f"/api/v1/volumegroup/{UUID}/"),
    ],
)
def test_canonical_uri_of_other_kinds_and_of_other_paths(
    uri: str, expected: str
) -> None:
    assert wire.canonical_uri(uri) == expected


def test_respell_for_tutum_drops_only_the_subsystem() -> None:
    uri = f"/api/infra/v1/node/{UUID}/"

    assert wire.respell(uri, TUTUM) == f"/api/v1/node/{UUID}/"
    assert wire.respell(f"http://h{uri}", TUTUM) == f"http://h/api/v1/node/{UUID}/"
    assert wire.respell(uri, DOCKER_CLOUD) == uri
    assert wire.respell("/api/other/v1/x/", TUTUM) == "/api/other/v1/x/"
    assert wire.respell("/api/repo/v1/repository/a/b/", TUTUM) == "/api/v1/image/a/b/"


def test_split_path_reads_kinds_of_tutum_only_under_tutums_paths() -> None:
    image = wire.split_path("/api/v1/image/tutum/hello-world/tag/latest/")
    handler = wire.split_path(f"/api/v1/service/{UUID}/webhook/handler/abc/call/")

    assert image is not None
    assert (image.kind, image.pk) == ("repository", "tutum/hello-world/tag/latest")
    assert handler is not None
    assert (handler.kind, handler.key, handler.operation) == (
        "trigger",
        (UUID, "abc"),
        ("call",),
    )
    # In Docker Cloud's paths the word "image" is a namespace.
    repository = wire.split_path("/api/repo/v1/image/repository/a/b/")
    assert repository is not None
    assert (repository.kind, repository.namespace) == ("repository", "image")


def test_redact_removes_the_secret_of_a_webhook() -> None:
    url = f"https://h/api/v1/service/{UUID}/webhook/handler/secret/call/"

    assert "secret" not in wire.redact(url)


def test_basic_and_api_key_headers_have_the_same_credentials() -> None:
    basic = "Basic " + base64.b64encode(b"u:k").decode()

    assert wire.parse_authorization(basic) == wire.parse_authorization("ApiKey u:k")
