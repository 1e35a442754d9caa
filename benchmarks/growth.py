"""Growth: what ten times as many objects cost, and pages of long lists.

Ten times as many must cost about ten times as much: the bounds leave a tenth for caches
of the processor and the collection of garbage.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pygal

from aiodockercloud import DockerCloud

from .harness import KEY, USER, Child, Raw, Row, child, memory, paired, row

CURVES = Path(__file__).parents[1] / "docs" / "_static"
SERVICES = 10
#: Containers of the points of the curves; the rows compare the first and the last.
POINTS = (1000, 3000, 10_000)
LIMIT = 20
PAGES = 200


async def _all(
    items: Iterable[Any], work: Callable[[Any], Awaitable[Any]]
) -> list[Any]:
    found, left = [], iter(items)

    async def one() -> None:
        for item in left:
            found.append(await work(item))

    await asyncio.gather(*(one() for _ in range(LIMIT)))
    return found


async def _deployed(containers: int, services: int) -> tuple[float, float, float]:
    """Return the CPU seconds of creating and of starting, and the bytes in memory."""
    async with (
        child("ours") as server,
        DockerCloud(server.url, user=USER, apikey=KEY, timeout=600) as cloud,
    ):
        begin, size = server.cpu(), memory(server.pid)
        made = await _all(
            range(services),
            lambda number: cloud.services.create(
                image="idle",
                name=f"s{number}",
                target_num_containers=containers // services,
            ),
        )
        created = server.cpu()
        await _all(made, cloud.services.start)
        while (await server.ask("states")).get("Running", 0) < containers:
            await asyncio.sleep(0.2)
        started = server.cpu()
        return created - begin, started - created, memory(server.pid) - size


async def rows() -> AsyncIterator[Row]:
    """Yield the rows of growth, and draw the curves."""
    found = [await _deployed(number, SERVICES) for number in POINTS]
    times = [start for _, start, _ in found]
    sizes = [size for *_, size in found]
    _draw("time", "CPU seconds to start", times)
    _draw("memory", "MiB", [size / 2**20 for size in sizes])
    yield Row(
        "1,000 → 10,000 containers of 10 services: time",
        "the first thousand",
        11,
        False,
        [times[-1] / times[0]],
        f"{times[-1]:.2f} : {times[0]:.2f} s",
    )
    yield Row(
        "1,000 → 10,000 containers of 10 services: memory",
        "the first thousand",
        10,
        False,
        [sizes[-1] / sizes[0]],
        f"{sizes[-1] / 2**20:.0f} : {sizes[0] / 2**20:.0f} MiB",
        sizes[-1] / POINTS[-1],
    )
    small = await _deployed(300, 300)
    large = await _deployed(3000, 3000)
    for what, number in (("create", 0), ("start", 1)):
        yield Row(
            f"300 → 3,000 services of one container: {what}",
            "the first 300",
            11,
            False,
            [large[number] / small[number]],
            f"{large[number]:.2f} : {small[number]:.2f} s",
        )
    async for one in _pages():
        yield one


async def _created(create: Callable[..., Awaitable[Any]], image: str) -> None:
    await create(image=image)


async def _pages() -> AsyncIterator[Row]:
    """Read the first page of a long list and of a short one."""
    async with child("ours") as long, child("ours") as short:
        for server, number in ((long, 10_000), (short, 100)):
            async with DockerCloud(server.url, user=USER, apikey=KEY) as cloud:
                create = cloud.services.create
                await _all(["idle"] * number, partial(_created, create))
        async with Raw(long.url, LIMIT) as one, Raw(short.url, LIMIT) as other:

            def cost(server: Child, raw: Raw) -> Callable[[], Awaitable[float]]:
                async def work() -> float:
                    begin = server.cpu()
                    path = "/api/app/v1/service/"
                    await raw.many(PAGES, lambda _: ("GET", path, b"", ""))
                    return (server.cpu() - begin) / PAGES

                return work

            pairs = await paired(cost(long, one), cost(short, other))
            yield row(
                "list page of 25 at 10,000 services",
                "at 100 services",
                1.1,
                pairs,
                at_least=False,
            )


def _draw(name: str, title: str, values: list[float]) -> None:
    chart = pygal.XY(
        width=560,
        height=320,
        show_legend=False,
        title=title,
        x_title="containers",
        include_x_axis=True,
        js=[],
    )
    chart.add(title, [(0, 0), *zip(POINTS, values, strict=True)])
    chart.render_to_file(str(CURVES / f"growth-{name}.svg"))
