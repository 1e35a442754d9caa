"""The database file: rights, encryption, keys, migrations and damage."""

from __future__ import annotations

import logging
import os
import sqlite3
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from aiodockercloud import wire
from aiodockercloud.server.state import database, maintenance, schema
from aiodockercloud.server.state.database import FILE, prepare
from aiodockercloud.server.state.store import Store
from aiodockercloud.server.state.vault import KEY_FILE, Damaged, SecretKeys, Vault
from tests.support.databases import CANARY, ROWS, keys, read, rights, write


@pytest.fixture
def umask() -> Iterator[None]:
    """Let new files be writable by all users."""
    before = os.umask(0)
    yield
    os.umask(before)


def secret_key(byte: int) -> str:
    return b64encode(bytes([byte]) * 32).decode()


def content(directory: Path) -> dict[str, bytes]:
    """Return the files, without the index that a reader of the log leaves."""
    return {
        path.name: path.read_bytes()
        for path in directory.iterdir()
        if not path.name.endswith("-shm")
    }


def set_rights(path: Path, mode: int) -> None:
    path.chmod(mode)


# --- rights ---------------------------------------------------------------------------


@pytest.mark.usefixtures("umask")
async def test_files_are_for_their_owner_whatever_the_umask(tmp_path: Path) -> None:
    set_rights(tmp_path, 0o755)
    store = Store(tmp_path)
    await store.open()
    store.put_row(*ROWS[0])
    await store.flush()
    found = {name: rights(tmp_path / name) for name in content(tmp_path)}
    await store.close()

    assert found == dict.fromkeys((FILE, f"{FILE}-wal", KEY_FILE), 0o600)


async def test_files_of_an_older_version_lose_the_rights_of_others(
    tmp_path: Path,
) -> None:
    await write(tmp_path)
    (tmp_path / FILE).chmod(0o644)
    await read(tmp_path)

    assert rights(tmp_path / FILE) == 0o600


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o1777])
async def test_directory_that_others_can_enter_causes_a_warning(
    tmp_path: Path, mode: int, caplog: pytest.LogCaptureFixture
) -> None:
    set_rights(tmp_path, mode)
    with caplog.at_level(logging.WARNING):
        await write(tmp_path)

    assert "other users may enter the data directory" in caplog.text


async def test_directory_that_all_users_can_change_is_refused(tmp_path: Path) -> None:
    set_rights(tmp_path, 0o777)
    with pytest.raises(OSError, match="all users may write to the directory"):
        await write(tmp_path)

    assert content(tmp_path) == {}


# --- encryption -----------------------------------------------------------------------


async def test_files_contain_no_name_and_no_body_of_a_row(tmp_path: Path) -> None:
    store = Store(tmp_path)
    await store.open()
    for row in ROWS:
        store.put_row(*row)
    await store.flush()
    while_open = content(tmp_path)
    await store.close()

    assert CANARY.encode() not in b"".join(while_open.values())
    assert CANARY.encode() not in b"".join(content(tmp_path).values())
    assert await read(tmp_path) == ROWS


async def test_same_row_has_another_body_each_time() -> None:
    vault = Vault(bytes(32))

    assert vault.seal("a", "b", b"{}") != vault.seal("a", "b", b"{}")
    assert vault.name("a", "b") == vault.name("a", "b") != vault.name("ab", "")


async def test_key_of_the_environment_needs_no_file(tmp_path: Path) -> None:
    await write(tmp_path, secret_key=secret_key(1))

    assert list(content(tmp_path)) == [FILE]
    assert await read(tmp_path, secret_key=secret_key(1)) == ROWS


async def test_key_file_at_another_place_is_created(tmp_path: Path) -> None:
    file = tmp_path / "elsewhere.key"
    await write(tmp_path / "data", secret_key_file=file)

    assert rights(file) == 0o600
    assert list(content(tmp_path / "data")) == [FILE]
    assert await read(tmp_path / "data", secret_key_file=file) == ROWS


async def test_missing_key_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    await write(tmp_path)
    (tmp_path / KEY_FILE).unlink()
    before = content(tmp_path)

    with pytest.raises(OSError, match=f"the secret key in .*{KEY_FILE} is missing"):
        await read(tmp_path)
    assert content(tmp_path) == before


async def test_other_key_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    await write(tmp_path)
    before = content(tmp_path)

    with pytest.raises(OSError, match="encrypted with another secret key"):
        await read(tmp_path, secret_key=secret_key(2))
    assert content(tmp_path) == before
    assert await read(tmp_path) == ROWS


@pytest.mark.parametrize("text", ["", "#", "short", "x" * 44, "ä"])
async def test_text_that_is_no_key_is_refused_without_its_content(
    tmp_path: Path, text: str
) -> None:
    (tmp_path / KEY_FILE).write_text(text)

    with pytest.raises(OSError, match="openssl rand -base64 32") as raised:
        await write(tmp_path)
    assert list(content(tmp_path)) == [KEY_FILE]
    assert len(text) < 5 or text not in str(raised.value)


