"""Print each verb of the official command line, one a line (Python 2.7)."""

from __future__ import print_function, unicode_literals

import argparse

import dockercloudcli.cli


def verbs(parser, words):
    """Yield the words of each command that has no further commands."""
    groups = [
        action
        for action in parser._actions
        if isinstance(action, argparse._SubParsersAction)
    ]
    if not groups:
        yield " ".join(words)
    for group in groups:
        for name, inner in group.choices.items():
            for found in verbs(inner, words + [name]):
                yield found


for verb in sorted(verbs(dockercloudcli.cli.initialize_parser(), [])):
    print("ok", verb)
