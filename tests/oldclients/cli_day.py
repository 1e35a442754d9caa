"""A day's work with the official command line, unmodified, on Python 2.7.

Every command is a run of the real ``docker-cloud``, in a process of its own; it finds
the server by its environment variables. The arguments name the parts of the day to work
through; each command's output is checked, not only its status. The exit status is 0
only if every fact held.
"""

from __future__ import print_function, unicode_literals

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

import dockercloudcli.cli
import requests
import yaml
from facts import WAIT, check, until

SITE = os.environ["PYTHONPATH"].split(os.pathsep)[0]
PROGRAM = os.path.join(SITE, "bin", "docker-cloud")
STACK_FILES = os.environ.get("STACK_FILES", "")

#: Swarm cannot do everything.
ON_SWARM = os.environ.get("ENGINE") == "swarm"
UUID = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
WEB = "dockercloud/hello-world"
#: An image of the test's engine: its containers never come up.
STUCK = "acme/stuck"
#: The pause keeps the order: the two streams of a real container may race.
TALKER = 'sh -c "echo one; echo two; sleep 0.5; echo three >&2; sleep 3600"'

#: Status 3 is what the command line ends with after any error but a wrong key.
FAILURE = 3


def started(arguments):
    """A docker-cloud of its own process."""
    return subprocess.Popen(
        [sys.executable, "-u", PROGRAM] + list(arguments),
        stdin=open(os.devnull),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def forked(arguments):
    """Run docker-cloud in a fork of this process; its status, output and errors.

    To import it anew for each of some hundred commands takes most of a minute.
    """
    output, errors = tempfile.TemporaryFile(), tempfile.TemporaryFile()
    child = os.fork()
    if not child:
        status = 70
        try:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(output.fileno(), 1)
            os.dup2(errors.fileno(), 2)
            # The program has kept this very list.
            sys.argv[1:] = [argument.encode("utf-8") for argument in arguments]
            try:
                status = dockercloudcli.cli.main() or 0
            except SystemExit as end:
                status = end.code or 0
            sys.stdout.flush()
            sys.stderr.flush()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    watchdog = threading.Timer(WAIT, os.kill, (child, signal.SIGKILL))
    watchdog.start()
    try:
        _, ended = os.waitpid(child, 0)
    finally:
        watchdog.cancel()
    texts = []
    for written in (output, errors):
        written.seek(0)
        texts.append(written.read().decode("utf-8"))
        written.close()
    status = os.WEXITSTATUS(ended) if os.WIFEXITED(ended) else -os.WTERMSIG(ended)
    return status, texts[0], texts[1]


def cli(*arguments, **options):
    """Run docker-cloud to its end, and return what it printed; its errors, where
    another status is expected than 0."""
    expected = options.get("status", 0)
    status, output, errors = forked(arguments)
    check(
        status == expected,
        "docker-cloud %s: status %s, not %s\n%s%s"
        % (" ".join(arguments), status, expected, output, errors),
    )
    if expected:
        check(errors, "no word about the error of", arguments)
        return errors
    if "logs" in arguments:  # what containers write to stderr goes there
        return output + errors
    check(not errors, "docker-cloud", " ".join(arguments), "complained:", errors)
    return output


def uuid_of(output):
    """The uuid that a changing command prints last."""
    last = output.rstrip("\n").rpartition("\n")[2]
    check(re.match("^%s$" % UUID, last), "no uuid at the end of", repr(output))
    return last


def synced(*arguments):
    """Run a changing command with --sync: it ends with Success and the uuid."""
    output = cli(*(arguments + ("--sync",)))
    uuid = uuid_of(output)
    check("Success\n" in output, output)
    return uuid


def inspect(kind, identifier):
    return json.loads(cli(kind, "inspect", identifier))


def variable(container, name):
    """A variable of a container, as a command in it sees it."""
    return cli("exec", container, "sh", "-c", "echo $" + name).strip()


def rows(output):
    """The lines of a table, cut where all of them have two blanks: numbers, and uuids
    that look like one, are set to the right, with their header."""
    lines = output.rstrip("\n").split("\n\n")[0].split("\n")
    width = max(len(line) for line in lines)
    blank = [not any(line[i : i + 1].strip() for line in lines) for i in range(width)]
    starts = [
        i for i in range(width) if not blank[i] and all(blank[max(0, i - 2) : i])
    ]
    ends = starts[1:] + [None]
    header, cells = lines[0], lines[1:]
    return [
        dict(
            (header[start:end].strip(), line[start:end].strip())
            for start, end in zip(starts, ends)
        )
        for line in cells
    ]


def row(output, name, column="NAME"):
    found = [one for one in rows(output) if one.get(column) == name]
    check(len(found) == 1, name, "is not once in", output)
    return found[0]


class Following(object):
    """A command that goes on until it is interrupted, and what it has printed."""

    def __init__(self, *arguments):
        self.arguments = arguments
        self.process = started(arguments)
        self.lines = []
        self.reader = threading.Thread(target=self.read)
        self.reader.daemon = True
        self.reader.start()

    def read(self):
        for line in iter(self.process.stdout.readline, b""):
            self.lines.append(line.decode("utf-8"))

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)
        self.reader.join(WAIT)
        if self.reader.is_alive():
            self.process.kill()
        errors = self.process.stderr.read().decode("utf-8")
        status = self.process.wait()
        check(status == 0, " ".join(self.arguments), "ended with", status, errors)
        return errors


