"""``python -m aiodockercloud serve``: the server from the command line."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence

from . import __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return the exit status.

    Args:
        arguments: The arguments; by default those of the process.

    Returns:
        0 after a signal has ended the server, 1 when the server cannot start. Wrong
        arguments exit with status 2.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    logging.basicConfig(
        level=options.log_level.upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    try:
        from .server.command import serve  # noqa: PLC0415 - the plain install has none

        return asyncio.run(serve(options))
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
        " DOCKERCLOUD_APIKEY name the first account. Without them the first start"
        " creates an API key and prints it once, on standard error.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    serve.add_argument(
        "--engine",
        choices=["embedded", "swarm"],
        default="embedded",
        help="engine that runs the containers",
    )
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on")
    serve.add_argument(
        "--port", type=int, default=8008, help="port to listen on; 0 takes a free port"
    )
    serve.add_argument(
        "--data-dir", help="directory of the database; without it, state is in memory"
    )
    serve.add_argument(
        "--nodes", type=int, default=1, help="nodes of the embedded engine"
    )
    serve.add_argument(
        "--node-engine",
        metavar="NAME=URL",
        type=_node_engine,
        action="append",
        default=[],
        help="Docker Engine of a Swarm node, by hostname or id, for exec on that node"
        " and for all else that only the node's engine can do; may be given several"
        " times",
    )
    serve.add_argument(
        "--image-poll",
        metavar="SECONDS",
        type=float,
        default=300.0,
        help="seconds between two checks for pushed images, for services with"
        " autoredeploy",
    )
    serve.add_argument(
        "--public-url", help="address at which containers reach this server"
    )
    serve.add_argument(
        "--domain",
        default="",
        help="last part of the public DNS names; without a domain, public names are"
        " addresses of nodes",
    )
    serve.add_argument(
        "--log-level",
        default="warning",
        choices=["debug", "info", "warning", "error"],
        help="lowest level of the log on standard error",
    )
    return parser


def _node_engine(text: str) -> tuple[str, str]:
    """Return name and URL of ``NAME=URL``."""
    name, _, url = text.partition("=")
    if not name or "://" not in url:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=URL")
    return name, url


if __name__ == "__main__":
    sys.exit(main())
