"""Checking facts and waiting for them, for the programs beside this one (Python 2.7)."""

from __future__ import print_function, unicode_literals

import os
import time

WAIT = int(os.environ.get("WAIT", "30"))  # seconds, for anything that is waited for


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


def until_state(thing, state):
    def reached():
        thing.refresh()
        return thing.state == state

    until("%s %s" % (thing.resource_uri, state), reached)
