"""The bodies of webhooks: what registries report as pushed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aiodockercloud.server.control import pushes

DIGEST = "sha256:" + "a" * 64
OTHER_DIGEST = "sha256:" + "b" * 64


def hub(name: str, tag: str | None) -> dict[str, Any]:
    return {
        "callback_url": "https://registry.hub.docker.com/u/acme/web/hook/1/",
        "push_data": {"pushed_at": 1417566161, "pusher": "acme", "tag": tag},
        "repository": {"repo_name": name, "name": name.rpartition("/")[2]},
    }


def ghcr(
    name: str, tag: str, *, wrapper: str = "registry_package", kind: str = "CONTAINER"
) -> dict[str, Any]:
    owner, _, rest = name.partition("/")
    return {
        "action": "published",
        wrapper: {
            "name": rest,
            "namespace": owner,
            "ecosystem": kind,
            "package_type": kind,
            "package_version": {
                "version": DIGEST,
                "container_metadata": {"tag": {"name": tag, "digest": DIGEST}},
                "package_url": f"ghcr.io/{name}:{tag}",
            },
        },
        "repository": {"full_name": "acme/source"},
    }


def pipeline(
    path: str, ref: str, *, status: str = "success", site: str = "https://gitlab.com"
) -> dict[str, Any]:
    return {
        "object_kind": "pipeline",
        "object_attributes": {
            "id": 31,
            "ref": ref,
            "tag": False,
            "sha": "bcbb5ec396a2c0f828686f14fac9b80b780504f2",
            "status": status,
        },
        "project": {
            "path_with_namespace": path,
            "web_url": f"{site}/{path}",
            "default_branch": "main",
        },
    }


def notification(repository: str, **target: str) -> dict[str, Any]:
    return {
        "events": [
            {
                "action": "push",
                "target": {"repository": repository, **target},
                "request": {"host": "registry.example.com:5050"},
            }
        ]
    }


def harbor(url: str, *, kind: str = "PUSH_ARTIFACT") -> dict[str, Any]:
    event = {
        "resources": [{"digest": DIGEST, "tag": "v2", "resource_url": url}],
        "repository": {"name": "web", "repo_full_name": "acme/web"},
    }
    if kind.startswith("harbor."):
        return {"specversion": "1.0", "type": kind, "data": event}
    return {"type": kind, "occur_at": 1586922308, "event_data": event}


def is_pushed(body: object, image: str) -> bool | None:
    report = pushes.read(json.dumps(body).encode())
    return None if report is None else report.has(image)


@pytest.mark.parametrize(
    ("body", "image", "expected"),
    [
        (hub("acme/web", "v2"), "acme/web:v2", True),
        (hub("acme/web", "v2"), "docker.io/acme/web:v2", True),
        (hub("acme/web", "latest"), "acme/web", True),
        (hub("library/nginx", "latest"), "nginx", True),
        (hub("nginx", "latest"), "index.docker.io/library/nginx:latest", True),
        (hub("acme/web", None), "acme/web:v9", True),
        (hub("acme/web", "v3"), "acme/web:v2", False),
        (hub("acme/other", "v2"), "acme/web:v2", False),
        (hub("acme/web", "v2"), "ghcr.io/acme/web:v2", False),
        (hub("acme/web", "v2"), f"acme/web@{DIGEST}", False),
        (ghcr("Acme/Web", "v2"), "ghcr.io/acme/web:v2", True),
        (
            ghcr("acme/group/web", "v2", wrapper="package"),
            "ghcr.io/acme/group/web:v2",
            True,
        ),
        (ghcr("acme/web", "v2"), "acme/web:v2", False),
        (ghcr("acme/web", "v3"), "ghcr.io/acme/web:v2", False),
        (ghcr("acme/web", ""), "ghcr.io/acme/web:latest", False),
        (ghcr("acme/web", "v2"), f"ghcr.io/acme/web@{DIGEST}", True),
        (ghcr("acme/web", "v2"), f"ghcr.io/acme/web@{OTHER_DIGEST}", False),
        (ghcr("acme/web", "v2", kind="npm"), "ghcr.io/acme/web:v2", False),
        ({"zen": "Keep it simple.", "hook_id": 1}, "acme/web:v2", False),
        (pipeline("Acme/web", "main"), "registry.gitlab.com/acme/web:latest", True),
        (pipeline("acme/web", "main"), "registry.gitlab.com/acme/web/api:main", True),
        (pipeline("acme/web", "a/B"), "registry.gitlab.com/acme/web:a-b", True),
        (pipeline("acme/web", "x"), "registry.gitlab.com/acme/web:bcbb5ec3", True),
        (pipeline("acme/web", "x"), "registry.gitlab.com/acme/web:latest", False),
        (pipeline("acme/web", "main"), "registry.gitlab.com/acme/webs:main", False),
        (pipeline("acme/web", "main"), "acme/web:main", False),
        (
            pipeline("acme/web", "main", site="https://git.example.com"),
            "git.example.com:5050/acme/web:main",
            True,
        ),
        (
            pipeline("acme/web", "main", status="failed"),
            "registry.gitlab.com/acme/web:main",
            False,
        ),
        (
            notification("acme/web", tag="v2", digest=DIGEST),
            "registry.example.com:5050/acme/web:v2",
            True,
        ),
        (
            notification("acme/web", tag="v2"),
            "registry.example.com/acme/web:v2",
            False,
        ),
        (
            notification(
                "acme/web", digest=DIGEST, mediaType="application/octet-stream"
            ),
            "registry.example.com:5050/acme/web:latest",
            False,
        ),
        (harbor("hub.example.com/acme/web:v2"), "hub.example.com/acme/web:v2", True),
        (harbor("HUB.example.com/acme/web:v2"), "hub.example.com/acme/web:v2", True),
        (
            harbor("hub.example.com/acme/web:v2", kind="harbor.artifact.pushed"),
            "hub.example.com/acme/web:v2",
            True,
        ),
        (harbor("hub.example.com/acme/web:v3"), "hub.example.com/acme/web:v2", False),
        (
            harbor(f"hub.example.com/acme/web@{DIGEST}"),
            f"hub.example.com/acme/web@{DIGEST}",
            True,
        ),
        (
            harbor("hub.example.com/acme/web:v2", kind="PULL_ARTIFACT"),
            "hub.example.com/acme/web:v2",
            False,
        ),
        (
            harbor("hub.example.com/acme/web:v2", kind="SCANNING_COMPLETED"),
            "hub.example.com/acme/web:v2",
            False,
        ),
    ],
)
def test_report_of_a_known_sender_names_the_pushed_image(
    body: object, image: str, expected: bool
) -> None:
    assert is_pushed(body, image) is expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"pushed: v2",
        b"\xff\x00",
        b"[1]",
        b"[" * 100_000,
        b'{"ref": "refs/heads/main"}',
        b'{"object_kind": "push", "ref": "refs/heads/main"}',
        b'{"type": "deploy"}',
        b'{"push_data": {"tag": "v2"}, "repository": "acme/web"}',
        b'{"push_data": {"tag": "v 2"}, "repository": {"repo_name": "acme/web"}}',
        b'{"events": [{"target": {}}]}',
        b'{"events": []}',
        b'{"object_kind": "pipeline"}',
        b'{"package": {"package_type": null}}',
        b'{"type": "PUSH_ARTIFACT", "event_data": {"resources": [7]}}',
    ],
)
def test_body_of_another_program_is_unknown(body: bytes) -> None:
    assert pushes.read(body) is None
