#!/usr/bin/env python3
"""Loads all that conf/ and the manual offer to copy, so that it cannot rot.

Policies go through `kumilter check`, also those in README.md and man/ (each
block of code that begins with "local kumo"), and play.py holds them to what
they promise; the snippet for Postfix goes through postconf, that for Sendmail
through m4 with Sendmail's own macros, the units through systemd-analyze.  What
is not installed is skipped.
"""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import play                                                 # noqa: E402
import play_cookbook                                        # noqa: E402
import play_extras                                          # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BINARY = os.environ.get('KUMILTER') or f'{ROOT}/build/kumilter'
CF = ('/usr/share/sendmail/cf',
      f'{ROOT}/build/mta/sendmail/root/usr/share/sendmail/cf')
PROGRAM = '/usr/sbin/kumilter'    # where the units look for the program
# KumoMTA's own: ours would be found in their place
KUMOMTA = {'docker_utils', 'dkim_sign', 'listener_domains', 'log_hooks',
           'mail_auth', 'policy_utils', 'queue', 'rollup', 'shaping',
           'sources', 'typing'}
UNIT_SECTIONS = {'service': {'Unit', 'Service', 'Install'},
                 'socket': {'Unit', 'Socket', 'Install'}}

counts = {'passed': 0, 'failed': 0, 'skipped': 0}


class Skip(Exception):
    """What it takes is not here."""


class Failed(Exception):
    """The text says what is wrong."""


def report(name, test, *args):
    """Runs one test and counts it."""
    try:
        test(*args)
    except Skip as why:
        counts['skipped'] += 1
        print(f'SKIP {name}: {why}')
    except Failed as problem:
        counts['failed'] += 1
        print(f'FAIL {name}: {problem}')
    else:
        counts['passed'] += 1


def run(*argv):
    """The CompletedProcess of a program that has five minutes to end."""
    path = os.environ.get('PATH', '') + ':/usr/sbin:/sbin'
    try:
        return subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=300, check=False, env=os.environ | {'PATH': path})
    except FileNotFoundError:
        raise Skip(f'{argv[0]} is not installed') from None


# ---- policies --------------------------------------------------------------

def check_policy(path):
    """Loads without error and without warning."""
    done = run(BINARY, 'check', path)
    said = (done.stdout + done.stderr).strip()
    if done.returncode or not said.endswith(': ok') or 'warning' in said:
        raise Failed(f'exit {done.returncode}: {said}')


def check_text(text, folder):
    """The same for the text of a policy, beside our library."""
    path = f'{folder}/policy.lua'
    if not os.path.exists(f'{folder}/policy-extras'):
        os.symlink(f'{ROOT}/conf/policy-extras', f'{folder}/policy-extras')
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)
    check_policy(path)


def check_play(text, *plays, files=None):
    """Sessions with it go as told."""
    try:
        daemon = play.Daemon(text, files=files)
    except play.DaemonError as error:
        raise Failed(str(error)) from None
    try:
        for one in plays:
            one(daemon)
        daemon.stop()
    except (play.Failure, play.DaemonError) as problem:
        raise Failed(f'{problem}\n{daemon.log()}') from None
    finally:
        daemon.clean()


def check_example(text, one):
    """One play of an example, with all that it needs."""
    with play_extras.Place() as place:
        check_play(place.text(text), lambda daemon: one(daemon, place),
                   files=play_extras.extras())


def policies(pattern):
    """Of conf/: all that are no tests of policies."""
    return [path for path in sorted(glob.glob(f'{ROOT}/conf/{pattern}'))
            if not path.endswith('_test.lua')]


def check_tests():
    """All tests of policies of conf/ pass."""
    done = run(BINARY, 'test', '--quiet', f'{ROOT}/conf')
    if done.returncode:
        raise Failed(f'{done.stdout}{done.stderr}')


def check_covered():
    """Those of policy.lua reach all of it."""
    done = run(BINARY, 'test', '--coverage', f'{ROOT}/conf/policy_test.lua')
    if 'policy.lua: 100.0 % of lines' not in done.stdout:
        raise Failed(done.stdout.splitlines()[-1])


def check_examples(folder):
    """Those of conf/examples/ load, and each has tests."""
    for path in policies('examples/*.lua'):
        base, name = os.path.basename(path), os.path.relpath(path, ROOT)
        with open(path, encoding='utf-8') as file:
            text = file.read()
        report(name, check_text, text, folder)
        report(f'{name} is short, and tested', check_length, text, 60,
               os.path.exists(path.replace('.lua', '_test.lua')))
        for one in play_extras.EXAMPLES.get(base, ()):
            report(f'{name}, {one.__name__}', check_example, text, one)


