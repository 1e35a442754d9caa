"""The repr of a record contains no secret."""

from __future__ import annotations

from typing import Any

import pytest

from aiodockercloud.server.engines import ContainerSpec
from aiodockercloud.server.state import records

SECRET = "hunter2"
DEFINITION = {"container_envvars": [{"key": "PASSWORD", "value": SECRET}]}
COMMON: dict[str, Any] = {"namespace": "alice", "name": "web"}


@pytest.mark.parametrize(
    "record",
    [
        records.Service(definition=DEFINITION, previous=DEFINITION, **COMMON),
        records.Container(
            ordinal=1,
            service="s",
            node="n",
            definition=DEFINITION,
            revision=0,
            deployment="d",
            environment={"DOCKERCLOUD_AUTH": SECRET},
            **COMMON,
        ),
        records.Action(
            namespace="alice",
            action="Service Create",
            object="o",
            params={"body": SECRET},
            path=f"/trigger/{SECRET}/call/",
        ),
        ContainerSpec(
            uuid="u",
            service="web",
            stack=None,
            node="n",
            image="i",
            environment={"PASSWORD": SECRET},
            **COMMON,
        ),
        records.Trigger(service="s", operation="REDEPLOY", uuid=SECRET, **COMMON),
        records.Repository(username="u", password=SECRET, **COMMON),
        records.Token(namespace="alice", token=SECRET),
    ],
    ids=lambda record: type(record).__name__,
)
def test_repr_of_a_record_has_no_secret(record: object) -> None:
    assert SECRET not in repr(record)
