"""The logs of several services, and of a stack, as one stream."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from aiodockercloud import DockerCloud, ObjectNotFound, StreamClosed, log_text
from aiodockercloud.types import Service, Stack
from tests.support import talking
from tests.support.facts import PATIENCE, UUID, until
from tests.support.flows import run
from tests.support.talking import Talk

talk = talking.talk

#: The limit of the clock in a test that would otherwise wait for ever.
pytestmark = pytest.mark.timeout(PATIENCE)


@pytest.fixture
async def pair(live: DockerCloud, talk: Talk) -> tuple[Service, Service]:
    """Two services, which have written 1 to 4 in turn."""
    one = await run(live, image="acme/talk", name="one")
    two = await run(live, image="acme/talk", name="two")
    for number in (1, 2):
        talk.say("one-1", f"one {number}")
        talk.say("two-1", f"two {number}")
    return one, two


@pytest.fixture
async def stack(live: DockerCloud, talk: Talk) -> Stack:
    services: Any = [{"name": "a", "image": "acme/talk"}]
    services.append({"name": "b", "image": "acme/talk"})
    made = await live.stacks.create(name="shop", services=services)
    await live.stacks.start(made)
    return await live.stacks.wait(made, "Running")


def ours(items: list[Any]) -> list[tuple[str, str, str]]:
    return [(item["service"], item["container"], log_text(item)) for item in items]


async def test_log_of_several_services_is_in_the_order_of_the_stamps(
    live: DockerCloud, pair: tuple[Service, Service]
) -> None:
    async with live.logs(pair, follow=False) as stream:
        items = [item async for item in stream]

    assert ours(items) == [
        ("one", "one-1", "one 1"),
        ("two", "two-1", "two 1"),
        ("one", "one-1", "one 2"),
        ("two", "two-1", "two 2"),
    ]
    assert {item["service_uri"] for item in items} == {
        service["resource_uri"] for service in pair
    }


@pytest.mark.parametrize("form", ["dict", "resource_uri", "uuid", "one"])
async def test_services_are_given_in_any_form(
    live: DockerCloud, pair: tuple[Service, Service], form: str
) -> None:
    things: Any = {
        "dict": list(pair),
        "resource_uri": (service["resource_uri"] for service in pair),
        "uuid": {service["uuid"] for service in pair},
        "one": pair[0]["uuid"],
    }[form]

    async with aclosing(live.logs(things, follow=False, tail=1)) as stream:
        items = [item async for item in stream]

    expected = [("one", "one-1", "one 2"), ("two", "two-1", "two 2")]
    assert ours(items) == (expected[:1] if form == "one" else expected)


async def test_followed_log_continues_with_new_lines_of_all_services(
    live: DockerCloud, talk: Talk, pair: tuple[Service, Service]
) -> None:
    async with live.logs(pair, tail=0) as stream:
        talk.say("two-1", "new")
        first = await anext(stream)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(stream), 0.01)
        talk.say("one-1", "newer")
        second = await anext(stream)

    assert ours([first, second]) == [("two", "two-1", "new"), ("one", "one-1", "newer")]


async def test_log_of_jobs_ends_with_the_last_of_them(
    live: DockerCloud, talk: Talk, pair: tuple[Service, Service]
) -> None:
    stream = live.logs(pair, until="stopped", tail="all")
    async with stream:
        items = [await anext(stream) for _ in range(4)]
        for service in pair:
            await live.services.stop(service)
        items += [item async for item in stream]

    assert sorted(text for *_, text in ours(items)) == [
        *("one 1", "one 2", "two 1", "two 2")
    ]


async def test_log_of_no_service_is_empty(live: DockerCloud) -> None:
    for follow in (False, True):
        async with live.logs([], follow=follow) as stream:
            assert [item async for item in stream] == []


@pytest.mark.parametrize("follow", [False, True])
async def test_service_that_does_not_exist_raises_on_entering(
    live: DockerCloud, pair: tuple[Service, Service], follow: bool
) -> None:
    stream = live.logs([pair[0], {"name": "x", "resource_uri": UUID}], follow=follow)

    with pytest.raises(ObjectNotFound):
        await stream.__aenter__()
    with pytest.raises(ObjectNotFound):  # the next attempt starts again
        await anext(stream)
    await stream.close()


@pytest.mark.parametrize(
    "options", [{"tail": "most"}, {"until": "x"}, {"since": -1}], ids=str
)
async def test_wrong_option_is_named_at_once(
    live: DockerCloud, options: dict[str, Any]
) -> None:
    (name,) = options
    with pytest.raises(ValueError, match=f"{name}: "):
        live.logs([], **options)
    with pytest.raises(ValueError, match=f"{name}: "):
        live.stacks.logs("x", **options)


async def test_second_reader_is_refused(
    live: DockerCloud, pair: tuple[Service, Service]
) -> None:
    async with live.logs(pair, tail=0) as stream:
        reading = asyncio.create_task(anext(stream, None))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="another task"):
            await anext(stream)
        await stream.close()
        assert await reading is None


async def test_closed_client_ends_the_reader_with_that_reason(
    live: DockerCloud, pair: tuple[Service, Service]
) -> None:
    async with live.logs(pair, tail=0) as stream:
        reading = asyncio.create_task(anext(stream))
        await asyncio.sleep(0)
        await live.close()
        with pytest.raises(StreamClosed, match="the client was closed"):
            await reading


# --- stacks ---------------------------------------------------------------------------


async def test_log_of_a_stack_has_the_lines_of_its_services(
    live: DockerCloud, talk: Talk, stack: Stack
) -> None:
    await run(live, image="acme/talk", name="other")
    for name in ("b-1", "a-1", "other-1"):
        talk.say(name, "hello")

    async with live.stacks.logs(stack, follow=False) as stream:
        items = [item async for item in stream]

    assert ours(items) == [("b", "b-1", "hello"), ("a", "a-1", "hello")]


async def test_new_service_of_a_stack_joins_the_log_from_its_first_line(
    live: DockerCloud, talk: Talk, stack: Stack
) -> None:
    async with live.stacks.logs(stack["uuid"], tail=0) as stream:
        talk.say("a-1", "hello")
        assert ours([await anext(stream)]) == [("a", "a-1", "hello")]

        service = await live.services.create(image="acme/talk", name="c", stack=stack)
        await live.services.start(service)
        await until(lambda: "c-1" in talk.runs)
        talk.say("c-1", "first", "second")
        items = [await anext(stream), await anext(stream)]

    assert ours(items) == [("c", "c-1", "first"), ("c", "c-1", "second")]


async def test_followed_log_of_a_stack_ends_with_the_stack(
    live: DockerCloud, talk: Talk, stack: Stack
) -> None:
    async with live.stacks.logs(stack) as stream:
        talk.say("a-1", "hello")
        items = [await anext(stream)]
        await live.stacks.delete(stack)
        items += [item async for item in stream]

    assert ours(items) == [("a", "a-1", "hello")]


async def test_stack_that_does_not_exist_raises_on_entering(live: DockerCloud) -> None:
    with pytest.raises(ObjectNotFound):
        await anext(live.stacks.logs(UUID))
