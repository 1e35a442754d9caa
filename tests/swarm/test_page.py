"""The page of a server on a real Swarm: deploy, watch, scale, read, enter, remove."""

from __future__ import annotations

from playwright.async_api import expect

from tests.support import swarms
from tests.support.browsers import chromium, watched
from tests.support.swarms import WAIT

pytestmark = swarms.need(3)

FILE = f"""\
web:
  image: {swarms.IMAGE}
  command: sh -c "echo ready; {WAIT}"
"""


async def test_pasted_stack_is_watched_scaled_read_entered_and_terminated() -> None:
    async with (
        swarms.server() as server,
        chromium() as browser,
        watched(browser, server) as tab,
    ):
        await tab.enter("nodes")
        for number in (1, 2, 3):
            await expect(tab.row(swarms.address(number))).to_contain_text("Deployed")

        await tab.page.get_by_role("link", name="Stacks").click()
        await tab.button("Deploy a stack").click()
        await tab.dialog.get_by_label("Name").fill("shop")
        await tab.dialog.get_by_label("Stack file").fill(FILE)
        await tab.dialog.get_by_role("button", name="Deploy").click()
        await expect(tab.heading).to_have_text("shop")
        await expect(tab.state).to_have_text("Running")

        await tab.link("web").click()
        await tab.button("Scale web").click()
        await tab.dialog.get_by_label("Number of containers").fill("2")
        await tab.dialog.get_by_role("button", name="Scale").click()
        await expect(tab.row("web-2")).to_contain_text("Running")
        await tab.link("Log").click()
        log = tab.page.get_by_role("log", name="Log of web")
        for number in (1, 2):
            await expect(log).to_contain_text(f"web-{number}ready")

        command = "echo $DOCKERCLOUD_CONTAINER_HOSTNAME; exit 3"
        output = await tab.exec("web-2", command)
        await expect(output).to_contain_text("\nweb-2\n")
        await expect(output).to_contain_text("The command ended with exit code 3.")

        await tab.open("stacks")
        await tab.link("shop").click()
        await tab.button("Terminate shop").click()
        await tab.dialog.get_by_role("button", name="Terminate").click()
        await expect(tab.state).to_have_text("Terminated")
