"""``lint`` and ``convert``: stack files, without a cloud."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ... import stackfile
from ...wire.engine_support import ENGINES, REFUSED
from .. import exits
from ..frame import local_command
from ..options import argument, option
from ..output import Columns, Form, Output, note, write
from ..stackfiles import nearest

__all__ = ["add_to"]

_File = Annotated[
    Path | None,
    argument(
        metavar="[FILE]",
        help="stack file or Compose file (default: that of this folder or above)",
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    local_command(app, "lint", examples=_LINT)(lint)
    local_command(app, "convert", examples=_CONVERT)(convert)


_LINT = """
    aiodockercloud lint
    aiodockercloud lint shop/docker-cloud.yml --engine swarm
    aiodockercloud lint compose.yaml --output json
"""


def lint(
    file: _File = None,
    engine: Annotated[
        Literal["embedded", "swarm"] | None,
        option("--engine", help="the only engine to report (default: all)"),
    ] = None,
    output: Annotated[
        Form | None,
        option(
            "--output",
            "-o",
            help="form of the results (default: table on a terminal, otherwise JSON"
            " lines)",
        ),
    ] = None,
) -> int:
    """State what each engine does with each key of a stack file.

    A key is honoured, emulated (accepted, without effect) or refused. The exit status
    is 1 if an engine refuses a key, or if the file cannot be read.
    """
    path = file or nearest()
    findings = stackfile.lint(stackfile.read_text(path), file=str(path))
    engines: list[str] = [engine] if engine else [*ENGINES]
    Output(output).rows(
        (_row(path, finding, engines) for finding in findings), _columns(engines)
    )
    refused = sum(
        any(finding.engines[name] == REFUSED for name in engines)
        for finding in findings
    )
    if refused:
        note(f"{path}: {refused} of {len(findings)} keys are refused")
    return exits.FAILED if refused else exits.SUCCESS


def _row(path: Path, finding: stackfile.Finding, engines: list[str]) -> dict[str, Any]:
    """Return a finding as an object of JSON."""
    return {
        "file": str(path),
        "line": finding.line,
        "service": finding.service,
        "key": finding.key,
        "engines": {name: finding.engines[name] for name in engines},
        "reasons": {
            name: why for name, why in finding.reasons.items() if name in engines
        },
    }


def _columns(engines: list[str]) -> Columns:
    def word(engine: str) -> Any:
        return lambda row: row["engines"][engine]

    return {
        "LINE": lambda row: row["line"],
        "SERVICE": lambda row: row["service"],
        "KEY": lambda row: row["key"],
        **{name.upper(): word(name) for name in engines},
        "REASON": lambda row: _reason(row["reasons"]),
    }


def _reason(reasons: Mapping[str, str]) -> str:
    """Return the reasons as one text, without the engines if all have the same."""
    distinct = {*reasons.values()}
    if len(distinct) == 1 and len(reasons) == len(ENGINES):
        return distinct.pop()
    return "; ".join(f"{name}: {why}" for name, why in reasons.items())


_CONVERT = """
    aiodockercloud convert docker-cloud.yml > compose.yaml
    aiodockercloud convert compose.yaml > docker-cloud.yml
"""


def convert(
    file: _File = None,
    to: Annotated[
        Literal["compose", "docker-cloud"] | None,
        option("--to", help="layout of the new file (default: the other layout)"),
    ] = None,
) -> None:
    """Print a stack file as a Compose file, or a Compose file as a stack file.

    Each value that the other layout cannot express is reported on standard error, with
    its line. Variables stay variables.
    """
    path = file or nearest()
    found = stackfile.convert(stackfile.read_text(path), to, file=str(path))
    write(found.text)
    sys.stdout.flush()
    for loss in found.losses:
        note(f"{path}: {loss}")