# --- services -----------------------------------------------------------------------


def services():
    check(rows(cli("service", "ps")) == [], "a table without rows")

    with open("variables", "w") as variables:
        variables.write("# a comment\n\nFROM_FILE=yes\nROLE=overridden\n")
    # No name that could be the beginning of a uuid: the client looks there first.
    db = uuid_of(
        cli(
            *"service create -n store --expose 6379 -e ROLE=primary --env-file variables"
            " -v /data -r".split()
            + [TALKER, "busybox"]
        )
    )
    check(row(cli("service", "ps"), "store")["STATUS"] == "\u25fc Not running")
    found = inspect("service", "store")
    check(
        dict((v["key"], v["value"]) for v in found["container_envvars"])
        == {"FROM_FILE": "yes", "ROLE": "primary"},
        found["container_envvars"],
    )
    [port] = found["container_ports"]
    check((port["inner_port"], port["published"]) == (6379, False), port)
    check(synced("service", "start", "store") == db)

    if ON_SWARM:
        for option in ("--privileged", "--cpushares=200"):
            errors = cli("run", "-n", "web", option, WEB, status=FAILURE)
            check("Status 400" in errors and "Swarm" in errors, errors)
    privileged = not ON_SWARM
    web = synced(
        *(
            "service run -n web -t 2 -p 80 --expose 443 -e GREETING=hi"
            " --link-service store:cache --memory 128"
            " --autorestart ON_FAILURE --autodestroy OFF --autoredeploy --role global"
            " --sequential -v /var/www -v /etc:/conf:ro --net bridge --pid none"
            " --deployment-strategy HIGH_AVAILABILITY"
        ).split()
        + (["--cpushares", "200", "--privileged"] if privileged else [])
        + [WEB]
    )
    found = inspect("service", "web")
    for key, value in {
        "uuid": web,
        "state": "Running",
        "current_num_containers": 2,
        "running_num_containers": 2,
        "memory": 128,
        "cpu_shares": 200 if privileged else None,
        "privileged": privileged,
        "autorestart": "ON_FAILURE",
        "autoredeploy": True,
        "roles": ["global"],
        "sequential_deployment": True,
        "deployment_strategy": "HIGH_AVAILABILITY",
        "synchronized": True,
        "image_name": WEB + ":latest",
    }.items():
        check(found[key] == value, key, "is", found[key])
    check(
        [(p["inner_port"], p["published"]) for p in found["container_ports"]]
        == [(80, True), (443, False)],
        found["container_ports"],
    )
    check(
        [(b["host_path"], b["container_path"], b["rewritable"])
         for b in found["bindings"]]
        == [(None, "/var/www", True), ("/etc", "/conf", False)],
        found["bindings"],
    )
    [link] = found["linked_to_service"]
    check(link["name"] == "cache" and link["to_service"].endswith(db + "/"), link)

    files = synced(*"run -n files --volumes-from store -e A=1 busybox".split())
    [binding] = inspect("service", "files")["bindings"]
    check(binding["volumes_from"].endswith(db + "/"), binding)

    check(
        cli("service", "ps", "-q").split() == [files, web, db], "uuids, newest first"
    )
    check(cli("service", "ps", "-q", "-s", "Running").split(), "a filter by state")
    check(cli("service", "ps", "-q", "-s", "Init") == "", "a state nobody has")
    shown = row(cli("service", "ps"), "web")
    check(shown["UUID"] == web[:8] and shown["#CONTAINERS"] == "2", shown)
    check(shown["DEPLOYED"] and shown["PUBLIC DNS"].startswith("web."), shown)

    until("all lines", lambda: "three" in cli("service", "logs", "-t", "9", "store"))
    logs = cli("service", "logs", "-t", "2", "store")
    check("store-1 | " in logs and "two" in logs and "one" not in logs, logs)

    check(synced("service", "scale", "web", "3") == web)
    check(row(cli("service", "ps"), "web")["#CONTAINERS"] == "3")
    check(synced("service", "scale", "web", "1") == web)

    output = cli(*"service set web -e GREETING=hello --no-privileged -t 2".split())
    check(output.startswith(web) and "must be redeployed" in output, output)
    output = cli("service", "ps")
    check(row(output, "web")["STATUS"] == "\u25b6 Running(*)", output)
    check("needs to be redeployed" in output, output)
    output = cli(
        *"service set web --image tutum/hello-world -p 80 -p 53/udp --memory 256"
        " --redeploy --sync".split()
    )
    check("Redeploying Service ..." in output, output)
    check(uuid_of(output) == web, output)
    found = inspect("service", "web")
    check(found["image_name"] == "tutum/hello-world:latest", found["image_name"])
    check(found["memory"] == 256 and found["privileged"] is False, found)
    check(found["synchronized"] and found["state"] == "Running", found["state"])
    check(found["current_num_containers"] == 2, "the new target came with the redeploy")

    environment(web)
    check(synced("service", "stop", "web") == web)
    check(row(cli("service", "ps"), "web")["STATUS"] == "\u25fc Stopped")
    check(synced("service", "start", "web") == web)
    before = inspect("service", "web")["containers"]
    check(synced("service", "redeploy", "--not-reuse-volumes", "web") == web)
    check(not set(before) & set(inspect("service", "web")["containers"]))

    errors = cli("service", "start", "web", "no-such-service", status=FAILURE)
    check("Status 422 (POST" in errors and "Cannot find a service" in errors, errors)
    errors = cli("service", "create", "-n", "web", WEB, status=FAILURE)
    check("Status 409" in errors, errors)
    errors = cli("service", "terminate", "store", status=FAILURE)
    check("files use the volumes of store" in errors, errors)

    output = cli("service", "terminate", "--sync", "files", "web", "store")
    check(re.findall(UUID, output) == [files, web, db], output)
    check(
        set(one["STATUS"] for one in rows(cli("service", "ps")))
        == {"\u2718 Terminated"}
    )


