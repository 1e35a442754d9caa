"""Cancel the client at random moments of all its operations; report what is left.

    python -X dev -W error -m tests.support.cancelling [SEED [COUNT]]

The server runs in the same process, so that the program also finds leftovers of the
server. The program prints the leftovers and how often each operation was cancelled; the
status is 1 if there are leftovers.
"""

from __future__ import annotations

import asyncio
import asyncio.constants
import gc
import os
import random
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path

from aiodockercloud import ApiError, DockerCloud, StreamClosed, WaitFailed, batch
from aiodockercloud.server import Embedded, Server, running
from aiodockercloud.server.engines.embedded import Container
from aiodockercloud.types import Service

#: At the same time: what one leaves must not disturb another.
WORKERS = 20
#: Seconds after which a leftover counts.
PATIENCE = 20.0
#: How long things are let run, in seconds on average: mostly short, at times long.
#: Half of all are given so many steps of the loop instead, which reaches the moments
#: before the first answer.
AVERAGE = 0.03
STEPS = 60
#: The share of cancelled tasks that are cancelled again during their cleanup.
AGAIN = 0.2
#: Before what should not have happened.
WRONG = "(!)"

Work = Callable[[DockerCloud], Awaitable[object]]


class Things:
    """What the client can do, on one running service of a chatty image."""

    def __init__(self, server: Server, service: Service, file: Path) -> None:
        self.server = server
        self.service = service
        self.container = service["containers"][0]
        self.file = file

    def client(self) -> DockerCloud:
        return DockerCloud(
            self.server.url, user=self.server.user, apikey=self.server.apikey
        )

    async def request(self, cloud: DockerCloud) -> None:
        await cloud.request("GET", "/api/app/v1/service/")

    async def list(self, cloud: DockerCloud) -> None:
        await cloud.services.list(limit=5)
        await cloud.actions.list(limit=10)

    async def iterate(self, cloud: DockerCloud) -> None:
        async for _ in cloud.actions.iterate(limit=1):
            pass

    async def find(self, cloud: DockerCloud) -> None:
        await cloud.services.find("chat")

    async def create(self, cloud: DockerCloud) -> None:
        service = await cloud.services.create(image="acme/quiet")
        await cloud.services.delete(service)

    async def update(self, cloud: DockerCloud) -> None:
        await cloud.services.update(self.service, nickname="x")

    async def wait(self, cloud: DockerCloud) -> None:
        await cloud.services.wait(self.service, "Stopped", poll=0.05)

    async def wait_for_a_change(self, cloud: DockerCloud) -> None:
        service = await cloud.services.create(image="acme/quiet")
        await cloud.services.wait(await cloud.services.start(service), "Running")
        deleted = await cloud.services.delete(service)
        await cloud.actions.wait(deleted)

    async def logs(self, cloud: DockerCloud) -> None:
        async with cloud.services.logs(self.service, tail=5) as lines:
            async for _ in lines:
                pass

    async def logs_not_entered(self, cloud: DockerCloud) -> None:
        lines = cloud.containers.logs(self.container, tail=5)
        try:
            await anext(lines)
        finally:
            await lines.close()

    async def logs_cut(self, cloud: DockerCloud) -> None:
        async with cloud.services.logs(self.service, tail=5) as lines:
            async for _ in lines:
                self.server.faults.cut_streams("*/logs/")

    async def events(self, cloud: DockerCloud) -> None:
        async with cloud.events.subscribe() as events:
            async for _ in events:
                pass

    async def snapshot(self, cloud: DockerCloud) -> None:
        async with cloud.events.snapshot() as events:
            async for _ in events:
                pass

    async def exec(self, cloud: DockerCloud) -> None:
        async with cloud.containers.exec(self.container, "cat") as session:
            while True:
                await session.write("hello\n")
                await anext(session)

    async def run(self, cloud: DockerCloud) -> None:
        await cloud.containers.run(self.container, "echo a; sleep 0.05; echo b")

    async def deploy(self, cloud: DockerCloud) -> None:
        name = f"stack{random.randrange(10**9)}"
        stack = await cloud.stacks.deploy(self.file, name)
        await cloud.stacks.delete(stack)

    async def batch_each(self, cloud: DockerCloud) -> None:
        await batch.each([self.service] * 8, cloud.services.inspect, limit=3)

    async def batch_jobs(self, cloud: DockerCloud) -> None:
        await batch.run_jobs(cloud, [{"image": "acme/job"}] * 2, limit=2)

    async def client_of_its_own(self, _: DockerCloud) -> None:
        async with self.client() as cloud:
            await cloud.services.list(limit=1)
            async with cloud.events.subscribe() as events:
                await cloud.services.update(self.service, nickname="y")
                await anext(events)

    async def close(self, _: DockerCloud) -> None:
        cloud = self.client()
        events = cloud.events.subscribe()
        try:
            await anext(events)
        finally:
            await cloud.close()
            await events.close()

    def all(self) -> Mapping[str, Work]:
        names = [name for name in vars(Things) if not name.startswith("_")]
        return {n: getattr(self, n) for n in names if n not in ("client", "all")}


