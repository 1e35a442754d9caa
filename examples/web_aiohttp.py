"""A status page with aiohttp, where the client shares the session of the application.

    aiodockercloud serve                  # prints the address and, once, a key
    export DOCKERCLOUD_REST_HOST=http://127.0.0.1:8008
    export DOCKERCLOUD_USER=admin DOCKERCLOUD_APIKEY=…
    python examples/web_aiohttp.py [--port 8080]

``/`` lists the services, ``/NAME`` asks each container of a service for its page, and
``/NAME/log`` is the log, as text that goes on. One session of aiohttp, with its pool of
connections, is used for the cloud and for the containers.
"""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator

from aiohttp import ClientError, ClientSession, web
from aiohttp.typedefs import Handler

from aiodockercloud import ApiError, DockerCloud, log_text

CLOUD = web.AppKey("cloud", DockerCloud)
SESSION = web.AppKey("session", ClientSession)

routes = web.RouteTableDef()


async def connect(app: web.Application) -> AsyncIterator[None]:
    async with ClientSession() as session, DockerCloud(session=session) as cloud:
        app[SESSION], app[CLOUD] = session, cloud
        yield


@web.middleware
async def explain(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer with the status and the message of the cloud."""
    try:
        return await handler(request)
    except ApiError as error:
        return web.Response(text=f"{error.message}\n", status=error.status)


@routes.get("/")
async def index(request: web.Request) -> web.Response:
    services = await request.app[CLOUD].services.list(terminated=False)
    return web.Response(
        text="".join(f"{one['name']:20} {one['state']}\n" for one in services)
    )


@routes.get("/{name}")
async def status(request: web.Request) -> web.Response:
    cloud, text = request.app[CLOUD], ""
    service = await cloud.services.find(request.match_info["name"])
    for container in await cloud.services.containers(service):
        try:
            address = await cloud.containers.address(container, 80)
            async with request.app[SESSION].get(f"http://{address}/") as response:
                text += f"{container['name']:20} {response.status}\n"
        except ClientError as error:
            text += f"{container['name']:20} {error}\n"
    return web.Response(text=text)


@routes.get("/{name}/log")
async def log(request: web.Request) -> web.StreamResponse:
    cloud = request.app[CLOUD]
    service = await cloud.services.find(request.match_info["name"])
    response = web.StreamResponse(headers={"Content-Type": "text/plain; charset=utf-8"})
    async with cloud.services.logs(service, tail=100) as lines:
        await response.prepare(request)
        async for line in lines:
            await response.write(f"{line['source']} | {log_text(line)}\n".encode())
    return response


def make_app() -> web.Application:
    app = web.Application(middlewares=[explain])
    app.cleanup_ctx.append(connect)
    app.add_routes(routes)
    return app


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Serve a status page.")
    parser.add_argument("--port", type=int, default=8080)
    web.run_app(make_app(), host="127.0.0.1", port=parser.parse_args().port)
