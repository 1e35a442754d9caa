"""Headers whose credentials were compared before: valid exactly as long as the key."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from aiodockercloud import wire
from aiodockercloud.server.state import accounts as module
from aiodockercloud.server.state.access import Access
from aiodockercloud.server.state.accounts import KEY, Account, Accounts
from aiodockercloud.server.state.keys import Key
from aiodockercloud.server.state.store import Store


@pytest.fixture
def accounts() -> Accounts:
    accounts = Accounts(Store())
    accounts.put(Account("alice", ("alice", "acme")))
    return accounts


async def remembered(accounts: Accounts, text: str) -> tuple[str, Access]:
    """Return the header of a key of alice's that was compared, and its access."""
    header = wire.basic_auth("alice", text)
    access = await accounts.authenticate(wire.parse_authorization(header))
    accounts.remember(header, access)
    return header, access


async def test_recognize_returns_the_access_of_a_remembered_header(
    accounts: Accounts,
) -> None:
    text, _ = accounts.create_key("alice", ("read",))

    header, access = await remembered(accounts, text)

    assert accounts.recognize(header) is access


@pytest.mark.parametrize("change", [str.upper, str.lower, "{} ".format, "{}x".format])
async def test_recognize_of_another_header_returns_nothing(
    accounts: Accounts, change: Callable[[str], str]
) -> None:
    text, _ = accounts.create_key("alice", ("read",))
    header, _ = await remembered(accounts, text)

    assert accounts.recognize(change(header)) is None
    assert accounts.recognize("\udcff") is None
    assert accounts.recognize("") is None


def revoke(accounts: Accounts, key: Key) -> None:
    accounts.revoke(key)


def remove_the_account(accounts: Accounts, key: Key) -> None:
    accounts.remove(key.user)


def take_a_namespace(accounts: Accounts, key: Key) -> None:
    accounts.put(Account(key.user, ("alice",)))


def revert_the_key(accounts: Accounts, key: Key) -> None:
    accounts.revert(KEY, key.uuid, None)


@pytest.mark.parametrize(
    "change", [revoke, remove_the_account, take_a_namespace, revert_the_key]
)
async def test_recognize_after_a_change_of_keys_or_accounts_returns_nothing(
    accounts: Accounts, change: Callable[[Accounts, Key], None]
) -> None:
    text, key = accounts.create_key("alice", ("read",))
    header, _ = await remembered(accounts, text)

    change(accounts, key)

    assert accounts.recognize(header) is None


async def test_recognize_of_an_expired_key_returns_nothing(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = time.time() + 60
    text, _ = accounts.create_key("alice", ("read",), expires=end)
    header, _ = await remembered(accounts, text)
    assert accounts.recognize(header) is not None

    monkeypatch.setattr(time, "time", lambda: end)

    assert accounts.recognize(header) is None


async def test_recognize_notes_the_use_of_the_key(accounts: Accounts) -> None:
    text, key = accounts.create_key("alice", ("read",))
    header, _ = await remembered(accounts, text)
    accounts._save_key(replace(key, used=1.0))

    accounts.recognize(header)

    found = accounts.key(key.uuid)
    assert found is not None
    assert found.used is not None
    assert found.used > 1.0


async def test_remember_keeps_a_bounded_number_of_headers(
    accounts: Accounts,
) -> None:
    text, _ = accounts.create_key("alice", ("read",))
    header, access = await remembered(accounts, text)

    for number in range(module._MOST_RECOGNIZED + 10):
        accounts.remember(f"{header}{' ' * number}", access)

    assert len(accounts._recognized) <= module._MOST_RECOGNIZED
