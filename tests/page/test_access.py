"""The page for all of its users: by keyboard, on a phone, in the dark, by ear."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, expect

from aiodockercloud import DockerCloud
from aiodockercloud.server import Server
from tests.support.browsers import Watched, watched
from tests.support.facts import SHELL
from tests.support.flows import done, run

PHONE = {"width": 360, "height": 740}
#: The rules of WCAG 2.1, level AA, and those of axe itself.
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"]}


async def filled(live: DockerCloud) -> list[str]:
    """Create objects with long names in several states; return the pages of all."""
    web = await run(
        live,
        name="a-service-with-a-name-that-is-longer-than-a-phone-is-wide",
        image=SHELL,
        run_command=f"sh -c 'echo {'0123456789' * 30}; sleep 1000'",
        container_envvars={"LONG": "x" * 300},
    )
    await done(live, await live.services.stop(await run(live, name="stopped")))
    stack = await live.stacks.create(name="shop", services=[{"image": SHELL}])
    service, container = web["uuid"], web["containers"][0].split("/")[-2]
    [node, *_] = await live.nodes.list()
    [action, *_] = await live.actions.list()
    return [
        *("stacks", "services", "containers", "nodes", "actions"),
        *(f"service/{service}{tab}" for tab in ("", "/log", "/facts", "/actions")),
        *(f"container/{container}{tab}" for tab in ("", "/terminal", "/facts")),
        f"stack/{stack['uuid']}",
        f"node/{node['uuid']}/facts",
        f"action/{action['uuid']}",
    ]


async def test_phone_has_no_horizontal_scroll_bar(
    browser: Browser, server: Server, live: DockerCloud
) -> None:
    paths = await filled(live)
    async with watched(browser, server, viewport=PHONE) as tab:
        await tab.open()
        widths = {"login": await width(tab)}
        await tab.enter()
        for path in paths:
            await tab.open(path)
            await expect(tab.heading).to_be_visible()
            widths[path] = await width(tab)
        await tab.open("services")
        await tab.button("Deploy a stack").click()
        widths["dialog"] = await width(tab)

    assert {path: wide for path, wide in widths.items() if wide > 360} == {}


async def width(tab: Watched) -> int:
    """Return the width of the whole page, in pixels of CSS."""
    return int(await tab.page.evaluate("document.documentElement.scrollWidth"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_page_meets_the_rules_for_accessibility(
    browser: Browser, server: Server, live: DockerCloud, scheme: str
) -> None:
    """axe-core checks contrasts, labels, landmarks and roles, in the light and dark."""
    paths = await filled(live)
    async with watched(browser, server, color_scheme=scheme) as tab:
        await tab.open()
        await expect(tab.page.get_by_label("User")).to_be_focused()
        found = {"login": await violations(tab)}
        await tab.enter()
        for path in paths:
            await tab.open(path)
            await expect(tab.heading).to_be_visible()
            found[path] = await violations(tab)
        await tab.open("services")
        await tab.button("Terminate stopped").click()
        found["dialog"] = await violations(tab)
        ground = await tab.page.evaluate(
            "getComputedStyle(document.body).backgroundColor"
        )

    assert {path: problems for path, problems in found.items() if problems} == {}
    lightness = sum(int(part) for part in ground.strip("rgb()").split(","))
    assert (lightness < 200) is (scheme == "dark")


async def violations(tab: Watched) -> list[str]:
    """Return the rules that the page breaks, with an element of each."""
    results: dict[str, Any] = (await Axe().run(tab.page, options=RULES)).response
    return [
        f"{rule['id']}: {rule['nodes'][0]['html']}" for rule in results["violations"]
    ]


async def test_everything_is_done_by_keyboard(tab: Watched, live: DockerCloud) -> None:
    await run(live, name="web")
    await tab.open()
    press, write = tab.page.keyboard.press, tab.page.keyboard.type
    await expect(tab.page.get_by_label("User")).to_be_focused()
    await write(tab.server.user)
    await press("Tab")
    await write(str(tab.server.apikey))
    await press("Enter")
    await expect(tab.row("web")).to_be_visible()

    await expect(tab.page.get_by_role("main")).to_be_focused()
    for _ in range(3):  # the filter, the button, the link
        await press("Tab")
    await expect(tab.link("web")).to_be_focused()
    await press("Enter")
    await expect(tab.heading).to_be_focused()

    for _ in range(2):
        await press("Tab")
    await expect(tab.button("Scale web")).to_be_focused()
    await press("Enter")
    await write("2")
    await press("Enter")
    await expect(tab.row("web-2")).to_contain_text("Running")
    # The button disappears while the service is scaled.
    group = tab.page.locator('[aria-label="Operations"]:focus-within')
    await expect(group).to_be_visible()

    await tab.button("Scale web").focus()
    await press("Enter")
    await expect(tab.dialog).to_be_visible()
    await press("Escape")
    await expect(tab.dialog).to_have_count(0)
    await expect(tab.button("Scale web")).to_be_focused()
    assert (await live.services.find("web"))["target_num_containers"] == 2


async def test_link_skips_the_navigation(tab: Watched) -> None:
    await tab.enter("nodes")
    await tab.page.reload()
    await expect(tab.connection).to_have_text("Live")

    await tab.page.keyboard.press("Tab")
    await expect(tab.page.get_by_text("Skip to the content")).to_be_focused()
    await tab.page.keyboard.press("Enter")
    await expect(tab.page.get_by_role("main")).to_be_focused()
    await expect(tab.heading).to_have_text("Nodes")
    await tab.page.keyboard.press("Tab")
    await expect(tab.page.get_by_label("Filter nodes")).to_be_focused()


async def test_focus_stays_while_the_page_changes(
    tab: Watched, live: DockerCloud
) -> None:
    await run(live, name="web")
    await tab.enter()
    await tab.link("web").focus()

    await run(live, name="another")  # sorted before
    await expect(tab.row("another")).to_contain_text("Running")
    await expect(tab.link("web")).to_be_focused()
    await live.services.delete(await live.services.find("another"))
    await expect(tab.row("another")).to_have_count(0)
    await expect(tab.link("web")).to_be_focused()


async def test_typed_text_stays_while_the_page_changes(
    tab: Watched, live: DockerCloud
) -> None:
    await tab.enter()
    field = tab.page.get_by_label("Filter services")
    await field.fill("we")
    await field.focus()

    await run(live, name="web")
    await expect(tab.row("web")).to_contain_text("Running")

    await expect(field).to_have_value("we")
    await expect(field).to_be_focused()


async def test_messages_are_read_to_those_who_do_not_see_them(
    tab: Watched, live: DockerCloud
) -> None:
    await run(live, name="web")
    await tab.enter()

    await tab.button("Stop web").click()

    await expect(tab.link("web")).to_be_focused()  # where the button was
    status = tab.page.locator("#status")
    await expect(status).to_have_attribute("role", "status")
    await expect(status).to_have_text("Stopping web …")
