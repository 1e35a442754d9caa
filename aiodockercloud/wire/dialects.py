"""The dialects of the API: Docker Cloud and Tutum. No I/O."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DOCKER_CLOUD", "SUBSYSTEMS", "TUTUM", "Dialect"]

#: Kind of object → the subsystem that serves the kind.
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
    "secret": "infra",
    "config": "infra",
    "action": "audit",
    "events": "audit",
    "account": "admin",
    "key": "admin",
    "backup": "admin",
    "registry": "repo",
    "repository": "repo",
}


@dataclass(frozen=True)
class Dialect:
    """One generation of the API: its hosts, headers and paths.

    Attributes:
        name: The name of the dialect.
        env_prefix: The prefix of the environment variables of the official clients.
        rest_host: The address of the hosted REST API.
        stream_host: The address of the hosted stream API.
        action_header: The response header with the URI of an action.
        by_subsystem: Whether the paths name the subsystem: ``/api/app/v1/``.
    """

    name: str
    env_prefix: str
    rest_host: str
    stream_host: str
    action_header: str
    by_subsystem: bool

    def prefix(self, kind: str, *, stream: bool = False) -> str:
        """Return the path up to the namespace, e.g. ``/api/app/v1/``.

        :meta private:
        """
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
