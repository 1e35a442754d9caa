"""The API JSON of values of a stack file."""

from __future__ import annotations

from typing import Any


def published(inner: int, outer: int | None = None, protocol: str = "tcp") -> Any:
    return {
        "protocol": protocol,
        "inner_port": inner,
        "outer_port": outer,
        "published": True,
    }


def exposed(inner: int, protocol: str = "tcp") -> Any:
    return {**published(inner, None, protocol), "published": False}


def mount(inside: str, host: str | None = None, rewritable: bool = True) -> Any:
    return {"host_path": host, "container_path": inside, "rewritable": rewritable}
