#!/usr/bin/env python3
"""Runs KumoMTA's own policy-extras, unedited, where somebody has them.

    t/conf/extras.py DIR

DIR is the folder policy-extras or the one above it: assets/ of KumoMTA's
repository, /opt/kumomta/share where it is installed.  Each helper is loaded
as a policy loads it and its self-test runs, if it has one; then policies use
them as their documentation says, with files of our own.  What a milter cannot
do is named below, with what the helper then says.
"""
import os
import re
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

HELPERS = ('policy_utils', 'typing', 'listener_domains', 'queue', 'rollup',
           'log_hooks', 'shaping', 'sources', 'docker_utils', 'mail_auth',
           'dkim_sign')
# Self-tests that expect what KumoMTA does where the RFCs say something else.
QUIRKS = ('mail_auth',)
# The key that mail_auth's self-test reads; it signs nothing.
KEY = 'example-private-dkim-key.pem'

LOAD = '''package.path = '{extras}/?.lua;' .. package.path
local kumo = require 'kumo'
local helper = require 'policy-extras.{name}'
assert(type(helper) == 'table')
kumo.on('init', function()
  kumo.milter.configure {{ kumomta_quirks = {quirks} }}
  if helper.test then
    helper:test()
    print('self-test of {name} passed')
  end
end)
'''

LISTENER_DOMAINS = '''package.path = '{extras}/?.lua;' .. package.path
local kumo = require 'kumo'
local listener_domains = require 'policy-extras.listener_domains'
kumo.on('init', function()
  kumo.milter.configure {{ enforce_relay = true }}
  kumo.start_esmtp_listener {{ relay_hosts = {{ '127.0.0.1' }} }}
end)
kumo.on('get_listener_domain',
  listener_domains:setup {{ '{folder}/domains.toml' }})
'''

DOMAINS = '''
["in.example"]
relay_to = true
["*.in.example"]
log_oob = true
["closed.in.example"]
relay_to = false
["send.example"]
relay_from = [ '203.0.113.0/24' ]
["auth.example"]
relay_from_authz = [ 'joe' ]
'''

QUEUE = '''package.path = '{extras}/?.lua;' .. package.path
local kumo = require 'kumo'
local queue = require 'policy-extras.queue'
local sources = require 'policy-extras.sources'
sources:setup {{ '{folder}/sources.toml' }}
local helper = queue:setup {{ '{folder}/queue.toml' }}
kumo.on('smtp_server_message_received', function(msg)
  helper:apply(msg)
  msg:append_header('X-Seen', msg:get_meta 'tenant')
end)
'''

QUEUES = '''
tenant_header = "X-Tenant"
remove_tenant_header = true
default_tenant = "all"
[tenant.'all']
egress_pool = 'pool'
[tenant.'special']
egress_pool = 'pool'
max_age = '10 hours'
require_authz = ["joe"]
[queue.default]
max_age = '24 hours'
[queue.'example.com'.'special']
max_age = '1 hour'
'''

DKIM = '''package.path = '{extras}/?.lua;' .. package.path
local kumo = require 'kumo'
local dkim_sign = require 'policy-extras.dkim_sign'
local sign = dkim_sign:setup {{ '{folder}/dkim.toml' }}
kumo.on('smtp_server_message_received', function(msg)
  sign(msg)
end)
'''

# One domain with its own key, one without a key; a signature for all, and one
# for those that no block is for.
SIGNATURES = '''
[base]
selector = "common"
headers = ["From", "To", "Subject", "Date"]
additional_signatures = ["Esp", "Fallback"]
over_sign = true
[domain."one.example"]
filename = "{folder}/rsa.pem"
body_canonicalization = "Simple"
[domain."*.ed.example"]
selector = "ed"
filename = "{folder}/ed.pem"
algo = "ed25519"
expiration = 600
headers = ["From", "Subject"]
[domain."lost.example"]
filename = "{folder}/never.pem"
[signature."Esp"]
domain = "esp.example"
filename = "{folder}/ed.pem"
[signature."Fallback"]
policy = "OnlyIfMissingDomainBlock"
domain = "fallback.example"
filename = "{folder}/rsa.pem"
'''

SOURCES = '''
[source."ip"]
source_address = "192.0.2.1"
[pool."pool"]
[pool."pool"."ip"]
'''


