"""Attempts to guess a key are limited, and cost no other user an attempt."""

from __future__ import annotations

import pytest

from aiodockercloud.server.settings import Limits, Settings, Timings
from aiodockercloud.server.state import keys as key_texts
from aiodockercloud.server.state.accounts import Account, Accounts
from aiodockercloud.server.state.errors import (
    CredentialsRefused,
    TooManyAttempts,
)
from aiodockercloud.server.state.store import Store

KEY = "s3cret-of-alice"
CONTAINER = "0b5b5a2e-2f0a-4f0f-8c8e-2b9a1ee0d3aa"


@pytest.fixture
def accounts() -> Accounts:
    accounts = Accounts(Store())
    accounts.add("alice", KEY)
    return accounts


@pytest.mark.parametrize("user", ["alice", "mallory"])
async def test_attempts_are_limited_for_known_and_unknown_users_alike(
    accounts: Accounts, user: str
) -> None:
    limit = Settings().limits.failed_logins
    for number in range(limit):
        with pytest.raises(CredentialsRefused):
            await accounts.authenticate((user, f"guess-{number}"), "192.0.2.1")

    with pytest.raises(TooManyAttempts) as caught:
        await accounts.authenticate((user, "guess"), "192.0.2.1")

    assert 0 < caught.value.seconds <= Settings().timings.failed_login
    with pytest.raises(CredentialsRefused):
        await accounts.authenticate((user, "guess"), "192.0.2.2")


async def test_a_made_key_and_a_compared_key_are_not_delayed_by_guesses(
    accounts: Accounts,
) -> None:
    made, _ = accounts.create_key("alice", ("read",))
    await accounts.authenticate(("alice", KEY), "192.0.2.1")
    for number in range(Settings().limits.failed_logins):
        with pytest.raises(CredentialsRefused):
            await accounts.authenticate(("alice", f"guess-{number}"), "192.0.2.1")

    assert (await accounts.authenticate(("alice", made), "192.0.2.1")).user == "alice"
    assert (await accounts.authenticate(("alice", KEY), "192.0.2.1")).user == "alice"


async def test_known_keys_are_not_delayed_by_guesses_after_changes_of_others() -> None:
    settings = Settings(
        limits=Limits(failed_logins=1), timings=Timings(failed_login=1e6)
    )
    accounts = Accounts(Store(), settings)
    accounts.open("ops", "chosen at the start")
    accounts.add("alice", KEY)
    await accounts.authenticate(("alice", KEY), "127.0.0.1")
    # All clients of a proxy have one address: guesses use up its attempts.
    for number in range(10):
        with pytest.raises(CredentialsRefused):
            await accounts.authenticate((f"user-{number}", "guess"), "127.0.0.1")
    with pytest.raises(TooManyAttempts):
        await accounts.authenticate(("user", "guess"), "127.0.0.1")

    accounts.put(Account("bob", ("bob",)))
    accounts.revoke(accounts.create_key("bob", ("read",))[1])

    for user, key in (("alice", KEY), ("ops", "chosen at the start")):
        assert (await accounts.authenticate((user, key), "127.0.0.1")).user == user


async def test_a_network_of_ipv6_is_one_address_to_the_limit(
    accounts: Accounts,
) -> None:
    for number in range(Settings().limits.failed_logins):
        with pytest.raises(CredentialsRefused):
            await accounts.authenticate(("alice", "guess"), f"2001:db8::{number:x}")

    with pytest.raises(TooManyAttempts):
        await accounts.authenticate(("alice", "guess"), "2001:db8::ffff:1")
    with pytest.raises(CredentialsRefused):
        await accounts.authenticate(("alice", "guess"), "2001:db8:0:1::1")


async def test_every_refused_attempt_hashes_once(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A guesser cannot find user names by the time of the answer."""
    accounts.put(Account("bob", ("bob",)))
    accounts.create_key("bob", ("read",))
    hashed: list[str] = []
    slow = key_texts.slow_hash

    def counted(text: str, salt: str) -> str:
        hashed.append(text)
        return slow(text, salt)

    monkeypatch.setattr(key_texts, "slow_hash", counted)
    for user in ("alice", "bob", "mallory"):
        hashed.clear()
        with pytest.raises(CredentialsRefused):
            await accounts.authenticate((user, "guess"))
        assert hashed == ["guess"]
