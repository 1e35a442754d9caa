"""Versions: a request is carried out only on the version that its client has read.

A client that reads an object, and changes it for what it has read, names the version:
in the header ``If-Match`` (RFC 9110, section 13.1.1) or in the parameter ``version``.
The check and the change have no ``await`` in between. Requests without a version, as
those of old clients, are carried out on every version.
"""

from __future__ import annotations

from collections.abc import Collection

from aiohttp.hdrs import IF_MATCH

from ... import wire
from ...exceptions import BadRequest, VersionConflict
from ...wire import service_fields
from ..state.records import Record, Versioned
from .resource import Call

#: The tag of ``If-Match`` that every existing object matches.
_ANY = "*"

#: The field to write instead of ``version``, for the error of a new value.
READ_ONLY: str = service_fields.READ_ONLY["version"]
#: More digits than a version has.
_MOST_DIGITS = 18


def etag(version: int) -> str:
    """Return the entity tag of a version."""
    return f'"{version}"'


def check(call: Call, record: Record) -> None:
    """Refuse a request for another version of an object than the current one.

    Raises:
        VersionConflict: The header (412) or the parameter (409) names other versions.
        BadRequest: The header or the parameter is malformed.
    """
    if not isinstance(record, Versioned):
        return
    wanted = _tags(call)
    if not {_ANY, str(record.version)} & set(wanted or (_ANY,)):
        raise _conflict(record, wanted or (), status=412)
    text = call.query.get("version") or str(record.version)
    if not (text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS):
        raise BadRequest("version: must be a number, the version of the object")
    if int(text) != record.version:
        raise _conflict(record, [text], status=409)


def _tags(call: Call) -> list[str] | None:
    """Return the tags of the header; ``None`` without a header.

    A weak tag never matches: the comparison is strong.
    """
    tags = call.request.if_match
    if tags is None:
        return None
    if not tags:
        raise BadRequest(f'{IF_MATCH}: must be * or entity tags, such as "5"')
    return [f"W/{tag.value}" if tag.is_weak else tag.value for tag in tags]


def _conflict(
    record: Versioned, wanted: Collection[str], *, status: int
) -> VersionConflict:
    name = getattr(record, "name", record.uuid)
    return VersionConflict(
        f"the {record.kind} {name} has the version {record.version}, and the request is"
        f" for version {' or '.join(wanted)}: read the object again, then repeat the"
        " change",
        status,
        headers={wire.ETAG: etag(record.version)},
    )