def environment(web):
    def listed(*options):
        output = cli(*("service", "env", "ls", "-q") + options + ("web",))
        return dict(line.partition("=")[::2] for line in output.split("\n") if line)

    check(listed("--user") == {"GREETING": "hello"}, listed("--user"))
    check("CACHE_DOCKERCLOUD_API_URL" in listed("--dockercloud"), listed())
    output = cli("service", "env", "add", "-e", "COLOUR=red", "web", "--sync")
    check(re.findall(UUID, output) == [web] and "must be redeployed" in output, output)
    check(listed("--user") == {"GREETING": "hello", "COLOUR": "red"})
    cli("service", "env", "add", "-e", "COLOUR=blue", "web", status=FAILURE)
    cli("service", "env", "update", "-e", "COLOUR=blue", "web")
    check(listed("--user")["COLOUR"] == "blue")
    cli("service", "env", "update", "-e", "UNKNOWN=1", "web", status=FAILURE)
    output = cli("service", "env", "rm", "-n", "COLOUR", "--redeploy", "--sync", "web")
    check(uuid_of(output) == web, output)
    check("COLOUR" not in listed("--user"))
    cli("service", "env", "set", "-e", "ONLY=this", "--redeploy", "--sync", "web")
    check(listed("--user") == {"ONLY": "this"}, listed("--user"))
    check(variable("web-1", "ONLY") == "this", "the redeployed container has it")
    table = row(cli("service", "env", "ls", "web"), "ONLY", "KEY")
    check("this" in table.values(), table)


