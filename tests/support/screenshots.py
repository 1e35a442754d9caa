"""Screenshots of the page for the docs: ``python -m tests.support.screenshots``."""

from __future__ import annotations

import asyncio

from playwright.async_api import Browser, expect

from aiodockercloud import DockerCloud
from aiodockercloud.server import Embedded, Server, running
from aiodockercloud.server.engines.embedded import Container
from tests.support.browsers import Watched, chromium, watched
from tests.support.facts import ROOT
from tests.support.flows import client_of

FOLDER = ROOT / "docs" / "_static"
DESKTOP, PHONE = {"width": 1280, "height": 600}, {"width": 390, "height": 780}
REQUESTS = (
    '10.7.0.4 "GET / HTTP/1.1" 200 1024',
    '10.7.0.9 "GET /items HTTP/1.1" 200 5120',
    '10.7.0.4 "POST /cart HTTP/1.1" 201 312',
    '10.7.0.5 "GET /items/7 HTTP/1.1" 200 2048',
    '10.7.0.9 "GET /items/8 HTTP/1.1" \x1b[33m404\x1b[0m 96',
)

engine = Embedded(nodes=3)


@engine.image("acme/shop")
async def shop(container: Container) -> None:
    """Print the requests of a web shop."""
    for request in REQUESTS * 3:
        container.print(request)
    await asyncio.Event().wait()


async def fill(cloud: DockerCloud) -> None:
    """Create a stack and services in several states."""
    stack = await cloud.stacks.create(
        name="shop",
        services=[
            {
                "name": "web",
                "image": "acme/shop:2.4",
                "target_num_containers": 3,
                "container_ports": ["80"],
            },
            {"name": "db", "image": "postgres:16"},
            {"name": "cache", "image": "redis:7"},
        ],
    )
    await cloud.stacks.start(stack)
    await cloud.stacks.wait(stack, state="Running")
    await cloud.services.create(image="acme/report:2", name="nightly-report")
    mail = await cloud.services.run(image="acme/mail:1.9", name="mail")
    await cloud.services.stop(mail)
    await cloud.services.wait(mail, state="Stopped")


async def shoot(tab: Watched, name: str) -> None:
    await tab.page.screenshot(path=FOLDER / f"page-{name}.png")


async def pictures(browser: Browser, server: Server) -> None:
    """Write each picture."""
    for scheme in ("light", "dark"):
        async with watched(
            browser, server, viewport=DESKTOP, color_scheme=scheme
        ) as tab:
            await tab.enter()
            await expect(tab.row("web")).to_contain_text("3 of 3")
            await shoot(tab, scheme)
            if scheme == "light":
                await tab.link("web").click()
                await tab.link("Log").click()
                await expect(tab.page.get_by_role("log")).to_contain_text("web-3")
                await shoot(tab, "log")
    async with watched(browser, server, viewport=PHONE, device_scale_factor=2) as tab:
        await tab.enter()
        await expect(tab.row("web")).to_contain_text("3 of 3")
        await shoot(tab, "phone")


async def main() -> None:
    async with (
        running(engine) as server,
        client_of(server) as cloud,
        chromium() as browser,
    ):
        await fill(cloud)
        await pictures(browser, server)


if __name__ == "__main__":
    asyncio.run(main())
