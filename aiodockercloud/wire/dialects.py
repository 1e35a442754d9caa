"""The two generations of the API, and how each spells its paths. No I/O."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DOCKER_CLOUD", "SUBSYSTEMS", "TUTUM", "Dialect"]

#: kind → the subsystem that serves it.
SUBSYSTEMS = {
    "stack": "app",
    "service": "app",
    "container": "app",
    "node": "infra",
    "nodecluster": "infra",
    "provider": "infra",
    "region": "infra",
    "az": "infra",
    "nodetype": "infra",
    "token": "infra",
    "tag": "infra",
    "volume": "infra",
    "action": "audit",
    "events": "audit",
    "registry": "repo",
    "repository": "repo",
}


@dataclass(frozen=True)
class Dialect:
    """How one generation of the API spells what both mean."""

    name: str
    env_prefix: str
    rest_host: str
    stream_host: str
    action_header: str
    #: The error and log vocabulary is the same; paths are not.
    by_subsystem: bool

    def prefix(self, kind: str, *, stream: bool = False) -> str:
        """The path up to the namespace, e.g. ``/api/app/v1/``."""
        if self.by_subsystem:
            return f"/api/{SUBSYSTEMS[kind]}/v1/"
        return "/v1/" if stream else "/api/v1/"


DOCKER_CLOUD = Dialect(
    name="dockercloud",
    env_prefix="DOCKERCLOUD",
    rest_host="https://cloud.docker.com",
    stream_host="wss://ws.cloud.docker.com",
    action_header="X-DockerCloud-Action-URI",
    by_subsystem=True,
)
TUTUM = Dialect(
    name="tutum",
    env_prefix="TUTUM",
    rest_host="https://dashboard.tutum.co",
    stream_host="wss://stream.tutum.co",
    action_header="X-Tutum-Action-URI",
    by_subsystem=False,
)
