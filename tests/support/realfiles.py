"""The stack files of real projects, in the shared folder."""

from __future__ import annotations

import csv

from tests.support.facts import SHARED

STACKFILES = SHARED / "data" / "stackfiles"


def _index() -> list[dict[str, str]]:
    try:
        with (STACKFILES / "INDEX.tsv").open(encoding="utf-8", newline="") as index:
            return list(csv.DictReader(index, delimiter="\t"))
    except FileNotFoundError:
        return []


#: A row for each file: ``file``, ``kind``, ``services``…; none without the folder.
INDEX = _index()
#: Names of those that are stack files, and of the others.
GOOD = sorted(row["file"] for row in INDEX if row["kind"] == "stackfile")
BAD = sorted(row["file"] for row in INDEX if row["kind"] != "stackfile")