async def cancelled(chance: random.Random, work: Awaitable[object]) -> str:
    """Run *work* for a random time, cancel the task, and return the outcome."""
    task = asyncio.ensure_future(work)
    if chance.random() < 0.5:
        await _steps(chance.randrange(STEPS))
    else:
        await asyncio.wait([task], timeout=chance.expovariate(1 / AVERAGE))
    task.cancel()
    while chance.random() < AGAIN:
        await _steps(chance.randrange(10))
        task.cancel()
    _, running = await asyncio.wait([task], timeout=PATIENCE)
    if running:
        return f"{WRONG} it does not end: {task!r}"
    if task.cancelled():
        return "cancelled"
    error = task.exception()
    if error is None:
        return "done"
    # Errors that other tasks cause on the same objects are ignored here.
    expected = isinstance(error, ApiError | StreamClosed | WaitFailed)
    return "failed" if expected else f"{WRONG} {error!r}"


async def _steps(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def sockets() -> int:
    """How many sockets this process has open, the server's among them."""
    found = 0
    for fd in os.listdir("/proc/self/fd"):
        try:
            found += os.readlink(f"/proc/self/fd/{fd}").startswith("socket:")
        except OSError:
            pass  # that of the listing itself
    return found


async def until(holds: Callable[[], bool]) -> None:
    """Return when *holds* is true, or when the time is up."""
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            while not holds():  # noqa: ASYNC110 - these facts have no event
                await asyncio.sleep(0.01)


async def clear(server: Server) -> None:
    """Take down all that was left halfway, so that the server has nothing to do."""
    cloud = server.cloud
    for action in list(cloud.actions.values()):
        await cloud.operations.wait(action)
    for record in [*cloud.stacks.values(), *cloud.services.values()]:
        if record.state != "Terminated" and cloud.active(record) is None:
            cloud.operations.submit_internal("terminate", record, reason="the end")
    for action in list(cloud.actions.values()):
        await cloud.operations.wait(action)


async def main(seed: int, count: int) -> int:
    engine = Embedded()

    @engine.image("acme/chat")
    async def chat(container: Container) -> None:
        while True:
            container.print("hello")
            await container.sleep(0.05)

    @engine.image("acme/job")
    async def job(container: Container) -> None:
        await container.sleep(0.02)

    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "docker-cloud.yml"
        file.write_text("web:\n  image: acme/quiet\njob:\n  image: acme/job\n")
        async with running(engine) as server:
            await reserve_addresses(server)
            tasks_before, sockets_before = asyncio.all_tasks(), sockets()
            left = await storm(server, file, seed, count)
            await clear(server)
            await until(lambda: asyncio.all_tasks() <= tasks_before)
            left += [f"task {task}" for task in asyncio.all_tasks() - tasks_before]
            await until(lambda: sockets() <= sockets_before)
            left += ["a socket"] * (sockets() - sockets_before)
        left += [
            f"task {task}"
            for task in asyncio.all_tasks()
            if task is not asyncio.current_task()
        ]
    gc.collect()
    print("left:", *(left or ["nothing"]), sep="\n")
    return 1 if left else 0


async def reserve_addresses(server: Server) -> None:
    """Run one container: the engine then keeps a socket that reserves its addresses."""
    idle = sockets()
    async with DockerCloud(server.url, user=server.user, apikey=server.apikey) as cloud:
        service = await cloud.services.create(image="acme/job", name="first")
        await cloud.services.wait(await cloud.services.start(service), "Stopped")
        await cloud.services.wait(await cloud.services.delete(service), "Terminated")
    await until(lambda: sockets() <= idle + 1)


async def storm(server: Server, file: Path, seed: int, count: int) -> list[str]:
    """Do and cancel things *count* times; what the client is left with."""
    outcomes: dict[str, Counter[str]] = defaultdict(Counter)
    async with DockerCloud(server.url, user=server.user, apikey=server.apikey) as cloud:
        service = await cloud.services.create(image="acme/chat", name="chat")
        await cloud.services.wait(await cloud.services.start(service), "Running")
        service = await cloud.services.inspect(service)
        things = Things(server, service, file).all()
        names = (sorted(things) * (count // len(things) + 1))[:count]
        random.Random(seed).shuffle(names)

        async def worker(number: int) -> None:
            chance = random.Random(seed * 1000 + number)
            for name in names[number::WORKERS]:
                outcomes[name][await cancelled(chance, things[name](cloud))] += 1

        async with asyncio.TaskGroup() as group:
            for number in range(WORKERS):
                group.create_task(worker(number))
        free, slots = cloud.free_slots, cloud.limits.concurrency
    for name, became in sorted(outcomes.items()):
        print(f"{name}: {', '.join(f'{n} {what}' for what, n in became.items())}")
    left = [f"{name} {what}" for name, n in outcomes.items() for what in n]
    left = [one for one in left if WRONG in one]
    return left + [f"{slots - free} places taken"] * (free < slots)


if __name__ == "__main__":
    # Development mode notes where each callback was made: most of the time goes there.
    vars(asyncio.constants)["DEBUG_STACK_DEPTH"] = 1
    arguments = dict(enumerate(map(int, sys.argv[1:])))
    sys.exit(asyncio.run(main(arguments.get(0, 1), arguments.get(1, 1000))))
