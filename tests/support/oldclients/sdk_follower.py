"""A followed log of the official SDK, in a thread of its own (Python 2.7)."""

from __future__ import print_function, unicode_literals

import json
import sys
import threading


class Follower(threading.Thread):
    """Follow a service's log until told to stop; the frames are in .frames."""

    def __init__(self, service):
        super(Follower, self).__init__()
        self.daemon = True
        self.service = service
        self.frames = []
        self.enough = lambda frame: False
        self.start()

    def run(self):
        try:
            self.service.logs(tail=100, follow=True, log_handler=self.take)
        except SystemExit:  # the one way out of a followed log that the SDK has
            pass

    def take(self, message):
        frame = json.loads(message)
        self.frames.append(frame)
        if self.enough(frame):
            sys.exit()
