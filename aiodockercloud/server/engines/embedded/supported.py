"""The refusal of options, ports and volumes that the embedded engine cannot honour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ....wire.engine_support import EMBEDDED
from .. import MountSpec, PortSpec, UnsupportedField

__all__ = ["check"]


def check(
    options: Mapping[str, Any],
    ports: Sequence[PortSpec] = (),
    mounts: Sequence[MountSpec] = (),
) -> None:
    """Refuse options, ports and volumes that the engine cannot honour.

    Raises:
        UnsupportedField: The text names the field, the reason and an alternative.
    """
    for field, why in EMBEDDED.problems(options, ports, mounts):
        raise UnsupportedField(f"{field}: {why}")