MAIL_AUTH = '''package.path = '{extras}/?.lua;' .. package.path
local kumo = require 'kumo'
local mail_auth = require 'policy-extras.mail_auth'
kumo.on('smtp_server_message_received', function(msg)
  local found = mail_auth.check(msg, {{ server_id = 'mx.example.net' }})
  msg:append_header('X-Found', ('%d %s %s %s %s %s'):format(#found.dkim,
    found.spf.result, found.iprev.result, found.smtp_auth.result,
    found.dmarc.result, found.arc.result))
end)
'''


class Failed(Exception):
    """The text says what is wrong."""


def check(path):
    """(exit code, what `kumilter check` says), in the policy's folder."""
    done = subprocess.run([os.path.abspath(BINARY), 'check', path],
                          capture_output=True, text=True, timeout=60,
                          check=False, cwd=os.path.dirname(path))
    return done.returncode, done.stdout + done.stderr


def load(name, extras, folder):
    """The helper loads; its self-test passes or fails as we know."""
    path = f'{folder}/{name}.lua'
    with open(path, 'w', encoding='utf-8') as file:
        file.write(LOAD.format(extras=extras, name=name,
                               quirks=str(name in QUIRKS).lower()))
    subprocess.run(['openssl', 'genrsa', '-traditional', '-out',
                    f'{folder}/{KEY}', '1024'], capture_output=True,
                   check=True)
    code, said = check(path)
    if code:
        raise Failed(f'exit {code}: {said}')
    return 'loads, self-test passes' if 'self-test' in said else 'loads'


def write(folder, **files):
    """files: name of a .toml file -> its text."""
    for name, text in files.items():
        with open(f'{folder}/{name}.toml', 'w', encoding='utf-8') as file:
            file.write(text)


def played(policy, one):
    """A daemon with the policy, and what a function does with it."""
    try:
        daemon = play.Daemon(policy)
    except play.DaemonError as error:
        raise Failed(str(error)) from None
    try:
        one(daemon)
        daemon.stop()
    except (play.Failure, play.DaemonError) as problem:
        raise Failed(f'{problem}\n{daemon.log()}') from None
    finally:
        daemon.clean()


def relaying(extras, folder):
    """listener_domains decides who may relay what."""
    write(folder, domains=DOMAINS)

    def one(daemon):
        refused = r'550 5\.7\.1 relaying not permitted for 203\.0\.113\.9:'
        s = play.session(daemon)
        s.mail('<a@send.example>')
        play.equal(s.rcpt('<b@anywhere.example>'), 'continue')
        s = play.session(daemon, addr='192.0.2.9')
        s.mail('<a@send.example>')
        play.match(s.rcpt('<b@anywhere.example>'), r'550 5\.7\.1 relaying')
        s = play.session(daemon)
        s.mail('<a@elsewhere.example>')
        play.equal(s.rcpt('<b@in.example>'), 'continue')
        play.equal(s.rcpt('<b@list.in.example>'), 'continue')
        for to in '<b@closed.in.example>', '<b@anywhere.example>':
            play.match(s.rcpt(to), refused)
        s = play.session(daemon, macros={'{auth_authen}': 'joe'})
        s.mail('<a@auth.example>')
        play.equal(s.rcpt('<b@anywhere.example>'), 'continue')

    played(LISTENER_DOMAINS.format(extras=extras, folder=folder), one)
    return 'decides who may relay'


def tenants(extras, folder):
    """The queue helper's tenants and who may use them."""
    write(folder, queue=QUEUES, sources=SOURCES)

    def one(daemon):
        s = play.session(daemon)
        play.equal(s.message(), 'continue')
        play.equal(s.delivered.get('X-Seen'), ['all'])
        headers = [*play.HEADERS, ('X-Tenant', 'special')]
        play.equal(s.message(headers=headers),
                   "500 tenant 'special' requires SMTP AUTH")
        play.match(s.message(headers=[*play.HEADERS, ('X-Tenant', 'no')]),
                   "500 tenant 'no' specified by 'X-Tenant' header is not")
        s = play.session(daemon, macros={'{auth_authen}': 'joe'})
        s.message(headers=headers)
        play.equal(s.delivered.get('X-Seen'), ['special'])
        play.equal(s.delivered.get('X-Tenant'), [])

    played(QUEUE.format(extras=extras, folder=folder), one)
    return 'tenants are read and guarded'