# --- containers ---------------------------------------------------------------------


def containers():
    service = synced(*["run", "-n", "box", "-t", "2", "-p", "80", "-r", TALKER, "busybox"])
    shown = row(cli("container", "ps"), "box-1")
    check(shown["STATUS"] == "\u25b6 Running" and shown["STACK"] == "", shown)
    check(len(shown["NODE"]) == 8 and shown["IMAGE"] == "busybox:latest", shown)
    long = row(cli("container", "ps", "--no-trunc", "--service", "box"), "box-2")
    check(re.match(UUID, long["UUID"]) and "->80/tcp" in long["PORTS"], long)
    check(long["RUN COMMAND"] == TALKER, long)
    uuids = cli("container", "ps", "-q", "-s", "Running").split()
    check(len(uuids) == 2, uuids)

    found = inspect("container", "box-1")
    check(found["service"].endswith(service + "/"), found["service"])
    check(found["exit_code"] is None and found["run_command"] == TALKER, found)

    until("all lines", lambda: "three" in cli("container", "logs", "box-1", "-t", "9"))
    logs = cli("container", "logs", "box-1", "-t", "3")
    check([line[-3:] for line in logs.split("\n") if line][:2] == ["one", "two"], logs)

    output = cli("container", "exec", "box-1", "echo", "to be  or", 'not "to"')
    check(output.replace("\r", "") == 'to be  or not "to"\n', repr(output))
    output = cli("exec", found["uuid"], "hostname")
    check(output.strip(), "exec by uuid")
    errors = cli("exec", "no-such-container", "true", status=FAILURE)
    check("Cannot find a container" in errors, errors)

    check(synced("container", "stop", "box-1") == found["uuid"])
    check(row(cli("container", "ps"), "box-1")["STATUS"] == "\u25fc Stopped")
    check(row(cli("service", "ps"), "box")["STATUS"] == "\u25b6 Partly running")
    check(inspect("container", "box-1")["exit_code"] is not None, "an exit code")
    cli("container", "stop", "box-1", status=FAILURE)
    check(synced("container", "start", "box-1") == found["uuid"])
    check(synced("container", "redeploy", "box-1") == found["uuid"], "the old uuid")
    live = [one for one in rows(cli("container", "ps")) if "Running" in one["STATUS"]]
    check(sorted(one["NAME"] for one in live) == ["box-1", "box-2"], live)
    check(found["uuid"][:8] not in [one["UUID"] for one in live], "a new object")
    second = inspect("container", "box-2")["uuid"]
    check(synced("container", "terminate", "box-2") == second)
    check(inspect("service", "box")["current_num_containers"] == 1)

    following()


def following():
    """Commands that go on until Ctrl-C: logs -f, event, and event with --debug."""
    logs = Following("service", "logs", "-f", "box")
    events = Following("event")
    debugged = Following("--debug", "event")
    until("the first lines", lambda: [line for line in logs.lines if "two" in line])
    # A stream that is not open yet tells nothing: go on until both have told.
    def told():
        synced("service", "redeploy", "box")
        return events.lines and debugged.lines

    until("events", told)
    last = inspect("service", "box")["containers"][0]

    def running():
        for line in list(events.lines):
            event = json.loads(line)
            if event["resource_uri"] == last and event["state"] == "Running":
                return event

    event = until("the event of the last container", running)
    parents = 3 if ON_SWARM else 2  # its machines are in a cluster
    check(event["type"] == "container" and len(event["parents"]) == parents, event)
    check(set(event) >= set("action uuid datetime".split()), event)
    until("lines of the new one", lambda: "".join(logs.lines).count("two") > 1)
    events.interrupt()
    debugged.interrupt()
    logs.interrupt()


# --- stacks -------------------------------------------------------------------------

SHOP = """\
web:
  image: dockercloud/hello-world
  links:
    - db:database
  ports:
    - "80"
  target_num_containers: 2
  environment:
    - FROM_LIST=1
    - FROM_HERE
    - GREETING=$USER_GREETING and $$HOME
  restart: on-failure
  labels:
    com.example.tier: front
db:
  image: busybox
  command: sleep 3600
  expose:
    - "6379"
  volumes:
    - /data
    - /etc:/conf:ro
  mem_limit: 64m
  environment:
    ROLE: primary
"""


