"""The official command line as the day's parts run and read it (Python 2.7)."""

from __future__ import print_function, unicode_literals

import json
import os
import re
import signal
import subprocess
import sys
import threading

import dockercloudcli.cli
import facts
from facts import WAIT, check

SITE = os.environ["PYTHONPATH"].split(os.pathsep)[0]
PROGRAM = os.path.join(SITE, "bin", "docker-cloud")

UUID = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
WEB = "dockercloud/hello-world"
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
    """Run docker-cloud in a fork of this process; its status, output and errors."""
    return facts.forked(dockercloudcli.cli.main, arguments)


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
