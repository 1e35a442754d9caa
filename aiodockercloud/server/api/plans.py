"""The plan of a redeploy, which ``dry_run`` returns instead of the redeploy."""

from __future__ import annotations

from typing import Any

from ...exceptions import BadRequest
from ..control import plan
from ..control.plan import Plan
from ..state import lifecycle
from ..state.records import Record, Service
from .resource import Call, Reply


async def reply(call: Call, record: Record, *, reuse_volumes: bool) -> Reply:
    """Return the plan of a service's redeploy; nothing changes.

    Raises:
        BadRequest: The object is no service.
        NotAllowedNow: The state forbids the operation, or the plan cannot work.
    """
    if not isinstance(record, Service):
        raise BadRequest("dry_run: only the redeploy of a service has a plan")
    lifecycle.check(record.kind, record.name, record.state, "redeploy")
    found = plan.redeploy(call.cloud, record, keep_volumes=reuse_volumes)
    if found is None:
        found = plan.first(call.cloud, record)
    found.warnings += await plan.check_image(call.cloud, record)
    return Reply(_render(found, record))


def _render(found: Plan, service: Service) -> dict[str, Any]:
    return {
        "order": found.order,
        "parallelism": found.parallelism,
        "image": service.definition["image"],
        "batches": [
            [
                {
                    "name": step.name,
                    "node": step.node.uri,
                    "replaces": step.old.uri if step.old else None,
                }
                for step in batch
            ]
            for batch in found.batches
        ],
        "warnings": found.warnings,
    }
