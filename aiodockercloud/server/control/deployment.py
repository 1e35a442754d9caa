"""The steps on one container: spec, deployment, start, stop, removal.

The jobs on services, stacks and containers (``jobs.py``) consist of these steps.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ...wire import states
from ...wire.images import ImageName
from ...wire.service_fields import BINDING_SINCE, EMPTIEST_NODE, ENGINE_OPTIONS, HOST
from ..engines import ContainerSpec, EngineError, MountSpec, NoSuchContainer, PortSpec
from ..state.errors import OperationFailed, engine_errors
from ..state.records import Container, Node, Service, new_uuid
from ..state.state import State
from . import image_digests, kept_volumes, links, node_choice, stored_files


def engine_options(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a definition that the engine receives unchanged."""
    return {k: v for k, v in definition.items() if k in ENGINE_OPTIONS}


def mounts_of(
    definition: Mapping[str, Any], owned: Mapping[str, str]
) -> list[MountSpec]:
    """Return the volumes of a definition.

    Args:
        definition: The definition.
        owned: Path → uuid of the volumes that the container owns.
    """
    return [
        MountSpec(
            binding["container_path"],
            owned.get(binding["container_path"]),
            binding["host_path"],
            binding["rewritable"],
            *(binding.get(key) for key in BINDING_SINCE),
        )
        for binding in definition["bindings"]
        if binding["container_path"]
    ]


def is_owned(binding: Mapping[str, Any]) -> bool:
    """Return whether a volume belongs to the container."""
    return bool(
        binding["container_path"]
        and not binding["host_path"]
        and not binding.get("volume_name")
    )


def spec_of(cloud: State, container: Container) -> ContainerSpec:
    """Return the spec of a container for the engine, from the container's record."""
    definition = container.definition
    service = cloud.services[container.service]
    stack = cloud.stack_of(service)
    mounts = mounts_of(definition, dict(container.volumes))
    node = cloud.nodes[container.node]
    options = engine_options(definition)
    options["hostname"] = links.hostname(cloud, container, node)
    aliases = [service.name, container.name]
    if stack is not None:
        aliases += [f"{service.name}.{stack.name}", f"{container.name}.{stack.name}"]
    # Links of the own stack only: another stack may use the name for another service.
    for link_name in cloud.link_names(service):
        aliases += [link_name, f"{link_name}-{container.ordinal}"]
    return ContainerSpec(
        uuid=container.uuid,
        name=container.name,
        service=service.name,
        stack=stack.name if stack else None,
        namespace=container.namespace,
        node=node.engine_id,
        pinned=_pinned(definition),
        tags=definition["tags"],
        image=str(image_digests.pinned(definition) or definition["image"]),
        credentials=cloud.credentials_for(service, definition["image"]),
        command=definition["run_command"],
        entrypoint=definition["entrypoint"],
        environment=container.environment,
        private_ip=container.private_ip,
        address_variables=list(links.with_tutum({links.ADDRESS: ""})),
        ports=[PortSpec(*port) for port in container.ports],
        mounts=mounts,
        files=stored_files.specs(cloud, container),
        volumes_from=[peer.uuid for peer in node_choice.shared_with(cloud, container)],
        aliases=list(dict.fromkeys(aliases)),
        links=links.named_targets(cloud, service),
        autorestart=definition["autorestart"],
        options=options,
    )


def _pinned(definition: Mapping[str, Any]) -> bool:
    """Return whether a container must stay on its node.

    The reason is its data or the deployment strategy. A driver other than Docker's own
    shares a volume of a fixed name between nodes.
    """
    return definition["deployment_strategy"] != EMPTIEST_NODE or any(
        not binding["host_path"]
        and (
            not binding.get("volume_name")
            or binding.get("volume_driver") in (None, "local")
        )
        for binding in definition["bindings"]
    )


