"""The client stays light: importing the client loads neither server nor engine."""

from __future__ import annotations

import subprocess
import sys

import aiodockercloud

PROGRAM = """
import sys
import aiodockercloud
heavy = ("aiodockercloud.server", "aiodocker", "aiosqlite", "sqlite3")
print([name for name in heavy if name in sys.modules])
"""


def test_import_of_the_client_loads_neither_server_nor_aiodocker() -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )

    assert run.stdout.strip() == "[]"


def test_every_exported_name_is_there() -> None:
    assert [n for n in aiodockercloud.__all__ if not hasattr(aiodockercloud, n)] == []
    assert len(set(aiodockercloud.__all__)) == len(aiodockercloud.__all__)
