#!/usr/bin/env python3
"""man/kumilter-api.3lua, made of the comments of lua-bindings.

A comment that says how a function is called is an entry:

    name(arguments) -> results: what it does
      What there is to say, in sentences, indented by two.
      Events: any.  Waits: no.  From: KumoMTA kumo.name.

Several call forms may stand above one text.  "All: events any; waits no; from
X." in the comment that a file begins with is for those that do not say;
"For each NAME of a, b and c:" above entries makes one form of them for each.
Without an argument: is the page up to date?  --write writes it; --names gives
the names, as t/unit/check_api.c compares them with those that are there.
"""
import os
import re
import sys
import textwrap

from common import Complaints, files, read

PAGE = 'man/kumilter-api.3lua'
SOURCES = ('lua-bindings/*.c', 'lua-bindings/*.lua', 'lua-bindings/msys/*.lua')
EC = 'msys.core:_'

# Where an object's name in call forms is of which class: file -> name -> class.
EVERYWHERE = {
    'conn_meta': 'ConnectionMetaData', 'message': 'Message', 'msg': 'Message',
    'address': 'EnvelopeAddress', 'headers': 'HeaderMap', 'part': 'MimePart',
    'header': 'Header', 'entry': 'AddressHeaderEntry',
    'builder': 'MimeBuilder', 'client': 'Client', 'request': 'Request',
    'response': 'Response', 's': 'CounterSeries', 'file': 'File',
    'metadata': 'Metadata', 'queue': 'Mpsc', 're': 'Regex', 't': 'Throttle',
    'time': 'Time', 'delta': 'TimeDelta', 'timer': 'Timer', 'uuid': 'UUID',
    'binary': 'BinaryResult', 'conn': 'SqliteConnection',
}
MSYS = {
    'ac': EC + 'accept_construct', 'vctx': EC + 'validate_context',
    'msg': EC + 'ec_message', 'part': EC + 'ec_message_part',
    'ec_string': EC + 'ec_string',
    'sockaddr': EC + 'sockaddr', 'mutex': 'thread:_mutex',
    'client': 'msys.http.client', 'timer': 'msys.timer',
    'msgpart': EC + 'ec_message_part', 'handle': EC + 'io_object',
}
BY_FILE = {
    'lb_address_header.c': {'header': 'AddressHeader'},
    'redis.lua': {'conn': 'RedisConnection'},
}
# class -> what its section is called
TITLES = {
    'ConnectionMetaData': 'conn_meta', 'Client': 'HttpClient',
    'Request': 'HttpRequest', 'Response': 'HttpResponse',
    'AddressHeaderEntry': 'AddressHeader: an entry', 'Mpsc': 'Queue',
    'MimeBuilder': 'Builder', EC + 'accept_construct': 'Momentum: ac',
    EC + 'validate_context': 'Momentum: vctx', EC + 'ec_message':
    'Momentum: msg', EC + 'ec_message_part': 'Momentum: part',
    EC + 'ec_string': 'Momentum: ec_string',
    EC + 'io_object': 'Momentum: file', EC + 'sockaddr': 'Momentum: sockaddr',
    'thread:_mutex': 'Momentum: mutex',
}
# module or class -> the manual that shows how it is used
TOPICS = {
    'kumilter-message 7': 'Message MimePart HeaderMap Header MimeBuilder '
                          'AddressHeader AddressHeaderEntry kumo.mimepart',
    'kumilter-auth 7': 'kumo.spf kumo.dkim kumo.dmarc',
    'kumilter-policy 7': 'kumo kumo.milter ConnectionMetaData '
                         'EnvelopeAddress',
}
MODULES = ('kumo.', 'msys.', 'redis.', 'sqlite.', 'json.', 'thread.', 'curl.',
           'xml.')
NAME = re.compile(r'(?<![\w.:/"])([a-z_]\w*)([.:])(\w+(?:\.\w+)*)(?!\w|:\w|/)')
ALL = re.compile(r'(?:^|\s)(?:All: events|Events:|All: Events:)', re.M)
complaints = Complaints()


class Entry:
    """Call forms and what is said of them."""

    def __init__(self, path, line):
        self.path, self.line = path, line
        self.forms, self.body, self.names = [], [], []
        self.is_row = False
        self.facts = {}


