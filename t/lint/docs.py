#!/usr/bin/env python3
"""What is built is documented.

Every function that a binding registers has a comment that names it; api.py says
more of those that policies see.  The manual has events, options with their
defaults and the keys of listeners, kumilter(8) every verb, option, counter and
manual; CONTRIBUTING.md has every room.
"""
import os
import re

from common import Complaints, code_only, files, line_of, read

POLICY = 'man/kumilter-policy.7'
DAEMON = 'man/kumilter.8'
MSYS = 'man/kumilter-msys.7'
MAP = 'CONTRIBUTING.md'
ENTRY = re.compile(r'\{\s*"(\w+)"\s*,\s*(\w+)\s*\}')
TABLE = re.compile(r'static const luaL_Reg (\w+)\[\] = \{(.*?)\n?\};', re.S)
# A list of rows as a macro, and what one of its rows becomes in a table.
EACH = re.compile(r'#define (EACH_\w+)\(X\)((?:.*\\\n)*.*)')
ROW = re.compile(r'\bX\((\w+),')
ROWS = re.compile(r'#define ROWS\((\w+), \w+\)((?:.*\\\n)*.*)')

complaints = Complaints()


def has(text, word):
    """Is this name in the text, as a word of its own?"""
    return re.search(rf'(?<!\w){re.escape(word)}(?!\w)', text) is not None


def comment_above(text, function):
    """The comment that ends right above a function's definition, or ''."""
    match = re.search(
        rf'^(?:static )?[\w \t*]+\n{function}\(lua_State', text, re.M)
    if not match:
        return ''
    before = text[:match.start()].rstrip('\n')
    if not before.endswith('*/'):
        return ''
    return before[before.rindex('/*'):]


def head_comment(path, text):
    """What a file, or its header, begins with."""
    heads = [text]
    header = path[:-1] + 'h'
    if os.path.exists(header):
        heads.append(read(header))
    return ' '.join(t[:t.index('*/')] for t in heads
                    if t.startswith('/*') and '*/' in t)


def expand(text, rows):
    """The rows of a table, with its lists of rows written out."""
    lists = dict(EACH.findall(text))
    shape = ROWS.search(text)

    def write_out(match):
        row = re.sub(r'\\\n', ' ', shape.group(2))
        out = ''
        for name in ROW.findall(lists.get(match.group(1), '')):
            one = row.replace(f'##{shape.group(1)}', name)
            one = one.replace(f'#{shape.group(1)}', f'"{name}"')
            out += re.sub(r'"\s*"', '', one)
        return out
    return re.sub(r'(EACH_\w+)\(ROWS\)', write_out, rows) if shape else rows


def registered():
    """(path, line, name, function) of each row."""
    for path in files('lua-bindings/*.c'):
        text = read(path)
        for table in TABLE.finditer(text):
            rows = expand(text, table.group(2))
            for entry in ENTRY.finditer(rows):
                name, function = entry.groups()
                at = text.find(f'"{name}"', table.start())
                line = line_of(text, at if at >= 0 else table.start())
                if not name.startswith('__'):
                    yield path, line, name, function


def is_explained(path, name, function):
    """Does a comment say how it is called?  That of a function may be in
    another file than the table."""
    text = read(path)
    if has(comment_above(text, function), name) or \
            has(head_comment(path, text), name) or \
            has(head_comment(path, text), 'set_NAME') and \
            has(head_comment(path, text), name[len('set_'):]):
        return True
    return any(has(comment_above(read(other), function), name)
               for other in files('lua-bindings/*.c'))


def check_bindings():
    """luaL_Reg tables."""
    for path, line, name, function in registered():
        if not is_explained(path, name, function):
            complaints.error(path, line, f'{name}: no comment above '
                             f'{function}() says how it is called')


def check_words(path, pattern, page, what, form='{}'):
    """Each match of pattern in a source is in a manual page."""
    text = code_only(read(path))
    pages = page if isinstance(page, tuple) else (page,)
    manual = ' '.join(map(read, pages))
    for match in re.finditer(pattern, text):
        word = form.format(match.group(1))
        if not has(manual, word):
            complaints.error(path, line_of(text, match.start()),
                             f'{what} {match.group(1)} is not in '
                             f'{" or ".join(pages)}')


