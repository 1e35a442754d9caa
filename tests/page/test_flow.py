"""The page, as its users use it: from the login to the logout."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from aiodockercloud import DockerCloud
from aiodockercloud.server import Server
from tests.support.browsers import Watched
from tests.support.facts import IDLE, SHELL
from tests.support.flows import Gated, run

FILE = f"""\
web:
  image: {SHELL}
  command: sh -c 'echo "<b>ready</b>"; sleep 1000'
  links: [db]
db:
  image: {IDLE}
"""


@pytest.fixture
def engine() -> Gated:
    """An engine that creates containers when the test lets it."""
    engine = Gated(nodes=3)
    engine.gate.set()
    return engine


async def deploy(tab: Watched, name: str, file: str) -> None:
    """Paste a stack file, and send it."""
    await tab.button("Deploy a stack").click()
    await tab.dialog.get_by_label("Name").fill(name)
    await tab.dialog.get_by_label("Stack file").fill(file)
    await tab.dialog.get_by_role("button", name="Deploy").click()


async def test_pasted_stack_is_watched_scaled_read_entered_and_left(
    tab: Watched, engine: Gated
) -> None:
    await tab.enter()
    await expect(tab.heading).to_have_text("Services")
    engine.gate.clear()

    await deploy(tab, "shop", FILE)
    await expect(tab.heading).to_have_text("shop")
    await expect(tab.state).to_have_text("Starting")
    engine.gate.set()
    await expect(tab.state).to_have_text("Running")
    await expect(tab.row("web")).to_contain_text("1 of 1")

    await tab.link("web").click()
    await tab.button("Scale web").click()
    await tab.dialog.get_by_label("Number of containers").fill("3")
    await tab.dialog.get_by_role("button", name="Scale").click()
    await expect(tab.row("web-3")).to_contain_text("Running")
    await expect(tab.page.locator(".summary")).to_contain_text("3 of 3 running")

    await tab.link("Log").click()
    log = tab.page.get_by_role("log", name="Log of web")
    for number in (1, 2, 3):
        await expect(log).to_contain_text(f"web-{number}<b>ready</b>")

    command = "echo $DOCKERCLOUD_CONTAINER_HOSTNAME; exit 3"
    output = await tab.exec("web-2", command)
    await expect(output).to_contain_text("\nweb-2\n")
    await expect(output).to_contain_text("The command ended with exit code 3.")

    await tab.button("Log out").click()
    await expect(tab.page.get_by_role("heading", name="Log in")).to_be_visible()
    await expect(tab.page.get_by_text("You are logged out.")).to_be_visible()
    await tab.page.reload()
    await expect(tab.page.get_by_label("API key")).to_be_visible()


async def test_changes_of_others_appear_by_themselves(
    tab: Watched, live: DockerCloud
) -> None:
    await tab.enter()
    await expect(tab.page.get_by_text("No services yet")).to_be_visible()

    web = await run(live, name="web")
    await expect(tab.row("web")).to_contain_text("Running")
    await live.services.stop(web)
    await expect(tab.row("web")).to_contain_text("Stopped")
    await live.services.delete(web)
    await expect(tab.page.get_by_text("No services yet")).to_be_visible()


async def test_operations_are_those_that_the_state_allows(
    tab: Watched, live: DockerCloud
) -> None:
    await run(live, name="web")
    await tab.enter()
    await tab.link("web").click()

    await expect(tab.button("Start web")).to_have_count(0)
    await tab.button("Stop web").click()
    await expect(tab.state).to_have_text("Stopped")
    await expect(tab.button("Stop web")).to_have_count(0)
    await tab.button("Start web").click()
    await expect(tab.state).to_have_text("Running")
    before = (await live.services.find("web"))["containers"]
    await tab.button("Redeploy web").click()
    await tab.link("Actions").last.click()
    await expect(tab.row("Service Redeploy")).to_contain_text("Success")
    assert (await live.services.find("web"))["containers"] != before


async def test_termination_asks_first(tab: Watched, live: DockerCloud) -> None:
    await run(live, name="web")
    await tab.enter()

    await tab.button("Terminate web").click()
    await expect(tab.dialog).to_contain_text("This cannot be undone.")
    await tab.dialog.get_by_role("button", name="Cancel").click()
    await expect(tab.button("Terminate web")).to_be_focused()
    assert (await live.services.find("web"))["state"] == "Running"

    await tab.button("Terminate web").click()
    await tab.dialog.get_by_role("button", name="Terminate").click()
    await expect(tab.page.get_by_text("No services yet")).to_be_visible()


async def test_stack_of_a_known_name_is_updated(
    tab: Watched, live: DockerCloud
) -> None:
    await tab.enter("stacks")
    await deploy(tab, "shop", FILE)
    await expect(tab.state).to_have_text("Running")
    await tab.open("stacks")

    await tab.button("Deploy a stack").click()
    await tab.dialog.get_by_label("Name").fill("shop")
    await expect(tab.dialog).to_contain_text("A stack of this name exists")
    await tab.dialog.get_by_label("Stack file").fill(
        f"db:\n  image: {IDLE}\n  target_num_containers: 2\n"
    )
    await tab.dialog.get_by_role("button", name="Update and redeploy").click()
    await expect(tab.row("db")).to_contain_text("2 of 2")
    assert len(await live.stacks.list()) == 1


async def test_errors_are_in_the_words_of_the_server(
    tab: Watched, live: DockerCloud
) -> None:
    tab.expected += ["status of 400", "status of 422"]
    await run(live, name="web")
    await tab.enter()

    await deploy(tab, "shop", "web:\n  imaje: x\n")
    problem = tab.dialog.get_by_role("alert")
    await expect(problem).to_contain_text("stack file: service web: key imaje")
    await tab.page.keyboard.press("Escape")

    await tab.link("web").click()
    await tab.button("Roll back web").click()
    await expect(tab.alert).to_contain_text("rollback")
    await tab.button("Close the message").click()
    await expect(tab.page.locator(".notice")).to_have_count(0)


async def test_action_shows_its_log(tab: Watched, live: DockerCloud) -> None:
    await run(live, name="web")
    await tab.enter("actions")

    await tab.link("Service Start").click()

    log = tab.page.get_by_role("log", name="Log of Service Start")
    await expect(log).to_contain_text("deploying 1 of web")
    await expect(tab.state).to_have_text("Success")


async def test_address_of_an_object_can_be_opened(
    tab: Watched, live: DockerCloud
) -> None:
    tab.expected += ["status of 404"]
    web = await run(live, name="web")

    await tab.enter(f"service/{web['uuid']}/facts")
    await expect(tab.heading).to_have_text("web")
    await expect(tab.page.locator(".facts")).to_contain_text(IDLE)
    assert await tab.page.title() == "web · aiodockercloud"
    await tab.open("service/00000000-0000-4000-8000-000000000000")
    await expect(tab.heading).to_have_text("Not found")


async def test_filter_selects_by_name_state_and_image(
    tab: Watched, live: DockerCloud
) -> None:
    for name in ("web", "worker"):
        await run(live, name=name)
    await tab.enter()

    await tab.page.get_by_label("Filter services").fill("work")

    await expect(tab.row("worker")).to_be_visible()
    await expect(tab.row("web")).to_have_count(0)


async def test_page_chooses_between_namespaces(
    tab: Watched, server: Server, live: DockerCloud
) -> None:
    await live.accounts.create(user="bob", namespaces=["acme"])
    async with DockerCloud(
        server.url, user=server.user, apikey=server.apikey, namespace="acme"
    ) as acme:
        await run(acme, name="theirs")
    await run(live, name="ours")
    await tab.enter()

    await expect(tab.row("ours")).to_be_visible()
    await tab.page.get_by_label("Namespace").select_option("acme")
    await tab.link("theirs").click()
    await tab.button("Stop theirs").click()
    await expect(tab.state).to_have_text("Stopped")
    await expect(tab.row("ours")).to_have_count(0)
