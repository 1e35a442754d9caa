"""Accounts: authentication, namespaces, and the storage of keys."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from aiodockercloud import wire
from aiodockercloud.server.engines import ContainerSpec
from aiodockercloud.server.state import records
from aiodockercloud.server.state.accounts import Account, Accounts
from aiodockercloud.server.state.errors import CredentialsRefused, NamespaceRefused
from aiodockercloud.server.state.store import Store

KEY = "s3cret-of-alice"
CONTAINER = "0b5b5a2e-2f0a-4f0f-8c8e-2b9a1ee0d3aa"


@pytest.fixture
def accounts() -> Accounts:
    accounts = Accounts(Store())
    accounts.add("alice", KEY)
    return accounts


# --- keys ---------------------------------------------------------------------------


def test_authenticate_with_the_key_returns_the_account(accounts: Accounts) -> None:
    for _ in range(2):  # the second time from the remembered credentials
        account = accounts.authenticate(("alice", KEY))
        assert (account.user, account.namespace) == ("alice", "alice")
        assert not account.scoped


@pytest.mark.parametrize(
    "credentials",
    [
        None,
        ("alice", ""),
        ("alice", KEY.upper()),
        ("alice", KEY + " "),
        ("Alice", KEY),
        ("bob", KEY),
        ("", KEY),
        ("alice\0", KEY),
        (f"alice\0{KEY}", ""),
        # A header's bytes that are not UTF-8 arrive as lone surrogates.
        ("\udcff", KEY),
        ("alice", "\udcff"),
    ],
)
def test_authenticate_with_other_credentials_is_refused(
    accounts: Accounts, credentials: tuple[str, str] | None
) -> None:
    accounts.authenticate(("alice", KEY))

    with pytest.raises(CredentialsRefused) as caught:
        accounts.authenticate(credentials)

    assert KEY not in str(caught.value)


def test_authenticate_refusal_does_not_reveal_existing_users(
    accounts: Accounts,
) -> None:
    with pytest.raises(CredentialsRefused) as of_alice:
        accounts.authenticate(("alice", "wrong"))
    with pytest.raises(CredentialsRefused) as of_nobody:
        accounts.authenticate(("nobody", "wrong"))

    assert str(of_alice.value) == str(of_nobody.value)


def test_add_again_replaces_the_key(accounts: Accounts) -> None:
    accounts.authenticate(("alice", KEY))

    accounts.add("alice", "new")

    assert accounts.authenticate(("alice", "new")).user == "alice"
    with pytest.raises(CredentialsRefused):
        accounts.authenticate(("alice", KEY))


def test_remove_invalidates_a_remembered_key(accounts: Accounts) -> None:
    accounts.authenticate(("alice", KEY))
    assert accounts.has("alice")

    accounts.remove("alice")
    accounts.remove("alice")

    assert not accounts.has("alice")
    with pytest.raises(CredentialsRefused):
        accounts.authenticate(("alice", KEY))


def test_key_may_be_any_text(accounts: Accounts) -> None:
    for key in ("pass:with:colons", "schlüssel ☃", "x" * 5000, ""):
        accounts.add("bob", key)
        assert accounts.authenticate(("bob", key)).user == "bob"
        header = wire.parse_authorization(wire.basic_auth("bob", key))
        assert accounts.authenticate(header).user == "bob"


# --- namespaces ---------------------------------------------------------------------


def test_namespace_of_an_operator_may_be_any(accounts: Accounts) -> None:
    account = accounts.authenticate(("alice", KEY))

    assert accounts.namespace(account, None) == "alice"
    assert accounts.namespace(account, "alice") == "alice"
    assert accounts.namespace(account, "acme") == "acme"


def test_for_container_returns_credentials_for_one_namespace(
    accounts: Accounts,
) -> None:
    header = accounts.for_container(CONTAINER, "acme")

    assert header.startswith("Basic ")
    account = accounts.authenticate(wire.parse_authorization(header))
    assert account.scoped
    assert accounts.namespace(account, None) == "acme"
    assert accounts.namespace(account, "acme") == "acme"
    for other in ("alice", "", "ACME"):
        with pytest.raises(NamespaceRefused):
            accounts.namespace(account, other)


def test_forget_container_invalidates_its_credentials_only(accounts: Accounts) -> None:
    first = wire.parse_authorization(accounts.for_container(CONTAINER, "acme"))
    second = wire.parse_authorization(accounts.for_container("other", "acme"))
    accounts.authenticate(first)

    accounts.forget_container(CONTAINER)

    with pytest.raises(CredentialsRefused):
        accounts.authenticate(first)
    assert accounts.authenticate(second).namespace == "acme"
    assert accounts.authenticate(("alice", KEY)).user == "alice"


def test_for_container_creates_another_key_each_time(accounts: Accounts) -> None:
    first = accounts.for_container(CONTAINER, "acme")
    second = accounts.for_container(CONTAINER, "acme")

    assert first != second
    with pytest.raises(CredentialsRefused):
        accounts.authenticate(wire.parse_authorization(first))


# --- storage ------------------------------------------------------------------------


def written(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in directory.iterdir())


async def test_store_has_hashes_only_and_authenticates_with_them(
    tmp_path: Path,
) -> None:
    store = Store(tmp_path)
    await store.open()
    accounts = Accounts(store)
    accounts.add("alice", KEY)
    header = accounts.for_container(CONTAINER, "acme")
    accounts.add("bob", KEY)
    accounts.remove("bob")
    await store.close()

    parsed = wire.parse_authorization(header)
    assert parsed is not None
    content = written(tmp_path)
    assert b"alice" in content
    assert KEY.encode() not in content
    assert parsed[1].encode() not in content
    db = sqlite3.connect(tmp_path / "aiodockercloud.sqlite3")
    bodies: list[dict[str, Any]] = [
        wire.loads(body) for (body,) in db.execute("SELECT body FROM objects")
    ]
    db.close()
    again = Accounts(Store())
    for body in bodies:
        again.load(body)
    assert again.authenticate(("alice", KEY)).user == "alice"
    assert again.authenticate(parsed).scoped
    assert not again.has("bob")


def test_add_of_the_same_key_twice_stores_different_hashes(accounts: Accounts) -> None:
    one, two = accounts.add("bob", KEY), accounts.add("carol", KEY)

    assert one.hash != two.hash
    assert one.salt != two.salt
    assert KEY not in (one.hash, two.hash)


# --- repr ---------------------------------------------------------------------------


def test_repr_of_an_account_has_neither_salt_nor_hash(accounts: Accounts) -> None:
    account: Account = accounts.authenticate(("alice", KEY))

    assert "alice" in repr(account)
    for secret in (KEY, account.salt, account.hash):
        assert secret not in repr(account)
        assert secret not in repr(accounts)


SECRET = "hunter2"
DEFINITION = {"container_envvars": [{"key": "PASSWORD", "value": SECRET}]}
COMMON: dict[str, Any] = {"namespace": "alice", "name": "web"}


@pytest.mark.parametrize(
    "record",
    [
        records.Service(definition=DEFINITION, previous=DEFINITION, **COMMON),
        records.Container(
            ordinal=1,
            service="s",
            node="n",
            definition=DEFINITION,
            revision=0,
            deployment="d",
            environment={"DOCKERCLOUD_AUTH": SECRET},
            **COMMON,
        ),
        records.Action(
            namespace="alice",
            action="Service Create",
            object="o",
            params={"body": SECRET},
            path=f"/trigger/{SECRET}/call/",
        ),
        ContainerSpec(
            uuid="u",
            service="web",
            stack=None,
            node="n",
            image="i",
            environment={"PASSWORD": SECRET},
            **COMMON,
        ),
        records.Trigger(service="s", operation="REDEPLOY", uuid=SECRET, **COMMON),
        records.Repository(username="u", password=SECRET, **COMMON),
        records.Token(namespace="alice", token=SECRET),
    ],
    ids=lambda record: type(record).__name__,
)
def test_repr_of_a_record_has_no_secret(record: object) -> None:
    assert SECRET not in repr(record)
