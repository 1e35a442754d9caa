"""The client: one object for a server, with a sub-API for each kind of object.

Source: Docker Cloud API reference, "Authentication", "REST API" and "Stream API".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ssl import SSLContext
from typing import Any, Literal, TypeVar, cast

import aiohttp
from aiohttp import ClientTimeout

from .resources.accounts import Accounts, Keys
from .resources.actions import Actions
from .resources.catalog import AvailabilityZones, NodeTypes, Providers, Regions
from .resources.containers import Containers
from .resources.events import Events
from .resources.merged_logs import MergedLogStream, listed
from .resources.nodeclusters import NodeClusters
from .resources.nodes import Nodes
from .resources.readable import Reference
from .resources.repositories import Registries, Repositories
from .resources.secrets import Configs, Secrets
from .resources.services import Services
from .resources.stacks import Stacks
from .resources.triggers import Triggers
from .resources.watch import ChangeFeed
from .transport.log_stream import Since, Tail
from .transport.retry import Retry
from .transport.session import DEFAULT_RETRY, TIMEOUT, Transport
from .transport.settings import DEFAULT_LIMITS, DEFAULT_TIMINGS, Limits, Timings
from .wire import DOCKER_CLOUD, Dialect

__all__ = ["DockerCloud", "Limits", "Retry", "Timings"]


A = TypeVar("A")


def _sub_api(kind: type[A]) -> A:
    """Return the class of a sub-API, for the attribute of the client's class.

    Each client has the sub-API itself in the attribute of the same name. With the class
    there, ``unittest.mock.create_autospec(DockerCloud, instance=True)`` has all
    sub-APIs with their methods.
    """
    return cast(A, kind)


class DockerCloud(Transport):
    """A client of the Docker Cloud API, version 1.

    ::

        async with DockerCloud("https://cloud.example.com") as cloud:
            for service in await cloud.services.list(state="Running"):
                print(service["name"])

    One client is meant to live as long as the program and to serve all its tasks. Leave
    the ``async with`` block, or call :meth:`close`, to close the connections. The
    constructor sends no request and reads no file; the first request does. A client
    belongs to the event loop of its first request: a program that calls
    ``asyncio.run()`` twice creates two clients.

    Arguments left out come from the environment variables of the official clients.
    Without these, ``~/.docker/config.json`` can contain the credentials for the host of
    the server, and the client sends such credentials over https, or to a loopback
    address. With the dialect ``TUTUM``, the variables begin with ``TUTUM``.

    The client's own session uses the proxies of ``HTTP_PROXY``, ``HTTPS_PROXY`` and
    ``NO_PROXY`` for requests and streams. A session of the caller's uses its own
    ``proxy``, or with ``trust_env=True`` the same variables. The credentials of the
    client precede those of such a session: its ``auth``, its headers, and the entry of
    the host in a ``netrc`` file.

    Args:
        url: The address of the server, e.g. ``https://cloud.example.com``. The path of
            the address counts, user and password in the address are the credentials.
            ``DOCKERCLOUD_REST_HOST`` by default.
        stream_url: The address for streams. By default *url* with ``ws`` instead of
            ``http``; without *url*, ``DOCKERCLOUD_STREAM_HOST``.
        user: The user's name; requires *apikey*. ``DOCKERCLOUD_USER`` by default.
        apikey: The user's API key. ``DOCKERCLOUD_APIKEY``, or else
            ``DOCKERCLOUD_PASS``, by default.
        auth: A complete ``Authorization`` header instead, e.g. ``Basic …``.
            ``DOCKERCLOUD_AUTH`` by default.
        namespace: The organisation whose objects are meant. ``DOCKERCLOUD_NAMESPACE``
            by default; without both, the account's own objects.
        dialect: ``DOCKER_CLOUD``, or ``TUTUM`` for a server with the API of Tutum v1.
        session: The aiohttp session to use, which the client does not close. By default
            the client creates a session for the first request.
        timeout: Seconds for a whole request and for opening a stream, 60 by default, or
            an ``aiohttp.ClientTimeout``.
        ssl: An ``SSLContext``, or ``False`` to accept any certificate.
        retry: When to repeat a request; ``None`` neither repeats requests nor holds
            requests back.
        timings: Heartbeats, pauses and other durations, in seconds.
        limits: Bounds, e.g. of the number of requests at the same time.

    Attributes:
        services (Services): Services, and their logs.
        stacks (Stacks): Stacks, and deploying stack files.
        containers (Containers): Containers, their logs, and commands in containers.
        nodes (Nodes): The machines that containers run on.
        nodeclusters (NodeClusters): Groups of nodes of one type.
        triggers (Triggers): URLs that start an operation of a service.
        actions (Actions): The operations of the API, their progress and their logs.
        events (Events): The stream of changes to all objects.
        repositories (Repositories): Image repositories with their credentials.
        registries (Registries): The image registries.
        secrets (Secrets): Secrets, files for containers.
        configs (Configs): Configs, files for containers.
        providers (Providers): The providers of nodes.
        regions (Regions): The regions of the providers.
        azs (AvailabilityZones): The availability zones of the regions.
        nodetypes (NodeTypes): The types of nodes.
        accounts (Accounts): The accounts of the server.
        keys (Keys): The API keys of the server.

    Raises:
        ValueError: No address is given and ``DOCKERCLOUD_REST_HOST`` is not set, only
            one of *user* and *apikey* is given, or an address, a credential or the
            *timeout* is invalid.
        TypeError: An argument has another type; the message names the argument.

    Source:
        Docker Cloud API reference, "Authentication", "REST API" and "Stream API".
    """

    services: Services = _sub_api(Services)
    stacks: Stacks = _sub_api(Stacks)
    containers: Containers = _sub_api(Containers)
    nodes: Nodes = _sub_api(Nodes)
    nodeclusters: NodeClusters = _sub_api(NodeClusters)
    triggers: Triggers = _sub_api(Triggers)
    actions: Actions = _sub_api(Actions)
    events: Events = _sub_api(Events)
    repositories: Repositories = _sub_api(Repositories)
    registries: Registries = _sub_api(Registries)
    secrets: Secrets = _sub_api(Secrets)
    configs: Configs = _sub_api(Configs)
    providers: Providers = _sub_api(Providers)
    regions: Regions = _sub_api(Regions)
    azs: AvailabilityZones = _sub_api(AvailabilityZones)
    nodetypes: NodeTypes = _sub_api(NodeTypes)
    accounts: Accounts = _sub_api(Accounts)
    keys: Keys = _sub_api(Keys)

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
        self.secrets = Secrets(self)
        self.configs = Configs(self)
        self.accounts = Accounts(self)
        self.keys = Keys(self)

    def logs(
        self,
        services: Reference | Iterable[Reference],
        *,
        tail: Tail | None = None,
        follow: bool = True,
        since: Since | None = None,
        until: Literal["stopped"] | None = None,
        stdout: bool = True,
        stderr: bool = True,
        timestamps: bool = True,
        details: bool = False,
        reconnect: bool = True,
    ) -> MergedLogStream:
        r"""Read the logs of several services as one stream.

        No request is sent before the stream is entered or iterated.

        Args:
            services: The services: of each its dict, its ``resource_uri`` or its uuid.
            tail: The number of past lines of each service; see ``services.logs``.
            follow: Whether the stream continues with new lines until all services are
                terminated. Otherwise the stream ends after the past lines, which are in
                the order of their time stamps.
            since: The time of the oldest line; see ``services.logs``.
            until: ``"stopped"`` ends the stream when nothing of the services runs any
                more.
            stdout: Whether the standard output is read; see ``services.logs``.
            stderr: Whether the standard error is read.
            timestamps: Whether ``log`` begins with the time stamp of the engine.
            details: Whether lines have the key ``details``; see ``services.logs``.
            reconnect: Whether the stream connects again when a connection is lost.

        Returns:
            A stream of lines as dicts, for example
            ``{"service": "web", "container": "web-1", "log":
            "2016-05-04T12:00:00.123456789Z text\n", "streamType": "stdout", …}``: a
            line as of ``services.logs``, and ``service``, ``service_uri`` and
            ``container``.

        Raises:
            ValueError: An option is invalid; see ``services.logs``.
            TypeError: *since* has another type.
            ObjectNotFound: A service does not exist. Errors of the server and of the
                connection are raised when the stream is entered or iterated.

        Source:
            aiodockercloud's client, which merges the logs of "Get the logs of a
            service".
        """
        one = isinstance(services, str | Mapping)
        things: list[Any] = [services] if one else list(services)
        return MergedLogStream(
            self.services,
            lambda: listed(self.services, things),
            tail=tail,
            follow=follow,
            since=since,
            until=until,
            stdout=stdout,
            stderr=stderr,
            timestamps=timestamps,
            details=details,
            reconnect=reconnect,
        )
