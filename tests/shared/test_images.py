"""Names of images: the parts, and different names of the same image."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodockercloud.wire.images import DOCKER_HUB, ImageName

DIGEST = "sha256:" + "0a" * 32

PARTS = [
    ("nginx", ImageName("", "nginx")),
    ("nginx:1.10", ImageName("", "nginx", "1.10")),
    ("nginx:5000", ImageName("", "nginx", "5000")),
    ("acme/web", ImageName("", "acme/web")),
    (f"nginx@{DIGEST}", ImageName("", "nginx", None, DIGEST)),
    (f"nginx:1@{DIGEST}", ImageName("", "nginx", "1", DIGEST)),
    ("localhost/web", ImageName("localhost", "web")),
    ("localhost:5000/a/b", ImageName("localhost:5000", "a/b")),
    ("r.example.com/web:v1", ImageName("r.example.com", "web", "v1")),
    (
        f"r.example.com:5000/acme/web:v1@{DIGEST}",
        ImageName("r.example.com:5000", "acme/web", "v1", DIGEST),
    ),
    ("docker.io/acme/web", ImageName("docker.io", "acme/web")),
]


@pytest.mark.parametrize(("text", "parts"), PARTS)
def test_parse_returns_the_parts(text: str, parts: ImageName) -> None:
    assert ImageName.parse(text) == parts
    assert str(parts) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", " nginx", "nginx:", "a b", "a:b:c", "/web", "web/", "a//b", "-web"),
        *("nginx@sha256:12", f"@{DIGEST}", "https://x/y", "a" * 600, "$IMAGE", "a\n"),
    ],
)
def test_parse_of_another_text_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="is not the name of an image"):
        ImageName.parse(text)


@pytest.mark.parametrize(
    ("text", "registry"),
    [
        ("nginx", DOCKER_HUB),
        ("acme/web:v1", DOCKER_HUB),
        ("docker.io/acme/web", DOCKER_HUB),
        ("index.docker.io/acme/web", DOCKER_HUB),
        ("registry-1.docker.io/acme/web", DOCKER_HUB),
        ("localhost/web", "localhost"),
        ("r.example.com:5000/web", "r.example.com:5000"),
    ],
)
def test_registry_of_a_name(text: str, registry: str) -> None:
    assert ImageName.parse(text).registry == registry


@pytest.mark.parametrize(
    ("text", "familiar"),
    [
        ("nginx:1", "nginx:1"),
        ("library/nginx", "nginx"),
        ("docker.io/library/nginx", "nginx"),
        ("registry-1.docker.io/acme/web:v1", "acme/web:v1"),
        (f"index.docker.io/nginx@{DIGEST}", f"nginx@{DIGEST}"),
        ("library/acme/web", "library/acme/web"),
        ("r.example.com/library/nginx", "r.example.com/library/nginx"),
    ],
)
def test_familiar_is_the_shortest_name(text: str, familiar: str) -> None:
    assert str(ImageName.parse(text).familiar()) == familiar


@pytest.mark.parametrize(
    ("text", "tagged"),
    [
        ("nginx", "nginx:latest"),
        ("localhost:5000/web", "localhost:5000/web:latest"),
        ("nginx:1", "nginx:1"),
        (f"nginx@{DIGEST}", f"nginx@{DIGEST}"),
    ],
)
def test_with_tag_keeps_tags_and_digests(text: str, tagged: str) -> None:
    assert str(ImageName.parse(text).with_tag()) == tagged


def test_base_name_and_repository_have_neither_tag_nor_digest() -> None:
    name = ImageName.parse(f"r.example.com:5000/acme/web:v1@{DIGEST}")

    assert name.base_name == "web"
    assert name.repository == "r.example.com:5000/acme/web"


@given(st.text(alphabet="ab.:/@-_A0", max_size=20))
def test_parse_loses_nothing(text: str) -> None:
    try:
        name = ImageName.parse(text)
    except ValueError:
        return
    assert str(name) == text
    assert name.familiar().familiar() == name.familiar()
