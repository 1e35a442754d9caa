"""The page: who may use it, for how long, and what a lost connection changes."""

from __future__ import annotations

import asyncio

from playwright.async_api import Browser, expect

from aiodockercloud import DockerCloud
from aiodockercloud.server import Server
from tests.support.browsers import Watched, watched
from tests.support.facts import SHELL
from tests.support.flows import run
from tests.support.proxies import proxy


async def test_wrong_key_is_refused_in_the_words_of_the_server(tab: Watched) -> None:
    tab.expected += ["status of 401"]
    await tab.open()

    await tab.login(apikey="wrong")

    problem = tab.page.locator("#login [role=alert]")
    await expect(problem).to_have_text("the user or the API key is wrong")
    await tab.login()
    await expect(tab.connection).to_have_text("Live")


async def test_key_stays_out_of_reach_of_scripts(tab: Watched, server: Server) -> None:
    await tab.enter()

    stored = await tab.page.evaluate(
        "[document.cookie, JSON.stringify(localStorage),"
        " JSON.stringify(sessionStorage), location.href,"
        " document.documentElement.outerHTML]"
    )

    assert stored[:3] == ["", "{}", "{}"]
    assert not any(str(server.apikey) in text for text in stored)
    assert not any(str(server.apikey) in url for url in tab.requests)
    fields = tab.page.locator("#login input")
    assert [await one.input_value() for one in await fields.all()] == ["", ""]


async def test_session_survives_a_new_tab_and_a_reload(tab: Watched) -> None:
    await tab.enter("nodes")

    await tab.page.reload()
    await expect(tab.heading).to_have_text("Nodes")
    other = await tab.page.context.new_page()
    await other.goto(tab.url)
    await expect(other.locator("#connection .pill")).to_have_text("Live")


async def test_page_ends_with_its_key(tab: Watched, live: DockerCloud) -> None:
    tab.expected += ["WebSocket connection to", "status of 401"]
    key = await live.keys.create(scopes=["read"])
    await tab.open()
    await tab.login("admin", key["key"])
    await expect(tab.connection).to_have_text("Live")

    await live.keys.delete(key)

    await expect(tab.page.get_by_text("Your session has ended.")).to_be_visible()
    await expect(tab.page.get_by_label("User")).to_be_focused()


async def test_key_that_only_reads_has_no_buttons(
    tab: Watched, live: DockerCloud
) -> None:
    web = await run(live, name="web")
    key = await live.keys.create(scopes=["read"])
    await tab.open()
    await tab.login("admin", key["key"])

    await expect(tab.row("web")).to_contain_text("Running")
    assert await tab.page.locator("[data-do]").count() == 0
    uuid = web["containers"][0].split("/")[-2]
    await tab.open(f"container/{uuid}/terminal")
    await expect(tab.page.get_by_role("main")).to_contain_text("the scope exec")


async def test_lost_connection_is_stated_and_mended(
    browser: Browser, server: Server, live: DockerCloud
) -> None:
    web = await run(live, name="web")
    async with (
        proxy(server.url) as between,
        watched(browser, server, between.url) as tab,
    ):
        tab.expected += ["ERR_", "WebSocket connection to"]
        await tab.enter()
        await expect(tab.row("web")).to_contain_text("Running")

        between.refuse()
        between.cut()
        await expect(tab.connection).to_contain_text("Connection lost")
        await live.services.stop(web)
        async with live.events.subscribe():
            await run(live, name="another")
        await expect(tab.row("web")).to_contain_text("Running")
        between.accept()

        await expect(tab.connection).to_have_text("Live")
        await expect(tab.row("web")).to_contain_text("Stopped")
        await expect(tab.row("another")).to_contain_text("Running")
        await expect(tab.page.locator("#status")).to_have_text("Connected again.")


async def test_user_need_not_wait_for_the_next_attempt(
    browser: Browser, server: Server
) -> None:
    async with (
        proxy(server.url) as between,
        watched(browser, server, between.url) as tab,
    ):
        tab.expected += ["ERR_", "WebSocket connection to"]
        await tab.enter()
        between.refuse()
        between.cut()
        async with asyncio.timeout(60):
            # Each wait is longer than the one before.
            while between.refused < 8:  # noqa: ASYNC110 - the proxy has no event for it
                await asyncio.sleep(0.05)
        between.accept()

        await tab.button("Connect now").click()

        await expect(tab.connection).to_have_text("Live")


async def test_followed_log_continues_after_a_lost_connection(
    browser: Browser, server: Server, live: DockerCloud
) -> None:
    command = "sh -c 'echo begun; cat'"
    web = await run(live, name="web", image=SHELL, run_command=command, stdin_open=True)
    async with (
        proxy(server.url) as between,
        watched(browser, server, between.url) as tab,
    ):
        tab.expected += ["ERR_", "WebSocket connection to"]
        await tab.enter(f"service/{web['uuid']}/log")
        log = tab.page.get_by_role("log")
        await expect(log).to_contain_text("begun")

        between.cut()

        await expect(tab.page.locator(".tools [role=status]")).to_have_text("Live")
        await live.services.redeploy(web)
        await expect(log.get_by_text("begun")).to_have_count(2)
