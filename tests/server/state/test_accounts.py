"""Accounts: authentication, namespaces, and the storage of keys."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from aiodockercloud import wire
from aiodockercloud.server.state import keys as key_texts
from aiodockercloud.server.state.accounts import Account, Accounts
from aiodockercloud.server.state.errors import (
    CredentialsRefused,
    NamespaceRefused,
)
from aiodockercloud.server.state.store import Store

KEY = "s3cret-of-alice"
CONTAINER = "0b5b5a2e-2f0a-4f0f-8c8e-2b9a1ee0d3aa"


@pytest.fixture
def accounts() -> Accounts:
    accounts = Accounts(Store())
    accounts.add("alice", KEY)
    return accounts


# --- keys ---------------------------------------------------------------------------


async def test_authenticate_with_the_key_returns_the_account(
    accounts: Accounts,
) -> None:
    for _ in range(2):  # the second time from the remembered credentials
        account = await accounts.authenticate(("alice", KEY))
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
async def test_authenticate_with_other_credentials_is_refused(
    accounts: Accounts, credentials: tuple[str, str] | None
) -> None:
    await accounts.authenticate(("alice", KEY))

    with pytest.raises(CredentialsRefused) as caught:
        await accounts.authenticate(credentials)

    assert KEY not in str(caught.value)


async def test_authenticate_refusal_does_not_reveal_existing_users(
    accounts: Accounts,
) -> None:
    with pytest.raises(CredentialsRefused) as of_alice:
        await accounts.authenticate(("alice", "wrong"))
    with pytest.raises(CredentialsRefused) as of_mallory:
        await accounts.authenticate(("mallory", "wrong"))

    assert str(of_alice.value) == str(of_mallory.value)


async def test_add_again_replaces_the_key(accounts: Accounts) -> None:
    await accounts.authenticate(("alice", KEY))

    accounts.add("alice", "new")

    assert (await accounts.authenticate(("alice", "new"))).user == "alice"
    with pytest.raises(CredentialsRefused):
        await accounts.authenticate(("alice", KEY))


async def test_remove_invalidates_a_remembered_key(accounts: Accounts) -> None:
    await accounts.authenticate(("alice", KEY))
    assert accounts.has("alice")

    accounts.remove("alice")
    accounts.remove("alice")

    assert not accounts.has("alice")
    with pytest.raises(CredentialsRefused):
        await accounts.authenticate(("alice", KEY))


async def test_key_may_be_any_text(accounts: Accounts) -> None:
    for key in ("pass:with:colons", "schlüssel ☃", "x" * 5000):
        accounts.add("bob", key)
        assert (await accounts.authenticate(("bob", key))).user == "bob"
        header = wire.parse_authorization(wire.basic_auth("bob", key))
        assert (await accounts.authenticate(header)).user == "bob"


async def test_an_empty_key_and_a_key_with_nul_are_refused(accounts: Accounts) -> None:
    for key in ("", " ", "\t\n", "k\0", "\0"):
        with pytest.raises(ValueError, match="an API key must not be empty"):
            accounts.add("bob", key)
        with pytest.raises(ValueError, match="an API key must not be empty"):
            accounts.open("bob", key)
    for number in (1, 5, 24, 25):
        with pytest.raises(CredentialsRefused):
            await accounts.authenticate(("alice", KEY + "\0" * number))


async def test_open_makes_a_key_once_and_keeps_it(accounts: Accounts) -> None:
    key, replaced = accounts.open("ops", None)

    assert key is not None
    assert not replaced
    assert accounts.open("ops", None) == (None, False)
    access = await accounts.authenticate(("ops", key))
    assert access.operator


async def test_open_with_another_key_replaces_the_first_key_and_reports_that(
    accounts: Accounts,
) -> None:
    made, _ = accounts.open("ops", None)
    text, _ = accounts.create_key("ops", ("read",), name="backup")

    assert accounts.open("ops", "chosen") == ("chosen", True)
    assert accounts.open("ops", "chosen") == ("chosen", False)

    assert made is not None
    with pytest.raises(CredentialsRefused):
        await accounts.authenticate(("ops", made))
    assert (await accounts.authenticate(("ops", "chosen"))).operator
    assert (await accounts.authenticate(("ops", text))).scopes == {"read"}


async def test_first_key_of_a_server_in_memory_is_recognized_without_a_hash(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    accounts, hashed = Accounts(Store()), []
    slow_hash = key_texts.slow_hash

    def counted(text: str, salt: str) -> str:
        hashed.append(text)
        return slow_hash(text, salt)

    monkeypatch.setattr(key_texts, "slow_hash", counted)
    accounts.open("ops", "chosen")

    assert (await accounts.authenticate(("ops", "chosen"))).operator
    assert hashed == []
    for user in ("ops", "mallory"):  # a refusal costs the same for every user
        with pytest.raises(CredentialsRefused):
            await accounts.authenticate((user, "guess"))
    assert hashed == ["guess", "guess"]


async def test_key_has_its_scopes_and_its_namespace(accounts: Accounts) -> None:
    accounts.put(Account("bob", ("bob", "acme")))
    text, _ = accounts.create_key("bob", ("deploy",), namespace="acme")
    wide, _ = accounts.create_key("bob", ("admin",))
    foreign, _ = accounts.create_key("bob", ("admin",), namespace="alice")

    access = await accounts.authenticate(("bob", text))
    assert access.scopes == {"read", "deploy"}
    assert accounts.namespace(access, None) == "acme"
    with pytest.raises(NamespaceRefused):
        accounts.namespace(access, "bob")

    access = await accounts.authenticate(("bob", wide))
    assert not access.operator
    assert accounts.namespace(access, None) == "bob"
    assert accounts.namespace(access, "acme") == "acme"
    for other in ("alice", "other"):
        with pytest.raises(NamespaceRefused):
            accounts.namespace(access, other)

    access = await accounts.authenticate(("bob", foreign))
    with pytest.raises(NamespaceRefused):
        accounts.namespace(access, None)


async def test_a_key_of_an_operator_for_one_namespace_is_no_operators(
    accounts: Accounts,
) -> None:
    text, _ = accounts.create_key("alice", ("admin",), namespace="acme")

    access = await accounts.authenticate(("alice", text))

    assert access.scoped
    assert not access.operator


async def test_an_expired_key_is_refused_also_when_it_was_used_before(
    accounts: Accounts,
) -> None:
    text, _ = accounts.create_key("alice", ("read",), expires=time.time() + 3600)
    await accounts.authenticate(("alice", text))
    (digest,) = accounts._compared
    accounts._compared[digest] = replace(accounts._compared[digest], expires=1.0)

    with pytest.raises(CredentialsRefused, match="expired"):
        await accounts.authenticate(("alice", text))

    old, _ = accounts.create_key("alice", ("read",), expires=1.0)
    with pytest.raises(CredentialsRefused, match="expired"):
        await accounts.authenticate(("alice", old))


async def test_a_revoked_key_is_refused_and_reported(accounts: Accounts) -> None:
    revoked: list[str] = []
    accounts.on_revoked = revoked.append
    text, key = accounts.create_key("alice", ("read",))
    await accounts.authenticate(("alice", text))

    accounts.revoke(key)

    assert revoked == [key.uuid]
    with pytest.raises(CredentialsRefused):
        await accounts.authenticate(("alice", text))


# --- namespaces ---------------------------------------------------------------------


async def test_namespace_of_an_operator_may_be_any(accounts: Accounts) -> None:
    account = await accounts.authenticate(("alice", KEY))

    assert accounts.namespace(account, None) == "alice"
    assert accounts.namespace(account, "alice") == "alice"
    assert accounts.namespace(account, "acme") == "acme"


async def test_for_container_returns_credentials_for_one_namespace(
    accounts: Accounts,
) -> None:
    header = accounts.for_container(CONTAINER, "acme")

    assert header.startswith("Basic ")
    account = await accounts.authenticate(wire.parse_authorization(header))
    assert account.scoped
    assert accounts.namespace(account, None) == "acme"
    assert accounts.namespace(account, "acme") == "acme"
    for other in ("alice", "", "ACME"):
        with pytest.raises(NamespaceRefused):
            accounts.namespace(account, other)


async def test_forget_container_invalidates_its_credentials_only(
    accounts: Accounts,
) -> None:
    first = wire.parse_authorization(accounts.for_container(CONTAINER, "acme"))
    second = wire.parse_authorization(accounts.for_container("other", "acme"))
    await accounts.authenticate(first)

    accounts.forget_container(CONTAINER)

    with pytest.raises(CredentialsRefused):
        await accounts.authenticate(first)
    assert (await accounts.authenticate(second)).namespace == "acme"
    assert (await accounts.authenticate(("alice", KEY))).user == "alice"


async def test_for_container_creates_another_key_each_time(accounts: Accounts) -> None:
    first = accounts.for_container(CONTAINER, "acme")
    second = accounts.for_container(CONTAINER, "acme")

    assert first != second
    with pytest.raises(CredentialsRefused):
        await accounts.authenticate(wire.parse_authorization(first))


# --- storage ------------------------------------------------------------------------


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
    stored = Store(tmp_path)
    await stored.open()
    rows = [(kind, body) async for kind, _, body in stored.load()]
    await stored.close()
    content = wire.dumps(rows)
    assert b"alice" in content
    assert KEY.encode() not in content
    assert parsed[1].encode() not in content
    again = Accounts(Store())
    for kind, body in rows:
        again.load(kind, body)
    assert (await again.authenticate(("alice", KEY))).user == "alice"
    assert (await again.authenticate(parsed)).scoped
    assert not again.has("bob")


def test_add_of_the_same_key_twice_stores_different_hashes(accounts: Accounts) -> None:
    accounts.add("bob", KEY)
    accounts.add("carol", KEY)
    (one,), (two,) = accounts.keys("bob"), accounts.keys("carol")

    assert one.hash != two.hash
    assert one.salt != two.salt
    assert KEY not in (one.hash, two.hash)


async def test_accounts_of_the_first_version_are_converted() -> None:
    salt = "00" * 16
    row = {"user": "alice", "namespace": "acme", "salt": salt, "scoped": False}
    row["hash"] = key_texts.slow_hash(KEY, salt)
    user = f"container-{CONTAINER}"
    accounts = Accounts(Store())

    accounts.load("account", row)
    accounts.load("account", {**row, "user": user, "scoped": True})

    operator = await accounts.authenticate(("alice", KEY))
    assert operator.operator
    assert operator.namespace == "acme"
    container = await accounts.authenticate((user, KEY))
    assert container.namespaces == frozenset({"acme"})
    assert container.container == CONTAINER
    assert container.scopes == {"read", "deploy", "exec"}
    accounts.forget_container(CONTAINER)
    with pytest.raises(CredentialsRefused):
        await accounts.authenticate((user, KEY))


# --- repr ---------------------------------------------------------------------------


async def test_repr_of_an_account_has_neither_salt_nor_hash(accounts: Accounts) -> None:
    account = await accounts.authenticate(("alice", KEY))

    assert "alice" in repr(account)
    (key,) = accounts.keys("alice")
    for secret in (KEY, key.salt, key.hash):
        assert secret
        for shown in (account, key, accounts):
            assert secret not in repr(shown)