def check_settings():
    """Options with the default that the manual gives."""
    path = 'milter/settings.c'
    text = read(path)
    manual = read(POLICY)
    rows = r'\{ \{ "(\w+)",\s*((?:"[^"]*"\s*)+),\s*"([^"]*)"'
    for match in re.finditer(rows, text):
        name, preset = match.group(1), match.group(3)
        items = re.findall(rf'^\.It Li {name}$(.*?)^\.(?:It|El)', manual,
                           re.M | re.S)
        line = line_of(text, match.start())
        if not items:
            complaints.error(path, line, f'option {name} is not in {POLICY}')
        elif not has(' '.join(items), preset):
            complaints.error(path, line, f'{name}: {POLICY} does not have '
                             f'its default, {preset}')


def check_test_library():
    """What tests of policies may say: `require 'kumilter.test'`."""
    manual = read('man/kumilter-test.8')
    for path in files('lua-bindings/test/*.lua'):
        text = read(path)
        for match in re.finditer(r'^function (?:t\.|(?:Session|Message|Reply):)'
                                 r'([a-z]\w*)\(', text, re.M):
            if not has(manual, match.group(1)):
                complaints.error(path, line_of(text, match.start()),
                                 f'{match.group(1)} is not in '
                                 'man/kumilter-test.8')


def check_references():
    """Manuals that ours refer to, as far as they are ours; kumilter(8) has
    all in its SEE ALSO."""
    pages = files('man/*')
    ours = {os.path.basename(page) for page in pages}
    for page in pages:
        text = read(page)
        for match in re.finditer(r'^\.Xr (kumilter[\w-]*) (\w+)', text, re.M):
            if '.'.join(match.groups()) not in ours:
                complaints.error(page, line_of(text, match.start()),
                                 f'there is no {match.group(1)}'
                                 f'({match.group(2)})')
    entry = read(DAEMON).rpartition('.Sh SEE ALSO')[2]
    for name in sorted(ours - {os.path.basename(DAEMON)}):
        base, _, section = name.rpartition('.')
        if f'.Xr {base} {section}' not in entry:
            complaints.error(DAEMON, 1, f'SEE ALSO does not have {name}')


def check_options():
    """Each option of a verb is in its --help, from which completion for bash
    takes it, and in the verb's manual."""
    for path in files('milter/*.c'):
        text = read(path)
        name = os.path.basename(path)[:-2]
        verb = re.sub(r'^cli_|_options$', '', name)
        page = f'man/kumilter-{verb}.8'
        manual = read(page if os.path.exists(page) else DAEMON)
        strings = ' '.join(re.findall(r'"((?:[^"\\\n]|\\.)*)"', text))
        manual, strings = (t.replace('colour', 'color')
                           for t in (manual, strings))
        for match in re.finditer(r'\{ "([\w-]+)", \w+_argument', text):
            option, line = match.group(1), line_of(text, match.start())
            option = option.replace('colour', 'color')
            if option == 'help':
                continue
            if not has(manual, f'Fl -{option}'):
                complaints.error(path, line, f'--{option} is not in '
                                 f'{page if os.path.exists(page) else DAEMON}')
            if not has(strings, f'--{option}'):
                complaints.error(path, line, f'--{option} is not in --help')


def check_map():
    """Every room of the house is on the map."""
    if not os.path.exists(MAP):
        return
    text = read(MAP)
    for path in files('milter/*.[ch]', 'lua-bindings/*.*',
                      'lua-bindings/msys/*'):
        name = os.path.basename(path)
        room = name.rpartition('.')[0] if name[-2:] in ('.c', '.h') else name
        if not has(text, room):
            complaints.error(path, 1, f'{MAP} does not have {room}')


os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), '../..'))
for page_ in (POLICY, DAEMON, MSYS):
    if not os.path.exists(page_):
        complaints.error(page_, 1, 'is not there')
if not complaints.errors:
    check_bindings()
    check_settings()
    check_words('milter/event_name.h', r'X\([A-Z_]+, "(\w+_\w+)"\)',
                (POLICY, MSYS), 'event')
    check_words('milter/esmtp_listener.c', r'\{ "(\w+)", [A-Z_]+ \}', POLICY,
                'listener key')
    check_words('milter/metric.h', r'X\(\w+, "(\w+)"',
                (DAEMON, 'man/kumilter-metrics.7'), 'counter')
    check_words('milter/serve_options.c', r'\{ "([\w-]+)", \w+_argument',
                DAEMON, 'option', 'Fl -{}')
    check_words('milter/cli_explain.c', r'\{ "([\w-]+)", \w+_argument',
                DAEMON, 'option', 'Fl -{}')
    check_words('milter/main.c', r'^\t\{ "([\w-]+)", "', DAEMON, 'verb')
check_map()
check_test_library()
check_references()
check_options()
complaints.done()
