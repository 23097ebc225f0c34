#!/usr/bin/env python3
"""check_install.py FILE.deb - installed where there is a Postfix, by systemd

What is printed is pasted, mail is sent, the service restarted and the package
upgraded while it goes on, and in the end nothing of it is left.
"""
import glob
import os
import re
import subprocess
import sys
import tempfile

from machine import HERE, Cannot, Machine

IDLE = '''
import smtplib, sys
client = smtplib.SMTP('127.0.0.1', 25, timeout=100)
client.ehlo('client.example.org')
client.mail('<idle@example.org>')
print('open', flush=True)
sys.stdin.readline()
print(client.rcpt('<bob@example.net>')[0],
      client.data('Subject: y' + chr(10) * 2 + 'z')[0])
'''
ASK = '''
import smtplib
client = smtplib.SMTP('127.0.0.1', 25, timeout=100)
client.ehlo('client.example.org')
print(client.mail('<goaway@example.com>'))
'''
# as Debian installs it, but that all mail stays to be looked at
POSTFIX = ['inet_interfaces=loopback-only', 'mydestination=localhost',
           'myhostname=mx.example.test', 'mynetworks=127.0.0.0/8',
           'smtpd_milters=', 'smtpd_client_restrictions=static:HOLD',
           'maillog_file=/var/log/postfix.log', 'smtpd_peername_lookup=no']
# what others leave behind: caches, logs and the mail itself
OTHERS = re.compile(
    r'/run/(systemd|dbus|log|adduser)|'
    r'/var/(log/(journal|postfix)|cache|lib/(dpkg|apt|systemd|man-db)|'
    r'spool/postfix/(?!kumilter)|lib/postfix)|/etc/(passwd|group|shadow|gshadow'
    r'|subuid|subgid|\.pwd\.lock|postfix)')

counts = {'passed': 0, 'failed': 0}


def expect(what, fine, said=''):
    """Counts it."""
    counts['passed' if fine else 'failed'] += 1
    if not fine:
        print(f'FAIL {what}: {said}')


def files(machine):
    """Where packages and services have theirs."""
    return set(machine.run('find', '/etc', '/usr', '/var',
                           '/run').stdout.split('\n'))


def next_version(deb, folder):
    """The same package, called newer."""
    tree, newer = f'{folder}/tree', f'{folder}/newer.deb'
    subprocess.run(['dpkg-deb', '-R', deb, tree], check=True)
    with open(f'{tree}/DEBIAN/control', encoding='utf-8') as file:
        text = file.read()
    with open(f'{tree}/DEBIAN/control', 'w', encoding='utf-8') as file:
        file.write(re.sub(r'(?m)^(Version: .*)$', r'\1+newer', text))
    subprocess.run(['dpkg-deb', '--root-owner-group', '-Znone', '-b', tree,
                    newer], check=True, stdout=subprocess.DEVNULL)
    return newer


def install(m, deb):
    """And say what it says to say."""
    m.put(deb, 'kumilter.deb')
    said = m.run('dpkg', '-i', '/tmp/kumilter.deb').stdout
    lines = re.findall(r'(?m)^  (postconf .*)$', said)
    expect('one line to paste', len(lines) == 1, said)
    for unit in ('kumilter.socket', 'kumilter.service'):
        done = m.run('systemctl', 'is-active', unit, check=False)
        expect(unit, done.stdout == 'active\n', m.run(
            'systemctl', 'status', '--no-pager', unit, check=False).stdout)
        expect(f'{unit} is enabled', m.run(
            'systemctl', 'is-enabled', unit,
            check=False).stdout == 'enabled\n')
    m.run('sh', '-c', lines[0])
    done = m.run('kumilter', 'doctor', check=False)
    expect('doctor', 'nothing to say' in done.stdout, done.stdout)


def filtered(m):
    """A refusal of the policy's, and its header in a message."""
    said = m.run('python3', '-c', ASK).stdout
    expect('refused', "(421, b'mta.example.com go away!')" in said, said)
    said = m.run('sh', '-c', 'echo | python3 /tmp/clients.py 1').stdout
    expect('taken', said == '1\n', said)
    held = m.run('sh', '-c', 'postcat /var/spool/postfix/hold/*').stdout
    expect('changed', '\nX-Policy: trusted\n' in held, held)
    user = m.run('ps', '-o', 'user=', '-C', 'kumilter').stdout.strip()
    expect('its user', user == 'kumilter', user)
    for folder in ('lib', 'log'):
        m.run('test', '-d', f'/var/{folder}/kumilter')