def stacks():
    folder = os.path.join(os.getcwd(), "shop")
    os.mkdir(folder)
    os.chdir(folder)
    with open("docker-cloud.yml", "w") as stack_file:
        stack_file.write(SHOP)
    os.environ["FROM_HERE"] = "this machine"
    os.environ["USER_GREETING"] = "hello"
    shop = synced("stack", "create")
    check(row(cli("stack", "ls"), "shop")["STATUS"] == "\u25fc Not running")
    found = inspect("stack", "shop")
    check(found["uuid"] == shop and len(found["services"]) == 2, found)
    web = inspect("service", "web.shop")
    check(
        dict((v["key"], v["value"]) for v in web["container_envvars"])
        == {
            "FROM_LIST": "1",
            "FROM_HERE": "this machine",
            "GREETING": "hello and $HOME",
        },
        web["container_envvars"],
    )
    check(web["autorestart"] == "ON_FAILURE", web["autorestart"])
    check(web["labels"] == {"com.example.tier": "front"}, web["labels"])
    check(web["linked_to_service"][0]["name"] == "database", web["linked_to_service"])
    db = inspect("service", "db.shop")
    check(db["memory"] == 64 and db["run_command"] == "sleep 3600", db)

    exported = yaml.safe_load(cli("stack", "export", "shop"))
    cli("stack", "export", "shop", "-f", "exported.yml")
    with open("exported.yml") as stack_file:
        check(yaml.safe_load(stack_file) == exported, "what -f wrote")
    check(sorted(exported) == ["db", "web"], exported)
    check(exported["web"]["links"] == ["db:database"], exported["web"])
    check(exported["web"]["restart"] == "on-failure", exported["web"])
    check(exported["db"]["volumes"] == ["/data", "/etc:/conf:ro"], exported["db"])

    check(synced("stack", "start", "shop") == shop)
    shown = row(cli("stack", "ls"), "shop")
    check(shown["STATUS"] == "\u25b6 Running" and shown["DEPLOYED"], shown)
    check(cli("stack", "ls", "-q").split() == [shop])
    check(row(cli("service", "ps", "--stack", "shop"), "web")["STACK"] == "shop")
    check(row(cli("container", "ps"), "web-2")["STACK"] == "shop")
    check("Hello" in cli("exec", "web-1.shop", "echo", "Hello"), "name.stack")

    with open("more.yml", "w") as stack_file:
        stack_file.write(SHOP.replace("FROM_LIST=1", "FROM_LIST=2"))
        stack_file.write("cron:\n  image: busybox\n  command: sleep 60\n")
    check(synced("stack", "update", "shop", "-f", "more.yml") == shop)
    check(len(inspect("stack", "shop")["services"]) == 3)
    check("(*)" in row(cli("service", "ps", "--stack", "shop"), "web")["STATUS"])
    check(synced("stack", "redeploy", "--not-reuse-volumes", "shop") == shop)
    check(variable("web-2.shop", "FROM_LIST") == "2", "the new value")
    check(inspect("stack", "shop")["state"] == "Running")

    check(synced("stack", "stop", "shop") == shop)
    check(row(cli("stack", "ls"), "shop")["STATUS"] == "\u25fc Stopped")
    cli("stack", "stop", "shop", status=FAILURE)
    check(synced("stack", "start", "shop") == shop)

    again = synced("up", "-n", "again", "-f", "exported.yml")
    check(inspect("stack", "again")["state"] == "Running")
    third = synced("stack", "up", "-n", "third", "-f", "docker-cloud.yml")
    errors = cli("service", "inspect", "web", status=FAILURE)
    check("More than one service" in errors, errors)
    errors = cli("stack", "create", "-n", "shop", status=FAILURE)
    check("Status 409" in errors, errors)
    output = cli("stack", "terminate", "--sync", "shop", again, "third")
    check(re.findall(UUID, output) == [shop, again, third], output)
    check(inspect("stack", shop)["state"] == "Terminated")


