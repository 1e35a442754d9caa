"""Attempts with keys that are compared slowly: their limits, and a bounded pool."""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
import time
from collections.abc import Hashable, Sequence

from ..settings import Settings
from . import keys as key_texts
from .errors import TooManyAttempts
from .keys import Key
from .throttle import Throttle

#: Threads that hash presented keys, and requests that may wait for a thread.
_HASHING, _WAITING = 1, 32


class Attempts:
    """Comparisons with chosen keys, limited for each user and address.

    Args:
        settings: The limits of failed attempts.
    """

    def __init__(self, settings: Settings) -> None:
        burst, interval = settings.limits.failed_logins, settings.timings.failed_login
        self._by_user_and_address = Throttle(burst, interval, time.monotonic)
        self._by_address = Throttle(10 * burst, interval / 10, time.monotonic)
        self._hashing = asyncio.Semaphore(_HASHING)
        self._waiting = 0

    async def compare(
        self, keys: Sequence[Key], user: str, text: str, address: str
    ) -> Key | None:
        """Return the chosen key that a text is; None for a failed attempt.

        Args:
            keys: All keys of the user.
            user: The user, known or not.
            text: The presented key.
            address: The address of the client.

        Raises:
            TooManyAttempts: Too many attempts failed before.
        """
        place = _network(address)
        subjects: list[tuple[Throttle, Hashable]] = [
            (self._by_user_and_address, (user, place)),
            (self._by_address, place),
        ]
        delay = max(throttle.delay(subject) for throttle, subject in subjects)
        if delay or self._waiting >= _WAITING:
            raise TooManyAttempts(delay or 1.0)
        found = await self._compare([key for key in keys if not key.made], text)
        if found is None:
            for throttle, subject in subjects:
                throttle.count(subject)
        else:
            self._by_user_and_address.forget((user, place))
        return found

    async def _compare(self, chosen: Sequence[Key], text: str) -> Key | None:
        """Compare with chosen keys, in a thread.

        Without chosen keys, the work is the same, and its result is not used.
        """
        if "\0" in text:
            return None  # scrypt pads its input: a key with NULs would be another's
        self._waiting += 1
        try:
            async with self._hashing:
                for key in chosen:
                    if await asyncio.to_thread(key.matches, text):
                        return key
                if not chosen:
                    await asyncio.to_thread(
                        key_texts.slow_hash, text, secrets.token_hex(16)
                    )
        finally:
            self._waiting -= 1
        return None


def _network(address: str) -> str:
    """Return what attempts from an address are counted by.

    The owner of an IPv6 address usually has all addresses with the same 64 bits.
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return address
    if (mapped := found.ipv4_mapped) is not None:
        return str(mapped)
    return str(ipaddress.ip_network((found.packed[:8] + bytes(8), 64)))
