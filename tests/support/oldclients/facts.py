"""Checking facts and waiting for them, for the programs beside this one (Python 2.7)."""

from __future__ import print_function, unicode_literals

import os
import re
import signal
import sys
import tempfile
import threading
import time
import traceback

WAIT = int(os.environ.get("WAIT", "30"))  # seconds, for anything that is waited for
#: A line of a log, as the frames have it.
STAMPED = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z .*\n$", re.DOTALL)


def check(fact, *what):
    if not fact:
        # As bytes: a traceback prints no other text than ASCII.
        raise AssertionError(" ".join("%s" % (part,) for part in what).encode("utf-8"))


def until(what, fact):
    """Poll until fact() gives something true, and return that."""
    deadline = time.time() + WAIT
    while True:
        found = fact()
        if found:
            return found
        check(time.time() < deadline, "waited in vain for", what)
        time.sleep(0.05)


def refused(error, call, *arguments):
    """call(*arguments) ends in that error; returns it."""
    try:
        call(*arguments)
    except error as found:
        return found
    raise AssertionError("no %s came" % error.__name__)


def until_ended(action):
    until("the end of " + action.action, lambda: action.refresh() and action.end_date)
    check(action.state == "Success", action.action, "ended", action.state)


def until_state(thing, state):
    def reached():
        thing.refresh()
        return thing.state == state

    until("%s %s" % (thing.resource_uri, state), reached)


def in_turn(*steps):
    """Take the steps one after the other, and say of each that it went well."""
    for step in steps:
        step()
        print("ok", step.__name__)
        sys.stdout.flush()


def forked(main, arguments):
    """Run the main function of a command line in a fork of this process.

    A fork imports nothing again, which takes most of a command's time. Returns the
    status, the output and the errors.
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
                status = main() or 0
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
