"""Many jobs, and the embedded server beside another fake cloud, moto."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator

import boto3
from moto.server import ThreadedMotoServer

from aiodockercloud import DockerCloud, batch
from aiodockercloud.server import Embedded, running
from aiodockercloud.types import ServiceFields

from .harness import KEY, USER, Row, child, paired, row

JOBS, LIMIT = 1000, 50
OBJECTS = 50


async def rows() -> AsyncIterator[Row]:
    """Yield the rows of jobs and of fake clouds."""
    costs = []
    async with (
        child("ours") as server,
        DockerCloud(server.url, user=USER, apikey=KEY) as cloud,
    ):
        for turn in range(3):
            jobs: list[ServiceFields] = [
                {"image": "talk", "name": f"j{turn}-{each}"} for each in range(JOBS)
            ]
            begin, other = time.process_time(), server.cpu()
            results = await batch.run_jobs(cloud, jobs, limit=LIMIT)
            client = (time.process_time() - begin) / JOBS * 1e3
            costs.append((client, (server.cpu() - other) / JOBS * 1e3))
            assert all(one.ok for one in results)
    total = [client + own for client, own in costs]
    client, own = costs[-1]
    yield Row(
        "1,000 batch jobs: CPU a job, client + server (ms)",
        "",
        4,
        False,
        total,
        f"ms; client {client:.2f}, server {own:.2f}",
    )
    pairs = await paired(_ours, lambda: asyncio.to_thread(_moto), rounds=3)
    yield row(
        f"fake cloud: create, list and remove {OBJECTS} objects",
        "moto: EC2 instances",
        None,
        pairs,
        unit="ms an object",
        scale=1e3 / OBJECTS,
    )


async def _ours() -> float:
    begin = time.process_time()
    async with (
        running(Embedded(), user=USER, apikey=KEY) as server,
        DockerCloud(server.url, user=USER, apikey=KEY) as cloud,
    ):
        for number in range(OBJECTS):
            await cloud.services.run(image="idle", name=f"s{number}")
        for service in await cloud.services.list():
            await cloud.services.delete(service)
    return time.process_time() - begin


def _moto() -> float:
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a line for each request
    begin = time.process_time()
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        ec2 = boto3.client(
            "ec2",
            region_name="us-east-1",
            endpoint_url=f"http://{host}:{port}",
            aws_access_key_id=USER,
            aws_secret_access_key=KEY,
        )
        made = [
            ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)
            for _ in range(OBJECTS)
        ]
        ec2.describe_instances()
        for one in made:
            ec2.terminate_instances(InstanceIds=[one["Instances"][0]["InstanceId"]])
    finally:
        server.stop()
    assert threading.active_count()
    return time.process_time() - begin
