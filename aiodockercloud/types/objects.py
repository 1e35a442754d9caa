"""Services, containers, stacks, actions and triggers, as the server returns them.

Source: Docker Cloud API reference, the tables "Attributes".
"""

from typing import Any, Literal, NotRequired, TypedDict

from .parts import (
    Binding,
    CalculatedEnvVar,
    Changed,
    ContainerBinding,
    ContainerLink,
    EnvVar,
    FileMount,
    GenericResource,
    Healthcheck,
    Link,
    LogDriver,
    Network,
    Placement,
    Port,
    Progress,
    RestartPolicy,
    Rollout,
    Tag,
    Tmpfs,
    Ulimit,
)
from .words import (
    ActionState,
    Autodestroy,
    Autorestart,
    ContainerState,
    DeploymentStrategy,
    Health,
    Mode,
    ServiceState,
    StackState,
)

__all__ = [
    "Action",
    "Container",
    "Service",
    "Stack",
    "Trigger",
]


class _Definition(TypedDict):
    """The keys that services and their containers have in common."""

    uuid: str
    resource_uri: str
    name: str
    image_name: str
    public_dns: str
    synchronized: bool
    deployed_datetime: str | None
    started_datetime: str | None
    stopped_datetime: str | None
    destroyed_datetime: str | None
    container_ports: list[Port]
    container_envvars: list[EnvVar]
    labels: dict[str, str]
    link_variables: dict[str, str]
    secrets: list[FileMount]
    configs: list[FileMount]
    autorestart: Autorestart
    autodestroy: Autodestroy
    healthcheck: Healthcheck | None
    roles: list[str]
    run_command: str | None
    entrypoint: str | None
    net: Literal["bridge", "host"]
    pid: Literal["none", "host"]
    cpu_shares: int | None
    cpuset: str | None
    memory: int | None
    memory_swap: int | None
    privileged: bool
    read_only: bool
    tty: bool
    stdin_open: bool
    user: str | None
    hostname: str | None
    domainname: str | None
    mac_address: str | None
    working_dir: str | None
    cgroup_parent: str | None
    cgroup_name: str | None
    cap_add: list[str]
    cap_drop: list[str]
    devices: list[str]
    dns: list[str]
    dns_search: list[str]
    extra_hosts: list[str]
    security_opt: list[str]
    cpus: float | None
    cpu_reservation: float | None
    memory_reservation: int | None
    pids_limit: int | None
    generic_resources: list[GenericResource]
    stop_grace_period: float | None
    stop_signal: str | None
    restart_policy: RestartPolicy | None
    placement: Placement | None
    init: bool
    networks: list[Network]
    ulimits: list[Ulimit]
    sysctls: dict[str, str]
    group_add: list[str]
    oom_score_adj: int | None
    dns_options: list[str]
    tmpfs: list[Tmpfs]
    log_driver: LogDriver | None
    swarm: dict[str, Any]
    image_digest: str | None
    warnings: list[str]


class Service(Changed, _Definition):
    """A service: a number of containers of one image.

    The further keys are those of :class:`ServiceFields`.

    Attributes:
        uuid: The identifier of the object.
        resource_uri: The URI of the object.
        name: The name, which is part of host names and variables.
        nickname: A display name; by default the name.
        image_name: The image of the containers.
        public_dns: The host name of the published ports.
        synchronized: Whether the containers have the current definition.
        deployed_datetime: When the service was last deployed, or ``None``.
        started_datetime: When the service was last started, or ``None``.
        stopped_datetime: When the service last stopped, or ``None``.
        destroyed_datetime: When the service was terminated, or ``None``.
        link_variables: The environment variables that a linked container receives.
        cgroup_name: The value of the field ``cgroup_parent``.
        state: The state of the service.
        health: The worst health of the containers; ``None`` without a health check.
        target_num_containers: The number of containers to which ``scale`` leads; 0 for
            a service that runs on every node.
        current_num_containers: The number of containers that exist.
        running_num_containers: The number of running containers.
        stopped_num_containers: The number of stopped containers.
        stack: The stack of the service, as its ``resource_uri``, or ``None``.
        containers: The containers, as resource URIs.
        calculated_envvars: All environment variables of the containers, with their
            origins.
        linked_to_service: The links to other services.
        linked_from_service: The links from other services to the service.
        version: The version of the definition, for ``update(…, version=…)``: a number
            that grows with every change of what an update can change. The state and
            the containers have no part in the version.
        image_digest: The digest of the image, ``sha256:…``, of the last deployment;
            ``None`` if unknown.
        warnings: The warnings of the engine about the containers, such as an image that
            no registry confirms.
    """

    nickname: str
    bindings: list[Binding]
    state: ServiceState
    health: Health | None
    mode: Mode
    completions: int | None
    max_concurrent: int | None
    target_num_containers: int
    current_num_containers: int
    running_num_containers: int
    stopped_num_containers: int
    stack: str | None
    containers: list[str]
    calculated_envvars: list[CalculatedEnvVar]
    linked_to_service: list[Link]
    linked_from_service: list[Link]
    sequential_deployment: bool
    update_config: Rollout | None
    rollback_config: Rollout | None
    deployment_strategy: DeploymentStrategy
    pin_images: bool
    autoredeploy: bool
    tags: list[Tag]
    version: int