async def record(
    cloud: State,
    service: Service,
    ordinal: int,
    deployment: str,
    *,
    extra: Mapping[str, str] | None = None,
    beside: Container | None = None,
) -> Container:
    """Return the record of a new container ``<service>-<ordinal>`` on a node.

    The container gets the volumes that wait for a container of this number. The record
    takes the number; ``bring_up`` creates the container.

    Args:
        cloud: The state of the control plane.
        service: The service of the container.
        ordinal: The number in the container's name.
        deployment: The uuid of the action, for the container's record.
        extra: Further variables of the container.
        beside: The container that the new one replaces, and that still runs.

    Raises:
        OperationFailed: The container cannot be placed.
    """
    with engine_errors():
        image = await cloud.engine.image_info(service.definition["image"])
    await image_digests.pin(cloud, service, deployment)
    definition = service.definition
    pinned = image_digests.pinned(definition)
    # No await may separate the choice of the node from the container's record.
    kept = kept_volumes.find(cloud, service, ordinal)
    node = node_choice.place(cloud, service, ordinal, kept=kept, beside=beside)
    waiting = kept.volumes if kept is not None else {}
    container = Container(
        namespace=service.namespace,
        name=f"{service.name}-{ordinal}",
        ordinal=ordinal,
        service=service.uuid,
        node=node.uuid,
        definition=definition,
        revision=service.revision,
        deployment=deployment,
        image_environment=dict(image.environment) if image else {},
        command=definition["run_command"] or (image.command if image else ""),
        entrypoint=definition["entrypoint"] or (image.entrypoint if image else ""),
        volumes=[
            [
                binding["container_path"],
                waiting.get(binding["container_path"]) or new_uuid(),
            ]
            for binding in definition["bindings"]
            if is_owned(binding)
        ],
        ports=ports_of(definition, image.ports if image else ()),
        image_digest=pinned.digest if pinned else None,
        warnings=_warnings(definition),
        files=stored_files.versions(cloud, service),
    )
    cloud.add(container)
    container.environment = _environment(cloud, service, container, node)
    container.environment |= links.with_tutum(extra or {})
    cloud.save(container)
    return container


def _warnings(definition: Mapping[str, Any]) -> list[str]:
    """Return what the control plane cannot do for a new container."""
    named = ImageName.parse(definition["image"])
    if not definition["pin_images"] or named.digest or image_digests.pinned(definition):
        return []
    return [f"pin_images: the digest of {named} is unknown; the tag is used"]


def ports_of(
    definition: Mapping[str, Any], exposed: Sequence[tuple[int, str]] = ()
) -> list[list[Any]]:
    """Return the declared ports, then the ports that only the image exposes.

    Returns:
        ``[inner, protocol, published, outer, mode]`` for each port, as in records.
    """
    keys = ("inner_port", "protocol", "published", "outer_port")
    ports = [
        [*(port[key] for key in keys), port.get("mode", HOST)]
        for port in definition["container_ports"]
    ]
    declared = {(inner, protocol) for inner, protocol, *_ in ports}
    return ports + [
        [inner, protocol, False, None, HOST]
        for inner, protocol in exposed
        if (inner, protocol) not in declared
    ]


def _environment(
    cloud: State, service: Service, container: Container, node: Node
) -> dict[str, str]:
    platform = links.platform_environment(cloud, container, node)
    if "global" in service.definition["roles"]:
        platform[links.AUTH] = cloud.accounts.for_container(
            container.uuid, container.namespace
        )
    user = links.user_environment(service.definition)
    user = {key: links.expand(value, platform) for key, value in user.items()}
    linked = links.linked_environment(cloud, container)
    return {**links.with_tutum({**platform, **linked}), **user}


