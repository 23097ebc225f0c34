#!/usr/bin/env python3
"""Paths of the machine that somebody works on: of no use to anybody else."""
import os
import re

from common import ROOT, Complaints, files, read

complaints = Complaints()
BESIDE = os.path.dirname(ROOT)
MINE = {ROOT, os.path.expanduser('~')} - {'/', '/nonexistent'}
FOUND = re.compile(r'(?<![\w.}/-])(?:/home/\w+|'
                   + '|'.join(map(re.escape, sorted(MINE, reverse=True)))
                   + r'|' + re.escape(BESIDE) + r'/[\w.-]+)(?![\w.-])')


def is_ours(path):
    """Of this machine, and not one that every Linux has?"""
    return not path.startswith(BESIDE + '/') or path in MINE or (
        BESIDE not in ('/', '/tmp', '/opt', '/srv', '/usr/src')
        and os.path.exists(path))


for one in files('**'):
    try:
        text = read(one)
    except UnicodeDecodeError:
        continue
    for number, line in enumerate(text.split('\n'), 1):
        match = FOUND.search(line)
        if match and is_ours(match.group()):
            complaints.error(one, number, f'{match.group()} is of this '
                             'machine only')
complaints.done()
