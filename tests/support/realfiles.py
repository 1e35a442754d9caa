"""The stack files of real projects, in the shared folder."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import Any

from tests.support.facts import SHARED

STACKFILES = SHARED / "data" / "stackfiles"


def _index() -> list[dict[str, str]]:
    try:
        with (STACKFILES / "INDEX.tsv").open(encoding="utf-8", newline="") as index:
            return list(csv.DictReader(index, delimiter="\t"))
    except FileNotFoundError:
        return []


#: One row per file: ``file``, ``kind``, ``services``…; empty without the folder.
INDEX = _index()
#: Compose files of which a deployment loses only what has no effect.
COMPOSE = {"EREYSEB--Stackfile.stackfile.yml", "Skarlso--rrfc.docker-cloud.yml"}
#: Names of the files that are stack files, and of the files that are refused.
GOOD = sorted(row["file"] for row in INDEX if row["kind"] == "stackfile")
BAD = sorted({row["file"] for row in INDEX} - {*GOOD} - COMPOSE)


def references(services: Sequence[dict[str, Any]]) -> set[tuple[str, str]]:
    """Return the pairs (service, stack) that services refer to in other stacks."""
    found = set()
    for service in services:
        names = [link["to_service"] for link in service.get("linked_to_service", ())]
        names += [b.get("volumes_from") or "" for b in service.get("bindings", ())]
        for name, dot, stack in (name.partition(".") for name in names):
            if dot:
                found.add((name, stack))
    return found
