"""Tags over all nodes, and tokens for machines that somebody brings.

Neither is in the reference; the official command line calls both.
"""

from __future__ import annotations

import secrets

from ..state.records import Token
from .catalog import Entry
from .render import listed
from .resource import Call, Reply, Resource

tags = Resource("tag")
tokens = Resource("token")


@tags.route("GET", key=False)
async def tag_index(call: Call) -> Reply:
    """Every tag that a node has, ``{"name": …, "origin": "user" or "tutum"}``."""
    found: dict[str, str] = {}
    for node in call.cloud.all("node", call.namespace):
        found.update(dict.fromkeys(node.auto_tags, "tutum"))
        found.update(dict.fromkeys(node.tags, "user"))
    records = [
        Entry(name, {"name": name, "origin": origin})
        for name, origin in sorted(found.items())
    ]
    return listed(
        call,
        "tag",
        lambda _, entry: entry.rendered,
        {},
        ["name", "origin"],
        records=records,
    )


@tokens.route("POST", key=False)
async def create_token(call: Call) -> Reply:
    """A token to join with: the engine's, where machines can join it."""
    joining = await call.cloud.engine.join_token()
    token = Token(namespace=call.namespace, token=joining or secrets.token_hex(16))
    call.cloud.add(token)
    return Reply({"token": token.token, "resource_uri": token.uri}, 201)
