"""A day's work with Tutum's own SDK and command line, unmodified, on Python 2.7.

They find the server by their environment variables. Each step prints one line; the
exit status is 0 only if every fact held.
"""

from __future__ import print_function, unicode_literals

import json
import os
import re
import subprocess
import sys
import threading

import tutum
from tutum.api.http import send_request
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

PROGRAM = os.path.join(os.environ["PYTHONPATH"], "bin", "tutum")
IMAGE = "tutum/hello-world"
TALKER = 'sh -c "echo hello; sleep 3600"'
URI = re.compile(r"^/api/v1/[a-z]+/[0-9a-f-]{36}/$")


def until_done(thing):
    """Follow the action of the last changing call, as --sync does."""
    uri = thing.tutum_action_uri
    check(URI.match(uri), uri)
    action = tutum.Utils.fetch_by_resource_uri(uri)
    until_ended(action)
    return action


class Day(object):
    def __init__(self):
        self.events = []
        self.service = None

    def authentication(self):
        right = tutum.basic_auth
        tutum.basic_auth = "d3Jvbmc6d3Jvbmc="
        refused(tutum.TutumAuthError, tutum.Service.list)
        refused(tutum.TutumAuthError, tutum.TutumEvents().run_forever)
        tutum.basic_auth = right
        check("username" in send_request("GET", "/auth"), "who it is")

    def listen(self):
        """Events from here on; the SDK reads them for ever, in a thread."""
        opened = threading.Event()
        stream = tutum.TutumEvents()
        stream.on_open(opened.set)
        stream.on_message(self.events.append)
        reader = threading.Thread(target=stream.run_forever)
        reader.daemon = True
        reader.start()
        check(opened.wait(WAIT), "the event stream did not open")

    def lists(self):
        for kind in (
            tutum.Service,
            tutum.Container,
            tutum.Stack,
            tutum.NodeCluster,
            tutum.Image,
            tutum.Volume,
            tutum.VolumeGroup,
        ):
            check(kind.list() == [], kind.endpoint, "before the first")
        for kind in (tutum.Provider, tutum.Region, tutum.NodeType, tutum.AZ):
            check(kind.list(), kind.endpoint)
        [node] = tutum.Node.list()
        check(node.state == "Deployed", node.state)
        check(URI.match(node.resource_uri), node.resource_uri)

    def create(self):
        service = tutum.Service.create(
            image="busybox",
            name="web",
            run_command=TALKER,
            autoreplace="OFF",
            autodestroy="OFF",
            container_ports=[{"protocol": "tcp", "inner_port": 80}],
            container_envvars=[{"key": "GREETING", "value": "gr\u00fc\u00df dich"}],
            bindings=[{"container_path": "/data"}],
            tags=[],
        )
        check(service.save(), "save of the new service")
        check(service.state == "Not running", service.state)
        check(service.unique_name == "web", service.unique_name)
        check(
            service.image_tag == "/api/v1/image/busybox/tag/latest/", service.image_tag
        )
        check(URI.match(service.resource_uri), service.resource_uri)
        until_done(service)
        self.service = service

    def identifiers(self):
        fetch = tutum.Utils.fetch_remote_service
        for identifier in ("web", self.service.uuid, self.service.uuid[:8]):
            check(fetch(identifier).uuid == self.service.uuid, identifier)
        [found] = tutum.Service.list(unique_name="web")
        check(found.uuid == self.service.uuid, found.uuid)

    def start(self):
        check(self.service.start(), "start")
        check(self.service.state in ("Starting", "Running"), self.service.state)
        action = until_done(self.service)
        check(action.object == self.service.resource_uri, action.object)
        until_state(self.service, "Running")

    def scale(self):
        """As the command line does: store the target, which begins it, and ask for it."""
        self.service.target_num_containers = 2
        check(self.service.save(), "save of the new target")
        check(self.service.state in ("Scaling", "Running"), self.service.state)
        check(self.service.scale(), "scale")
        until_done(self.service)
        until_state(self.service, "Running")
        check(self.service.running_num_containers == 2, "two containers run")

    def patch_alone_scales(self):
        for count in (3, 2):
            self.service.target_num_containers = count
            check(self.service.save(), "save of the new target")
            until_done(self.service)
            until_state(self.service, "Running")
            check(len(self.service.containers) == count, self.service.containers)

    def containers(self):
        found = tutum.Container.list(service=self.service.resource_uri)
        return sorted(
            (container for container in found if container.state != "Terminated"),
            key=lambda container: container.name,
        )

    def inspect_containers(self):
        check([c.name for c in self.containers()] == ["web-1", "web-2"], "names")
        container = tutum.Utils.fetch_remote_container("web-1")
        check(container.service == self.service.resource_uri, container.service)
        variables = dict((v["key"], v["value"]) for v in container.container_envvars)
        check(variables["GREETING"] == "gr\u00fc\u00df dich", variables)
        uri = variables["TUTUM_CONTAINER_API_URI"]
        check(uri == container.resource_uri, uri)
        check(tutum.Utils.fetch_by_resource_uri(uri).uuid == container.uuid, uri)
        node = tutum.Utils.fetch_by_resource_uri(container.node)
        check(node.current_num_containers == 2, node.current_num_containers)

    def logs(self):
        def sources():
            frames = []
            self.service.logs(100, False, lambda m: frames.append(json.loads(m)))
            for frame in frames:
                check(STAMPED.match(frame["log"]), frame)
            return set(frame["source"] for frame in frames) == {"web-1", "web-2"}

        until("lines of both containers", sources)
        last = []
        self.containers()[0].logs(1, False, last.append)
        check(len(last) == 1, "tail=1 gave", last)
        text = send_request("GET", "service/%s/logs" % self.service.uuid)["logs"]
        for line in text.splitlines():
            check(re.match(r"^\[web-[12]\] \d{4}-\S+Z hello$", line), line)
        check(len(text.splitlines()) == 2, text)

    def execute(self):
        frames = []
        self.containers()[0].execute(
            'echo "to be  or not"', lambda message: frames.append(json.loads(message))
        )
        output = "".join(frame["output"] for frame in frames)
        check("to be  or not" in output, output)

    def set(self):
        self.service.autorestart = "ON_FAILURE"
        self.service.container_envvars = [{"key": "GREETING", "value": "hi"}]
        check(self.service.save(), "save of the changes")
        check(self.service.autorestart == "ON_FAILURE", self.service.autorestart)
        check(not self.service.synchronized, "a changed service is not synchronized")

    def redeploy(self):
        old = [container.uuid for container in self.containers()]
        check(self.service.redeploy(reuse_volumes=False), "redeploy")
        until_done(self.service)
        until_state(self.service, "Running")
        new = self.containers()
        check(not set(old) & set(c.uuid for c in new), "the containers are new objects")
        check(self.service.synchronized, "a redeployed service is synchronized")

    def tags(self):
        tag = tutum.Tag.fetch(self.service)
        tag.add(["blue", "green"])
        check(tag.save(), "save of the tags")
        tag = tutum.Tag.fetch(tutum.Service.fetch(self.service.uuid))
        check([t["name"] for t in tag.list()] == ["blue", "green"], tag.list())
        check(tag.delete("blue"), "delete of a tag")
        tag = tutum.Tag.fetch(tutum.Service.fetch(self.service.uuid))
        check([t["name"] for t in tag.list()] == ["green"], tag.list())
        tag.delete("green")
        self.service.refresh(force=True)

    def triggers(self):
        trigger = tutum.Trigger.fetch(self.service)
        trigger.add("more", "SCALEUP")
        check(trigger.save(), "save of the trigger")
        [one] = trigger.list()
        check((one["name"], one["operation"]) == ("more", "SCALEUP"), one)
        check(one["url"].startswith(self.service.resource_uri), one["url"])
        check(trigger.call(one["uuid"]), "call")

        def scaled():
            self.service.refresh(force=True)
            return (
                self.service.state == "Running" and len(self.service.containers) == 3
            )

        until("the third container", scaled)
        check(trigger.delete(one["uuid"]), "delete of the trigger")
        check(trigger.list() == [], "it is gone")

    def volumes(self):
        live = [v for v in tutum.Volume.list() if v.state == "Created"]
        check(len(live) == 3, live)
        [group] = tutum.VolumeGroup.list()
        check(group.services == [self.service.resource_uri], group.services)
        volume = tutum.Utils.fetch_remote_volume(live[0].uuid)
        check(volume.volume_group == group.resource_uri, volume.volume_group)
        check(tutum.Utils.fetch_remote_volumegroup("web").uuid == group.uuid, "by name")

    def images(self):
        image = tutum.Image.create(
            name="quay.io/acme/web", username="u", password="p", description="ours"
        )
        check(image.save(), "save of the image")
        [found] = tutum.Image.list(is_user_image=True)
        check(found.name == "quay.io/acme/web" and not found.in_use, found.name)
        image = tutum.Image.fetch("quay.io/acme/web")
        check(image.resource_uri == "/api/v1/image/quay.io/acme/web/", "its URI")
        image.password = "q"
        check(image.save(), "save of another password")
        tag = tutum.ImageTag.fetch("busybox", "latest")
        check(tag.full_name == "busybox:latest", tag.full_name)
        check(image.delete(), "delete")
        check(tutum.Image.list() == [], "it is gone")

    def stacks(self):
        stack = tutum.Stack.create(
            name="shop",
            services=[
                {"name": "db", "image": IMAGE, "environment": ["A=1"]},
                {
                    "name": "front",
                    "image": IMAGE,
                    "linked_to_service": [{"to_service": "db", "name": "db"}],
                },
            ],
        )
        check(stack.save(), "save of the stack")
        check(len(stack.services) == 2, stack.services)
        check(stack.start(), "start")
        until_done(stack)
        until_state(stack, "Running")
        front = tutum.Utils.fetch_remote_service("front.shop")
        check(front.stack == stack.resource_uri, front.stack)
        [link] = front.linked_to_service
        check(link["to_service"] in stack.services, link)
        exported = stack.export()
        check(sorted(exported) == ["db", "front"], exported)
        check(exported["db"]["image"].startswith(IMAGE), exported)
        check(stack.redeploy(), "redeploy")
        until_done(stack)
        until_state(stack, "Running")
        check(stack.stop(), "stop")
        until_done(stack)
        until_state(stack, "Stopped")
        check(stack.delete(), "delete")
        until_done(stack)
        until_state(stack, "Terminated")

    def nodes(self):
        [node] = tutum.Node.list()
        tag = tutum.Tag.fetch(node)
        tag.add("mine")
        tag.save()
        node = tutum.Utils.fetch_remote_node(node.uuid[:8])
        check("mine" in [t["name"] for t in node.tags], node.tags)
        tag = tutum.Tag.fetch(node)
        tag.delete("mine")
        check(node.health_check(), "health check")
        until_done(node)
        region = tutum.Region.fetch("digitalocean/lon1")
        kind = tutum.NodeType.fetch("digitalocean/1gb")
        cluster = tutum.NodeCluster.create(name="more", region=region, node_type=kind)
        check(cluster.save(), "save of the cluster")
        check(cluster.region == "/api/v1/region/digitalocean/lon1/", cluster.region)
        check(cluster.deploy(), "deploy")
        until_done(cluster)
        until_state(cluster, "Deployed")
        check(len(cluster.nodes) == 1, cluster.nodes)
        one = tutum.Utils.fetch_by_resource_uri(cluster.nodes[0])
        check(one.node_cluster == cluster.resource_uri, one.node_cluster)
        check(cluster.delete(), "delete")
        until_done(cluster)
        until_state(cluster, "Terminated")
        check(len(send_request("POST", "token")["token"]) == 32, "a token")

    def actions(self):
        found = tutum.Action.list(object=self.service.resource_uri)
        check(found, "actions of the service")
        check(
            set(a.object for a in found) == {self.service.resource_uri},
            "actions of other objects",
        )
        action = tutum.Utils.fetch_remote_action(found[0].uuid[:8])
        self.service.refresh(force=True)
        check(action.resource_uri in self.service.actions, action.resource_uri)
        check(action.user_agent.startswith("python-tutum/"), action.user_agent)
        frames = []
        action.logs(10, False, frames.append)

    def command_line(self):
        """Tutum's command line, which reads the lists by itself."""
        node = tutum.Node.list()[0].uuid[:8]
        for arguments, word in (
            ("service ps", "web"),
            ("container ps", "web-1"),
            ("container exec web-1 echo told", "told"),
            ("service logs web", "hello"),
            ("service scale --sync web 2", self.service.uuid),
            ("node list", node),
            ("volume list", "Created"),
            ("action list", "Service Scale"),
        ):
            command = [sys.executable, PROGRAM] + arguments.split()
            with open(os.devnull) as nothing:
                output = subprocess.check_output(command, stdin=nothing).decode("utf-8")
            check(word in output, arguments, "printed", output)
        self.service.refresh(force=True)

    def terminate(self):
        uuid = self.service.uuid
        check(self.service.stop(), "stop")
        until_done(self.service)
        until_state(self.service, "Stopped")
        check(self.service.delete(), "delete")
        check(self.service.state in ("Terminating", "Terminated"), self.service.state)
        until_done(self.service)
        until_state(tutum.Service.fetch(uuid), "Terminated")
        check(self.containers() == [], "containers are left")

    def saw_events(self):
        """The events tell the same story, in Tutum's form."""
        uri = self.service.resource_uri

        def states():
            return [e["state"] for e in list(self.events) if e["resource_uri"] == uri]

        until("the event of the end", lambda: "Terminated" in states())
        told = iter(states())
        for state in (
            "Starting",
            "Running",
            "Scaling",
            "Running",
            "Redeploying",
            "Stopping",
            "Stopped",
            "Terminating",
            "Terminated",
        ):
            check(state in told, state, "not in this order in", states())
        for event in self.events:
            check(
                sorted(event) == "action parents resource_uri state type".split(), event
            )
            for one in [event["resource_uri"]] + event["parents"]:
                check(one.startswith("/api/v1/"), one)

    def work(self):
        in_turn(
            self.authentication,
            self.lists,
            self.listen,
            self.create,
            self.identifiers,
            self.start,
            self.scale,
            self.patch_alone_scales,
            self.inspect_containers,
            self.logs,
            self.execute,
            self.set,
            self.redeploy,
            self.tags,
            self.triggers,
            self.volumes,
            self.images,
            self.stacks,
            self.nodes,
            self.actions,
            self.command_line,
            self.terminate,
            self.saw_events,
        )


if __name__ == "__main__":
    Day().work()
