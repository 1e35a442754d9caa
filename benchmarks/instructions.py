"""Instructions of a request, counted by valgrind: a gate that no busy machine can move.

    python -m benchmarks.instructions           compare with the bounds
    python -m benchmarks.instructions --write   store today's ratios as the bounds

Client and server share one process, whose requests valgrind counts in slices. Both
sides of a row send the same requests, so repetitions differ by less than a hundredth.
The bounds are of one Python each: another Python prints its ratios, without a verdict.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import aiohttp
import orjson
from aiohttp import web

from aiodockercloud import DockerCloud
from aiodockercloud.server import running

from .children import Bare
from .client import LIST, ONE, UUID, bodies
from .harness import AUTH, KEY, USER, Raw

BOUNDS = Path(__file__).with_suffix(".toml")
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

#: How far a ratio may lie above its bound. Repetitions differ by 0.003; the rest is for
#: other releases of the dependencies.
TOLERANCE = 1.02

ROWS = ("client, GET", "client, list", "client, PATCH", "server, GET", "server, list")
WARM_UP = 120
SLICES = 7
REQUESTS = 20

Call = Callable[[], Awaitable[object]]


async def _slices(call: Call) -> None:
    """Send requests in slices, with a mark before and after each."""
    for _ in range(WARM_UP):
        await call()
    for _ in range(SLICES):
        gc.collect()
        _mark()
        for _ in range(REQUESTS):
            await call()
        _mark()


def _mark() -> None:
    """Let valgrind store its counters: see ``--dump-before`` of `counted`."""
    os.getloadavg()


async def _work() -> None:
    """Send the requests of all rows: ours, then the peer's."""
    gc.disable()
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(running(user=USER, apikey=KEY))
        bare = await _bare(stack)
        bare.bodies = {path: body.encode() for path, body in bodies().items()}
        cloud = await stack.enter_async_context(
            DockerCloud(bare.url, user=USER, apikey=KEY)
        )
        session = await stack.enter_async_context(
            aiohttp.ClientSession(headers={"Authorization": AUTH})
        )

        def plain(method: str, path: str) -> Call:
            body = orjson.dumps({"nickname": "n"}) if method == "PATCH" else None

            async def call() -> object:
                address = f"{bare.url}{path}"
                async with session.request(method, address, data=body) as response:
                    return orjson.loads(await response.read())

            return call

        for ours, peer in (
            (lambda: cloud.services.inspect(UUID), plain("GET", ONE)),
            (cloud.services.list, plain("GET", LIST)),
            (lambda: cloud.services.update(UUID, nickname="n"), plain("PATCH", ONE)),
        ):
            await _slices(ours)
            await _slices(peer)

        async with DockerCloud(server.url, user=USER, apikey=KEY) as own:
            for number in range(25):
                web = await own.services.create(image="idle:1", name=f"web{number}")
        raw = await stack.enter_async_context(Raw(server.url, 1))
        bare_raw = await stack.enter_async_context(Raw(bare.url, 1))
        for path in (web["resource_uri"], LIST):
            bare.bodies[path] = await raw.one("GET", path)
            await _slices(partial(raw.one, "GET", path))
            await _slices(partial(bare_raw.one, "GET", path))


class _Served(Bare):
    """The bare server, inside this process."""

    url = ""


async def _bare(stack: AsyncExitStack) -> _Served:
    bare = _Served()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", bare.get)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    bare.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    return bare


def counted() -> dict[str, float]:
    """Return the ratio of instructions of each row: ours divided by the peer's."""
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(
            [
                *("valgrind", "--quiet", "--tool=callgrind"),
                # Called by `_mark` and by nothing else.
                "--dump-before=getloadavg",
                f"--callgrind-out-file={directory}/out",
                *(sys.executable, "-m", "benchmarks.instructions", "--work"),
            ],
            check=True,
            # The order of sets and the buckets of dicts are those of the last run.
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )
        # Every second count is of a slice; the others are of what is in between.
        slices = [
            _total(Path(directory, f"out.{number}"))
            for number in range(2, 4 * SLICES * len(ROWS) + 1, 2)
        ]
    # A timer of the server, which the clock starts, adds to some slices.
    least = [
        min(slices[begin : begin + SLICES]) for begin in range(0, len(slices), SLICES)
    ]
    pairs = zip(least[::2], least[1::2], strict=True)
    ratios = (round(ours / peer, 4) for ours, peer in pairs)
    return dict(zip(ROWS, ratios, strict=True))


def _total(file: Path) -> int:
    found = re.search(r"^totals: (\d+)", file.read_text(), re.MULTILINE)
    assert found is not None, file
    return int(found[1])


def main() -> None:
    """Count, print, and end with status 1 when a row lies above its bound."""
    parser = argparse.ArgumentParser(prog="benchmarks.instructions")
    parser.add_argument("--write", action="store_true", help="store the bounds")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        asyncio.run(_work())
        return
    bounds = tomllib.loads(BOUNDS.read_text()) if BOUNDS.exists() else {}
    ratios = counted()
    lines = verdicts(ratios, bounds.get(PYTHON, {}))
    print("\n".join(lines))
    if options.write:
        bounds[PYTHON] = ratios
        BOUNDS.write_text(written(bounds))
    elif any(line.endswith("ABOVE") for line in lines):
        sys.exit(
            "More instructions than the bounds allow. When the change is worth them:\n"
            "python -m benchmarks.instructions --write, and say why in the commit."
        )


def verdicts(ratios: dict[str, float], bounds: dict[str, float]) -> list[str]:
    """Return a line for each row: its ratio, its bound, and whether the bound holds."""
    lines = []
    for what, ratio in ratios.items():
        bound = bounds.get(what)
        if bound is None:
            verdict = "no bound"
        else:
            verdict = "holds" if ratio <= bound * TOLERANCE else "ABOVE"
        lines.append(f"{what:14} {ratio:.4f}, bound {bound or '-'}: {verdict}")
    return lines


def written(bounds: dict[str, dict[str, float]]) -> str:
    """Return the bounds of each Python as TOML."""
    lines = ["# Instructions by those of the peer: python -m benchmarks.instructions\n"]
    for python, ratios in sorted(bounds.items()):
        lines.append(f"\n[{json.dumps(python)}]\n")
        lines += [f"{json.dumps(what)} = {ratio}\n" for what, ratio in ratios.items()]
    return "".join(lines)


if __name__ == "__main__":
    main()
