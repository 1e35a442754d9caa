"""Jobs for the tests of batches, their output, and the services left of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aiodockercloud import batch
from aiodockercloud.server import Embedded, Server
from aiodockercloud.server.engines.embedded import Container
from aiodockercloud.types import ServiceFields
from aiodockercloud.wire.loglines import log_text
from tests.support.facts import SHELL

JOB = "acme/job"


def job_engine() -> Embedded:
    """Return an engine with the image ``acme/job``.

    Its containers print their number; their exit code is the number modulo three.
    """
    engine = Embedded(nodes=3)

    @engine.image(JOB)
    async def job(container: Container) -> int:
        number = int(container.environment["NUMBER"])
        container.print(f"this is job {number}")
        await asyncio.sleep(0)
        container.error("and that was it")
        return number % 3

    return engine


def job(number: int) -> ServiceFields:
    return {
        "image": JOB,
        "container_envvars": [{"key": "NUMBER", "value": str(number)}],
    }


def jobs(count: int) -> list[ServiceFields]:
    return [job(number) for number in range(count)]


def shell(command: str, **more: Any) -> ServiceFields:
    fields: Any = {"image": SHELL, "run_command": f"sh -c '{command}'", **more}
    found: ServiceFields = fields
    return found


def texts(result: batch.JobResult) -> list[str]:
    return [log_text(line) for line in result.logs]


def left(server: Server) -> list[str]:
    """Return the existing services of the server, and the containers of the engine."""
    services = [
        s.name for s in server.cloud.services.values() if s.state != "Terminated"
    ]
    assert isinstance(server.engine, Embedded)
    return [*services, *server.engine._containers]


def note(reported: list[Any]) -> Callable[[int, int | None, object], None]:
    return lambda *arguments: reported.append(arguments)