def found_stacks():
    """Stack files as people wrote them: created, exported, created from that."""
    if not STACK_FILES:
        print("no stack files here")
        return
    for name in (
        "borjaburgos--bluegreen.tutum.yml",
        "botleg--tutum-nodejs-redis.tutum.yml",
        "Dnefedkin--voting-demo.docker-cloud.yml",
    ):
        path = os.path.join(STACK_FILES, name)
        with open(path) as stack_file:
            wanted = sorted(yaml.safe_load(stack_file))
        stack = name.partition(".")[0]
        cli("stack", "create", "-n", stack, "-f", path)
        cli("stack", "export", stack, "-f", "exported.yml")
        with open("exported.yml") as stack_file:
            exported = yaml.safe_load(stack_file)
        check(sorted(exported) == wanted, name, "came back as", exported)
        cli("stack", "create", "-n", "copy", "-f", "exported.yml")
        check(yaml.safe_load(cli("stack", "export", "copy")) == exported, name)
        cli("stack", "terminate", "--sync", "copy", stack)


# --- all of it in short ---------------------------------------------------------------


def in_short():
    """What is done most often, for an engine that takes its time."""
    folder = os.path.join(os.getcwd(), "shop")
    os.mkdir(folder)
    os.chdir(folder)
    with open("docker-cloud.yml", "w") as stack_file:
        stack_file.write(SHOP)
    os.environ["FROM_HERE"] = "this machine"
    os.environ["USER_GREETING"] = "hello"
    shop = synced("up")
    check(row(cli("stack", "ls"), "shop")["STATUS"] == "\u25b6 Running")

    web = synced("run", "-n", "front", "-p", "80", "-e", "A=1", "-r", TALKER, "busybox")
    check(synced("service", "scale", "front", "2") == web)
    check(row(cli("service", "ps"), "front")["#CONTAINERS"] == "2")
    logs = cli("service", "logs", "-t", "6", "front")
    check("front-1 | " in logs and "front-2 | " in logs and "three" in logs, logs)
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


# --- machines -----------------------------------------------------------------------


def nodes():
    check(row(cli("nodecluster", "provider"), "digitalocean")["LABEL"])
    check("aws" in cli("nodecluster", "provider", "-q").split())
    regions = rows(cli("nodecluster", "region", "-p", "digitalocean"))
    check("lon1" in [one["NAME"] for one in regions], regions)
    check(set(one["PROVIDER"] for one in regions) == {"digitalocean"}, regions)
    check(row(cli("nodecluster", "az"), "us-east-1a")["AVAILABLE"] == "Yes")
    types = rows(cli("nodecluster", "nodetype", "-p", "digitalocean", "-r", "lon1"))
    check("1gb" in [one["NAME"] for one in types], types)

    check(rows(cli("nodecluster", "ls")) == [], "a table without rows")
    cluster = synced(
        *"nodecluster create -t 2 farm digitalocean lon1 1gb --disk 40 --tag front"
        " --tag eu".split()
    )
    shown = row(cli("nodecluster", "ls"), "farm")
    check(shown["STATUS"] == "Deployed" and shown["DEPLOYED"], shown)
    check((shown["REGION"], shown["TYPE"]) == ("London 1", "1GB"), shown)
    check((shown["CURRENT#NODES"], shown["TARGET#NODES"]) == ("2", "2"), shown)
    check(cli("nodecluster", "ls", "-q").split() == [cluster])
    found = inspect("nodecluster", "farm")
    check(found["disk"] == 40 and len(found["nodes"]) == 2, found)
    aws = uuid_of(
        cli(
            *"nodecluster create cloudy aws us-east-1 t2.micro --aws-vpc-id vpc-1"
            " --aws-vpc-subnet subnet-1 --aws-vpc-subnet subnet-2"
            " --aws-vpc-security-group sg-1 --aws-iam-instance-profile-name me".split()
        )
    )
    check(
        inspect("nodecluster", aws)["provider_options"]
        == {
            "vpc": {
                "id": "vpc-1",
                "subnets": ["subnet-1", "subnet-2"],
                "security_groups": ["sg-1"],
            },
            "iam": {"instance_profile_name": "me"},
        }
    )
    errors = cli("nodecluster", "create", "x", "aws", "mars", "t2.micro", status=3)
    check("Status 400" in errors and "region" in errors, errors)

    check(synced("nodecluster", "scale", "farm", "3") == cluster)
    check(row(cli("nodecluster", "ls"), "farm")["CURRENT#NODES"] == "3")
    own = [one for one in rows(cli("node", "ls")) if one["CLUSTER"] == "farm"]
    check(len(own) == 3 and all(one["DOCKER_VER"] for one in own), own)
    check(all(one["STATUS"] == "\u25b6 Deployed" for one in own), own)
    check(all(one["FQDN"].endswith(".node.dockerapp.io") for one in own), own)
    check(len(cli("node", "ls", "-q").split()) >= 4)
    node = inspect("node", own[0]["UUID"])
    check(node["node_cluster"] == found["resource_uri"], node["node_cluster"])
    check({"name": "eu"} in node["tags"], node["tags"])

    synced("run", "-n", "front", "--tag", "front", WEB)
    placed = inspect("container", "front-1")["node"]
    check(placed in inspect("nodecluster", "farm")["nodes"], placed)
    here = placed.split("/")[-2]
    check(synced("node", "upgrade", here) == here)
    check(inspect("container", "front-1")["state"] == "Running", "it came back")

    output = cli("node", "byo")
    check(re.search(r"sudo -H sh -s [0-9a-f]{32}\n", output), output)
    check(synced("node", "rm", node["uuid"]) == node["uuid"])
    check(inspect("nodecluster", "farm")["target_num_nodes"] == 2)
    tags_of_nodes(here)
    check(synced("nodecluster", "scale", "farm", "0") == cluster)
    check(row(cli("nodecluster", "ls"), "farm")["STATUS"] == "Empty cluster")
    check(synced("nodecluster", "rm", "farm") == cluster)
    check(inspect("nodecluster", cluster)["state"] == "Terminated")


