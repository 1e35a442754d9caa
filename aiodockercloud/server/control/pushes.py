"""The bodies of webhooks: which images a registry reports as pushed.

A registry calls a trigger for each push to a repository, whatever the tag. Of a body
that this module knows, the trigger learns whether the pushed image is the service's.
An unknown body names no image.

Sources: Docker Hub, "Webhooks"; GitHub, "Webhook events and payloads": ``package`` and
``registry_package``; GitLab, "Webhook events": pipelines; the notifications of the CNCF
Distribution registry, which GitLab's registry sends; Harbor, "Configure Webhook
Notifications", in both of its formats.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ... import wire
from ...wire.images import ImageName

_GHCR = "ghcr.io"
_GITLAB_COM, _GITLAB_COM_REGISTRY = "gitlab.com", "registry.gitlab.com"
#: The types of Harbor's notifications of a push, in its two formats.
_HARBOR_PUSHES = ("PUSH_ARTIFACT", "harbor.artifact.pushed")
_HARBOR_TYPE = re.compile(r"harbor\.[a-z_.]+|[A-Z]+(?:_[A-Z]+)+")


@dataclass(frozen=True, slots=True)
class Pushed:
    """One pushed image.

    Attributes:
        image: The name, with a tag or a digest unless the sender names neither.
        host: The host of the registry is known. Otherwise, any registry but Docker Hub
            can have the image.
        below: The sender names a project: the images below the name are meant, too.
    """

    image: ImageName
    host: bool = True
    below: bool = False

    def is_image(self, wanted: ImageName) -> bool:
        """Return whether this image is *wanted*."""
        image, wanted = self.image.familiar(), wanted.familiar()
        if not self.host and wanted.on_hub:
            return False
        if self.host and image.host.lower() != wanted.host.lower():
            return False
        inside = self.below and wanted.path.startswith(f"{image.path}/")
        if wanted.path != image.path and not inside:
            return False
        if wanted.digest is not None:
            return image.digest == wanted.digest
        if image.tag is None:
            return image.digest is None  # a push by digest moves no tag
        return image.tag == wanted.with_tag().tag


@dataclass(frozen=True, slots=True)
class Report:
    """What a known webhook reports.

    Attributes:
        sender: The kind of the sender, for logs.
        pushed: The pushed images; empty for an event that is no push of an image.
    """

    sender: str
    pushed: tuple[Pushed, ...]

    def has(self, image: str) -> bool:
        """Return whether the image of a service was pushed."""
        wanted = ImageName.parse(image)
        return any(pushed.is_image(wanted) for pushed in self.pushed)

    def __str__(self) -> str:
        names = ", ".join(dict.fromkeys(str(pushed.image) for pushed in self.pushed))
        return f"{self.sender} reports a push of {names or 'no image'}"


def read(body: bytes) -> Report | None:
    """Return what the body of a webhook reports, ``None`` for an unknown body."""
    try:
        data = wire.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict):
        return None
    for sender, known, reader in _SENDERS:
        if known(data):
            try:
                return Report(sender, tuple(reader(data)))
            except (LookupError, TypeError, AttributeError, ValueError):
                return None  # another program's body with similar keys
    return None


def _named(name: str, tag: Any = None, digest: Any = None) -> ImageName:
    """Return the name of an image from its parts.

    Raises:
        ValueError: The parts are no name.
    """
    tag = f":{tag}" if tag and not str(tag).startswith("sha256:") else ""
    return ImageName.parse(f"{name}{tag}{f'@{digest}' if digest else ''}")


# --- Docker Hub ---------------------------------------------------------------------


def _is_hub(data: Mapping[str, Any]) -> bool:
    return isinstance(data.get("push_data"), dict) and "repository" in data


def _hub(data: Mapping[str, Any]) -> Iterator[Pushed]:
    yield Pushed(_named(data["repository"]["repo_name"], data["push_data"].get("tag")))


# --- GitHub -------------------------------------------------------------------------


def _is_github(data: Mapping[str, Any]) -> bool:
    package = data.get("registry_package", data.get("package"))
    # GitHub sends a ping when a webhook is created.
    ping = "zen" in data and "hook_id" in data
    return ping or (isinstance(package, dict) and "package_type" in package)


def _github(data: Mapping[str, Any]) -> Iterator[Pushed]:
    package = data.get("registry_package", data.get("package"))
    if package is None or package["package_type"].lower() != "container":
        return
    version = package["package_version"]
    tag = (version.get("container_metadata") or {}).get("tag") or {}
    digest = tag.get("digest") or version.get("version")
    digest = digest if str(digest).startswith("sha256:") else None
    name = f"{_GHCR}/{package['namespace']}/{package['name']}".lower()
    # Without a tag, a layer or the image of one platform was pushed.
    if tag.get("name") or digest:
        yield Pushed(_named(name, tag.get("name"), digest))


# --- GitLab, and the Distribution registry ------------------------------------------


def _is_pipeline(data: Mapping[str, Any]) -> bool:
    return data.get("object_kind") == "pipeline"


def _pipeline(data: Mapping[str, Any]) -> Iterator[Pushed]:
    """Yield the images that a successful pipeline can have pushed, by GitLab's tags.

    A pipeline does not state what was pushed. By custom the tag is the branch or tag of
    Git, its slug or the commit, and ``latest`` for the default branch.
    """
    run, project = data["object_attributes"], data["project"]
    if run["status"] != "success":
        return
    path, host = project["path_with_namespace"].lower(), ""
    if f"//{_GITLAB_COM}/" in project["web_url"]:
        host = f"{_GITLAB_COM_REGISTRY}/"
    ref, commit = run["ref"], run["sha"]
    slug = re.sub(r"[^a-z0-9]", "-", ref.lower())[:63].strip("-")
    tags = dict.fromkeys((ref, slug, commit, commit[:8]))
    if ref == project["default_branch"]:
        tags["latest"] = None
    for tag in tags:
        if re.fullmatch(r"\w[\w.-]{0,127}", tag, re.ASCII):
            yield Pushed(_named(f"{host}{path}", tag), host=bool(host), below=True)


def _is_distribution(data: Mapping[str, Any]) -> bool:
    events = data.get("events")
    return (
        isinstance(events, list)
        and bool(events)
        and all(isinstance(one, dict) and "target" in one for one in events)
    )


def _distribution(data: Mapping[str, Any]) -> Iterator[Pushed]:
    for event in data["events"]:
        target = event["target"]
        # Layers are pushed, too, and have neither a tag nor the type of a manifest.
        kind = str(target.get("mediaType", ""))
        manifest = "manifest" in kind or "index" in kind
        if event["action"] == "push" and (target.get("tag") or manifest):
            host = (event.get("request") or {}).get("host") or ""
            name = f"{host}/{target['repository']}" if host else target["repository"]
            image = _named(name, target.get("tag"), target.get("digest"))
            yield Pushed(image, host=bool(host))


# --- Harbor -------------------------------------------------------------------------


def _is_harbor(data: Mapping[str, Any]) -> bool:
    kind = data.get("type")
    known = isinstance(kind, str) and _HARBOR_TYPE.fullmatch(kind) is not None
    return known and ("event_data" in data or "specversion" in data)


def _harbor(data: Mapping[str, Any]) -> Iterator[Pushed]:
    if data["type"] not in _HARBOR_PUSHES:
        return
    event = data.get("event_data") or data["data"]
    for resource in event["resources"]:
        image = ImageName.parse(resource["resource_url"])
        digest = image.digest or resource.get("digest") or None
        yield Pushed(_named(image.repository, image.tag, digest))


_SENDERS: Iterable[
    tuple[
        str,
        Callable[[Mapping[str, Any]], bool],
        Callable[[Mapping[str, Any]], Iterator[Pushed]],
    ]
] = (
    ("Docker Hub", _is_hub, _hub),
    ("GitHub", _is_github, _github),
    ("GitLab", _is_pipeline, _pipeline),
    ("the registry", _is_distribution, _distribution),
    ("Harbor", _is_harbor, _harbor),
)