async def bring_up(cloud: State, container: Container) -> None:
    """Create and start the container of an existing record; return when it runs.

    Raises:
        OperationFailed: The container could not be started, and was removed.
    """
    limit = cloud.settings.timings.container_up
    try:
        with engine_errors(container.name, f"was not up after {limit:g} s"):
            async with asyncio.timeout(limit):
                if not cloud.engine.volatile:
                    # The container outlives this process, so its record must, too.
                    await cloud.store.flush()
                cloud.on_create(container)
                await cloud.engine.create(spec_of(cloud, container))
                await cloud.until(container, lambda: container.state != states.STARTING)
        if container.state == states.TERMINATED or (
            container.state == states.STOPPED and container.exit_code is None
        ):
            why = container.message or "it could not be started"
            raise OperationFailed(f"{container.name}: {why}")
    except BaseException:
        # Also after the cancellation of the action. When the server closes, the record
        # stays unchanged for the next start.
        if not cloud.closing:
            await asyncio.shield(asyncio.create_task(_give_up(cloud, container)))
        raise
    service = cloud.services[container.service]
    container.deployed = service.deployed = time.time()
    cloud.save(container)
    kept_volumes.taken_over(cloud, container)


async def _give_up(cloud: State, container: Container) -> None:
    with contextlib.suppress(EngineError, TimeoutError):
        async with asyncio.timeout(cloud.settings.timings.container_down):
            await cloud.engine.remove_container(
                container.uuid, volumes=kept_volumes.removable(cloud, container)
            )
    cloud.set_state(container, states.TERMINATED)


async def start(cloud: State, container: Container) -> None:
    """Start a stopped container; return when it runs.

    Raises:
        OperationFailed: The container could not be started.
    """
    if container.state == states.TERMINATED:
        raise OperationFailed(f"{container.name}: it was terminated meanwhile")
    if container.state == states.RUNNING:
        return  # a preceding action, such as a start of the service, has started it
    cloud.set_state(container, states.STARTING)
    try:
        with engine_errors(container.name, "did not start"):
            async with asyncio.timeout(cloud.settings.timings.container_up):
                await _start_or_create(cloud, container)
                await cloud.until(container, lambda: container.state != states.STARTING)
    except OperationFailed:
        cloud.set_state(container, states.STOPPED)
        raise


async def _start_or_create(cloud: State, container: Container) -> None:
    image = container.definition["image"]
    try:
        await cloud.engine.start_container(
            container.uuid,
            credentials=cloud.credentials_for(cloud.services[container.service], image),
        )
    except NoSuchContainer:
        # A volatile engine loses its containers when the server restarts.
        await cloud.engine.create(spec_of(cloud, container))


def _time_to_end(cloud: State, container: Container) -> float:
    """Return the time limit for an engine to stop a container, in seconds."""
    grace: float = container.definition["stop_grace_period"] or 0
    return cloud.settings.timings.container_down + grace


async def stop(cloud: State, container: Container) -> None:
    """Stop a container; return when the container has stopped."""
    # A preceding action, such as a redeploy, may have removed the container.
    if container.state in (states.STOPPED, states.TERMINATED):
        return
    cloud.set_state(container, states.STOPPING)
    with engine_errors():
        async with asyncio.timeout(_time_to_end(cloud, container)):
            await cloud.engine.stop_container(container.uuid)
            await cloud.until(container, lambda: container.state != states.STOPPING)


async def remove(
    cloud: State, container: Container, *, keep_volumes: bool = False
) -> None:
    """Remove a container and return after the end. The record stays readable.

    Args:
        cloud: The state.
        container: The container.
        keep_volumes: Whether the volumes wait for the next container of this number;
            otherwise the volumes are removed.

    Raises:
        OperationFailed: The engine cannot remove the container.
    """
    if container.state == states.TERMINATED:
        return
    if keep_volumes:
        kept_volumes.keep(cloud, container)
        # A crash between the removal and the next container must not lose the volumes.
        await cloud.store.flush()
    cloud.set_state(container, states.TERMINATING)
    own = [] if keep_volumes else [volume for _, volume in container.volumes]
    with engine_errors():
        async with asyncio.timeout(_time_to_end(cloud, container)):
            await cloud.engine.remove_container(container.uuid, volumes=own)
    cloud.set_state(container, states.TERMINATED)
    if not keep_volumes:
        service = cloud.services[container.service]
        await kept_volumes.discard(cloud, service, lambda n: n == container.ordinal)
