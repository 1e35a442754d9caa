"""Ten clients that change the same services of a real Swarm of three nodes."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from tests.support import swarms
from tests.support.flows import client_of
from tests.support.storm import CLIENTS, OPERATIONS, Storm, differences

pytestmark = swarms.need(3)

SEED = 1
#: Seconds for the whole test, which takes about 12.
ALL = 170.0


async def test_many_clients_on_the_same_services_lose_nothing_on_swarm() -> None:
    async with (
        swarms.server() as server,
        swarms.manager() as docker,
        AsyncExitStack() as stack,
    ):
        clients = [
            await stack.enter_async_context(client_of(server)) for _ in range(CLIENTS)
        ]
        fields = {"image": swarms.IMAGE}
        storm = Storm(clients, SEED, fields, swarms.PATIENCE, patience=0.2)
        async with asyncio.timeout(ALL):
            await storm.rage()
            await storm.settled()
            await storm.changes_kept()
            shown = await swarms.task_counts(docker, server.user)
            storm.problems += await differences(clients[0], shown)
            wanted = await storm.made_whole()
            shown = await swarms.task_counts(docker, server.user)
            storm.problems += await differences(clients[0], shown)

        assert storm.problems == []
        assert sum(shown.values()) == wanted
        assert storm.answers.total() >= CLIENTS * OPERATIONS