class Container(Changed, _Definition):
    """One container of a service.

    The further keys are those of :class:`ServiceFields`.

    Attributes:
        uuid: The identifier of the object.
        resource_uri: The URI of the object.
        name: The name, which is part of host names and variables.
        image_name: The image of the containers.
        public_dns: The host name of the published ports.
        synchronized: Whether the container has the current definition of its service.
        deployed_datetime: When the container was last deployed, or ``None``.
        started_datetime: When the container was last started, or ``None``.
        stopped_datetime: When the container last stopped, or ``None``.
        destroyed_datetime: When the container was terminated, or ``None``.
        link_variables: The environment variables that a linked container receives.
        cgroup_name: The value of the field ``cgroup_parent``.
        state: The state of the container.
        health: ``"starting"`` until the first result of the health check, then
            ``"healthy"`` or ``"unhealthy"``; ``None`` without a health check, or while
            the container does not run.
        service: The service of the container, as its ``resource_uri``.
        node: The node of the container, as its ``resource_uri``.
        docker_id: The identifier of the container in Docker; ``None`` while Docker has
            not created the container.
        private_ip: The IP address for other containers; ``None`` while the container
            has none.
        exit_code: The exit code when the container has stopped, or ``None``.
        exit_code_msg: The exit code in words, or ``None``.
        exit_code_message: The same text as ``exit_code_msg``.
        linked_to_container: The links to other containers.
        image_digest: The digest of the image at the deployment, ``sha256:…``; ``None``
            if unknown.
        warnings: The warnings of the engine about the container.
    """

    bindings: list[ContainerBinding]
    state: ContainerState
    health: Health | None
    service: str
    node: str
    docker_id: str | None
    private_ip: str | None
    exit_code: int | None
    exit_code_msg: str | None
    exit_code_message: str | None
    linked_to_container: list[ContainerLink]


class Stack(Changed):
    """A stack: services that are deployed together.

    Attributes:
        uuid: The identifier of the object.
        resource_uri: The URI of the object.
        name: The name of the stack.
        nickname: A display name; by default the name.
        state: The state of the stack.
        synchronized: Whether all containers have their current definitions.
        services: The services, as resource URIs.
        deployed_datetime: When the stack was last deployed, or ``None``.
        destroyed_datetime: When the stack was terminated, or ``None``.
        version: The version, for ``update(…, version=…)``: a number that grows with
            every change of the stack or of the definition of one of its services.
    """

    uuid: str
    resource_uri: str
    name: str
    nickname: str
    state: StackState
    synchronized: bool
    services: list[str]
    deployed_datetime: str | None
    destroyed_datetime: str | None
    version: int


class Action(Changed):
    """An action: the record of a call that changes an object.

    Attributes:
        uuid: The identifier of the object.
        resource_uri: The URI of the object.
        object: The object that the call changes, as its ``resource_uri``.
        action: The name of the operation, such as ``"Service Start"``.
        body: Empty; the hosted service returned the body of the call.
        method: The HTTP method of the call.
        path: The path of the call.
        user: The user who sent the call.
        user_agent: The client that sent the call.
        request_id: The header ``X-Request-ID`` of the answer to the call.
        state: The state of the action.
        start_date: When the action was created.
        end_date: When the action ended, or ``None``.
        ip: The IP address that sent the call.
        location: The geographic location of that address.
        is_user_action: Whether a user sent the call.
        can_be_canceled: Whether ``cancel`` is allowed.
        can_be_retried: Whether ``retry`` is allowed.
        progress: The containers of a redeploy, a rollback or a job: how many are
            deployed or have succeeded, how many there are, and how many have failed.
            ``None`` of other actions.
    """

    uuid: str
    resource_uri: str
    object: str
    action: str
    body: str
    method: str
    path: str
    user: str
    user_agent: str
    request_id: str
    state: ActionState
    start_date: str | None
    end_date: str | None
    ip: str
    location: str
    is_user_action: bool
    can_be_canceled: bool
    can_be_retried: bool
    progress: Progress | None


class Trigger(Changed):
    """A trigger: a URL that redeploys or scales a service without credentials.

    Attributes:
        uuid: The identifier of the object.
        resource_uri: The URI of the object.
        url: The path to call with ``POST``; a secret.
        name: The name of the trigger.
        operation: ``"REDEPLOY"``, or ``"SCALEUP"`` to add containers.
        signed: Whether calls need a signature.
        ignored: In the answer to a call only: why the call changed nothing.
    """

    uuid: str
    resource_uri: str
    url: str
    name: str
    operation: Literal["REDEPLOY", "SCALEUP"]
    signed: bool
    ignored: NotRequired[str]
