"""The day's part about machines (Python 2.7)."""

from __future__ import print_function, unicode_literals

import re

from cli_tool import WEB, cli, inspect, row, rows, synced, uuid_of
from facts import check


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
    check(all(one["FQDN"].startswith("127.") for one in own), own)
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
