"""The overlay networks of stacks and namespaces: created on demand, removed unused.

Source: Docker Engine API, "NetworkCreate" and "NetworkDelete".
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from ipaddress import IPv4Network
from typing import Any

from .docker_api import Api, DockerProblem
from .naming import NETWORK_LABEL

#: Prefix length of a network for 4,000 containers. Swarm by default uses 24, for 250.
_PREFIX = 20
#: Number of subnets to choose among: a quarter of Swarm's default pool.
_LAST = 1024


def free_subnet(
    pools: Iterable[str], size: int, taken: Iterable[str], addresses: Iterable[str]
) -> str | None:
    """Return a subnet for a new network, from the end of the Swarm's address pools.

    The choice is random, because a node keeps the subnet of a removed network for a
    while, and meanwhile refuses the tasks of a new network on this subnet with "Pool
    overlaps with other one on this address space".

    Args:
        pools: The address pools of the Swarm.
        size: The Swarm's default prefix length.
        taken: Subnets in use.
        addresses: The addresses of the nodes, which no network may contain.

    Returns:
        The subnet. None when the Swarm's default is large enough, or no subnet is free:
        Swarm then chooses.
    """
    if size <= _PREFIX:
        return None
    used = [IPv4Network(net, strict=False) for net in taken if ":" not in net]
    # The address of a node that is joining is empty.
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
    """The networks of one Swarm."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._lock = asyncio.Lock()
        #: Network → number of services about to be created on it: not to be removed.
        self._wanted: Counter[str] = Counter()

    @asynccontextmanager
    async def ensure(
        self, wanted: Mapping[str, str], addresses: Iterable[str]
    ) -> AsyncGenerator[None, None]:
        """Create missing networks, and keep the networks during the block.

        Args:
            wanted: Name → stack, empty for a namespace's network.
            addresses: The addresses of the nodes, which no network may contain.
        """
        self._wanted.update(wanted.keys())
        try:
            async with self._lock:
                await self._create(wanted, list(addresses))
            yield
        finally:
            self._wanted.subtract(wanted.keys())
            self._wanted += Counter()  # removes the zeros

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
            "Labels": {NETWORK_LABEL: stack},
        }
        if subnet is not None:
            data["IPAM"] = {"Config": [{"Subnet": subnet}]}
        try:
            await self._api.call("POST", "networks/create", data=data)
        except DockerProblem as problem:
            if not problem.conflict:  # another server was faster
                raise
        networks.append({"Name": name, "IPAM": data.get("IPAM")})

    async def remove(self, names: Iterable[str]) -> set[str]:
        """Remove unused networks; return the names of those that could not be removed.

        Networks that a service is about to use are neither removed nor returned.
        """
        left = set()
        async with self._lock:
            for name in names:
                if self._wanted[name]:
                    continue
                try:
                    await self._api.call("DELETE", f"networks/{name}")
                except DockerProblem as problem:
                    if not problem.not_found:
                        left.add(name)
        return left
