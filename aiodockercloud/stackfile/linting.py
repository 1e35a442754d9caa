"""The lint of stack files: what each engine does with each key.

Source: ``wire.engine_support``, which the engines follow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from ..exceptions import StackFileError
from ..wire.engine_support import EMULATED, ENGINES, HONOURED, REFUSED, EngineSupport
from ..wire.service_fields import ENGINE_OPTIONS, HOST, complete
from .keys import READ_KEYS, field_of, to_api
from .remarks import Loss
from .targets import missing_targets
from .variables import has_variables
from .written import Written, document_of, problem_of, written

__all__ = ["Finding", "lint"]

_WITHOUT_EFFECT = "accepted, without effect on a simulated container"


@dataclass(frozen=True, slots=True)
class Finding:
    """What the engines do with one key of a stack file.

    Attributes:
        line: The line of the key, from 1.
        service: The service; empty for a key at the top of a Compose file.
        key: The key, with the keys inside its value: ``deploy.replicas``.
        engines: The name of each engine → ``"honoured"``, ``"emulated"`` (accepted,
            without effect) or ``"refused"``.
        reasons: The name of an engine → why the key is emulated or refused, and what
            to use instead.
    """

    line: int
    service: str
    key: str
    engines: Mapping[str, str]
    reasons: Mapping[str, str] = field(default_factory=dict)


def lint(text: str, *, file: str = "docker-cloud.yml") -> list[Finding]:
    """Return what each engine does with each key of a stack file or a Compose file.

    A value with a variable is not checked, because the environment of the deployment
    decides.

    Args:
        text: The YAML text of either layout.
        file: The path of the file, for messages.

    Returns:
        One finding per key, in the order of the lines. A key that is wrong, or that
        the layout cannot express, is refused by all engines.

    Raises:
        StackFileError: The text is not valid YAML, or has neither layout.

    Source:
        The checks of stack files, and of the engines.
    """
    source = written(document_of(text, file), file)
    found = [_of_loss(loss) for loss in source.losses]
    for name in source.services:
        found += _service_findings(source, name)
    return _merged(sorted(found, key=lambda finding: finding.line))


def _merged(findings: Iterable[Finding]) -> list[Finding]:
    """Return one finding per key: of several, the worst for each engine."""
    found: dict[tuple[int, str, str], Finding] = {}
    for one in findings:
        place = one.line, one.service, one.key
        first = found.setdefault(place, one)
        worse = [e for e in ENGINES if _BAD[one.engines[e]] > _BAD[first.engines[e]]]
        if worse:
            found[place] = replace(
                first,
                engines={**first.engines, **{e: one.engines[e] for e in worse}},
                reasons={**first.reasons, **{e: one.reasons[e] for e in worse}},
            )
    return [*found.values()]


_BAD = {HONOURED: 0, EMULATED: 1, REFUSED: 2}


def _of_loss(loss: Loss) -> Finding:
    verdict = EMULATED if loss.harmless else REFUSED
    return _everywhere(loss.line, loss.service, loss.key, verdict, loss.problem)


def _everywhere(line: int, service: str, key: str, word: str, why: str) -> Finding:
    return Finding(
        line, service, key, dict.fromkeys(ENGINES, word), dict.fromkeys(ENGINES, why)
    )


def _service_findings(source: Written, name: str) -> Iterator[Finding]:
    wrong: dict[str, str] = {}
    keys = dict(source.services[name])
    for key, value in keys.items():
        if problem := problem_of(key, value):
            wrong[key] = problem
    if "image" not in keys:
        wrong["image"] = "is missing; every service must name its image"
    right = {key: keys[key] for key in keys if key not in wrong}
    definition = _definition(right, wrong)
    for key, problem in missing_targets(definition, source.services.keys()):
        wrong.setdefault(key, problem)
    for key, problem in wrong.items():
        line, written_key = source.place(name, key)
        yield _everywhere(line, name, written_key, REFUSED, problem)
    problems = {
        engine: _problems(support, definition) for engine, support in ENGINES.items()
    }
    for key in (key for key in right if key not in wrong):
        line, written_key = source.place(name, key)
        verdicts = {
            engine: _verdict(support, key, keys[key], problems[engine])
            for engine, support in ENGINES.items()
        }
        yield Finding(
            line,
            name,
            written_key,
            {engine: verdict.word for engine, verdict in verdicts.items()},
            {engine: one.why for engine, one in verdicts.items() if one.why},
        )


def _definition(keys: Mapping[str, Any], wrong: dict[str, str]) -> dict[str, Any]:
    """Return the definition of the keys without variables; note contradictions."""
    given = {
        key: value
        for key, value in keys.items()
        if key in READ_KEYS and not has_variables(value)
    }
    while True:
        try:
            return complete(to_api("", given))
        except StackFileError as error:
            wrong[error.key] = error.problem
            del given[error.key]


class _Port(NamedTuple):
    inner: int
    protocol: str
    published: bool
    outer: int | None
    mode: str


class _Mount(NamedTuple):
    driver: str | None
    options: Mapping[str, str] | None


def _problems(support: EngineSupport, definition: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields that an engine cannot honour → the reason."""
    options = {name: definition[name] for name in ENGINE_OPTIONS}
    ports = [
        _Port(
            port["inner_port"],
            port.get("protocol") or "tcp",
            bool(port.get("published")),
            port.get("outer_port"),
            port.get("mode") or HOST,
        )
        for port in definition["container_ports"]
    ]
    mounts = [
        _Mount(one.get("volume_driver"), one.get("volume_options"))
        for one in definition["bindings"]
    ]
    found: dict[str, str] = {}
    for name, why in support.problems(options, ports, mounts):
        found.setdefault(name, why)
    return found


class _Verdict(NamedTuple):
    word: str
    why: str = ""


def _verdict(
    support: EngineSupport, key: str, value: Any, problems: Mapping[str, str]
) -> _Verdict:
    name = field_of(key)
    if key in _FIRST_KEYS.get(name, (key,)) and name in problems:
        return _Verdict(REFUSED, problems[name])
    word = support.of(name)
    if word == EMULATED:
        return _Verdict(EMULATED, _WITHOUT_EFFECT)
    if word == REFUSED and has_variables(value):
        return _Verdict(REFUSED, support.refused.get(name, ""))
    return _Verdict(HONOURED)


#: Fields that several keys set → the keys whose values engines may refuse.
_FIRST_KEYS = {"container_ports": ("ports",), "bindings": ("volumes",)}
