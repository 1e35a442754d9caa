"""Many jobs, a few at a time: thumbnails of pictures, on a server in this process.

    python examples/batch.py [--limit 4]

Each picture is a job: the program creates a service, starts the service, waits for its
end, reads the log and deletes the service. One file is not a picture: its job fails,
and the other jobs continue. Ctrl-C deletes all services and ends the program.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator

from aiodockercloud import DockerCloud, batch
from aiodockercloud.loglines import log_text
from aiodockercloud.server import Embedded, running
from aiodockercloud.server.engines.embedded import Container
from aiodockercloud.types import ServiceFields

PICTURES = [f"holiday-{number:02}.jpg" for number in range(1, 12)] + ["notes.txt"]


async def thumbnail(container: Container) -> int:
    """Make one thumbnail.

    On the embedded engine, an async function is the image. On other engines, an image
    contains the program; the rest of this file stays the same.
    """
    picture = container.environment["PICTURE"]
    container.print(f"reading {picture}")
    await container.sleep(0.05)
    if not picture.endswith(".jpg"):
        container.error(f"{picture} is not a picture")
        return 1
    container.print(f"wrote thumbnails/{picture}")
    return 0


def jobs() -> Iterator[ServiceFields]:
    """Yield the definition of one service for each picture.

    ``run_jobs`` takes the next definition when a job ends, so the number of jobs has no
    bound.
    """
    for picture in PICTURES:
        yield {
            "image": "acme/thumbnail",
            "nickname": picture,
            "container_envvars": {"PICTURE": picture},
        }


def picture_of(result: batch.JobResult) -> str:
    return result.job["nickname"]


def show(done: int, total: int | None, result: batch.JobResult) -> None:
    outcome = "done" if result.ok else "FAILED"
    print(
        f"{done:3}/{total or len(PICTURES)} {picture_of(result)} {outcome}", flush=True
    )


async def main(limit: int) -> None:
    engine = Embedded(nodes=2)
    engine.image("acme/thumbnail")(thumbnail)
    async with (
        running(engine) as server,
        DockerCloud(server.url, user=server.user, apikey=server.apikey) as cloud,
    ):
        results = await batch.run_jobs(
            cloud, jobs(), limit=limit, timeout=60, tail=20, progress=show
        )
        for result in results:
            if not result.ok:
                print(f"{picture_of(result)}: {result.error or result.exit_codes}")
                for line in result.logs:
                    print(f"    {line['streamType']}: {log_text(line)}")
        left = [s for s in await cloud.services.list() if s["state"] != "Terminated"]
        print(f"{sum(result.ok for result in results)} of {len(results)} are done;"
              f" services left: {len(left)}")  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make thumbnails, as a batch of jobs.")
    parser.add_argument("--limit", type=int, default=4, help="jobs at the same time")
    try:
        asyncio.run(main(parser.parse_args().limit))
    except KeyboardInterrupt:
        print("interrupted; everything is down")
