"""The day's parts about stacks (Python 2.7)."""

from __future__ import print_function, unicode_literals

import os
import re

import yaml
from cli_tool import FAILURE, UUID, cli, inspect, row, synced, variable
from facts import check

STACK_FILES = os.environ.get("STACK_FILES", "")

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


def in_shop():
    """Go to work: into the folder of a stack file, with the variables that it wants."""
    folder = os.path.join(os.getcwd(), "shop")
    os.mkdir(folder)
    os.chdir(folder)
    with open("docker-cloud.yml", "w") as stack_file:
        stack_file.write(SHOP)
    os.environ["FROM_HERE"] = "this machine"
    os.environ["USER_GREETING"] = "hello"


def stacks():
    in_shop()
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
    with open("less.yml", "w") as stack_file:
        stack_file.write("cron:\n  image: busybox\n  command: sleep 60\n")
    check(synced("stack", "update", "shop", "-f", "less.yml") == shop)
    check(len(inspect("stack", "shop")["services"]) == 3, "services left out stay")
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
