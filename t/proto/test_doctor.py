"""kumilter doctor and print-config, with what the MTAs' own tools read."""

import os
import re
import shutil
import subprocess

from case import Skip, equal, match, policy, program, rows, true
from daemon import KUMILTER, PATIENCE

POLICY = '''
kumo.on('init', function()
  kumo.milter.configure { event_timeout = '40s', message_timeout = '400s' }
end)
kumo.on('smtp_server_mail_from', function() end)
'''

MAIN = '''
compatibility_level = 3.6
queue_directory = @DIR@
mail_owner = nobody
smtpd_milters = unix:sock
milter_default_action = tempfail
milter_protocol = 6
milter_command_timeout = 45s
milter_content_timeout = 7m
'''.lstrip()
MASTER = 'smtp inet n - n - - smtpd\n'


def run(*words):
    return subprocess.run([KUMILTER, *words], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=PATIENCE)


def doctor(d, main=MAIN, master=MASTER, args=()):
    folder = os.path.join(d.dir, 'postfix')
    d.write_file('postfix/main.cf', main.replace('@DIR@', d.dir))
    d.write_file('postfix/master.cf', master)
    return run('doctor', '--postfix', folder, '--policy', d.policy_file,
               '--listen', d.address, *args)


@policy(POLICY)
def test_good_postfix(d):
    program('postconf')
    done = doctor(d)
    equal(done.stdout, d.dir + '/postfix/main.cf: nothing to say\n',
          done.stderr)
    equal(done.returncode, 0)


# what is changed in the good one -> exit code, the finding, the line to paste
POSTFIX = {
    'no milter': (('unix:sock', ''), 78, 'the MTA asks no milter',
                  'milter_command_timeout = 45s'),
    'another milter': (('unix:sock', 'inet:127.0.0.1:9'), 78,
                       "none of the MTA's milters is this policy's", ''),
    'command': (('= 45s', '= 40s'), 78,
                r'main.cf:7: milter_command_timeout: Postfix waits 40 s',
                'milter_command_timeout = 45s'),
    'content': (('= 7m', '= 6m'), 78,
                r'main.cf:8: milter_content_timeout: Postfix waits 360 s',
                'milter_content_timeout = 405s'),
    'content of one': (('unix:sock', '{ unix:sock, content_timeout=10s }'),
                       78, 'Postfix waits 10 s', ''),
    'accept': (('tempfail', 'accept'), 1, 'main.cf:5: milter_default_action',
               'milter_default_action = tempfail'),
    'accept of one': (('unix:sock', '{ unix:sock, default_action=accept }'),
                      1, 'the default action is accept', ''),
    'reject': (('tempfail', 'reject'), 1, 'the default action is reject', ''),
    'protocol': (('protocol = 6', 'protocol = 2'), 78,
                 'milter_protocol is below 6', 'milter_protocol = 6'),
    'local mail': (('milter_protocol',
                    'non_smtpd_milters = $smtpd_milters\nmilter_protocol'),
                   1, 'mail of this machine', 'non_smtpd_milters ='),
    'no socket': (('unix:sock', 'unix:kumilter/none'), 78,
                  'there is no /.*/kumilter/none', ''),
    'no socket but a file': (('unix:sock', 'unix:kumilter/../policy.lua'),
                             78, 'is no socket', ''),
    'form': (('unix:sock', 'inet:8891@kumilter'), 78, "Sendmail's form",
             'inet:127.0.0.1:8891'),
    'order': (('unix:sock', 'inet:dkim:8891, unix:sock'), 1,
              'inet:dkim:8891 is asked before', 'name this policy first'),
    'shutdown': (('tempfail', 'shutdown\nmail_version = 3.10.2'), 78,
                 'does not know the default action shutdown', 'tempfail'),
    'shutdown, new': (('tempfail', 'shutdown\nmail_version = 3.11.0'), 0,
                      'nothing to say', ''),
    'user': (('= nobody', '= root'), 0, 'nothing to say', ''),
}


@rows(POSTFIX)
@policy(lambda _: POLICY)
def test_bad_postfix(d, row):
    program('postconf')
    (old, new), code, what, paste = row
    os.makedirs(d.dir + '/kumilter', exist_ok=True)
    done = doctor(d, MAIN.replace(old, new, 1))
    equal(done.returncode, code, done.stdout + done.stderr)
    match(done.stdout, what)
    true(not paste or paste in done.stdout, paste + ' in ' + done.stdout)


