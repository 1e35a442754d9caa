"""The client: one session object, with a sub-API for each kind of object.

Source: Docker Cloud API reference, "Authentication", "REST API" and "Stream API".
"""

from __future__ import annotations

from ssl import SSLContext

import aiohttp
from aiohttp import ClientTimeout

from .resources.actions import Actions
from .resources.catalog import AvailabilityZones, NodeTypes, Providers, Regions
from .resources.containers import Containers
from .resources.events import Events
from .resources.nodeclusters import NodeClusters
from .resources.nodes import Nodes
from .resources.repositories import Registries, Repositories
from .resources.services import Services
from .resources.stacks import Stacks
from .resources.triggers import Triggers
from .resources.watch import ChangeFeed
from .transport.retry import Retry
from .transport.session import DEFAULT_RETRY, TIMEOUT, Transport
from .transport.settings import DEFAULT_LIMITS, DEFAULT_TIMINGS, Limits, Timings
from .wire import DOCKER_CLOUD, Dialect

__all__ = ["DockerCloud", "Limits", "Retry", "Timings"]


class DockerCloud(Transport):
    """A client of the Docker Cloud API, version 1.

    Use it as a context manager, or ``close()`` it. Nothing is sent and no file is read
    before the first request. What is not given comes from the environment variables
    of the official clients, then from ``~/.docker/config.json``, then from the
    documented hosts.

    Args:
        url: The server, as in ``https://cloud.example.com``; a path is kept.
            ``DOCKERCLOUD_REST_HOST`` by default.
        stream_url: The server of the streams. By default *url* with ``ws`` for
            ``http``; without *url*, ``DOCKERCLOUD_STREAM_HOST``.
        user, apikey: Credentials; both or neither.
        auth: A whole ``Authorization`` value instead, e.g. ``Basic …``.
        namespace: The organisation to act for; ``DOCKERCLOUD_NAMESPACE`` by default.
        dialect: ``DOCKER_CLOUD``, or ``TUTUM`` for a server that speaks Tutum v1.
        session: An aiohttp session to use; it is not closed. By default one is made
            on first use.
        timeout: Seconds for a whole request, or an ``aiohttp.ClientTimeout``.
        ssl: An ``SSLContext``, or ``False`` to check no certificate.
        retry: When to send a request again; ``None`` never does, and holds none back.
        timings: Heartbeats, pauses and further times, in seconds.
        limits: Bounds, as of the requests at the same time.

    Attributes:
        services, stacks, containers, nodes, nodeclusters, triggers, events, actions,
        providers, regions, azs, nodetypes, repositories, registries: The sub-APIs.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        stream_url: str | None = None,
        user: str | None = None,
        apikey: str | None = None,
        auth: str | None = None,
        namespace: str | None = None,
        dialect: Dialect = DOCKER_CLOUD,
        session: aiohttp.ClientSession | None = None,
        timeout: float | ClientTimeout = TIMEOUT,
        ssl: SSLContext | bool | None = None,
        retry: Retry | None = DEFAULT_RETRY,
        timings: Timings = DEFAULT_TIMINGS,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        super().__init__(
            url,
            stream_url=stream_url,
            user=user,
            apikey=apikey,
            auth=auth,
            namespace=namespace,
            dialect=dialect,
            session=session,
            timeout=timeout,
            ssl=ssl,
            retry=retry,
            timings=timings,
            limits=limits,
        )
        self.events = Events(self)
        feed = self._change_feed = ChangeFeed(self.events.subscribe, timings)
        self.services = Services(self, feed)
        self.containers = Containers(self, feed)
        self.actions = Actions(self, feed)
        self.stacks = Stacks(self, feed, self.services, self.containers, self.actions)
        self.nodes = Nodes(self, feed)
        self.nodeclusters = NodeClusters(self, feed)
        self.triggers = Triggers(self)
        self.providers = Providers(self)
        self.regions = Regions(self)
        self.azs = AvailabilityZones(self)
        self.nodetypes = NodeTypes(self)
        self.repositories = Repositories(self)
        self.registries = Registries(self)
