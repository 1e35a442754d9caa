"""A day's work with Tutum's command line, unmodified, on Python 2.7.

Every command is a run of the real ``tutum`` in a process of its own; the command line finds the
server by its environment variables. Each command's output is checked, not only its
status. The exit status is 0 only if every fact held.
"""

from __future__ import print_function, unicode_literals

import json
import os
import re
import shutil
import tempfile

import tutumcli.tutum_cli
from facts import check, forked, in_turn, until

UUID = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
TALKER = 'sh -c "echo one; echo two; sleep 3600"'
#: The status of the command line after any error but a wrong key.
FAILURE = 3


def run(*arguments):
    """Return the status and the whole output of a command."""
    status, output, errors = forked(tutumcli.tutum_cli.main, arguments)
    return status, output + errors


def cli(*arguments):
    """Return the output of a command that succeeds."""
    status, output = run(*arguments)
    check(status == 0, arguments, "ended with", status, output)
    return output


def printed(word, *arguments):
    """Return the output of a command that prints a word."""
    output = cli(*arguments)
    check(word in output, arguments, "printed", output)
    return output


def uuid_of(*arguments):
    found = re.findall(UUID, cli(*arguments))
    check(found, arguments, "printed no uuid")
    return found[-1]


def inspect(kind, name):
    return json.loads(cli(kind, "inspect", name))


def services():
    db = uuid_of(
        *"service create -n store --expose 6379 -e ROLE=primary -v /data -r".split()
        + [TALKER, "busybox"]
    )
    printed("Not running", "service", "ps")
    check(uuid_of("service", "start", "--sync", "store") == db)
    web = uuid_of(
        *(
            "run --sync -n web -t 2 -p 80 -e GREETING=hi --link-service store:cache"
            " --autorestart ON_FAILURE --sequential --volumes-from store -r"
        ).split()
        + [TALKER, "busybox"]
    )
    found = inspect("service", "web")
    check(found["uuid"] == web)
    check(found["running_num_containers"] == 2, found["running_num_containers"])
    check(found["linked_to_service"][0]["name"] == "cache")
    until("the log", lambda: "two" in cli("service", "logs", "-t", "10", "web"))
    printed("GREETING", "service", "env", "list", "web")
    cli("service", "env", "update", "-e", "GREETING=ho", "--redeploy", "--sync", "web")
    printed("ho", "service", "env", "list", "--user", "web")
    cli("service", "set", "--sync", "-e", "OTHER=1", "--redeploy", "web")
    printed("OTHER", "exec", "web-1", "printenv")
    cli("service", "scale", "--sync", "web", "3")
    check(inspect("service", "web")["running_num_containers"] == 3)
    cli("service", "stop", "--sync", "web")
    printed("Stopped", "service", "ps", "-s", "Stopped")
    cli("service", "start", "--sync", "web")
    volumes = set(re.findall(UUID, cli("volume", "list", "-q")))
    check(len(volumes) == 1, volumes)
    cli("service", "redeploy", "--sync", "store")
    check(set(re.findall(UUID, cli("volume", "list", "-q"))) == volumes)


def failures():
    status, output = run("service", "inspect", "nobody")
    check(status == FAILURE, status, output)
    status, output = run("service", "set", "--image", "busybox", "nobody")
    check(status == FAILURE, status, output)


def containers():
    printed("web-1", "container", "ps", "--service", "web")
    uuid = inspect("container", "web-1")["uuid"]
    printed("here", "container", "exec", "web-1", "echo", "here")
    printed("two", "container", "logs", "-t", "5", "web-1")
    cli("container", "stop", "--sync", "web-1")
    check(inspect("container", uuid)["state"] == "Stopped")
    cli("container", "start", "--sync", uuid)
    cli("container", "redeploy", "--sync", uuid)
    check(inspect("container", uuid)["state"] == "Terminated")
    cli("container", "terminate", "--sync", "web-3")
    check(inspect("service", "web")["current_num_containers"] == 2)


def triggers():
    cli("trigger", "create", "-n", "ci", "web")
    printed("ci", "trigger", "list", "web")
    trigger = uuid_of("trigger", "list", "-q", "web")
    cli("trigger", "rm", "web", trigger)
    check(trigger not in cli("trigger", "list", "-q", "web"))


def tags():
    cli("tag", "add", "-t", "red", "web")
    printed("red", "tag", "list", "web")
    cli("tag", "set", "-t", "blue", "web")
    printed("blue", "tag", "list", "web")
    cli("tag", "rm", "-t", "blue", "web")
    check("blue" not in cli("tag", "list", "web"))


def stacks():
    with open("tutum.yml", "w") as stack_file:
        stack_file.write(
            "front: {image: tutum/hello-world, links: [back], ports: ['80']}\n"
            "back: {image: mysql, volumes: [/var/lib/mysql]}\n"
        )
    shop = uuid_of("up", "--sync", "-n", "shop")
    printed("Running", "stack", "list")
    printed("front", "service", "ps", "--stack", "shop")
    volume = set(re.findall(UUID, cli("volume", "list", "-q")))
    with open("tutum.yml", "w") as stack_file:
        stack_file.write("front: {image: tutum/hello-world, environment: [A=1]}\n")
    cli("stack", "update", "--sync", "shop")
    printed("back", "service", "ps", "--stack", "shop")
    cli("stack", "redeploy", "--sync", "shop")
    check(volume <= set(re.findall(UUID, cli("volume", "list", "-q"))))
    printed("mysql", "stack", "export", "shop")
    cli("stack", "stop", "--sync", "shop")
    cli("stack", "start", "--sync", "shop")
    check(inspect("stack", "shop")["uuid"] == shop)
    cli("stack", "terminate", "--sync", "shop")
    check(inspect("stack", shop)["state"] == "Terminated")


def nodes():
    printed("aws", "nodecluster", "provider")
    printed("us-east-1", "nodecluster", "region", "-p", "aws")
    printed("t2.micro", "nodecluster", "nodetype", "-p", "aws", "-r", "us-east-1")
    farm = uuid_of(
        *"nodecluster create --sync -t 1 farm aws us-east-1 t2.micro".split()
    )
    printed("Deployed", "nodecluster", "list")
    cli("nodecluster", "scale", "--sync", farm, "2")
    check(inspect("nodecluster", farm)["current_num_nodes"] == 2)
    node = re.findall(UUID, inspect("nodecluster", farm)["nodes"][0])[-1]
    check(inspect("node", node)["state"] == "Deployed")
    cli("node", "rm", "--sync", node)
    cli("nodecluster", "rm", "--sync", farm)


def images():
    name = "registry.example.com/team/app"
    cli("image", "register", "-u", "me", "-p", "secret", name)
    printed(name, "image", "list")
    check(inspect("image", name)["name"] == name)
    cli("image", "update", "-p", "other", name)
    cli("image", "rm", name)


def end():
    printed("Service", "action", "list")
    action = re.findall(UUID, cli("action", "list", "-q"))[0]
    check(inspect("action", action)["uuid"] == action)
    for name in ("web", "store"):
        uuid = uuid_of("service", "terminate", "--sync", name)
        check(inspect("service", uuid)["state"] == "Terminated")


if __name__ == "__main__":
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    try:
        in_turn(
            services, failures, containers, triggers, tags, stacks, nodes, images, end
        )
    finally:
        shutil.rmtree(folder)