def check_names():
    """Our library hides nothing of KumoMTA's, and each module is a recipe's
    or another module's."""
    ours = {os.path.basename(path)[:-4] for path in
            glob.glob(f'{ROOT}/conf/policy-extras/*.lua')}
    if ours & KUMOMTA:
        raise Failed(f'KumoMTA has {sorted(ours & KUMOMTA)}')
    texts = ''.join(
        open(path, encoding='utf-8').read() for path in
        glob.glob(f'{ROOT}/conf/*/*.lua') + [f'{ROOT}/man/kumilter-cookbook.7'])
    used = set(re.findall(r"require[( ](?:'|\\\(aq)policy-extras\.(\w+)",
                          texts))
    if ours != used:
        raise Failed(f'of no use: {sorted(ours - used)}, missing: '
                     f'{sorted(used - ours)}')


def check_length(text, most, tested):
    """Short enough to read, and tested."""
    if text.count('\n') > most:
        raise Failed(f'more than {most} lines')
    if not tested:
        raise Failed('no test knows it')


def check_cookbook(folder):
    """Each recipe loads as it is told, and has a play."""
    page = f'{ROOT}/man/kumilter-cookbook.7'
    with open(page, encoding='utf-8') as file:
        titles = [(number, unroff(line[4:].strip())) for number, line
                  in enumerate(file, 1) if line.startswith('.Ss ')]
    for number, text in blocks(page):
        title = [t for at, t in titles if at < number][-1]
        name = f'cookbook: {title}'
        one = play_cookbook.RECIPES.get(title)
        report(f'{name}, length', check_length, text, 24, one)
        with play_extras.Place() as place:
            report(name, check_text, place.text(
                "local kumo = require 'kumo'\n" + text), folder)
        if one:
            report(f'{name}, played', check_example, text, one)
    report('recipes that play_cookbook.py knows', check_known,
           {title for _, title in titles}, play_cookbook.RECIPES)


def unroff(line):
    """A line of a literal display as mandoc shows it."""
    line = re.sub(r'^\\&', '', line)
    for escape, char in ((r'\(aq', "'"), (r'\(dq', '"'), (r'\-', '-'),
                         (r'\&', ''), (r'\e', '\\')):
        line = line.replace(escape, char)
    return line


def blocks(path):
    """(line number, text) of each block of code in a manual or README."""
    begin, end = (r'```', r'```') if path.endswith('.md') else \
        (r'\.Bd -literal', r'\.Ed')
    found, block = [], None
    with open(path, encoding='utf-8') as file:
        for number, line in enumerate(file, 1):
            if block is None:
                if re.match(begin, line):
                    block = (number + 1, [])
            elif re.match(end, line):
                found.append((block[0], ''.join(block[1])))
                block = None
            else:
                block[1].append(
                    line if path.endswith('.md') else unroff(line))
    return found


def check_policies(folder):
    """Those of conf/, then the examples."""
    for path in policies('*.lua'):
        report(os.path.relpath(path, ROOT), check_policy, path)
    played = set()
    for path in sorted([f'{ROOT}/README.md', *glob.glob(f'{ROOT}/man/*.?')]):
        if path.endswith('/kumilter-cookbook.7'):
            continue
        for number, text in blocks(path):
            if not text.startswith('local kumo'):
                continue
            name = f'{os.path.relpath(path, ROOT)}:{number}'
            report(name, check_text, text, folder)
            for piece, one in play.EXAMPLES.items():
                if piece in text:
                    played.add(piece)
                    report(f'{name}, played', check_play, text, one)
    report('examples that play.py knows', check_known, played, play.EXAMPLES)


def check_known(played, known):
    """Each of them is still in the manual."""
    lost = set(known) - played
    if lost:
        raise Failed(f'no example has {sorted(lost)}')


# ---- Postfix ---------------------------------------------------------------

def settings(path):
    """name -> value of a main.cf."""
    text = re.sub(r'(?m)^#.*\n', '', open(path, encoding='utf-8').read())
    text = re.sub(r'\n[ \t]+', ' ', text)
    return {name.strip(): value.strip() for name, _, value in
            (line.partition('=') for line in text.splitlines() if line)}


def check_postfix(folder):
    """postconf knows every parameter and reads back what was meant."""
    path = f'{folder}/postfix'
    os.mkdir(path)
    shutil.copy(f'{ROOT}/conf/postfix.cf', f'{path}/main.cf')
    open(f'{path}/master.cf', 'w', encoding='utf-8').close()
    meant = settings(f'{path}/main.cf')
    done = run('postconf', '-c', path, *meant)
    complaints = [line for line in done.stderr.splitlines()
                  if 'main.cf' in line or 'unknown parameter' in line]
    if done.returncode or complaints:
        raise Failed(f'postconf: {done.stderr.strip()}')
    got = dict(re.match(r'(\S+) =\s*(.*)', line).groups()
               for line in done.stdout.splitlines())
    if got != meant:
        raise Failed(f'meant {meant}, Postfix reads {got}')