async def test_key_file_that_all_users_can_change_is_refused(tmp_path: Path) -> None:
    await write(tmp_path)
    (tmp_path / KEY_FILE).chmod(0o602)

    with pytest.raises(OSError, match="all users may write it"):
        await read(tmp_path)


# --- another key ----------------------------------------------------------------------


async def test_new_first_key_encrypts_all_rows_at_the_start(tmp_path: Path) -> None:
    await write(tmp_path, secret_key=secret_key(1))
    both = f"{secret_key(2)} {secret_key(1)}"

    assert await read(tmp_path, secret_key=both) == ROWS
    assert await read(tmp_path, secret_key=secret_key(2)) == ROWS
    with pytest.raises(OSError, match="another secret key"):
        await read(tmp_path, secret_key=secret_key(1))


async def test_rekey_replaces_the_key_file(tmp_path: Path) -> None:
    await write(tmp_path)
    before = content(tmp_path)

    maintenance.change_key(tmp_path, keys(tmp_path))

    after = content(tmp_path)
    assert len(after[KEY_FILE]) == len(before[KEY_FILE])
    assert after[KEY_FILE] != before[KEY_FILE]
    assert await read(tmp_path) == ROWS


async def test_rekey_while_a_server_runs_changes_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    await store.open()
    before = (tmp_path / KEY_FILE).read_bytes()
    with pytest.raises(OSError, match="another server is using it"):
        maintenance.change_key(tmp_path, keys(tmp_path))
    await store.close()

    assert (tmp_path / KEY_FILE).read_bytes() == before


