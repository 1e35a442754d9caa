"""Accounts and API keys, an addition to the old API.

The list of keys never contains a key, only its first characters; a new key is in the
answer to its creation. Docs: "Running the server", "Accounts and keys".
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ...exceptions import BadRequest, ObjectNotFound, OperationNotAllowed
from ...wire import path
from ...wire.scopes import ADMIN, READ, SCOPES
from ..log import AUTH
from ..state.accounts import Account
from ..state.errors import AccessRefused
from ..state.keys import Key
from . import fields
from .catalog import Entry, by_key
from .fields import Field, choice, flag, integer, listing, optional, optional_text
from .render import date, listed
from .resource import OPERATE, Call, Reply, Resource

#: The longest life of a key that expires, in seconds: 100 years.
_LONGEST = 100 * 365 * 24 * 3600

ACCOUNT_FIELDS: Mapping[str, Field] = {
    "user": Field(fields.namespace),
    "namespaces": Field(listing(fields.namespace), list),
    "operator": Field(flag, False),
}
KEY_FIELDS: Mapping[str, Field] = {
    "user": Field(optional(fields.namespace, unset=(None, ""))),
    "name": Field(optional_text),
    "scopes": Field(listing(choice(*SCOPES)), list),
    "namespace": Field(optional(fields.namespace, unset=(None, ""))),
    "expires_in": Field(optional(integer(1, _LONGEST, unit=" (seconds)"))),
}
_ACCOUNT_KEYS = (*ACCOUNT_FIELDS, "resource_uri")
_KEY_KEYS = (
    *("user", "name", "scopes", "namespace", "prefix", "resource_uri", "uuid"),
    *("created_datetime", "expires_datetime", "last_used_datetime"),
)

accounts: Resource = Resource("account")
keys: Resource = Resource("key")


# --- accounts -----------------------------------------------------------------------


def render_account(account: Account) -> dict[str, Any]:
    """Return the JSON object of an account."""
    return {
        "namespaces": list(account.namespaces),
        "operator": account.operator,
        "resource_uri": path("account", account.user),
        "user": account.user,
    }


def _find_account(call: Call) -> Account:
    account = call.cloud.accounts.get(call.pk)
    if account is None or not (call.access.operator or call.pk == call.access.user):
        raise ObjectNotFound(f"there is no account {call.pk}")
    return account


@accounts.route("GET", scope=ADMIN, key=False)
async def index(call: Call) -> Reply:
    """List all accounts for an operator, else the account of the request."""
    found = [
        Entry(account.user, render_account(account))
        for account in call.cloud.accounts.all
        if call.access.operator or account.user == call.access.user
    ]
    return await _entries(call, "account", _ACCOUNT_KEYS, found)


@accounts.route("POST", scope=OPERATE, key=False)
async def create(call: Call) -> Reply:
    """Create an account with its first key, which has the scope admin."""
    body = fields.read(await call.body(), ACCOUNT_FIELDS)
    if "user" not in body:
        raise BadRequest("user: is missing; give the account a name")
    user = body["user"]
    if call.cloud.accounts.has(user):
        raise fields.duplicated_name("account", user)
    if user.startswith("container-"):
        raise BadRequest("user: must not begin with container-, as containers' keys do")
    account = Account(
        user, tuple(body.get("namespaces") or [user]), body.get("operator", False)
    )
    call.cloud.accounts.put(account)
    text, _ = call.cloud.accounts.create_key(user, (ADMIN,), name="first key of user")
    AUTH.info("%s created the account %s", call.access.user, user)
    return Reply({**render_account(account), "key": text}, 201, once=True)


@accounts.route("GET", scope=ADMIN)
async def inspect(call: Call) -> Reply:
    return Reply(render_account(_find_account(call)))


@accounts.route("PATCH", scope=OPERATE)
async def update(call: Call) -> Reply:
    """Change the namespaces of an account, and whether its user is an operator."""
    account = _find_account(call)
    body = fields.read(await call.body(), ACCOUNT_FIELDS)
    if body.get("user", account.user) != account.user:
        raise BadRequest("user: cannot be changed; create another account")
    changed = Account(
        account.user,
        tuple(body.get("namespaces") or account.namespaces),
        body.get("operator", account.operator),
    )
    if account.user == call.access.user and not changed.operator:
        raise OperationNotAllowed("update: operators cannot demote themselves")
    call.cloud.accounts.put(changed)
    AUTH.info("%s changed the account %s", call.access.user, account.user)
    return Reply(render_account(changed))


@accounts.route("DELETE", scope=OPERATE)
async def remove(call: Call) -> Reply:
    """Remove an account and revoke its keys; the objects of its namespaces stay."""
    account = _find_account(call)
    if account.user == call.access.user:
        raise OperationNotAllowed("delete: the account of the request stays")
    call.cloud.accounts.remove(account.user)
    AUTH.info("%s removed the account %s", call.access.user, account.user)
    return Reply(None, 204)


# --- keys ---------------------------------------------------------------------------


def render_key(key: Key) -> dict[str, Any]:
    """Return the JSON object of a key, without the key."""
    return {
        "created_datetime": date(key.created),
        "expires_datetime": date(key.expires),
        "last_used_datetime": date(key.used),
        "name": key.name,
        "namespace": key.namespace,
        "prefix": key.prefix,
        "resource_uri": path("key", key.uuid),
        "scopes": list(key.scopes),
        "user": key.user,
        "uuid": key.uuid,
    }


def _visible(call: Call) -> list[Key]:
    """Return the keys that the caller may see, newest first.

    An operator sees all keys. Another account sees its own keys, as far as a key that
    is limited to one namespace allows.
    """
    if call.access.operator:
        return call.cloud.accounts.keys()
    own = call.cloud.accounts.keys(call.access.user)
    limit = _limit(call)
    return [key for key in own if limit in (None, key.namespace)]


def _limit(call: Call) -> str | None:
    """Return the only namespace of the key of a request; None for no such limit."""
    key = call.cloud.accounts.key(call.access.key)
    return key.namespace if key else None


def _find_key(call: Call) -> Key:
    for key in _visible(call):
        if key.uuid == call.pk.lower():
            return key
    raise ObjectNotFound(f"there is no key {call.pk}")


@keys.route("GET", scope=READ, key=False)
async def key_index(call: Call) -> Reply:
    # By user, and the oldest first.
    found = [
        Entry(f"{key.user}/{key.created:017.6f}/{key.uuid}", render_key(key))
        for key in _visible(call)
    ]
    return await _entries(call, "key", _KEY_KEYS, found)


@keys.route("POST", scope=ADMIN, key=False)
async def create_key(call: Call) -> Reply:
    """Create a key with the scopes ``read``, ``deploy`` and ``exec`` by default.

    A key never reaches more, or lives longer, than the key that creates it.
    """
    stored, access = call.cloud.accounts, call.access
    body = fields.read(await call.body(), KEY_FIELDS)
    user = body.get("user") or access.user
    if user != access.user and not access.operator:
        raise AccessRefused("user: only an operator may create keys of other users")
    account = stored.get(user)
    if account is None:
        raise BadRequest(f"user: there is no account {user!r}")
    namespace = body.get("namespace") or _limit(call)
    if namespace is not None:
        stored.namespace(access, namespace)
        if not account.operator and namespace not in account.namespaces:
            raise BadRequest(f"namespace: {user} does not reach {namespace!r}")
    text, key = stored.create_key(
        user,
        body.get("scopes") or [scope for scope in SCOPES if scope != ADMIN],
        namespace=namespace,
        name=body.get("name") or "",
        expires=_expiry(body.get("expires_in"), access.expires),
    )
    AUTH.info("%s created the key %s of %s", access.user, key.uuid, user)
    return Reply({**render_key(key), "key": text}, 201, once=True)


def _expiry(seconds: int | None, latest: float | None) -> float | None:
    if seconds is None:
        return latest
    wanted = time.time() + seconds
    return wanted if latest is None else min(wanted, latest)


@keys.route("GET", scope=READ)
async def inspect_key(call: Call) -> Reply:
    return Reply(render_key(_find_key(call)))


@keys.route("DELETE", scope=READ)
async def revoke(call: Call) -> Reply:
    """Revoke a key; its open streams end. Every key may revoke itself."""
    key = _find_key(call)
    if key.uuid != call.access.key and ADMIN not in call.access.scopes:
        raise AccessRefused("a key without the scope admin can only revoke itself")
    call.cloud.accounts.revoke(key)
    AUTH.info("%s revoked the key %s of %s", call.access.user, key.uuid, key.user)
    return Reply(None, 204)


async def _entries(
    call: Call, kind: str, known: tuple[str, ...], found: list[Entry]
) -> Reply:
    return await listed(
        call,
        kind,
        lambda _, entry: entry.rendered,
        {},
        known,
        records=sorted(found, key=by_key),
        place=by_key,
    )