def tags_of_nodes(node):
    check(uuid_of(cli("tag", "add", "-t", "fast", node)) == node)
    cli("tag", "add", "-t", "blue", "farm")
    table = rows(cli("tag", "ls", node, "farm"))
    check([one["TYPE"] for one in table] == ["Node", "NodeCluster"], table)
    check(set("front eu fast blue".split()) <= set(table[0]["TAGS"].split()), table)
    check(table[1]["TAGS"].split() == ["front", "eu", "blue"], table)


# --- tags, triggers, actions, repositories --------------------------------------------


def odds_and_ends():
    web = synced("run", "-n", "web", WEB)
    tags(web)
    triggers(web)
    actions(web)
    repositories()
    wrong_key()
    check("docker login" in cli("login"), "the advice of login")


def tags(web):
    check(uuid_of(cli("tag", "add", "-t", "one", "-t", "two", "web")) == web)
    check(cli("tag", "ls", "-q", "web").strip() == "one two")
    cli("tag", "set", "-t", "three", "-t", "four", "web")
    shown = row(cli("tag", "ls", "web"), "web", "IDENTIFIER")
    check((shown["TYPE"], shown["TAGS"]) == ("Service", "three four"), shown)
    cli("tag", "rm", "-t", "three", "web")
    check(cli("tag", "ls", "-q", "web").strip() == "four")
    cli("tag", "rm", "-t", "four", "web")
    check(cli("tag", "ls", "-q", "web").strip() == "")
    errors = cli("tag", "ls", "no-such-thing", status=FAILURE)
    check("does not match any service, node or nodecluster" in errors, errors)


def triggers(web):
    check(rows(cli("trigger", "ls", "web")) == [], "a table without rows")
    check(uuid_of(cli("trigger", "create", "-n", "deploy", "web")) == web)
    cli("trigger", "create", "-n", "more", "-o", "scaleup", "web")
    deploy = row(cli("trigger", "ls", "web"), "deploy")
    more = row(cli("trigger", "ls", "web"), "more")
    check((deploy["OPERATION"], more["OPERATION"]) == ("REDEPLOY", "SCALEUP"), deploy)

    before = inspect("service", "web")["containers"]
    answer = requests.post(deploy["URL"], data="the body of the call")
    check(answer.status_code == 202, answer.status_code, answer.text)
    until("the redeploy", lambda: inspect("service", "web")["state"] == "Running")
    check(not set(before) & set(inspect("service", "web")["containers"]))
    found = variable("web-1", "DOCKERCLOUD_TRIGGER_BODY")
    check(found == "the body of the call", repr(found))
    answer = requests.post(more["URL"] + "2/")
    check(answer.status_code == 202, answer.status_code, answer.text)
    until(
        "three containers",
        lambda: inspect("service", "web")["running_num_containers"] == 3,
    )

    uuids = cli("trigger", "ls", "-q", "web").split()
    check(len(uuids) == 2 and more["UUID"] in [one[:8] for one in uuids], uuids)
    removed = cli("trigger", "rm", "web", "deploy", more["UUID"])
    check(sorted(removed.split()) == sorted(uuids), removed)
    check(cli("trigger", "ls", "-q", "web") == "")
    check(requests.post(deploy["URL"]).status_code == 404, "its URL works no more")
    errors = cli("trigger", "rm", "web", "deploy", status=FAILURE)
    check("Cannot find a trigger" in errors, errors)


