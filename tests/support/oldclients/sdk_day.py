"""A day's work with the official SDK, unmodified, on Python 2.7.

The SDK finds the server by its environment variables. Each step prints one line; the
exit status is 0 only if every fact held.

The SDK's Events installs a SIGINT handler, so it has to run in the main thread: the
work is done in a second one, which sends SIGINT in the end, as a user would.
"""

from __future__ import print_function, unicode_literals

import json
import os
import re
import signal
import sys
import threading
import traceback

import dockercloud
import requests
from dockercloud.api.utils import is_uuid4
from facts import (
    STAMPED,
    WAIT,
    check,
    in_turn,
    refused,
    until,
    until_ended,
    until_state,
)
from sdk_follower import Follower

IMAGE = "dockercloud/hello-world"
DATE = re.compile(r"^\w{3}, \d{1,2} \w{3} \d{4} \d\d:\d\d:\d\d \+0000$")


def until_done(action_uri):
    """Follow the action of a changing call, as the command line's --sync does."""
    check(re.match("^/api/audit/v1/action/[0-9a-f-]{36}/$", action_uri), action_uri)
    until_ended(dockercloud.Utils.fetch_by_resource_uri(action_uri))


def visit(container):
    """Request its page, which also puts a line into its log."""
    node = dockercloud.Utils.fetch_by_resource_uri(container.node)
    [port] = [p for p in container.container_ports if p["inner_port"] == 80]
    check(port["published"] and port["outer_port"], port)
    page = requests.get("http://%s:%d/" % (node.public_ip, port["outer_port"]))
    check("Hello world!" in page.text and container.name in page.text, page.text)


