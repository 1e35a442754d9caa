"""Checking facts and waiting for them, for the programs beside this one (Python 2.7)."""

from __future__ import print_function, unicode_literals

import os
import re
import sys
import time

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
