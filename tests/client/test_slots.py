"""The bound on the requests of a client at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from aiodockercloud.transport.slots import Slots

#: Begin a request, end one, or cancel one, each by a number.
STEPS = st.lists(st.tuples(st.sampled_from("bec"), st.integers(0, 20)), max_size=60)


class Model:
    """Requests that hold a slot until they are ended."""

    def __init__(self, number: int) -> None:
        self.slots = Slots(number)
        self.began: list[int] = []
        self.ends: dict[int, asyncio.Event] = {}
        self.tasks: dict[int, asyncio.Task[None]] = {}

    async def request(self, name: int) -> None:
        if not self.slots.take():
            await self.slots.wait()
        try:
            self.began.append(name)
            await self.ends[name].wait()
        finally:
            self.slots.give()

    def step(self, action: str, number: int) -> None:
        live = [name for name, task in self.tasks.items() if not task.done()]
        if action == "b":
            name = len(self.tasks)
            self.ends[name] = asyncio.Event()
            self.tasks[name] = asyncio.create_task(self.request(name))
        elif live:
            name = live[number % len(live)]
            if action == "e":
                self.ends[name].set()
            else:
                self.tasks[name].cancel()


async def settle(model: Model) -> None:
    # A task that is canceled while it receives a slot passes the slot on a turn later.
    for _ in range(4 + len(model.tasks)):
        await asyncio.sleep(0)


async def check(number: int, steps: Sequence[tuple[str, int]], *, at_once: int) -> None:
    """Carry out steps, *at_once* of them in one turn of the event loop."""
    model = Model(number)
    for index, (action, value) in enumerate(steps):
        model.step(action, value)
        if index % at_once == 0:
            await settle(model)
            live = [name for name, one in model.tasks.items() if not one.done()]
            running = [name for name in live if name in model.began]
            assert len(running) == min(number, len(live))
            assert model.slots.free == number - len(running)
    for task in model.tasks.values():
        task.cancel()
    await asyncio.gather(*model.tasks.values(), return_exceptions=True)
    assert model.slots.free == number
    assert model.began == sorted(model.began)


@given(st.integers(1, 4), STEPS, st.integers(1, 5))
def test_slots_are_all_used_and_returned_in_the_order_of_arrival(
    number: int, steps: list[tuple[str, int]], at_once: int
) -> None:
    asyncio.run(check(number, steps, at_once=at_once))
