"""The columns of the table of service fields.

``service_fields`` has the rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, NamedTuple

__all__ = ["Actor", "InContainers", "Kind", "Part", "Pattern", "ServiceField"]


class Kind(Enum):
    """What values a field has; readers of JSON and of stack files differ by kind."""

    IMAGE = auto()
    #: The name of a service, part of host names and of variables.
    NAME = auto()
    TEXT = auto()
    #: A text; a stack file may have a list of words.
    COMMAND = auto()
    MAC_ADDRESS = auto()
    FLAG = auto()
    INTEGER = auto()
    MEGABYTES = auto()
    #: One of ``words``.
    CHOICE = auto()
    #: A list of ``words``.
    CHOICES = auto()
    TEXTS = auto()
    #: A list of ``name:address``; a stack file may have a mapping.
    HOSTS = auto()
    LABELS = auto()
    TAGS = auto()
    PORTS = auto()
    ENVVARS = auto()
    LINKS = auto()
    BINDINGS = auto()
    #: An object with the keys of Docker's health check, or null.
    HEALTHCHECK = auto()
    #: An object with the keys of Docker's update configuration, or null.
    ROLLOUT = auto()
    #: Seconds; a text may have units: ``1m30s``.
    DURATION = auto()
    #: A number that need not be whole.
    NUMBER = auto()
    #: A mapping of texts; a list may have ``name=value``.
    PAIRS = auto()
    #: An object with the values ``parts``; null and an empty object mean unset.
    OBJECT = auto()
    #: A list of objects with the values ``parts``.
    OBJECTS = auto()
    #: A list of secrets or configs, each a name or an object with the keys of Compose.
    FILES = auto()
    #: An object whose form the control plane does not know.
    JSON = auto()


_LISTS = frozenset(
    {
        *(Kind.CHOICES, Kind.TEXTS, Kind.HOSTS, Kind.TAGS),
        *(Kind.PORTS, Kind.ENVVARS, Kind.LINKS, Kind.BINDINGS),
        *(Kind.OBJECTS, Kind.FILES),
    }
)
_MAPPINGS = frozenset({Kind.LABELS, Kind.PAIRS, Kind.JSON})


class Actor(Enum):
    """Who acts on a field."""

    #: The control plane, which may pass the engine something computed from the field.
    CONTROL_PLANE = auto()
    #: The engine, which receives the value among ``ContainerSpec.options``.
    ENGINE = auto()


class InContainers(Enum):
    """How the rendered containers of a service have a field."""

    #: The value of the definition with which the container was deployed.
    SAME = auto()
    #: A value of the container's own under the same name.
    OWN = auto()
    #: Not at all.
    ABSENT = auto()


class Pattern(NamedTuple):
    """The form of a text: a regular expression, and the form in words."""

    expression: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One value: a field, or a value inside a field of the kind OBJECT or OBJECTS.

    Attributes:
        name: The key in the API's JSON.
        kind: What values are allowed.
        default: The value when a request has none; kinds with several values begin
            empty.
        required: Parts only: each object must have the value.
        words: Kinds of choice only: each word of the API → the stack file's word.
        bounds: Kinds of numbers only: the least and the largest value.
        may_be_unset: Kinds of numbers only: null, 0 and an empty text mean unset.
        pattern: Kinds of texts only: the form of each text.
        parts: The kinds OBJECT and OBJECTS only: the values of an object.
        short: The kind OBJECTS only: the form of an object as one text, such as
            ``name=value``.
    """

    name: str
    kind: Kind
    default: Any = None
    required: bool = False
    words: Mapping[str, str] = field(default_factory=dict)
    bounds: tuple[float, float] = (0, 0)
    may_be_unset: bool = False
    pattern: Pattern | None = None
    parts: tuple[Part, ...] = ()
    short: str = ""

    def initial(self) -> Any:
        """Return the value without a request, which the caller may change."""
        if self.kind in _LISTS:
            return []
        return {} if self.kind in _MAPPINGS else self.default


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceField(Part):
    """One writable field of a service.

    Attributes:
        actor: Who acts on the field.
        in_containers: How containers have the field.
        redeploy: A change puts the containers out of step until a redeploy.
        synonyms: Other spellings in requests.
        stack_keys: The keys of a stack file that set the field; an exported stack file
            has the first one.
        tutum: Tutum's additional name for the field.
    """

    actor: Actor = Actor.ENGINE
    in_containers: InContainers = InContainers.SAME
    redeploy: bool = True
    synonyms: tuple[str, ...] = ()
    stack_keys: tuple[str, ...] = ()
    tutum: str | None = None
