"""The day's parts about services and containers (Python 2.7)."""

from __future__ import print_function, unicode_literals

import json
import re

from cli_tool import (
    FAILURE,
    TALKER,
    UUID,
    WEB,
    Following,
    cli,
    inspect,
    row,
    rows,
    synced,
    uuid_of,
    variable,
)
from facts import check, until


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

    web = synced(
        *(
            "service run -n web -t 2 -p 80 --expose 443 -e GREETING=hi"
            " --link-service store:cache --memory 128 --cpushares 200 --privileged"
            " --autorestart ON_FAILURE --autodestroy OFF --autoredeploy --role global"
            " --sequential -v /var/www -v /etc:/conf:ro --net bridge --pid none"
            " --deployment-strategy HIGH_AVAILABILITY"
        ).split()
        + [WEB]
    )
    found = inspect("service", "web")
    for key, value in {
        "uuid": web,
        "state": "Running",
        "current_num_containers": 2,
        "running_num_containers": 2,
        "memory": 128,
        "cpu_shares": 200,
        "privileged": True,
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
    check(shown["DEPLOYED"] and shown["PUBLIC DNS"].startswith("127."), shown)

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
    check(event["type"] == "container" and len(event["parents"]) == 2, event)
    check(set(event) >= set("action uuid datetime".split()), event)
    until("lines of the new one", lambda: "".join(logs.lines).count("two") > 1)
    events.interrupt()
    debugged.interrupt()
    logs.interrupt()