def blocks(path):
    """(line, lines) of each comment, without what marks it as one."""
    text = read(path)
    if path.endswith('.lua'):
        for match in re.finditer(r'(?:^[ \t]*--(?!-).*\n)+', text, re.M):
            lines = [re.sub(r'^[ \t]*-- ?', '', line)
                     for line in match.group().split('\n')[:-1]]
            yield text.count('\n', 0, match.start()) + 1, lines
        return
    for match in re.finditer(r'/\*(.*?)\*/', text, re.S):
        lines = [line.strip() if not i else re.sub(r'^[ \t]*\* ?', '', line)
                 for i, line in enumerate(match.group(1).split('\n'))]
        yield text.count('\n', 0, match.start()) + 1, \
            [line.rstrip() for line in lines]


def class_of(path, receiver):
    """The class of an object so called in this file, or None."""
    base = os.path.basename(path)
    own = BY_FILE.get(base, {})
    if receiver in own:
        return own[receiver]
    return (MSYS if '/msys/' in path else EVERYWHERE).get(receiver)


def names_in(path, form):
    """What Lua calls the functions that stand in a call form."""
    found = []
    calls = [re.split(r'->|: ', part)[0]
             for part in re.split(r';|(?=\balso )', form)]
    for match in NAME.finditer(';'.join(calls)):
        receiver, dot, rest = match.groups()
        whole = match.group()
        if whole.startswith(MODULES):
            if dot == '.':
                found.append(whole)
            continue
        of = class_of(path, receiver)
        if of and '.' not in rest:
            found.append(of + dot + rest)
    return found


def is_form(path, line):
    """Does a call form begin here?"""
    line = line.strip()
    if re.match(r'tostring\(\w+\)', line):
        return True
    match = NAME.match(line)
    return bool(match and names_in(path, match.group())
                and re.match(r'\s*[({\[,]|\s+->|\s{2,}|\s*$|:|\s=|;',
                             line[match.end():]))


def indent_of(line):
    """How many blanks a line begins with."""
    return len(line) - len(line.lstrip())


def is_open(form):
    """Does a bracket wait for its end?"""
    return sum(map(form.count, '({[')) > sum(map(form.count, ')}]'))


def end_of_call(form):
    """Where the arguments of a call form end."""
    depth = 0
    for at, c in enumerate(form):
        depth += (c in '({[') - (c in ')}]')
        if depth == 0 and c in ')}':
            return at + 1
    match = NAME.match(form)
    return match.end() if match else 0


def take_form(form, is_row):
    """A call form and what stands behind it on its line; is_row: in a table."""
    wide = re.match(r'(\S.*?[^\s,])\s{2,}(\S.*)$', form)
    if is_row and wide and not wide.group(2).startswith('['):
        return wide.group(1), wide.group(2)
    at = end_of_call(form)
    colon = re.match(r'(.*?):\s+(.*)$', form[at:])
    if colon and not is_open(colon.group(1)):
        return form[:at] + colon.group(1), colon.group(2)
    return form, ''


def place_notes(entry, notes):
    """What stands behind call forms: one alone begins the text."""
    if len(entry.forms) > 1 and len(notes) != len(entry.forms) or \
            len(notes) > 1:
        for i, note in notes:
            entry.forms[i] += ': ' + note
    elif notes:
        note = notes[0][1]
        if re.match(r'[a-z]{2,}\b(?![:(.=_])', note):
            note = note[0].upper() + note[1:]
        if not entry.is_row and note[-1] not in '.:,;?!' and (
                not entry.body or re.match(r'\s*[A-Z]', entry.body[0])):
            note += '.'
        entry.body.insert(0, note)


def expand(form, names):
    """A form with NAME, once for each."""
    return [re.sub(r'(?<![A-Z])NAME(?![A-Z])', name, form) for name in names] \
        if names and 'NAME' in form else [form]


def read_block(path, line, lines, is_head):
    """The entries of a comment, and the prose between them."""
    found, prose, each, at = [], [], [], 0
    while at < len(lines):
        text = lines[at]
        if not is_form(path, text) or (indent_of(text) and not is_head):
            prose.append(text)
            at += 1
            if text.startswith('For each NAME of'):
                text = prose.pop()
                while not text.endswith(':'):
                    text += ' ' + lines[at].strip()
                    at += 1
                each = re.findall(r'\w+', text[len('For each NAME of'):-1])
                each = [name for name in each if name != 'and']
            continue
        entry, base = Entry(path, line + at), indent_of(text)
        notes = []
        while at < len(lines) and indent_of(lines[at]) == base and \
                is_form(path, lines[at]):
            form = lines[at].strip()
            at += 1
            while at < len(lines) and lines[at].strip() and \
                    (is_open(form) or lines[at].strip().startswith('->') or
                     form.endswith((',', '|')) or
                     base == 0 and not lines[at].startswith(' ') and
                     not is_form(path, lines[at])):
                form += ' ' + lines[at].strip()
                at += 1
            form, note = take_form(form, base > 0)
            if note:
                notes.append((len(entry.forms), note))
            for one in expand(form, each):
                entry.forms.append(one)
                entry.names += names_in(path, one)
            if base and notes:
                break
        while at < len(lines) and lines[at].strip() and \
                indent_of(lines[at]) > base:
            entry.body.append(lines[at])
            at += 1
        entry.is_row = base > 0 and all(':' not in n for n in entry.names)
        place_notes(entry, notes)
        found.append(entry)
    return found, prose


