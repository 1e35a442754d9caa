"""The logs of several services in one stream, as ``tail -f`` shows several files.

    aiodockercloud serve                  # prints the address and, once, a key
    export DOCKERCLOUD_REST_HOST=http://127.0.0.1:8008
    export DOCKERCLOUD_USER=admin DOCKERCLOUD_APIKEY=…
    python examples/tail.py web worker    # without names: all services

The stream follows redeploys and scaling, and reconnects by itself. Ctrl-C ends it.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence

from aiodockercloud import DockerCloud, log_text


async def main(names: Sequence[str], lines: int, follow: bool) -> None:
    async with DockerCloud() as cloud:
        if names:
            services = [await cloud.services.find(name) for name in names]
        else:
            services = await cloud.services.list(terminated=False)
        async with cloud.logs(services, tail=lines, follow=follow) as log:
            async for line in log:
                print(f"{line['source']:>20} | {log_text(line)}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Follow the logs of services.")
    parser.add_argument("names", nargs="*", help="the services; by default, all")
    parser.add_argument("--lines", type=int, default=10, help="past lines to show")
    parser.add_argument("--no-follow", action="store_true", help="show past lines only")
    given = parser.parse_args()
    try:
        asyncio.run(main(given.names, given.lines, not given.no_follow))
    except KeyboardInterrupt:
        pass
