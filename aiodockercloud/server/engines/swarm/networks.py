"""The overlay networks of stacks and namespaces: there when needed, gone when not.

Source: Docker Engine API, "NetworkCreate".
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from ipaddress import IPv4Network
from typing import Any

from . import service_specs
from .docker_api import Api, DockerProblem

#: Room for 4,000 containers; Swarm's own choice has room for 250.
_PREFIX = 20
#: How many of the last subnets one is chosen among: a quarter of Swarm's usual pool.
_LAST = 1024


def free_subnet(
    pools: Iterable[str], size: int, taken: Iterable[str], addresses: Iterable[str]
) -> str | None:
    """A subnet for one more network, from the end of the Swarm's address pools.

    Not the very last: a node holds on to that of a network that has just gone, and for
    as long refuses the tasks of another one with "Pool overlaps with other one on this
    address space".

    Args:
        pools, size: The Swarm's pools, and the prefix length it would use by itself:
            when that is roomy enough, None leaves the choice to it.
        taken: Subnets in use.
        addresses: Of the nodes; a network must not have these.
    """
    if size <= _PREFIX:
        return None
    used = [IPv4Network(net, strict=False) for net in taken if ":" not in net]
    # That of a machine that joins just now is empty.
    used += [IPv4Network(f"{a}/24", strict=False) for a in addresses if "." in a]
    for pool in map(IPv4Network, pools):
        if pool.prefixlen > _PREFIX:
            continue
        step = 1 << (32 - _PREFIX)
        count = pool.num_addresses // step
        first = random.randrange(min(count, _LAST))
        for number in range(first, first + count):
            behind = (number % count + 1) * step
            net = IPv4Network((int(pool.broadcast_address) + 1 - behind, _PREFIX))
            if not any(net.overlaps(other) for other in used):
                return str(net)
    return None


class Networks:
    """What this engine knows of its networks."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._lock = asyncio.Lock()
        #: Networks that a service about to be created needs: not to be removed.
        self._wanted: Counter[str] = Counter()

    @asynccontextmanager
    async def ensure(
        self, wanted: Mapping[str, str], addresses: Iterable[str]
    ) -> AsyncGenerator[None, None]:
        """They exist for the time of the block.

        Args:
            wanted: name → stack, empty for a namespace's network.
            addresses: Of the nodes, which no network must have.
        """
        self._wanted.update(wanted.keys())
        try:
            async with self._lock:
                await self._create(wanted, list(addresses))
            yield
        finally:
            self._wanted.subtract(wanted.keys())
            self._wanted += Counter()  # forgets those at zero

    async def _create(self, wanted: Mapping[str, str], addresses: list[str]) -> None:
        networks = await self._api.call("GET", "networks")
        known = {network["Name"] for network in networks}
        for name, stack in wanted.items():
            if name not in known:
                await self._create_one(name, stack, networks, addresses)

    async def _create_one(
        self, name: str, stack: str, networks: list[Any], addresses: list[str]
    ) -> None:
        swarm = await self._api.call("GET", "swarm")
        taken = [
            config["Subnet"]
            for network in networks
            for config in (network.get("IPAM") or {}).get("Config") or ()
            if config.get("Subnet")
        ]
        subnet = free_subnet(
            swarm.get("DefaultAddrPool") or (),
            swarm.get("SubnetSize") or 24,
            taken,
            addresses,
        )
        data: dict[str, Any] = {
            "Name": name,
            "Driver": "overlay",
            "Labels": {service_specs.NETWORK: stack},
        }
        if subnet is not None:
            data["IPAM"] = {"Config": [{"Subnet": subnet}]}
        try:
            await self._api.call("POST", "networks/create", data=data)
        except DockerProblem as problem:
            if problem.status != 409:  # another server was faster
                raise
        networks.append({"Name": name, "IPAM": data.get("IPAM")})

    async def remove(self, names: Iterable[str]) -> set[str]:
        """Remove those of *names* that nothing uses or is about to; what is left."""
        left = set()
        async with self._lock:
            for name in names:
                if self._wanted[name]:
                    continue
                try:
                    await self._api.call("DELETE", f"networks/{name}")
                except DockerProblem as problem:
                    if problem.status != 404:
                        left.add(name)
        return left