def is_fact(text, mark):
    """From: is a header, too: it is none in mid-sentence."""
    return 'From' not in mark.group() or \
        text[:mark.start()].rstrip()[-1:] in ('', '.', ')', ';')


def facts_in(text):
    """events, waits and from as a text has them, and the text before."""
    text = re.sub(r'\s+', ' ', text)
    found = {}
    first = len(text)
    keys = r'(?:Events|Waits?|From):|(?<=All: )[Ee]vents|; waits?:?|; from'
    marks = []
    for mark in re.finditer(keys, text):
        if marks or is_fact(text, mark):
            marks.append(mark)
    for i, mark in enumerate(marks):
        end = marks[i + 1].start() if i + 1 < len(marks) else len(text)
        key = re.sub(r'\W', '', mark.group()).lower().rstrip('s')
        value = text[mark.end():end].strip(' :;')
        found[key] = re.sub('^that ', 'those that ', value.rstrip('.'))
        first = min(first, mark.start())
    return found, re.sub(r'\s*All:\s*$', '', text[:first]).rstrip()


def read_all():
    """All entries, and the prose that sections begin with."""
    entries, intros = [], {}
    for path in files(*SOURCES):
        if '/test/' in path or '/lb_msys' in path:
            continue
        defaults, head = {}, []
        for n, (line, lines) in enumerate(blocks(path)):
            is_head = n == 0 and re.match(r'[\w/]+\.(c|lua) - ', (
                lines[0] or lines[1] if len(lines) > 1 else lines[0]))
            found, prose = read_block(path, line, lines, is_head)
            if is_head:
                text = '\n'.join(prose)
                defaults, _ = facts_in(text)
                if ALL.search(text) and '/msys/' not in path:
                    head = prose
            own = {}
            for entry in reversed(found):
                # several forms with a text each may share what stands below
                own = {**own, **facts_in(' '.join(entry.body))[0]}
                entry.facts = {**defaults, **own}
                if is_head or not entry.names:
                    own = {}
            entries += [e for e in found if e.names or
                        is_head and e.forms]
        own = [e for e in entries if e.path == path and e.names]
        for entry in entries:
            if entry.path == path and not entry.names and own:
                entry.names = [section_of(own[0].names[0]) + '.~tostring']
        if own and head:
            intros.setdefault(section_of(own[0].names[0]), []).append(head)
    return [e for e in entries if e.names], intros


def section_of(name):
    """The module or class that a name is in."""
    if ':' in name:
        if name.startswith(('msys.core:_', 'thread:_')):
            of = re.match(r'([\w.]+:\w+)', name).group(1)
            return of
        return name.split(':')[0]
    return name.rpartition('.')[0]


# ---- mdoc -------------------------------------------------------------------

def safe(text):
    """Text of ours as roff takes it."""
    text = text.replace('\\', '\\e').replace('->', '\\->')
    return re.sub(r"^([.'])", r'\\&\1', text)


def quoted(text):
    """One argument of a macro."""
    return '"' + safe(text).replace('"', '\\(dq') + '"'


def sentences(text):
    """Lines of mdoc: each sentence begins one."""
    text = re.sub(r'\s*\((?:see )?(?:milter/)?\w+\.h\)', '', text)
    text = re.sub(r',? see (?:milter/)?\w+\.h', '', text)
    out = []
    for part in re.split(r'(?<=[.!?])\s+(?=["A-Z(])|(?<=[.!?]["\')])\s+(?=[A-Z])',
                         re.sub(r'\s+', ' ', text).strip()):
        for line in textwrap.wrap(part, 76, break_long_words=False,
                                  break_on_hyphens=False):
            out += [mark_up(line)]
    return '\n'.join(out)


def mark_up(line):
    """Names of functions in a line of text."""
    out, plain = [], []
    for word in line.split(' '):
        match = re.match(r'(\(?)([\w.:]+)\(\)([.,;:)]*)$', word)
        if not match:
            plain.append(word)
            continue
        if plain:
            out.append(safe(' '.join(plain)))
            plain = []
        before, name, after = match.groups()
        out.append(f'.Fn {name}' + ''.join(f' {c}' for c in after)
                   if not before else
                   f'.Pq Fn {name}' + ''.join(
                       f' {c}' for c in after.replace(')', '', 1)))
    if plain:
        out.append(safe(' '.join(plain)))
    return '\n'.join(out)