def tags(field):
    """The tags of a DKIM-Signature: name -> value."""
    return dict(tag.strip().split('=', 1) for tag in
                re.sub(r'\s', '', field).split(';'))


def signatures(extras, folder):
    """dkim_sign signs by domain, and for others."""
    write(folder, dkim=SIGNATURES.format(folder=folder))
    for name, words in (('rsa', 'rsa -pkeyopt rsa_keygen_bits:1024'),
                        ('ed', 'ed25519')):
        path = f'{folder}/{name}.pem'
        subprocess.run(['openssl', 'genpkey', '-out', path, '-algorithm',
                        *words.split()], check=True, capture_output=True)
        os.chmod(path, 0o644)

    def one(daemon):
        s = play.session(daemon)

        def seen(domain, wanted):
            s.message(headers=[('From', f'a@{domain}'), ('Subject', 'x')])
            got = [tags(field) for field in s.delivered.get('DKIM-Signature')]
            play.equal([(t['d'], t['s'], t['a'], t['h']) for t in got], wanted)
            return got
        esp = ('esp.example', 'common', 'ed25519-sha256',
               'from:from:to:subject:subject')
        first = seen('one.example', [esp, (
            'one.example', 'common', 'rsa-sha256', esp[3])])
        play.equal([t['c'] for t in first],
                   ['relaxed/relaxed', 'relaxed/simple'])
        second = seen('sub.ed.example', [esp, (
            'sub.ed.example', 'ed', 'ed25519-sha256',
            'from:from:subject:subject')])
        play.equal(int(second[1]['x']) - int(second[1]['t']), 600)
        seen('other.example', [('fallback.example', 'common', 'rsa-sha256',
                                esp[3]), esp])
        play.match(s.message(headers=[('Subject', 'x')]),
                   r'552 5\.6\.0 DKIM signing requires a From header')
        s = play.session(daemon)
        play.match(s.message(headers=[('From', 'a@lost.example')]),
                   r'421 4\.3\.0 .* technical difficulties')
        play.match(daemon.log(), 'failed to load data from file '
                   r'`[^`]*/never\.pem`: No such file')

    played(DKIM.format(extras=extras, folder=folder), one)
    return 'signs by the domain of From:'


def verifying(extras, _folder):
    """mail_auth finds out all, and writes it down."""
    def one(daemon):
        for sender, headers, macros, found, words in (
                ('<x@strict.example>', play_cookbook.SIGNED, {},
                 '1 pass pass none pass none',
                 ('dkim=pass', 'header.d=strict.example', 'iprev=pass',
                  'policy.p=reject', 'arc=none')),
                ('<x@other.example>', play_cookbook.STRICT,
                 {'{auth_authen}': 'joe'}, '1 none pass pass fail none',
                 ('dkim=none reason="message was not signed"',
                  'smtp.auth=joe'))):
            s = play.session(daemon, macros=macros)
            play.equal(s.message(sender, headers=headers,
                                 body=play_cookbook.HELLO), 'continue')
            play.equal(s.delivered.get('X-Found'), [found])
            written = s.delivered.get('Authentication-Results')[0]
            play.match(written, '^mx.example.net;')
            for word in words:
                play.equal(word in written, True, f'{word} in {written}')

    played(MAIL_AUTH.format(extras=extras) + play_extras.DNS, one)
    return 'all is found out and written down'


def main(argv):
    """Returns the exit code."""
    if len(argv) != 2:
        print('usage: extras.py DIR', file=sys.stderr)
        return 64
    extras = os.path.abspath(argv[1])
    if os.path.basename(extras) == 'policy-extras':
        extras = os.path.dirname(extras)
    if not os.path.exists(f'{extras}/policy-extras/policy_utils.lua'):
        print(f'extras.py: no policy-extras in {extras}', file=sys.stderr)
        return 66
    failed = 0
    steps = [(name, load, name) for name in HELPERS]
    steps += [('listener_domains, played', relaying),
              ('queue, played', tenants),
              ('dkim_sign, played', signatures),
              ('mail_auth, played', verifying)]
    for title, step, *args in steps:
        with tempfile.TemporaryDirectory(prefix='kumilter-extras-') as folder:
            os.chmod(folder, 0o755)     # the daemon is not root for long
            try:
                print(f'{title}: {step(*args, extras, folder)}')
            except Failed as problem:
                failed += 1
                print(f'FAIL {title}: {problem}')
    print(f'extras: {len(steps) - failed} passed, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv))
