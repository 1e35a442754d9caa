"""The tags of all nodes, and tokens with which bring-your-own nodes join.

The reference describes neither; the official command line calls both.
"""

from __future__ import annotations

import secrets

from ...wire.scopes import READ
from ..state.records import Token
from .catalog import Entry, by_key
from .render import listed
from .resource import OPERATE, Call, Reply, Resource

tags: Resource = Resource("tag")
tokens: Resource = Resource("token")


@tags.route("GET", key=False, scope=READ)
async def tag_index(call: Call) -> Reply:
    """List the tags of all nodes, ``{"name": …, "origin": "user" or "tutum"}``."""
    found: dict[str, str] = {}
    for node in call.cloud.all("node", call.namespace):
        found.update(dict.fromkeys(node.auto_tags, "tutum"))
        found.update(dict.fromkeys(node.tags, "user"))
    records = [
        Entry(name, {"name": name, "origin": origin})
        for name, origin in sorted(found.items())
    ]
    return await listed(
        call,
        "tag",
        lambda _, entry: entry.rendered,
        {},
        ["name", "origin"],
        records=records,
        place=by_key,
    )


@tokens.route("POST", key=False, scope=OPERATE)
async def create_token(call: Call) -> Reply:
    """Create a join token: the engine's own, if nodes can join the engine.

    The embedded engine has no agent. The token of old scripts is a random text, and a
    ``note`` in the answer states that no node can join.
    """
    join_token = await call.cloud.engine.join_token()
    token = Token(namespace=call.namespace, token=join_token or secrets.token_hex(16))
    call.cloud.add(token)
    rendered = {"token": token.token, "resource_uri": token.uri}
    if join_token is None:
        rendered["note"] = (
            f"the {call.cloud.engine.name} engine has no agent: no node can join with"
            " this token"
        )
    return Reply(rendered, 201)