def paragraphs(lines):
    """The body of an entry: what is said of each argument on a line."""
    out, now = [], []
    base = min((indent_of(x) for x in lines if x.startswith(' ')), default=0)

    deeper = False

    def flush():
        text = '\n'.join(now)
        if not text.strip():
            return
        out.append(sentences(text))
    table = next((i for i, line in enumerate(lines)
                  if re.search(r'\S {3,}\S', line)), len(lines))
    for line in lines[:table]:
        indent = indent_of(line)
        if re.match(r'\s*(?!true:)[a-z_]\w*(?:, [a-z_]\w*)*(?::| =) ', line) and \
                indent <= base + 2 or deeper and indent <= base:
            flush()
            now = []
            deeper = False
        deeper = deeper or indent > base
        if not line.strip():
            flush()
            now = []
            continue
        now.append(line)
    flush()
    if table < len(lines):
        rows = textwrap.dedent('\n'.join(lines[table:])).split('\n')
        out.append('.Bd -literal\n' + '\n'.join(map(safe, rows)) + '\n.Ed')
    return '\n.br\n'.join(out).replace('.br\n.Bd', '.Bd')


def without_facts(lines):
    """The lines of a body before its Events:, Waits: and From:"""
    text = '\n'.join(lines)
    for match in re.finditer(r'(?:^|(?<=\s))(?:Events|Waits?|From): ', text):
        if is_fact(text, match):
            text = text[:match.start()]
            break
    return [line.rstrip() for line in text.split('\n') if line.strip()]


def origin(entry):
    """Whose a function is."""
    own = "[kumilter's own]"
    if any(own in text for text in entry.forms + entry.body) or \
            any('kumo.milter.' in name for name in entry.names):
        return 'kumilter only'
    return entry.facts.get('from', '')


def write_entry(entry):
    """One entry as mdoc."""
    out = ['.Pp'] + [f'.\\" {name}' for name in entry.names
                     if '~' not in name]
    for form in entry.forms:
        form = re.sub(r"\s*\[kumilter's own\]", '', form)
        form = quoted(re.sub(' +', ' ', form))
        form = re.sub(r'(?<=[.,;:!?|])"$', r'\\&"', form)
        out.append(f'.It Li {form}')
    body = [re.sub(r"\s*\[kumilter's own\]", '', line)
            for line in without_facts(entry.body)]
    text = paragraphs(body)
    if text:
        out.append(text)
    if not entry.is_row:
        if text:
            out.append('.br')
        facts = entry.facts
        line = f'Events: {facts.get("event", "any")}.  ' \
            f'Waits: {facts.get("wait", "no")}.  From: {origin(entry)}.'
        out.append(sentences(line))
    return '\n'.join(out)


def topic(section):
    """The manual that a section belongs to."""
    for page, sections in TOPICS.items():
        if section in sections.split():
            return page
    if section.startswith(('msys', 'json', 'thread', 'curl', 'xml',
                           'HttpClient')):
        return 'kumilter-msys 7'
    return 'kumilter-data 7'


def write_intro(heads):
    """What a section begins with, of the heads of its files."""
    out = []
    for head in heads[:1]:
        text = '\n'.join(head)
        text = re.sub(r'^\s*[\w/]+\.(?:c|lua) - [^\n]*\n', '', text)
        for part in re.split(r'\n\s*\n', text):
            _, part = facts_in(part) if ALL.search(part) else (None, part)
            if part.strip() and not part.startswith('Called once for'):
                out.append(sentences(part))
    return '\n.Pp\n'.join(out)


def stub_rows():
    """(name, why or None) of each row of api_stubs.c."""
    text = read('milter/api_stubs.c')
    why = dict(re.findall(r'#define (\w+) "([^"]*)"', text))
    for name, reason in re.findall(
            r'\{ "([\w.]+)", API_STUB_\w+,\s*(\w+) \}', text):
        yield name, why[reason]
    for name in re.findall(r'MISSING\("([\w.]+)"\)', text):
        yield name, None


