"""The day's part about tags, triggers, actions, repositories (Python 2.7)."""

from __future__ import print_function, unicode_literals

import json
import os

import requests
from cli_tool import (
    FAILURE,
    WEB,
    cli,
    inspect,
    row,
    rows,
    started,
    synced,
    uuid_of,
    variable,
)
from facts import check, until

#: An image of the test's engine: its containers never come up.
STUCK = "acme/stuck"


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
