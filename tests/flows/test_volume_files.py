"""The files of volumes on the embedded engine, through the API."""

from __future__ import annotations

from typing import Any

import pytest

from aiodockercloud import DockerCloud
from aiodockercloud.types import Service
from tests.support.facts import PATIENCE, SHELL
from tests.support.flows import containers, done, run


async def shell(live: DockerCloud, service: Service, script: str) -> str:
    """Run a script in the first container of a service; return its output."""
    container, *_ = await containers(live, service)
    result = await live.containers.run(
        container, ["sh", "-c", script], timeout=PATIENCE
    )
    return result["stdout"]


@pytest.fixture
async def db(live: DockerCloud) -> Service:
    """A running service with a file in its volume."""
    bindings = [{"container_path": "/data"}]
    service = await run(
        live, image=SHELL, name="db", run_command="sleep 1000", bindings=bindings
    )
    await shell(live, service, "echo kept >/data/file; echo own >/tmp/file")
    return service


@pytest.mark.parametrize(
    ("options", "found"), [({}, "kept\n"), ({"reuse_volumes": False}, "")]
)
async def test_redeploy_keeps_the_files_of_reused_volumes(
    live: DockerCloud, db: Service, options: dict[str, Any], found: str
) -> None:
    await done(live, await live.services.redeploy(db, **options))

    assert await shell(live, db, "cat /data/file; cat /tmp/file") == found


async def test_stop_and_start_keep_all_files(live: DockerCloud, db: Service) -> None:
    await done(live, await live.services.stop(db))
    await done(live, await live.services.start(db))

    assert await shell(live, db, "cat /data/file; cat /tmp/file") == "kept\nown\n"


async def test_volumes_from_shares_files(live: DockerCloud, db: Service) -> None:
    app = await run(
        live,
        image=SHELL,
        run_command="sleep 1000",
        bindings=[{"volumes_from": db["resource_uri"]}],
    )

    assert await shell(live, app, "cat /data/file; echo new >/data/file") == "kept\n"
    assert await shell(live, db, "cat /data/file") == "new\n"


async def test_container_has_its_directory_and_its_name(live: DockerCloud) -> None:
    service = await run(
        live,
        image=SHELL,
        run_command="sleep 1000",
        working_dir="/srv/app",
        hostname="db",
        domainname="example.com",
    )

    script = "pwd; hostname -f"
    assert await shell(live, service, script) == "/srv/app\ndb.example.com\n"
