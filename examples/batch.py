"""A nightly batch: 100 reports, a few at a time.

    aiodockercloud serve                  # prints the address and, once, a key
    export DOCKERCLOUD_REST_HOST=http://127.0.0.1:8008
    export DOCKERCLOUD_USER=admin DOCKERCLOUD_APIKEY=…
    python examples/batch.py [--limit 10]

Each report is a job: the batch creates a service, starts the service, waits for its
end, reads the log and deletes the service. A failed job is run again. One shop has no
sales, so its job always fails; the other jobs continue. Ctrl-C deletes all services.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterator

from aiodockercloud import DockerCloud, batch
from aiodockercloud.types import ServiceFields

REPORT = """\
echo reading the sales of $SHOP
if [ $SHOP = shop-013 ]; then echo no sales of $SHOP >&2; exit 1; fi
echo wrote $SHOP.pdf"""


def reports(number: int = 100) -> Iterator[ServiceFields]:
    for shop in range(1, number + 1):
        yield {
            "name": f"report-{shop:03}",
            "image": "busybox",
            "run_command": f"sh -c '{REPORT}'",
            "container_envvars": {"SHOP": f"shop-{shop:03}"},
        }


def show(done: int, total: int | None, result: batch.JobResult) -> None:
    print(f"{done:3}/{total} {'done' if result.ok else 'FAILED'}", flush=True)


async def main(limit: int) -> int:
    async with DockerCloud() as cloud:
        results = await batch.run_jobs(
            cloud, [*reports()], limit=limit, timeout=300, retries=1, progress=show
        )
    failed = [result for result in results if not result.ok]
    for result in failed:
        reason = result.error or f"exit codes {result.exit_codes}"
        print(f"{result.job.get('name')} failed {result.attempts} times: {reason}")
        print(result.output, end="")
    print(f"{len(results) - len(failed)} of {len(results)} reports are done")
    return 1 if failed else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write 100 reports, as jobs.")
    parser.add_argument("--limit", type=int, default=10, help="jobs at the same time")
    try:
        sys.exit(asyncio.run(main(parser.parse_args().limit)))
    except KeyboardInterrupt:
        sys.exit("interrupted; no service is left")