def newest_action():
    """Its uuid; a table of one row shows one such as 4113e000 as a number."""
    return cli("action", "ls", "-q", "-l", "1").strip()


def actions(web):
    table = rows(cli("action", "ls"))
    check(all(one["START"] and one["IP"] == "127.0.0.1" for one in table), table)
    check(len(rows(cli("action", "ls", "-l", "2"))) == 2, "the last two")
    uuids = cli("action", "ls", "-q").split()
    check(uuids[0][:8] == table[0]["UUID"], "newest first", uuids[0])

    redeployed = [one for one in table if one["ACTION"] == "Service Redeploy"][0]
    found = inspect("action", redeployed["UUID"])
    check(found["object"].endswith(web + "/") and found["end_date"], found)
    check(found["state"] == "Success" and found["can_be_retried"], found)
    check("replacing web-1" in cli("action", "logs", redeployed["UUID"]), "its log")
    cli("action", "retry", redeployed["UUID"])
    again = newest_action()
    check(not again.startswith(redeployed["UUID"]), again)
    until("the retry", lambda: inspect("action", again)["state"] == "Success")
    cli("action", "cancel", again, status=FAILURE)

    # Not with --sync: it would wait for ever.
    stuck = uuid_of(cli("run", "-n", "stuck", STUCK))
    [action] = rows(cli("action", "ls", "-l", "1"))
    check(action["END"] == "" and action["TARGET"].startswith("service/"), action)
    found = inspect("action", newest_action())
    check(found["state"] == "In progress", found["state"])
    check(found["end_date"] is None and found["can_be_canceled"], found)
    check(inspect("service", "stuck")["state"] == "Starting")
    cli("service", "start", "stuck", status=FAILURE)
    check(cli("action", "cancel", found["uuid"]) == "", "it prints nothing")
    until(
        "the cancellation",
        lambda: inspect("action", found["uuid"])["state"] == "Canceled",
    )
    check(inspect("service", "stuck")["state"] == "Not running")
    check(synced("service", "terminate", "stuck") == stuck)


def repositories():
    check(rows(cli("repository", "ls")) == [], "a table without rows")
    name = "registry.example.com:5000/team/app"
    check(
        cli("repository", "register", "-u", "me", "-p", "secret", name).strip() == name
    )
    check(row(cli("repository", "ls"), name)["IN_USE"] == "no")
    cli("service", "create", "-n", "app", name + ":2")
    check(row(cli("repository", "ls"), name)["IN_USE"] == "yes")
    check(cli("repository", "ls", "-q").split() == [name])
    found = cli("repository", "inspect", name)
    check(json.loads(found)["name"] == name and "secret" not in found, found)
    check(cli("repository", "update", "-p", "another", name).strip() == name)
    check(cli("repository", "rm", name).strip() == name)
    errors = cli("repository", "inspect", name, status=FAILURE)
    check("Cannot find a repository" in errors, errors)


def wrong_key():
    right = os.environ["DOCKERCLOUD_APIKEY"]
    os.environ["DOCKERCLOUD_APIKEY"] = "wrong"
    try:
        process = started(["service", "ps"])
        errors = process.communicate()[1]
        check(process.returncode == FAILURE, process.returncode, errors)
        check(b"Not authorized" in errors, errors)
    finally:
        os.environ["DOCKERCLOUD_APIKEY"] = right


def main(parts):
    folder = tempfile.mkdtemp()
    try:
        for part in parts:
            os.chdir(folder)
            globals()[part]()
            print("ok", part)
            sys.stdout.flush()
    finally:
        os.chdir("/")
        shutil.rmtree(folder)


if __name__ == "__main__":
    main(sys.argv[1:])
