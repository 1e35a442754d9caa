"""Tutum's requests, read as requests of Docker Cloud."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multidict import MultiDict

from .... import wire
from ....exceptions import BadRequest
from ....wire.service_fields import BY_NAME, TUTUM_NAMES
from ..fields import choice, optional
from ..readonly import Late, ReadOnly
from ..resource import Call
from .answers import EXTRA, IMAGE_EXTRA, respelled, translated

#: Filters of image lists, with the value that applies to every image of this server.
_IMAGE_FILTERS = {"is_user_image": True, "is_private_image": True, "jumpstart": False}


class TutumCall(Call):
    """A Tutum request that reads like a request of Docker Cloud."""

    __slots__ = ()

    @property
    def query(self) -> Mapping[str, str]:
        query = MultiDict(self.request.query)
        for name in set(query):
            if name.partition("__")[0] == "unique_name":
                for text in query.popall(name):
                    query.add(name.removeprefix("unique_"), text)
        if self.target.kind == "repository":
            for name, value in _IMAGE_FILTERS.items():
                if (
                    self.request.query.get(name)
                    and _flag(name, query.pop(name)) != value
                ):
                    query["name__in"] = ""  # matches no image
        return query

    async def body(self) -> dict[str, Any]:
        body = await super().body()
        if self.target.kind == "stack" and isinstance(body.get("services"), list):
            body["services"] = [
                _read(service) if isinstance(service, dict) else service
                for service in body["services"]
            ]
        if self.target.kind == "repository":
            body = {k: v for k, v in body.items() if k not in IMAGE_EXTRA}
        return _read(body)

    def read_only(
        self, instead: Mapping[str, str], rendered: Mapping[str, Any], kind: str = ""
    ) -> ReadOnly:
        current = Late(lambda: translated(self, dict(rendered), kind))
        return ReadOnly({**EXTRA, **instead}, current)

    def event(self, frame: str) -> str:
        """Return an event's frame with Tutum's URIs and keys.

        Tutum's events had neither ``uuid`` nor ``datetime``, which Docker Cloud added,
        nor ``id``, which this server adds.
        """
        event = respelled(wire.loads(frame))
        del event["uuid"], event["datetime"], event["id"], event["health"]
        return wire.dumps(event).decode()


def _flag(name: str, text: str) -> bool:
    try:
        return wire.parse_bool(text)
    except ValueError:
        raise BadRequest(f"{name}: must be true or false") from None


def _read(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a body.

    ``autoreplace`` becomes ``autorestart``, unless the body sets ``autorestart`` too.
    Tutum replaced an ended container by a new one; this server restarts the same one.
    """
    found = dict(body)
    for name, field in TUTUM_NAMES.items():
        row = BY_NAME[field]
        parse = optional(choice(*row.words))
        wanted = parse(name, found.pop(name, None)) or row.default
        if wanted != row.default and found.get(field) in (None, row.default):
            found[field] = wanted
    return found
