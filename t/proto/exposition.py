"""Prometheus' text format, read strictly: what a scrape would refuse fails.

    read(text) -> {'name{label="value",...}': number}, labels sorted
"""

import re

from case import Failure

NAME = r'[a-zA-Z_:][a-zA-Z0-9_:]*'
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
SAMPLE = re.compile(r'(%s)(?:\{((?:%s)(?:,%s)*)?\})? (\S+)$' % (
    NAME, LABEL.replace('(', '(?:', 1).replace('((?:', '(?:(?:'),
    LABEL.replace('(', '(?:', 1).replace('((?:', '(?:(?:')))
TYPES = {'counter', 'gauge', 'histogram', 'summary', 'untyped'}


class Reader:
    def __init__(self):
        self.help = set()
        self.types = {}
        self.samples = {}
        self.family = None
        self.done = set()

    def comment(self, line):
        kind, name, rest = re.fullmatch(
            r'# (HELP|TYPE) (%s) (.+)' % NAME, line).groups()
        if kind == 'HELP':
            if name in self.help:
                raise Failure('a second HELP of ' + name)
            self.done.add(self.family)
            self.family = name
            self.help.add(name)
        else:
            if name != self.family or name in self.types:
                raise Failure('a TYPE of %s behind the HELP of %s' % (
                    name, self.family))
            if rest not in TYPES:
                raise Failure('type ' + rest)
            self.types[name] = rest

    def sample(self, line):
        found = SAMPLE.fullmatch(line)
        if not found:
            raise Failure('no sample: ' + line)
        name, labels, value = found.groups()
        base = name
        if self.types.get(self.family) == 'histogram':
            base = re.sub('_(bucket|sum|count)$', '', name)
        if base != self.family:
            raise Failure('%s among those of %s' % (name, self.family))
        pairs = re.findall(LABEL, labels or '')
        if len({k for k, _ in pairs}) != len(pairs):
            raise Failure('a label twice: ' + line)
        key = name + ('{%s}' % ','.join(
            '%s="%s"' % pair for pair in sorted(pairs)) if pairs else '')
        if key in self.samples:
            raise Failure('twice: ' + key)
        self.samples[key] = float(value)

    def histograms(self):
        """Buckets grow, and the last one is the count."""
        series = {}
        for key, value in self.samples.items():
            found = re.fullmatch(r'(.+)_bucket\{(.*)\}', key)
            if not found:
                continue
            labels = dict(re.findall(LABEL, found.group(2)))
            le = float(labels.pop('le'))
            rest = ','.join('%s="%s"' % p for p in sorted(labels.items()))
            series.setdefault((found.group(1), rest), []).append((le, value))
        for (name, rest), buckets in series.items():
            buckets.sort()
            values = [v for _, v in buckets]
            if values != sorted(values) or buckets[-1][0] != float('inf'):
                raise Failure('buckets of %s: %s' % (name, buckets))
            tail = '{%s}' % rest if rest else ''
            if self.samples[name + '_count' + tail] != values[-1]:
                raise Failure('count of %s%s' % (name, tail))
            if name + '_sum' + tail not in self.samples:
                raise Failure('no sum of ' + name)


def read(text):
    if not text.endswith('\n'):
        raise Failure('the last line has no end')
    reader = Reader()
    for line in text.split('\n')[:-1]:
        if line.startswith('#'):
            reader.comment(line)
        else:
            reader.sample(line)
    for name in reader.help - set(reader.types):
        raise Failure('no TYPE of ' + name)
    for name, kind in reader.types.items():
        if kind == 'counter' and not name.endswith('_total'):
            raise Failure('a counter is named ' + name)
    reader.histograms()
    return reader.samples
