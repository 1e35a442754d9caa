import asyncio
from types import SimpleNamespace

import aiohttp

from aiodockercloud import DockerCloud
from aiodockercloud.server import running


async def begin(
    session: aiohttp.ClientSession,
    context: SimpleNamespace,
    params: aiohttp.TraceRequestStartParams,
) -> None:
    context.span = f"{params.method} {params.url.path}"


async def end(
    session: aiohttp.ClientSession,
    context: SimpleNamespace,
    params: aiohttp.TraceRequestEndParams,
) -> None:
    print(context.span, params.response.status)


async def main() -> None:
    tracing = aiohttp.TraceConfig()
    tracing.on_request_start.append(begin)
    tracing.on_request_end.append(end)
    async with running() as server:
        async with (
            aiohttp.ClientSession(trace_configs=[tracing]) as session,
            DockerCloud(
                server.url, user=server.user, apikey=server.apikey, session=session
            ) as cloud,
        ):
            await cloud.nodes.list()
            await cloud.services.create(image="acme/web", name="web")


asyncio.run(main())
