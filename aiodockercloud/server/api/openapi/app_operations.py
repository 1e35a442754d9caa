"""The operations of services, stacks, containers and triggers."""

from __future__ import annotations

from typing import Any

from .... import types
from ..stacks import YAML
from . import frames
from .operation import (
    OLD_VERSION,
    OUTPUT,
    REGISTRY,
    VERSION,
    Media,
    Operation,
    Rows,
    actions,
    inspection,
    listing,
    redeploy,
)
from .own import NewService

__all__ = ["rows"]


def rows() -> Rows:
    """Yield the rows of the table."""
    yield from _services()
    yield from _stacks()
    yield from _containers()
    yield from _triggers()


def _services() -> Rows:
    service = types.Service
    yield from listing("service", "services", service, types.ServiceFilters)
    yield (
        "POST service",
        Operation(
            id="create_service",
            summary="Create a service, which is not started.",
            answers={201: service},
            body=NewService,
            example={
                "image": "dockercloud/hello-world",
                "name": "web",
                "target_num_containers": 2,
                "container_ports": [{"inner_port": 80, "outer_port": 8080}],
                "container_envvars": [{"key": "GREETING", "value": "hello"}],
            },
            parameters=REGISTRY,
            errors=(409,),
            acts=True,
        ),
    )
    yield from inspection("service/{uuid}", "service", service)
    yield (
        "PATCH service/{uuid}",
        Operation(
            id="update_service",
            summary="Change the definition of a service.",
            description="The containers stay unchanged until a redeploy or a scale.",
            answers={200: service},
            body=types.ServiceChanges,
            example={"target_num_containers": 3},
            parameters=(*VERSION, *REGISTRY),
            errors=OLD_VERSION,
            acts=True,
        ),
    )
    more: dict[str, Any] = {
        "parameters": (*VERSION, *REGISTRY),
        "errors": OLD_VERSION,
    }
    yield from actions(
        *("service", service),
        ("start", "Start the containers of a service, and deploy missing ones."),
        ("stop", "Stop the containers of a service."),
        ("scale", "Create or terminate containers, up to target_num_containers."),
        ("rollback", "Restore the definition that was deployed before."),
        ("terminate", "Terminate a service with its containers."),
        **more,
    )
    yield from redeploy(
        *("service", service),
        "Replace the containers of a service by new ones.",
        parameters=("reuse_volumes", "dry_run", *VERSION, *REGISTRY),
        errors=OLD_VERSION,
    )
    yield (
        "GET service/{uuid}/logs",
        Operation(
            id="stream_service_logs",
            summary="Stream the logs of all containers of a service.",
            answers={},
            parameters=OUTPUT,
            errors=(501,),
            stream=frames.SERVICE_LOG,
        ),
    )


_STACK_FILE = Media(YAML, {"type": "object"})


def _stacks() -> Rows:
    stack = types.Stack
    yield from listing("stack", "stacks", stack, types.StackFilters)
    yield (
        "POST stack",
        Operation(
            id="create_stack",
            summary="Create a stack with its services, which are not started.",
            description="A body of the type `application/yaml` is a stack file without"
            " variables; the parameter `name` names the stack.",
            answers={201: stack},
            body=types.StackFields,
            example={
                "name": "shop",
                "services": [
                    {"name": "db", "image": "redis"},
                    {"name": "web", "image": "acme/web", "linked_to_service": ["db"]},
                ],
            },
            other_body=_STACK_FILE,
            parameters=("stack",),
            errors=(409,),
            acts=True,
        ),
    )
    yield from inspection("stack/{uuid}", "stack", stack)
    yield (
        "PATCH stack/{uuid}",
        Operation(
            id="update_stack",
            summary="Change and add services of a stack; its other services stay.",
            description="The containers of changed services stay unchanged until a"
            " redeploy, and new services are not started. A body of the type"
            " `application/yaml` is a stack file without variables.",
            answers={200: stack},
            body=types.StackChanges,
            example={"services": [{"name": "web", "image": "acme/web:2"}]},
            other_body=_STACK_FILE,
            parameters=("prune", *VERSION),
            errors=OLD_VERSION,
            acts=True,
        ),
    )
    yield from actions(
        *("stack", stack),
        ("start", "Start the services of a stack."),
        ("stop", "Stop the services of a stack."),
        ("terminate", "Terminate a stack with its services."),
        parameters=VERSION,
        errors=OLD_VERSION,
    )
    yield from redeploy(
        *("stack", stack),
        "Replace the containers of a stack's services by new ones.",
        parameters=("reuse_volumes", *VERSION),
        errors=OLD_VERSION,
    )
    yield (
        "GET stack/{uuid}/export",
        Operation(
            id="export_stack",
            summary="Return a stack in the form of a stack file.",
            answers={200: dict[str, dict[str, Any]]},
        ),
    )


def _containers() -> Rows:
    container = types.Container
    yield from listing("container", "containers", container, types.ContainerFilters)
    yield from inspection("container/{uuid}", "container", container)
    yield from actions(
        *("container", container),
        ("start", "Start a stopped container."),
        ("stop", "Stop a container."),
        ("terminate", "Terminate a container."),
    )
    yield from redeploy(
        *("container", container),
        "Replace a container by a new one.",
        parameters=("reuse_volumes",),
    )
    yield (
        "GET container/{uuid}/logs",
        Operation(
            id="stream_container_logs",
            summary="Stream the log of a container.",
            answers={},
            parameters=(*OUTPUT, "service"),
            errors=(501,),
            stream=frames.LOG,
        ),
    )
    yield (
        "GET container/{uuid}/exec",
        Operation(
            id="exec_in_container",
            summary="Run a command in a container, by default `sh`.",
            answers={},
            parameters=("command", "encoding"),
            errors=(422,),
            stream=frames.EXEC,
        ),
    )


def _triggers() -> Rows:
    where, trigger = "service/{service}/", types.Trigger
    one = f"{where}trigger/{{uuid}}"
    yield from listing("trigger", "triggers", trigger, where=where)
    yield (
        f"POST {where}trigger",
        Operation(
            id="create_trigger",
            summary="Create a trigger of a service.",
            answers={201: trigger},
            body=types.TriggerFields,
            example={"name": "push", "operation": "REDEPLOY"},
            acts=True,
        ),
    )
    yield from inspection(one, "trigger", trigger)
    yield (
        f"DELETE {one}",
        Operation(
            id="delete_trigger",
            summary="Delete a trigger, and answer its object.",
            answers={200: trigger},
            acts=True,
        ),
    )
    for path, more in (("call", ""), ("call/{count}", "_by")):
        yield (
            f"POST {one}/{path}",
            Operation(
                id=f"call_trigger{more}",
                summary="Redeploy the service of a trigger, or scale the service up.",
                description="Needs no credentials: the URL is the secret. A trigger"
                " with a secret of its own needs the header X-Hub-Signature-256, as"
                " GitHub sends the header. New containers have the body of the call in"
                " the variable DOCKERCLOUD_TRIGGER_BODY. Status 200 means that the call"
                " reports the push of another image, and changes nothing.",
                answers={200: trigger, 202: trigger},
                body=Media("*/*", {}),
                errors=(403,),
                acts=True,
            ),
        )