@policy(POLICY)
def test_chroot_and_services(d):
    program('postconf')
    absolute = MAIN.replace('unix:sock', 'unix:@DIR@/sock')
    equal(doctor(d, absolute).returncode, 0)
    done = doctor(d, absolute, MASTER.replace('n - n', 'n - y'))
    equal(done.returncode, 78)
    match(done.stdout, 'service smtp runs in the chroot')
    match(done.stdout, '> smtpd_milters = unix:sock\n')
    done = doctor(d, MAIN, MASTER + 'submission inet n - n - - smtpd\n'
                  '  -o smtpd_milters=\n')
    equal(done.returncode, 1)
    match(done.stdout, 'service submission asks no milter')


@policy(POLICY)
def test_permissions(d):
    program('postconf')
    if os.geteuid() != 0:
        raise Skip('only root asks for another user')
    main = MAIN.replace('= nobody', '= daemon')
    equal(doctor(d, main).returncode, 0)
    os.chmod(d.dir + '/sock', 0o600)
    done = doctor(d, main)
    equal(done.returncode, 78)
    match(done.stdout, 'daemon may not write to .*/sock')
    match(done.stdout, '> kumilter serve --socket-group daemon')
    os.chmod(d.dir, 0o700)
    match(doctor(d, main).stdout, 'daemon may not enter ' + d.dir)


CF = '''
V10/Berkeley
DZ8.17.1.9/Debian
O InputMailFilters=kumilter
Xkumilter, S=unix:@DIR@/sock, F=T, T=C:30s;S:30s;R:405s;E:7m
'''.lstrip()

SENDMAIL = {
    'good': (('', ''), 0, 'nothing to say'),
    'no list': (('O Input', '# O Input'), 78, 'the MTA asks no milter'),
    'another': (('Xkumilter', 'Xother'), 78, 'the MTA asks no milter'),
    'no F=': ((' F=T,', ''), 1, r'sendmail.cf:4: F=: no F='),
    'F=R': (('F=T', 'F=R'), 1, r'F=R'),
    'R': (('R:405s', 'R:40s'), 78, 'waits 40 s for an answer'),
    'E': (('E:7m', 'E:5m'), 78, 'waits 300 s for the end'),
    'no T=': ((', T=C:30s;S:30s;R:405s;E:7m', ''), 78, 'waits 10 s'),
    'TCP': (('unix:@DIR@/sock', 'inet:8891@127.0.0.1'), 1, 'a TCP socket'),
    'no socket': (('/sock', '/kumilter'), 78, 'there is no'),
    'order': (('=kumilter', '=opendkim, kumilter\nXopendkim, S=inet:1@localhost'),
              1, 'asked before'),
}


@rows(SENDMAIL)
@policy(lambda _: POLICY)
def test_sendmail(d, row):
    (old, new), code, what = row
    text = CF.replace(old, new, 1) if old else CF
    path = d.write_file('sendmail.cf', text.replace('@DIR@', d.dir))
    done = run('doctor', '--sendmail', path, '--policy', d.policy_file)
    equal(done.returncode, code, done.stdout + done.stderr)
    match(done.stdout, what)


@policy(POLICY)
def test_printed_lines_are_good(d):
    """What print-config says for a policy leaves doctor nothing to say."""
    words = ('--policy', d.policy_file, '--listen', d.address)
    done = run('print-config', '--mta', 'postfix', *words)
    equal(done.returncode, 0, done.stderr)
    match(done.stdout, 'milter_command_timeout = 45s\n')
    match(done.stdout, 'milter_content_timeout = 405s\n')
    if shutil.which('postconf'):
        equal(doctor(d, 'queue_directory = @DIR@\nmail_owner = nobody\n'
                     'compatibility_level = 3.6\n' + done.stdout).returncode,
              0)
    done = run('print-config', '--mta', 'sendmail', *words)
    sock, times = re.search(r'`S=(\S+), F=T, T=(\S+)\'\)dnl\n$',
                            done.stdout).groups()
    path = d.write_file(
        'sendmail.cf', 'O InputMailFilters=kumilter\n'
        'Xkumilter, S=%s, F=T, T=%s\n' % (sock, times))
    done = run('doctor', '--sendmail', path, '--policy', d.policy_file)
    equal(done.returncode, 0, done.stdout)


@policy(POLICY)
def test_usage(d):
    for words in (['doctor', '--mta', 'postfix'], ['print-config'],
                  ['print-config', '--mta', 'exim'], ['doctor', 'x'],
                  ['doctor', '--postfix', '/x', '--sendmail', '/y'],
                  ['doctor', '--listen', 'x', '--sendmail', '/y']):
        equal(run(*words).returncode, 64, ' '.join(words))
    equal(run('doctor', '--sendmail', '/no/such').returncode, 69)
    d.write_policy('broken(')
    path = d.write_file('sendmail.cf', CF)
    equal(run('doctor', '--sendmail', path, '--policy',
              d.policy_file).returncode, 65)
