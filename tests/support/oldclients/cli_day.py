"""A day's work with the official command line, unmodified, on Python 2.7.

Every command is a run of the real ``docker-cloud``, in a process of its own; it finds
the server by its environment variables. The arguments name the parts of the day to work
through; each command's output is checked, not only its status. The exit status is 0
only if every fact held.
"""

from __future__ import print_function, unicode_literals

import os
import re
import shutil
import sys
import tempfile

import requests
from cli_nodes import nodes
from cli_odds import odds_and_ends
from cli_services import containers, services
from cli_stacks import found_stacks, in_shop, stacks
from cli_tool import TALKER, UUID, Following, cli, inspect, row, synced, variable
from facts import check, in_turn, until


def in_short():
    """What is done most often, for an engine that takes its time."""
    in_shop()
    shop = synced("up")
    check(row(cli("stack", "ls"), "shop")["STATUS"] == "\u25b6 Running")

    web = synced("run", "-n", "front", "-p", "80", "-e", "A=1", "-r", TALKER, "busybox")
    check(synced("service", "scale", "front", "2") == web)
    check(row(cli("service", "ps"), "front")["#CONTAINERS"] == "2")

    def told():
        logs = cli("service", "logs", "-t", "6", "front")
        return all(word in logs for word in ("front-1 | ", "front-2 | ", "three"))

    until("lines of both", told)
    following = Following("service", "logs", "-f", "front")
    until("the first lines", lambda: "".join(following.lines).count("one") > 1)
    check(variable("front-2", "A") == "1", "exec in a container that is new")
    cli("service", "env", "update", "-e", "A=2", "front")
    check(synced("service", "redeploy", "front") == web)
    check(variable("front-1", "A") == "2", "the redeployed container has the new value")
    until("lines of the new ones", lambda: "".join(following.lines).count("two") > 3)
    following.interrupt()

    cli("trigger", "create", "-n", "deploy", "front")
    before = inspect("service", "front")["containers"]
    url = row(cli("trigger", "ls", "front"), "deploy")["URL"]
    check(requests.post(url).status_code == 202, url)
    until("the redeploy", lambda: inspect("service", "front")["state"] == "Running")
    check(not set(before) & set(inspect("service", "front")["containers"]))

    output = cli("stack", "terminate", "--sync", "shop")
    check(re.findall(UUID, output) == [shop], output)
    check(inspect("stack", shop)["state"] == "Terminated")
    check(synced("service", "terminate", "front") == web)


PARTS = dict(
    (part.__name__, part)
    for part in (
        services,
        containers,
        stacks,
        found_stacks,
        nodes,
        odds_and_ends,
        in_short,
    )
)


def main(parts):
    folder = tempfile.mkdtemp()
    try:
        for part in parts:
            os.chdir(folder)
            in_turn(PARTS[part])
    finally:
        os.chdir("/")
        shutil.rmtree(folder)


if __name__ == "__main__":
    main(sys.argv[1:])
