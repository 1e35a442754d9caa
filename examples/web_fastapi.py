"""A web API in front of the cloud, with FastAPI: JSON, and events as they happen.

    pip install fastapi uvicorn
    aiodockercloud serve                  # prints the address and, once, a key
    export DOCKERCLOUD_REST_HOST=http://127.0.0.1:8008
    export DOCKERCLOUD_USER=admin DOCKERCLOUD_APIKEY=…
    uvicorn --app-dir examples web_fastapi:app
    curl --no-buffer http://127.0.0.1:8000/events

The application has one client, from its start to its end. ``/events`` and ``/logs`` are
server-sent events, which a browser reads with ``new EventSource("/events")``.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse, StreamingResponse

from aiodockercloud import ApiError, DockerCloud, log_text
from aiodockercloud.types import Service


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with DockerCloud() as app.state.cloud:
        yield


app = FastAPI(lifespan=lifespan)


def cloud_of(request: Request) -> DockerCloud:
    cloud: DockerCloud = request.app.state.cloud
    return cloud


Cloud = Annotated[DockerCloud, Depends(cloud_of)]


@app.exception_handler(ApiError)
async def explain(request: Request, error: Exception) -> JSONResponse:
    """Answer with the status and the message of the cloud."""
    assert isinstance(error, ApiError)
    return JSONResponse({"error": error.message}, error.status)


def brief(service: Service) -> dict[str, Any]:
    return {
        "name": service["name"],
        "state": service["state"],
        "containers": service["running_num_containers"],
    }


@app.get("/services")
async def services(cloud: Cloud) -> list[dict[str, Any]]:
    return [brief(one) for one in await cloud.services.list(terminated=False)]


@app.post("/services/{name}/scale")
async def scale(cloud: Cloud, name: str, containers: int) -> dict[str, Any]:
    service = await cloud.services.find(name)
    await cloud.actions.wait(await cloud.services.scale(service, containers))
    return brief(await cloud.services.inspect(service))


@app.get("/services/{name}/logs")
async def logs(cloud: Cloud, name: str) -> StreamingResponse:
    service = await cloud.services.find(name)

    async def lines() -> AsyncIterator[str]:
        async with cloud.services.logs(service, tail=100) as log:
            async for line in log:
                yield sse({"source": line["source"], "text": log_text(line)})

    return StreamingResponse(lines(), media_type="text/event-stream")


@app.get("/events")
async def events(cloud: Cloud) -> StreamingResponse:
    async def changes() -> AsyncIterator[str]:
        async with cloud.events.subscribe(type="service") as stream:
            yield ": connected\n\n"
            async for event in stream:
                yield sse(event)

    return StreamingResponse(changes(), media_type="text/event-stream")


def sse(data: object) -> str:
    return f"data: {json.dumps(data)}\n\n"
