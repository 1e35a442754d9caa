"""Pages in a real Chromium, and what the browser reports of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.async_api import (
    Browser,
    ConsoleMessage,
    Locator,
    Page,
    async_playwright,
    expect,
)

from aiodockercloud.server import Server
from tests.support.facts import PATIENCE

#: The names of the browser, by distribution.
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

expect.set_options(timeout=PATIENCE * 1000)


def chromium_path() -> str:
    """Return the path of Chromium; CI must have the browser."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        reason = f"no browser: one of {', '.join(NAMES)} is needed"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Run Chromium while the block runs."""
    path = chromium_path()
    async with async_playwright() as playwright:
        # As root, as in CI, Chromium has no sandbox.
        browser = await playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox"]
        )
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Watched:
    """A tab, with everything that the browser complains about or requests.

    Attributes:
        page: The tab.
        server: The server whose page is shown.
        url: The address of the server, or of a proxy in front of it.
        problems: Errors on the console, exceptions, and violations of the policy.
        requests: The addresses of all requests, websockets included.
        expected: Texts of problems that a test causes on purpose.
    """

    page: Page
    server: Server
    url: str
    problems: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        page = self.page
        page.set_default_timeout(PATIENCE * 1000)
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("websocket", lambda ws: self.requests.append(ws.url))

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(message.text)

    def check(self) -> None:
        """Check that the browser complained about nothing, and asked no other host."""
        unexpected = [
            problem
            for problem in self.problems
            if not any(text in problem for text in self.expected)
        ]
        assert unexpected == []
        own = (f"{self.url}/", f"ws{self.url.removeprefix('http')}/")
        assert [url for url in self.requests if not url.startswith(own)] == []
        assert self.requests != []

    async def open(self, path: str = "") -> None:
        """Go to an address of the page, such as ``services``."""
        await self.page.goto(f"{self.url}/{'#/' if path else ''}{path}")

    async def login(self, user: str = "", apikey: str = "") -> None:
        """Fill in the form, by default for the first account, and send it."""
        await self.page.get_by_label("User").fill(user or self.server.user)
        key = apikey or str(self.server.apikey)
        await self.page.get_by_label("API key").fill(key)
        await self.page.get_by_role("button", name="Log in").click()

    async def enter(self, path: str = "services") -> None:
        """Open the page, log in, and wait until the page shows what the server has."""
        await self.open(path)
        await self.login()
        await expect(self.connection).to_have_text("Live")

    async def exec(self, container: str, command: str) -> Locator:
        """Run a command in a container of the shown service; return the output."""
        await self.link("Containers").last.click()
        await self.link(container).click()
        await self.link("Terminal").click()
        await self.button("Run").click()
        await self.page.keyboard.type(f"{command}\n")
        return self.page.get_by_role("log", name=f"Output in {container}")

    # --- parts of the page ------------------------------------------------------------

    @property
    def connection(self) -> Locator:
        """What the page says about its connection."""
        return self.page.locator("#connection .pill")

    @property
    def heading(self) -> Locator:
        """The heading of the page."""
        return self.page.get_by_role("main").get_by_role("heading", level=1)

    @property
    def state(self) -> Locator:
        """The state of the object that the page shows."""
        return self.page.locator(".summary .badge")

    @property
    def alert(self) -> Locator:
        """The last error, as screen readers read it."""
        return self.page.locator("#alert")

    def row(self, name: str) -> Locator:
        """Return the row of an object in a table."""
        header = self.page.get_by_role("rowheader", name=name, exact=True)
        return self.page.get_by_role("row").filter(has=header)

    def link(self, name: str) -> Locator:
        """Return a link of the content."""
        return self.page.get_by_role("main").get_by_role("link", name=name, exact=True)

    def button(self, name: str) -> Locator:
        """Return a button."""
        return self.page.get_by_role("button", name=name, exact=True)

    @property
    def dialog(self) -> Locator:
        """The open dialog."""
        return self.page.get_by_role("dialog")


@asynccontextmanager
async def watched(
    browser: Browser, server: Server, url: str = "", **options: Any
) -> AsyncIterator[Watched]:
    """Yield a new tab without cookies; check its complaints at the end.

    Args:
        browser: The browser.
        server: The server.
        url: The address of a proxy in front of the server.
        **options: The options of the context, such as ``color_scheme``.
    """
    options = {"viewport": {"width": 1280, "height": 800}, **options}
    context = await browser.new_context(**options)
    try:
        tab = Watched(await context.new_page(), server, url or server.url)
        yield tab
        tab.check()
    finally:
        await context.close()