async def test_rekey_that_is_interrupted_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each step, the file has the key with which the database is encrypted."""
    await write(tmp_path)
    steps = [
        (database, "prepare"),
        (SecretKeys, "write"),
        (SecretKeys, "keep_first"),
    ]
    for place, name in steps:
        with monkeypatch.context() as patched:

            def crash(*_: object, **__: object) -> None:
                raise KeyboardInterrupt

            patched.setattr(place, name, crash)
            with pytest.raises(KeyboardInterrupt):
                maintenance.change_key(tmp_path, keys(tmp_path))
        assert await read(tmp_path) == ROWS


# --- migrations -----------------------------------------------------------------------


def old_database(directory: Path, version: int) -> None:
    """Write a database as a server of an older version did."""
    db = sqlite3.connect(directory / FILE, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    vault = Vault(bytes(32))
    for number in range(version):
        schema.MIGRATIONS[number](db, vault)
    db.execute(f"PRAGMA user_version = {version}")
    assert version <= 2, "a new version needs its rows here"
    for kind, key, body in ROWS:
        name, row = key, wire.dumps(body)
        if version == 2:
            name = vault.name(kind, key)
            fernet = Fernet(urlsafe_b64encode(bytes(32)))
            row = fernet.encrypt(wire.dumps([kind, key]) + b"\n" + row)
        db.execute("INSERT INTO objects VALUES (?, ?, ?)", (kind, name, row))
    db.close()
    if version >= schema.ENCRYPTED:
        (directory / KEY_FILE).write_text(secret_key(0))
        (directory / KEY_FILE).chmod(0o600)


@pytest.mark.parametrize("version", range(1, schema.VERSION))
async def test_database_of_each_older_version_is_migrated(
    tmp_path: Path, version: int
) -> None:
    old_database(tmp_path, version)

    assert await read(tmp_path) == ROWS
    assert CANARY.encode() not in b"".join(content(tmp_path).values())


async def test_rows_of_version_2_are_read_after_a_change_of_the_key(
    tmp_path: Path,
) -> None:
    old_database(tmp_path, 2)
    maintenance.change_key(tmp_path, keys(tmp_path))

    assert await read(tmp_path) == ROWS
    assert secret_key(0) not in (tmp_path / KEY_FILE).read_text()


@pytest.mark.parametrize("place", [0, 1, 20, 40, -1])
def test_changed_byte_of_a_row_of_version_2_is_detected(place: int) -> None:
    vault = Vault(bytes(32))
    clear = wire.dumps(["thing", "a"]) + b"\n{}"
    token = bytearray(Fernet(urlsafe_b64encode(bytes(32))).encrypt(clear))
    assert vault.open("thing", vault.name("thing", "a"), bytes(token)) == ("a", b"{}")
    token[place] ^= 1

    with pytest.raises(Damaged):
        vault.open("thing", vault.name("thing", "a"), bytes(token))


@given(body=st.binary(max_size=200), place=st.integers(0), bit=st.integers(0, 7))
def test_any_changed_bit_of_a_row_is_detected(
    body: bytes, place: int, bit: int
) -> None:
    vault, name = Vault(bytes(32)), Vault(bytes(32)).name("thing", "a")
    sealed = bytearray(vault.seal("thing", "a", body))
    # Another server with the same key reads the row.
    assert Vault(bytes(32)).open("thing", name, bytes(sealed)) == ("a", body)
    sealed[place % len(sealed)] ^= 1 << bit

    with pytest.raises(Damaged):
        vault.open("thing", name, bytes(sealed))


@given(length=st.integers(0, 60))
def test_row_that_is_too_short_is_damaged(length: int) -> None:
    vault = Vault(bytes(32))
    sealed = vault.seal("thing", "a", b"{}")[: min(length, 55)]

    with pytest.raises(Damaged):
        vault.open("thing", vault.name("thing", "a"), sealed)


def test_no_two_rows_share_a_nonce_and_a_salt() -> None:
    vaults = [Vault(bytes(32)) for _ in range(5)]
    heads = {vault.seal("thing", "a", b"")[:29] for vault in vaults for _ in range(100)}

    assert len(heads) == 500


async def test_clear_rows_that_a_crash_left_in_the_log_are_removed(
    tmp_path: Path,
) -> None:
    directory = tmp_path / "data"
    directory.mkdir(mode=0o700)
    old_database(directory, 1)
    db = sqlite3.connect(directory / FILE)
    db.execute("INSERT INTO objects VALUES ('thing', 'late', ?)", (b'{"late": 1}',))
    db.commit()
    crashed = tmp_path / "crashed"
    crashed.mkdir(mode=0o700)
    for name, data in content(directory).items():
        (crashed / name).write_bytes(data)
    db.close()

    store = Store(crashed)
    await store.open()
    found = content(crashed)
    rows = [kind async for kind, _, _ in store.load()]
    await store.close()
    assert "thing" in rows
    assert CANARY.encode() not in b"".join(found.values())


async def test_migration_that_fails_leaves_the_rows(tmp_path: Path) -> None:
    old_database(tmp_path, 1)
    db = sqlite3.connect(tmp_path / FILE)
    db.execute("UPDATE objects SET body = '{bad' WHERE kind = 'service'")
    db.commit()
    db.close()
    before = (tmp_path / FILE).read_bytes()

    with pytest.raises(OSError, match="a row of the kind service is not JSON"):
        await read(tmp_path)
    assert (tmp_path / FILE).read_bytes() == before


# --- damage ---------------------------------------------------------------------------


def damaged(name: str, data: bytes) -> bytes:
    page = 4096
    return {
        "empty": b"",
        "text": b"hello",
        "header": b"garbage" * 20 + data[140:],
        "half": data[: len(data) // 2],
        "odd end": data[: len(data) // 2 + 77],
        "page of zeros": data[:page] + bytes(page) + data[2 * page :],
        "noise": data[:-page] + os.urandom(page),
    }[name]


DAMAGE = ["empty", "text", "header", "half", "odd end", "page of zeros", "noise"]


@pytest.mark.parametrize("name", DAMAGE)
async def test_damaged_file_is_refused_in_words_and_kept(
    tmp_path: Path, name: str
) -> None:
    store = Store(tmp_path)
    await store.open()
    for number in range(50):
        store.put_row("thing", str(number), {"text": "x" * 500})
    await store.close()
    data = damaged(name, (tmp_path / FILE).read_bytes())
    (tmp_path / FILE).write_bytes(data)

    with pytest.raises(OSError, match="Nothing was changed: restore a backup") as found:
        await read(tmp_path)

    assert "\n" not in str(found.value)
    assert (tmp_path / FILE).read_bytes() == data


CHANGES = [
    "UPDATE objects SET body = '{}' WHERE kind = 'service'",
    "INSERT INTO objects VALUES ('zebra', 'x', '{}')",
    "UPDATE objects SET kind = 'stack' WHERE kind = 'service'",
    "UPDATE objects SET uuid = 'x' WHERE kind = 'service'",
    "DROP TABLE objects",
    "ALTER TABLE objects RENAME COLUMN body TO content",
]


@pytest.mark.parametrize("change", CHANGES)
async def test_row_that_another_program_changed_is_refused(
    tmp_path: Path, change: str
) -> None:
    await write(tmp_path)
    db = sqlite3.connect(tmp_path / FILE)
    db.execute(change)
    db.commit()
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()

    with pytest.raises(OSError, match="Nothing was changed"):
        await read(tmp_path)


async def test_log_without_its_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / f"{FILE}-wal").write_bytes(b"x")

    with pytest.raises(OSError, match="-wal exists"):
        await read(tmp_path)


async def test_database_that_a_crash_left_unfinished_is_created_again(
    tmp_path: Path,
) -> None:
    (tmp_path / f"{FILE}.new").write_bytes(b"half")

    prepare(tmp_path, keys(tmp_path))
    assert await read(tmp_path) == []
