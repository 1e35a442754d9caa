"""The shapes of the dicts that the client sends and returns, for type checkers.

Each result is an ordinary ``dict``. The types list the documented keys; a dict keeps
further keys that a newer server adds. The keys of results are those of aiodockercloud's
server, which sends all of them in lists, too; the hosted service sent fewer keys in
lists, and Tutum sent others.

Dates are RFC 2822 text in UTC, which ``wire.parse_date`` reads. Memory is in MB, disks
are in GB. A reference to another object is its ``resource_uri``.

Source: Docker Cloud API reference, the tables "Attributes" and "JSON Parameters".
"""

from __future__ import annotations

from ..lazy import names_of

#: Most programs have the types in annotations only, which no program evaluates. Type
#: checkers read ``__init__.pyi``.
__getattr__, __dir__ = names_of(__name__, "exports")