def logged(m):
    """An error of the policy's has its level in the journal."""
    m.run('python3', '-c', ASK.replace('goaway', 'bug'))
    m.run('journalctl', '--sync')
    said = m.run('journalctl', '-u', 'kumilter', '-p', 'err', '-o', 'cat',
                 '--no-pager').stdout
    expect('an error in the journal', 'attempt to index' in said
           and ' serves ' not in said, said)


def under_load(m, what, *words):
    """While sessions come and go, and one is idle meanwhile."""
    idle = m.popen('python3', '-c', IDLE)
    idle.stdout.readline()
    clients = m.popen('python3', '/tmp/clients.py', '8')
    before = pid(m)
    change = m.popen(*words)
    # the new one waits until this one ends
    idle.stdin.write('\n')
    idle.stdin.flush()
    said = idle.communicate()[0]
    expect(f'{what}: an open session', said == '250 250\n', said)
    log = change.communicate()[0]
    expect(what, change.returncode == 0, log)
    m.run('sh', '-c', 'echo | python3 /tmp/clients.py 1')
    said = clients.communicate()[0]
    expect(f'{what}: sessions', re.fullmatch(r'\d+\n', said) and int(said) > 0,
           said + m.run('journalctl', '--no-pager', '-n', '40').stdout)
    expect(f'{what}: a new process', pid(m) not in ('0', before), before)


def pid(m):
    return m.run('systemctl', 'show', '-P', 'MainPID',
                 'kumilter').stdout.strip()


def upgrade(m, deb):
    """What the administrator changed stays; the socket does, too."""
    with tempfile.TemporaryDirectory() as folder:
        m.put(next_version(deb, folder), 'newer.deb')
    m.run('sh', '-c', 'echo "-- mine" >>/etc/kumilter/init.lua')
    inode = m.run('stat', '-c', '%i',
                  '/var/spool/postfix/kumilter/milter.sock').stdout
    under_load(m, 'an upgrade', 'dpkg', '-i', '/tmp/newer.deb')
    expect('the same socket', inode == m.run(
        'stat', '-c', '%i',
        '/var/spool/postfix/kumilter/milter.sock').stdout)
    m.run('grep', '-q', '^-- mine', '/etc/kumilter/init.lua')


def remove(m, before):
    """What is left."""
    said = m.run('dpkg', '-r', 'kumilter').stdout
    line = re.search(r'(?m)^  (postconf .*)$', said)
    expect('how to have Postfix ask no more', line, said)
    m.run('test', '-e', '/etc/kumilter/init.lua')
    m.run('sh', '-c', line.group(1))
    said = m.run('sh', '-c', 'echo | python3 /tmp/clients.py 1').stdout
    expect('mail without it', said == '1\n', said)
    m.run('dpkg', '-P', 'kumilter')
    left = {path for path in files(m) - before if not OTHERS.match(path)}
    expect('nothing left', not left, '\n'.join(sorted(left)))
    said = m.run('getent', 'passwd', 'kumilter', check=False).stdout
    expect('no user left', said == '', said)
    said = m.run('systemctl', 'list-unit-files', 'kumilter*',
                 check=False).stdout
    expect('no unit left', '0 unit files' in said, said)


def check(deb):
    with Machine() as m:
        m.put(f'{HERE}/clients.py', 'clients.py')
        m.run('postconf', '-e', *POSTFIX)
        m.run('systemctl', 'start', 'postfix')
        m.run('dpkg', '-P', 'kumilter', check=False)
        before = files(m)
        install(m, deb)
        filtered(m)
        logged(m)
        under_load(m, 'a restart', 'systemctl', 'restart', 'kumilter')
        upgrade(m, deb)
        said = m.run('systemctl', 'reload', 'kumilter', check=False)
        expect('reload', said.returncode == 0, said.stdout)
        remove(m, before)


def main():
    deb = max(glob.glob(sys.argv[1]), key=os.path.getmtime)
    try:
        check(deb)
    except Cannot as why:
        print(f'SKIP installing the package: {why}')
        print('deb-install: 0 passed, 0 failed, 1 skipped')
        return 0
    except AssertionError as problem:
        expect('installing', False, problem)
    print('deb-install: %(passed)d passed, %(failed)d failed' % counts)
    return counts['failed'] > 0


if __name__ == '__main__':
    sys.exit(main())