def write_stubs():
    """What is there in name alone."""
    rows, out = {}, []
    for name, why in stub_rows():
        rows.setdefault(why, []).append(name)
    out.append('.Sh WITHOUT EFFECT\n'
               'These accept anything, say once in the life of the process '
               'that they do\nnothing, and return something harmless.\n'
               'With the setting\n.Li strict\nthey raise.\n'
               '.Bl -tag -width Ds')
    for why in sorted(filter(None, rows)):
        out.append(f'.It {safe(why[0].upper() + why[1:])}')
        out += [f'.\\" {name}\n.Li {name}' for name in sorted(rows[why])]
    out.append('.El')
    if rows.get(None):
        out.append('.Sh NOT IN THIS VERSION\nThese raise\n'
                   '.Dq not in this version of kumilter .\n'
                   '.Bl -item -compact')
        out += [f'.\\" {name}\n.It\n.Li {name}' for name in sorted(rows[None])]
        out.append('.El')
    return '\n'.join(out)


HEAD = """.\\" Made by t/lint/api.py of the comments in lua-bindings: make manual
.Dd November 21, 2026
.Dt KUMILTER-API 3lua
.Os
.Sh NAME
.Nm kumilter-api
.Nd every function that a mail policy can call
.Sh DESCRIPTION
All functions, methods and fields that
.Xr kumilter 8
gives to a policy, by module and class.
How they are used is in
.Xr kumilter-policy 7
and the manuals that it names; what tests may say is in
.Xr kumilter-test 8 .
.Pp
A call form has what is optional in brackets, and the results behind an arrow.
Below are the events in which the function may be called, whether it waits,
so that other sessions use the Lua state meanwhile, and where its behaviour
comes from.
Fields can be read wherever their object can be used, without a wait.
What does not fit raises an error, which names the argument."""

TAIL = """.Sh SEE ALSO
.Xr kumilter-auth 7 ,
.Xr kumilter-cookbook 7 ,
.Xr kumilter-data 7 ,
.Xr kumilter-message 7 ,
.Xr kumilter-msys 7 ,
.Xr kumilter-policy 7 ,
.Xr kumilter 8 ,
.Xr kumilter-test 8"""


def write_page(entries, intros):
    """The whole page."""
    sections = {}
    for entry in entries:
        sections.setdefault(section_of(entry.names[0]), []).append(entry)
    out = [HEAD]
    of_modules = sorted(s for s in sections if s.islower() and ':' not in s
                        and s != 'msys.timer~')
    objects = sorted((s for s in sections if s not in of_modules),
                     key=lambda s: TITLES.get(s, s).lower())
    for title, group in (('MODULES', of_modules), ('OBJECTS', objects)):
        out.append(f'.Sh {title}')
        for section in group:
            out.append(f'.Ss {TITLES.get(section, section)}')
            intro = write_intro(intros.get(section, []))
            if intro:
                out.append(intro)
            rows = {origin(e) for e in sections[section] if e.is_row} - {''}
            if rows:
                out.append(sentences(f'Fields are from {min(rows)}.'))
            out.append(f'See also\n.Xr {topic(section)} .\n'
                       '.Pp\n.Bl -tag -width Ds -compact')
            found = sorted(sections[section], key=lambda e: (
                '~' in e.names[0], e.names[0].lower()))
            out.append('\n'.join(map(write_entry, found))[len('.Pp\n'):])
            out.append('.El')
    out += [write_stubs(), TAIL]
    return '\n'.join(out) + '\n'


def check_entries(entries):
    """Each says when, whether it waits, and whence it comes."""
    for entry in entries:
        if '~' in entry.names[0]:
            continue
        lacks = [word for key, word in (('event', 'Events:'),
                                        ('wait', 'Waits:'))
                 if not entry.facts.get(key)]
        if not origin(entry):
            lacks.append('From:')
        if lacks:
            complaints.error(entry.path, entry.line, f'{entry.names[0]}: no '
                             f'{" ".join(lacks)}')


def main():
    """Write, list or check."""
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)),
                          '../..'))
    entries, intros = read_all()
    if '--names' in sys.argv:
        names = {n for e in entries for n in e.names if '~' not in n}
        names.update(name for name, _ in stub_rows())
        print('\n'.join(sorted(names)))
        return
    page = write_page(entries, intros)
    if '--write' in sys.argv:
        with open(PAGE, 'w', encoding='utf-8') as file:
            file.write(page)
        return
    check_entries(entries)
    for match in re.finditer(r'^(?!\.\\").*?\b([a-z_]+\.[ch])\b', page,
                             re.M):
        complaints.error(PAGE, page.count('\n', 0, match.start()) + 1,
                         f'{match.group(1)} is a file of ours')
    if not os.path.exists(PAGE) or read(PAGE) != page:
        complaints.error(PAGE, 1, 'is not what the comments say: make manual')
    complaints.done()


main()
