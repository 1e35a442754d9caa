"""What a program imports that only imports the client."""

from __future__ import annotations

import subprocess
import sys

import pytest

#: Modules that are imported when they are first needed: stack files and YAML,
#: credentials of files, the version of the package, decimals, suggestions of names.
LATER = (
    "yaml",
    "configparser",
    "importlib.metadata",
    "decimal",
    "difflib",
    "aiodockercloud.stackfile",
    "aiodockercloud.types.exports",
    "aiodockercloud.wire.images",
    "aiodockercloud.transport.credentials",
    "aiodockercloud.wire.service_fields",
    "aiodockercloud.server",
)


@pytest.fixture(scope="module")
def imported() -> set[str]:
    """Return the modules that the client imports in addition to aiohttp's."""
    code = (
        "import sys, aiohttp; before = {*sys.modules};"
        " from aiodockercloud import DockerCloud; print(*({*sys.modules} - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return {*done.stdout.split()}


@pytest.mark.parametrize("module", LATER)
def test_client_is_imported_without_a_module_that_few_programs_need(
    module: str, imported: set[str]
) -> None:
    assert "aiodockercloud.client" in imported
    assert module not in imported
