"""``python -m aiodockercloud serve``: the server from the command line."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from . import __version__

if TYPE_CHECKING:
    from .server.engines import Engine


def main(arguments: Sequence[str] | None = None) -> int:
    """The console script; returns the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    logging.basicConfig(
        level=options.log_level.upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    try:
        return asyncio.run(_serve(options))
    except KeyboardInterrupt:
        return 0
    except ModuleNotFoundError as error:
        if (error.name or "").startswith(__package__):
            raise
        print(
            f"aiodockercloud: {error}; install aiodockercloud[server]", file=sys.stderr
        )
        return 1
    except OSError as error:
        print(f"aiodockercloud: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="aiodockercloud", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser(
        "serve",
        help="serve the Docker Cloud API",
        description="Serve the Docker Cloud API. DOCKERCLOUD_USER and"
        " DOCKERCLOUD_APIKEY name the first account; without them a key is made at the"
        " first start and printed once, on standard error.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    serve.add_argument("--engine", choices=["embedded", "swarm"], default="embedded")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on")
    serve.add_argument("--port", type=int, default=8008, help="0 takes a free one")
    serve.add_argument("--data-dir", help="where state is kept; in memory without it")
    serve.add_argument("--nodes", type=int, default=1, help="embedded nodes")
    serve.add_argument(
        "--node-engine",
        metavar="NAME=URL",
        type=_node_engine,
        action="append",
        default=[],
        help="Docker Engine of a Swarm node, by hostname or id, for exec there and what"
        " else only it can do; may be given several times",
    )
    serve.add_argument(
        "--image-poll",
        metavar="SECONDS",
        type=float,
        default=300.0,
        help="between two looks for pushed images, for services with autoredeploy",
    )
    serve.add_argument("--public-url", help="where containers reach this server")
    serve.add_argument("--domain", default="dockerapp.io", help="of public DNS names")
    serve.add_argument(
        "--log-level",
        default="warning",
        choices=["debug", "info", "warning", "error"],
    )
    return parser


def _node_engine(text: str) -> tuple[str, str]:
    name, _, url = text.partition("=")
    if not name or "://" not in url:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=URL")
    return name, url


def _engine(options: argparse.Namespace) -> Engine:
    if options.engine == "swarm":
        from .server.engines.swarm import Swarm

        return Swarm(node_engines=dict(options.node_engine))
    from .server import Embedded

    return Embedded(nodes=options.nodes)


async def _serve(options: argparse.Namespace) -> int:
    """Serve until told to stop; the exit status."""
    from .exceptions import Unavailable
    from .server.engines import EngineError

    try:
        await _run(options)
    except (EngineError, Unavailable) as error:
        text = error.message if isinstance(error, Unavailable) else str(error)
        print(f"aiodockercloud: {text}", file=sys.stderr)
        return 1
    return 0


async def _run(options: argparse.Namespace) -> None:
    from .server import running

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running(
        _engine(options),
        host=options.host,
        port=options.port,
        user=os.environ.get("DOCKERCLOUD_USER"),
        apikey=os.environ.get("DOCKERCLOUD_APIKEY"),
        data_dir=options.data_dir,
        public_url=options.public_url,
        domain=options.domain,
        image_poll=options.image_poll,
    ) as server:
        if server.apikey and "DOCKERCLOUD_APIKEY" not in os.environ:
            print(
                f"aiodockercloud: made an API key for {server.user}, shown only now:"
                f" {server.apikey}",
                file=sys.stderr,
                flush=True,
            )
        print(f"aiodockercloud: ready on {server.url}", flush=True)
        await stop.wait()


if __name__ == "__main__":
    sys.exit(main())