# ---- Sendmail --------------------------------------------------------------

def check_sendmail(folder):
    """m4 makes a filter of it, and a list of filters."""
    macros = next((path for path in CF if os.path.exists(f'{path}/m4/cf.m4')),
                  None)
    if macros is None:
        raise Skip("Sendmail's m4 files are not here (t/mta/sendmail.py "
                   'fetches them)')
    with open(f'{ROOT}/conf/sendmail.mc', encoding='utf-8') as file:
        snippet = file.read()
    with open(f'{folder}/sendmail.mc', 'w', encoding='utf-8') as file:
        file.write(f"divert(0)dnl\ndefine(`_CF_DIR_', `{macros}/')dnl\n"
                   f"include(`{macros}/m4/cf.m4')dnl\nOSTYPE(`linux')dnl\n"
                   f"{snippet}MAILER(`local')dnl\nMAILER(`smtp')dnl\n")
    done = run('m4', f'{folder}/sendmail.mc')
    if done.returncode or done.stderr.strip():
        raise Failed(f'm4: {done.stderr.strip()}')
    for line in (r'Xkumilter, S=unix:/\S+, F=T, T=C:\d+s;S:\d+s;R:\d+s;E:\d+m',
                 r'O InputMailFilters=kumilter'):
        if not re.search(f'(?m)^{line}$', done.stdout):
            raise Failed(f'no line "{line}" in the sendmail.cf')


# ---- systemd ---------------------------------------------------------------

def check_shape(path, text):
    """Sections and lines of a unit, where systemd is not here."""
    kind = path.rpartition('.')[2]
    section = None
    for number, line in enumerate(text.splitlines(), 1):
        if not line or line[0] in '#;':
            continue
        head = re.fullmatch(r'\[(\w+)\]', line)
        if head:
            section = head.group(1)
            if section not in UNIT_SECTIONS[kind]:
                raise Failed(f'line {number}: section {line}')
        elif not section or not re.match(r'[A-Z]\w+=', line):
            raise Failed(f'line {number}: {line}')


def check_units(folder):
    """systemd-analyze finds nothing to say."""
    program = f'{folder}/kumilter'
    shutil.copy(BINARY, program)
    paths = []
    for source in sorted(glob.glob(f'{ROOT}/conf/kumilter.s*')):
        with open(source, encoding='utf-8') as file:
            text = file.read()
        check_shape(source, text)
        paths.append(f'{folder}/{os.path.basename(source)}')
        with open(paths[-1], 'w', encoding='utf-8') as file:
            file.write(text.replace(PROGRAM, program))
    try:
        done = run('systemd-analyze', 'verify', '--man=no', *paths)
    except Skip:
        return
    ours = [line for line in done.stderr.splitlines() if 'kumilter' in line]
    if done.returncode or ours:
        raise Failed(done.stderr.strip())


def check_activation():
    """The MTA's socket of the unit is the one that conf/ tells the MTAs."""
    with open(f'{ROOT}/conf/kumilter.socket', encoding='utf-8') as file:
        unit = file.read()
    postfix = settings(f'{ROOT}/conf/postfix.cf')['smtpd_milters']
    path = '/var/spool/postfix/' + postfix.removeprefix('unix:')
    if f'\nListenStream={path}\n' not in unit:
        raise Failed(f'postfix.cf has {postfix}, kumilter.socket another')
    with open(f'{ROOT}/conf/sendmail.mc', encoding='utf-8') as file:
        sendmail = re.search(r'S=unix:(\S+),', file.read()).group(1)
    if f'#   ListenStream={sendmail}\n' not in unit:
        raise Failed(f'sendmail.mc has {sendmail}, kumilter.socket another')


def main():
    """Returns the exit code."""
    with tempfile.TemporaryDirectory(prefix='kumilter-conf-') as folder:
        check_policies(folder)
        report('names in conf/policy-extras', check_names)
        check_examples(folder)
        check_cookbook(folder)
        report('tests of conf/', check_tests)
        report('coverage of conf/policy.lua', check_covered)
        report('conf/postfix.cf', check_postfix, folder)
        report('conf/sendmail.mc', check_sendmail, folder)
        report('conf/kumilter.service, .socket', check_units, folder)
        report('sockets of conf/ agree', check_activation)
    print('conf: {passed} passed, {failed} failed, {skipped} skipped'
          .format(**counts))
    return 1 if counts['failed'] else 0


if __name__ == '__main__':
    sys.exit(main())
