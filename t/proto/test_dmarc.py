"""kumo.dmarc beside Mail::DMARC, on the same cases."""
import json
import random
import socket
import subprocess
import tempfile

from case import Failure, Skip, equal, policy, rows, true
from daemon import KUMILTER, ROOT

RECORDS = ['p=none', 'p=quarantine', 'p=reject', 'p=reject; sp=none',
           'p=none; sp=reject', 'p=quarantine; sp=quarantine',
           'p=reject; adkim=s', 'p=reject; aspf=s',
           'p=quarantine; adkim=s; aspf=s', 'p=reject; adkim=r; aspf=r',
           'p=reject; pct=100', 'p=reject; fo=1; ri=3600',
           'p=reject; rua=mailto:a@example.com', 'p=reject;', 'p = reject',
           'p=reject; x=unknown']
SUFFIXES = ['com', 'co.uk', 'org', 'com.au']
SUB = ['', '', 'mail.', 'a.b.', 'x.']
OTHER = ['else.com', 'co.uk', 'xown.com', 'own.com.else.org']
N = 600
ORACLE = f'{ROOT}/t/dmarc/oracle.pl'
RUN = '''
local kumo = require 'kumo'
kumo.on('init', function()
  local cases = kumo.json_load '%s'
  local out = io.open('%s', 'w')
  local zones = {}
  for _, suffix in ipairs { 'com', 'co.uk', 'org', 'com.au' } do
    local lines = { '$ORIGIN ' .. suffix .. '.' }
    for _, case in ipairs(cases) do
      for name, texts in pairs(case.zone) do
        for _, text in ipairs(name:sub(-#suffix - 1) == '.' .. suffix
          and texts or {}) do
          table.insert(lines, ('%%s 60 IN TXT "%%s"'):format(
            name:sub(1, -#suffix - 2), text))
        end
      end
    end
    table.insert(zones, table.concat(lines, '\\n') .. '\\n')
  end
  kumo.dns.configure_test_resolver(zones)
  for _, case in ipairs(cases) do
    local dkim = {}
    for _, one in ipairs(case.dkim) do
      table.insert(dkim, { method = 'dkim', result = one[2],
        props = { ['header.d'] = one[1] } })
    end
    local msg = kumo.make_message('x@none.example', 'b@example.org',
      'From: a@' .. case.from .. '\\r\\n\\r\\n')
    local got = kumo.dmarc.check_msg(msg, dkim, nil, {
      method = 'spf', result = case.spf and 'pass' or 'fail',
      props = { ['smtp.mailfrom'] = case.spf or 'none.example' } }, false)
    out:write(got.result.result, ' ', got.disposition:lower(), '\\n')
  end
  out:close()
end)
'''


def names(chance, near):
    """A domain that may be aligned."""
    return chance.choice(SUB) + (near if chance.random() < 0.6
                                 else chance.choice(OTHER))


def cases():
    chance = random.Random(7489)
    for number in range(N):
        own = f'own{number}.{chance.choice(SUFFIXES)}'
        sub = chance.choice(SUB)
        zone = {}
        if chance.random() < 0.9:
            zone[f'_dmarc.{own}'] = ['v=DMARC1; ' + chance.choice(RECORDS)]
        if sub and chance.random() < 0.3:
            zone[f'_dmarc.{sub}{own}'] = ['v=DMARC1; '
                                          + chance.choice(RECORDS)]
        if chance.random() < 0.1:
            for texts in zone.values():
                texts.append(chance.choice(['v=spf1 -all', 'hello']))
        yield {'from': sub + own, 'zone': zone,
               'dkim': [[names(chance, own),
                         chance.choice(['pass', 'pass', 'fail'])]
                        for _ in range(chance.randrange(4))],
               'spf': names(chance, own) if chance.random() < 0.5 else None}


def same(ours, theirs):
    """A pass has no disposition for the one, and none for the other."""
    ours, theirs = ours.split(), theirs.split()
    if ours[0] != theirs[0]:
        return False
    return ours[0] != 'fail' or ours[1] == theirs[1]


def ours_of(given):
    """A line of each case."""
    with tempfile.TemporaryDirectory(prefix='kumilter-dmarc-') as folder:
        with open(f'{folder}/cases.json', 'w', encoding='utf-8') as file:
            json.dump(given, file)
        with open(f'{folder}/policy.lua', 'w', encoding='utf-8') as file:
            file.write(RUN % (f'{folder}/cases.json', f'{folder}/out'))
        done = subprocess.run([KUMILTER, 'check', file.name], text=True,
                              capture_output=True, timeout=60, check=False)
        if done.returncode:
            raise Failure(done.stdout + done.stderr)
        with open(f'{folder}/out', encoding='utf-8') as file:
            return file.read().splitlines()


@policy('')
def test_mail_dmarc(_d):
    if subprocess.run(['perl', '-MMail::DMARC::PurePerl', '-MJSON::PP', '-e1'],
                      capture_output=True, check=False).returncode:
        raise Skip('no Mail::DMARC (libmail-dmarc-perl)')
    given = list(cases())
    ours = ours_of(given)
    theirs = subprocess.run(['perl', ORACLE], input=json.dumps(given),
                            capture_output=True, text=True,
                            check=True).stdout.splitlines()
    wrong = [f'{case}: {a}, Mail::DMARC says {b}'
             for case, a, b in zip(given, ours, theirs)
             if not same(a, b)]
    if wrong or not len(given) == len(ours) == len(theirs):
        raise Failure(f'{len(wrong)} of {N}:\n' + '\n'.join(wrong[:10]))


SLOW = '''
kumo.on('init', function()
  kumo.milter.configure { dns_servers = '127.0.0.1:%d', %s }
end)
kumo.on('smtp_server_message_received', function(msg)
  local dkim = msg:dkim_verify()
  local spf = %s
  local dmarc = kumo.dmarc.check_msg(msg, dkim, nil, spf, false)
  table.insert(dkim, spf)
  table.insert(dkim, dmarc.result)
  msg:add_authentication_results('mx', dkim)
end)
'''
CHECK, GIVEN = 'kumo.spf.check_msg(msg).result', \
    "{ method = 'spf', result = 'temperror' }"
# what there is of time, where SPF's result is from
SILENT = {
    'each lookup has its time': ("dns_timeout = '0.2s'", CHECK),
    'all together have that of the handler':
        ("dns_timeout = '100s', message_timeout = '3s'", GIVEN),
}


@rows(SILENT)
@policy('')
def test_silent_dns(d, row):
    """Nameservers that take questions and give nothing: it ends, and says
    so."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(('127.0.0.1', 0))
        d.write_policy(SLOW % (silent.getsockname()[1], *row))
        done = d.verb('reload')
        equal(done.returncode, 0, done.stderr)
        s = d.session()
        s.helo('client.example.com')
        equal(s.message(), 'continue')
        for words in ('spf=temperror', 'dmarc=temperror'):
            true(words in s.delivered.get('Authentication-Results')[0], words)