class Day(object):
    def __init__(self, events):
        self.events = events
        self.service = None

    def authentication(self):
        dockercloud.dockercloud_auth = "Basic d3Jvbmc6d3Jvbmc="
        refused(dockercloud.AuthError, dockercloud.Service.list)
        dockercloud.dockercloud_auth = None

    def lists(self):
        check(dockercloud.Service.list() == [], "services before the first")
        check(dockercloud.Container.list() == [], "containers before the first")
        check(dockercloud.Stack.list() == [], "stacks before the first")
        nodes = dockercloud.Node.list()
        check(nodes and nodes[0].state == "Deployed", "the first node", nodes)
        dockercloud.Action.list()

    def create(self):
        service = dockercloud.Service.create(
            image=IMAGE,
            name="web",
            target_num_containers=1,
            container_ports=[{"protocol": "tcp", "inner_port": 80, "published": True}],
            container_envvars=[{"key": "GREETING", "value": "gr\u00fc\u00df dich"}],
            tags=[],
        )
        check(service.save(), "save of the new service")
        check(is_uuid4(service.uuid), service.uuid)
        check(service.state == "Not running", service.state)
        check(service.image_name.startswith(IMAGE + ":"), service.image_name)
        check(
            service.container_envvars
            == [{"key": "GREETING", "value": "gr\u00fc\u00df dich"}],
            service.container_envvars,
        )
        check(
            [(p["inner_port"], p["published"]) for p in service.container_ports]
            == [(80, True)],
            service.container_ports,
        )
        until_done(service.dockercloud_action_uri)
        self.service = service

    def identifiers(self):
        fetch = dockercloud.Utils.fetch_remote_service
        for identifier in ("web", self.service.uuid, self.service.uuid[:8]):
            check(fetch(identifier).uuid == self.service.uuid, identifier)
        refused(dockercloud.ObjectNotFound, fetch, "nothing-of-that-name")

    def start(self):
        check(self.service.start(), "start")
        check(self.service.state in ("Starting", "Running"), self.service.state)
        until_done(self.service.dockercloud_action_uri)
        until_state(self.service, "Running")
        check(self.service.running_num_containers == 1, "one container runs")
        check(DATE.match(self.service.started_datetime), self.service.started_datetime)

    def scale(self):
        """To two containers, while the log is followed: it has lines of both."""
        follower = Follower(self.service)
        visit(self.containers()[0])
        until("a line of web-1", lambda: follower.frames)
        follower.enough = lambda frame: frame.get("source") == "web-2"

        self.service.target_num_containers = 2
        check(self.service.save(), "save of the new target")
        check(self.service.target_num_containers == 2, "the target is stored")
        check(self.service.scale(), "scale")
        until_done(self.service.dockercloud_action_uri)
        until_state(self.service, "Running")
        check(self.service.running_num_containers == 2, "two containers run")
        check(len(self.service.containers) == 2, self.service.containers)

        visit(self.containers()[1])
        follower.join(WAIT)
        check(not follower.is_alive(), "no line of web-2 came:", follower.frames)
        sources = set(frame["source"] for frame in follower.frames)
        check(sources == {"web-1", "web-2"}, sources)

    def containers(self):
        return sorted(
            (
                container
                for container in dockercloud.Container.list(
                    service=self.service.resource_uri
                )
                if container.state != "Terminated"
            ),
            key=lambda container: container.name,
        )

    def inspect_containers(self):
        containers = self.containers()
        check([c.name for c in containers] == ["web-1", "web-2"], containers)
        container = dockercloud.Utils.fetch_remote_container("web-1")
        check(container.state == "Running", container.state)
        check(container.service == self.service.resource_uri, container.service)
        variables = dict((v["key"], v["value"]) for v in container.container_envvars)
        check(variables["GREETING"] == "gr\u00fc\u00df dich", variables)

    def logs(self):
        """The end of the log, after which the server closes."""
        frames = []
        self.service.logs(
            tail=100, follow=False, log_handler=lambda m: frames.append(json.loads(m))
        )
        check(set(f["source"] for f in frames) == {"web-1", "web-2"}, frames)
        for frame in frames:
            check(frame["type"] == "log", frame)
            check(frame["streamType"] in ("stdout", "stderr"), frame)
            check(isinstance(frame["timestamp"], int), frame)
            check(STAMPED.match(frame["log"]), frame)

        last = []
        self.containers()[0].logs(tail=1, follow=False, log_handler=last.append)
        check(len(last) == 1, "tail=1 gave", last)

    def execute(self):
        def output_of(command):
            frames = []
            self.containers()[0].execute(
                command, handler=lambda message: frames.append(json.loads(message))
            )
            check(all("streamType" in f and "output" in f for f in frames), frames)
            return "".join(frame["output"] for frame in frames)

        output = output_of('echo "to be  or not"')
        check("to be  or not" in output, output)
        output = output_of("env")
        check("GREETING=gr\u00fc\u00df dich" in output, output)

    def redeploy(self):
        old = [container.uuid for container in self.containers()]
        check(self.service.redeploy(reuse_volumes=False), "redeploy")
        until_done(self.service.dockercloud_action_uri)
        until_state(self.service, "Running")
        new = self.containers()
        check([c.name for c in new] == ["web-1", "web-2"], new)
        check(not set(old) & set(c.uuid for c in new), "the containers are new objects")

    def stop(self):
        check(self.service.stop(), "stop")
        until_done(self.service.dockercloud_action_uri)
        until_state(self.service, "Stopped")
        check([c.state for c in self.containers()] == ["Stopped"] * 2, "both stopped")

    def terminate(self):
        uuid = self.service.uuid
        check(self.service.delete(), "delete")
        check(self.service.state in ("Terminating", "Terminated"), self.service.state)
        check(self.service.target_num_containers == 0, "the target is 0 at once")
        until_done(self.service.dockercloud_action_uri)
        service = dockercloud.Service.fetch(uuid)
        until_state(service, "Terminated")
        check(self.containers() == [], "containers are left")

    def stacks(self):
        stack = dockercloud.Stack.create(
            name="shop",
            services=[
                {"name": "db", "image": "busybox", "command": "sleep 3600"},
                {"name": "web", "image": IMAGE, "linked_to_service": [
                    {"to_service": "db", "name": "database"}
                ]},
            ],
        )
        check(stack.save() and len(stack.services) == 2, "the new stack")
        check(stack.start(), "start of the stack")
        until_done(stack.dockercloud_action_uri)
        until_state(stack, "Running")
        web = dockercloud.Utils.fetch_remote_service("web.shop")
        check(web.linked_to_service[0]["name"] == "database", web.linked_to_service)
        container = dockercloud.Utils.fetch_remote_container("web-1.shop")
        check(container.state == "Running", container.state)
        exported = stack.export()
        check(exported["db"]["command"] == "sleep 3600", exported)
        stack.services = [{"name": "db", "image": "busybox", "command": "sleep 60"}]
        check(stack.save(), "save of the stack")
        check(stack.redeploy(), "redeploy of the stack")
        until_done(stack.dockercloud_action_uri)
        # An update keeps the services that it leaves out.
        web = dockercloud.Utils.fetch_remote_service("web.shop")
        check(web.state == "Running", web.state)
        uuid = stack.uuid
        for operation, state in (
            ("stop", "Stopped"),
            ("start", "Running"),
            ("delete", "Terminated"),
        ):
            stack = dockercloud.Stack.fetch(uuid)
            check(getattr(stack, operation)(), operation)
            until_done(stack.dockercloud_action_uri)
            until_state(dockercloud.Stack.fetch(uuid), state)

    def tags_and_triggers(self):
        service = dockercloud.Service.create(image=IMAGE, name="tagged")
        check(service.save() and service.start(), "a service to tag")
        until_done(service.dockercloud_action_uri)
        tag = dockercloud.Tag.fetch(service)
        tag.add(["one", "two"])
        check(tag.save(), "save of tags")
        tag.delete("one")
        tag = dockercloud.Tag.fetch(dockercloud.Service.fetch(service.uuid))
        check([one["name"] for one in tag.list()] == ["two"], tag.list())
        tag.delete("two")

        trigger = dockercloud.Trigger.fetch(service)
        trigger.add(name="more", operation="SCALEUP")
        check(trigger.save(), "save of a trigger")
        [found] = dockercloud.Trigger.fetch(service).list()
        check((found["name"], found["operation"]) == ("more", "SCALEUP"), found)
        check(dockercloud.Trigger.fetch(service).call(found["uuid"]), "a call")
        until(
            "one more",
            lambda: dockercloud.Service.fetch(service.uuid).running_num_containers == 2,
        )
        check(dockercloud.Trigger.fetch(service).delete(found["uuid"]), "revoked")
        check(dockercloud.Trigger.fetch(service).list() == [], "no trigger is left")
        check(dockercloud.Service.fetch(service.uuid).delete(), "the end of it")

    def machines(self):
        provider = dockercloud.Provider.fetch("digitalocean")
        check(provider.label and provider.regions, provider.regions)
        check("lon1" in [one.name for one in dockercloud.Region.list()], "regions")
        check(dockercloud.AZ.fetch("aws/us-east-1/us-east-1a").available, "zones")
        cluster = dockercloud.NodeCluster.create(
            name="farm",
            region=dockercloud.Region.fetch("digitalocean/lon1"),
            node_type=dockercloud.NodeType.fetch("digitalocean/1gb"),
            target_num_nodes=1,
        )
        check(cluster.save() and cluster.state == "Init", cluster.state)
        check(cluster.deploy(), "deploy")
        until_done(cluster.dockercloud_action_uri)
        until_state(cluster, "Deployed")
        node = dockercloud.Utils.fetch_by_resource_uri(cluster.nodes[0])
        check(node.state == "Deployed" and DATE.match(node.last_seen), node.last_seen)
        check(node.upgrade_docker(), "upgrade")
        until_done(node.dockercloud_action_uri)
        cluster.target_num_nodes = 2
        check(cluster.save(), "save of the cluster")
        until_done(cluster.dockercloud_action_uri)
        cluster.refresh()
        check(cluster.current_num_nodes == 2, cluster.current_num_nodes)
        check(dockercloud.Node.fetch(node.uuid).delete(), "delete of a node")
        node = dockercloud.Node.fetch(node.uuid)
        until_state(node, "Terminated")
        uuid = cluster.uuid
        check(dockercloud.NodeCluster.fetch(uuid).delete(), "delete of the cluster")
        until_state(dockercloud.NodeCluster.fetch(uuid), "Terminated")

    def repositories(self):
        name = "registry.example.com/team/app"
        repository = dockercloud.Repository.create(
            name=name, username="me", password="secret"
        )
        check(repository.save() and not repository.in_use, "a new repository")
        repository.password = "another"
        check(repository.save(), "save of the repository")
        check(dockercloud.Repository.fetch(name).name == name, "fetched by name")
        check(dockercloud.Repository.fetch(name).delete(), "delete")
        check(dockercloud.Repository.list() == [], "no repository is left")

    def actions(self):
        redeploy = [a for a in dockercloud.Action.list() if "Redeploy" in a.action][0]
        check(redeploy.state == "Success" and redeploy.can_be_retried, redeploy.state)
        lines = []
        redeploy.logs(tail=300, follow=False, log_handler=lines.append)
        check(lines and json.loads(lines[0])["type"] == "log", lines)
        error = refused(dockercloud.ApiError, redeploy.cancel)
        check(str(error).split(" ")[1] == "422", error)

    def no_field_hides_a_method(self):
        """The SDK makes an attribute of each key, whatever it had under that name."""
        for kind in (
            dockercloud.Action,
            dockercloud.Container,
            dockercloud.Node,
            dockercloud.NodeCluster,
            dockercloud.Service,
            dockercloud.Stack,
        ):
            for one in kind.list():
                hidden = [key for key in one.get_all_attributes() if hasattr(kind, key)]
                check(not hidden, kind.__name__, "has lost", hidden)

    def saw_events(self):
        """The events tell the same story, with every key and the right parents."""
        uri = "/api/app/v1/service/%s/" % self.service.uuid

        def states():
            return [e["state"] for e in list(self.events) if e["resource_uri"] == uri]

        until("the event of the end", lambda: "Terminated" in states())
        story = [
            "Starting",
            "Running",
            "Scaling",
            "Running",
            "Redeploying",
            "Running",
            "Stopping",
            "Stopped",
            "Terminating",
            "Terminated",
        ]
        told = iter(states())
        check(all(state in told for state in story), states())
        keys = "action datetime parents resource_uri state type uuid".split()
        for event in self.events:
            check(set(keys) <= set(event), event)
            if event["type"] == "container":
                owners = [one for one in event["parents"] if "/service/" in one]
                check(len(owners) == 1, event)
        check(
            any(
                (e["type"], e["state"]) == ("action", "Success") and uri in e["parents"]
                for e in self.events
            ),
            "no action of the service ended in an event",
        )

    def work(self):
        in_turn(
            self.authentication,
            self.lists,
            self.create,
            self.identifiers,
            self.start,
            self.scale,
            self.inspect_containers,
            self.logs,
            self.execute,
            self.redeploy,
            self.stop,
            self.terminate,
            self.stacks,
            self.tags_and_triggers,
            self.machines,
            self.repositories,
            self.actions,
            self.no_field_hides_a_method,
            self.saw_events,
        )


def main():
    received = []
    failures = []
    stream = dockercloud.Events()
    stream.on_message(lambda message: received.append(json.loads(message)))

    def work():
        try:
            Day(received).work()
        except BaseException:
            traceback.print_exc()
            failures.append(1)
        finally:
            os.kill(os.getpid(), signal.SIGINT)

    worker = threading.Thread(target=work)
    worker.daemon = True

    def opened():
        if not worker.ident:  # the SDK reconnects by itself; the day begins once
            worker.start()

    stream.on_open(opened)
    stream.run_forever()
    worker.join(WAIT)
    return 1 if failures or worker.is_alive() else 0


if __name__ == "__main__":
    sys.exit(main())
