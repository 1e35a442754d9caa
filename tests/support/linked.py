"""Records for the tests of links: services and containers without a server."""

from __future__ import annotations

from typing import Any

from aiodockercloud.server.control.control_plane import ControlPlane
from aiodockercloud.server.state.records import Container, Service, Stack


def service(
    cloud: ControlPlane,
    name: str,
    *,
    stack: Stack | None = None,
    links_to: list[tuple[str, Service]] | None = None,
    envvars: dict[str, str] | None = None,
    namespace: str = "alice",
    strategy: str = "EMPTIEST_NODE",
    sequential: bool = False,
) -> Service:
    record = Service(
        namespace=namespace,
        name=name,
        stack=stack.uuid if stack else None,
        definition={
            "container_envvars": [
                {"key": key, "value": value} for key, value in (envvars or {}).items()
            ],
            "linked_to_service": [
                {"name": alias, "to_service": target.uuid}
                for alias, target in links_to or []
            ],
            "bindings": [],
            "deployment_strategy": strategy,
            "sequential_deployment": sequential,
        },
    )
    cloud.add(record)
    return record


def container(
    cloud: ControlPlane,
    of: Service,
    ordinal: int,
    *,
    ip: str | None = "10.7.0.3",
    state: str = "Running",
    ports: list[list[Any]] | None = None,
    node: str = "n",
) -> Container:
    record = Container(
        namespace=of.namespace,
        name=f"{of.name}-{ordinal}",
        ordinal=ordinal,
        service=of.uuid,
        node=node,
        definition=of.definition,
        revision=0,
        deployment="d",
        ports=[list(port) for port in ports or []],
        state=state,
        private_ip=ip,
    )
    cloud.add(record)
    return record
