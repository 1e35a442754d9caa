"""A blue-green deployment: the new version runs before the old one ends.

    aiodockercloud serve                  # prints the address and, once, a key
    export DOCKERCLOUD_REST_HOST=http://127.0.0.1:8008
    export DOCKERCLOUD_USER=admin DOCKERCLOUD_APIKEY=…
    python examples/bluegreen.py dockercloud/hello-world:1
    python examples/bluegreen.py dockercloud/hello-world:2

The service ``balancer`` is linked to ``web-blue`` or to ``web-green``. The program
starts the other colour, asks each of its containers for a page, links the balancer to
it and removes the old colour. When the new version does not run or does not answer, the
new version is removed, and the balancer keeps the old one.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

import aiohttp

from aiodockercloud import DockerCloud, DockerCloudError, ObjectNotFound
from aiodockercloud.types import Service


async def balancer_of(cloud: DockerCloud, image: str) -> Service:
    """Return the balancer; create the service when it does not exist."""
    try:
        return await cloud.services.find("balancer")
    except ObjectNotFound:
        return await cloud.services.create(
            image=image, name="balancer", container_ports=["80"]
        )


async def check(cloud: DockerCloud, service: Service) -> None:
    """Request a page of each container; raise an error unless all answer 200."""
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        for container in await cloud.services.containers(service):
            address = await cloud.containers.address(container, 80)
            async with session.get(f"http://{address}/"):
                print(f"{container['name']} answers on {address}")


async def remove(cloud: DockerCloud, service: Service | str) -> None:
    deleted = await cloud.services.delete(service)
    await cloud.services.wait(deleted, "Terminated")


async def deploy(cloud: DockerCloud, image: str, balancer_image: str) -> None:
    balancer = await balancer_of(cloud, balancer_image)
    old = next(iter(balancer["linked_to_service"]), None)
    colour = "green" if old and old["name"] == "blue" else "blue"
    new = await cloud.services.create(
        image=image, name=f"web-{colour}", target_num_containers=2,
        container_ports=["80"],
    )  # fmt: skip
    try:
        await cloud.services.start(new)
        await cloud.services.wait(new, "Running")
        await check(cloud, new)
    except (DockerCloudError, aiohttp.ClientError, TimeoutError):
        await remove(cloud, new)
        raise
    await cloud.services.update(
        balancer,
        linked_to_service=[{"to_service": new["resource_uri"], "name": colour}],
    )
    await cloud.services.redeploy(balancer)
    await cloud.services.wait(balancer, "Running")
    print(f"the balancer uses {new['name']}, {image}")
    if old:
        await remove(cloud, old["to_service"])
        print(f"web-{old['name']} is removed")


async def main(image: str, balancer_image: str) -> None:
    async with DockerCloud() as cloud:
        await deploy(cloud, image, balancer_image)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Replace a service without a gap.")
    parser.add_argument("image", help="the new version")
    parser.add_argument("--balancer", default="dockercloud/haproxy", help="its image")
    given = parser.parse_args()
    try:
        asyncio.run(main(given.image, given.balancer))
    except (DockerCloudError, aiohttp.ClientError, TimeoutError) as error:
        sys.exit(f"the new version is not used: {error}")
