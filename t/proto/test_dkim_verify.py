"""msg:dkim_verify: mail signed by others, hostile mail, slow nameservers.

KUMILTER_DKIM_CROSS=N (make check-dkim-cross) signs N messages instead of a
few.
"""

import json
import os
import subprocess
import tempfile

from case import Skip, alone, equal, match, policy, true
from milter_client import cstrings
from test_dns import Nameserver

GENERATE = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                        '..', 'dkim', 'generate.py')
# messages, and what their making depends on
FEW, SEED = 48, 6376

POLICY = '''
kumo.on('init', function()
  kumo.dns.configure_test_resolver { [[
$ORIGIN example.com.
%s]] }
end)
kumo.on('smtp_server_message_received', function(msg)
  local all = {}
  for i, r in ipairs(msg:dkim_verify()) do
    all[i] = r.result .. (r.reason and ' ' .. r.reason or '')
  end
  kumo.reject(550, 'is ' .. table.concat(all, ', '))
end)
'''


def zone(keys):
    """As text; no string in it has more than 255 bytes."""
    lines = ''
    for name, record in keys.items():
        pieces = ' '.join(f'"{record[i:i + 200]}"'
                          for i in range(0, len(record), 200))
        lines += f'{name}. 300 IN TXT {pieces}\n'
    return lines


def split(mail):
    """[(name, raw value as MTAs pass it)], body"""
    head, _, body = mail.partition(b'\r\n\r\n')
    fields = []
    for line in head.split(b'\r\n'):
        if line[:1] in (b' ', b'\t'):
            fields[-1] += b'\n' + line
        else:
            fields.append(line)
    return [tuple(f.split(b':', 1)) for f in fields], body


def verify(s, fields, body):
    """The reply to a message, its headers just as they are."""
    s.mail()
    s.rcpt()
    s.data()
    for name, raw in fields:
        s.milter.command('header', cstrings(name, raw))
    s.milter.eoh()
    answer = s._end(s.milter.body(body))
    s.in_message = False
    return answer


def spoil(fields):
    """A letter more in the lowest From:, which is signed."""
    at = max(i for i, (name, _) in enumerate(fields) if name == b'From')
    name, raw = fields[at]
    return fields[:at] + [(name, raw + b'x')] + fields[at + 1:]


@policy('')
def test_signed_by_others(d):
    """All passes, and nothing does after a change."""
    count = int(os.environ.get('KUMILTER_DKIM_CROSS', FEW))
    with tempfile.TemporaryDirectory() as folder:
        made = subprocess.run([GENERATE, str(count), str(SEED), folder],
                              capture_output=True, text=True)
        if 'generate.py: no module' in made.stderr:
            raise Skip(made.stderr.strip())
        equal(made.returncode, 0, made.stderr)
        with open(f'{folder}/zone.json') as file:
            d.write_policy(POLICY % zone(json.load(file)))
        equal(d.verb('reload').returncode, 0)
        s = d.session()
        s.helo()
        wrong = []
        for n in range(count):
            with open(f'{folder}/{n}.eml', 'rb') as file:
                fields, body = split(file.read())
            first = str(verify(s, fields, body))
            second = str(verify(s, spoil(fields), body))
            if first != '550 is pass' or \
                    second != '550 is permerror signature did not verify':
                wrong.append(f'{n}.eml: {first}, {second}')
        true(not wrong, f'{count} right, but {len(wrong)} are not:\n'
             + '\n'.join(wrong[:20]))


SIGNATURE = (b'DKIM-Signature', b' v=1; a=rsa-sha256; d=example.com; s=s%d;'
             b' h=From:From; c=relaxed/relaxed;'
             b' bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA')


def signatures(count):
    return [(SIGNATURE[0], SIGNATURE[1] % i) for i in range(count)] + [
        (b'From', b' ann@example.com')]


@policy(POLICY % '@ 300 IN A 192.0.2.1\n')
def test_many_signatures(d):
    """As many as a message may have headers: 11 results."""
    s = d.session()
    s.helo()
    answer = str(verify(s, signatures(900), b'')).split(', ')
    equal(answer[0], '550 is permerror no key for signature')
    equal(len(answer), 11)


@policy(POLICY.replace("kumo.dns", "kumo.milter.configure "
                       "{ kumomta_quirks = true }\n  kumo.dns", 1)
        % '@ 300 IN A 192.0.2.1\n')
def test_quirks(d):
    """A key that is not there is an error for a while, to KumoMTA."""
    s = d.session()
    s.helo()
    equal(verify(s, signatures(1), b''),
          '550 is temperror key unavailable: failed to resolve '
          's0._domainkey.example.com')


@alone
@policy('')
def test_slow_nameserver(d):
    """The handler's deadline ends the waiting, not the handler."""
    server = Nameserver(99)
    server.may_answer = False
    d.write_policy(f"""
kumo.on('init', function()
  kumo.milter.configure {{ message_timeout = '2s', dns_timeout = '1m' }}
  kumo.dns.configure_resolver {{ name_servers = {{ '127.0.0.1:{server.port}' }} }}
end)
""" + POLICY[POLICY.index("kumo.on('smtp_server_message"):])
    equal(d.verb('reload').returncode, 0)
    s = d.session()
    s.helo()
    answer = str(verify(s, signatures(5), b''))
    match(answer, '^550 is (temperror key unavailable: TXT of s[0-4]'
          '[.]_domainkey[.]example[.]com: no answer in time(, |$)){5}')
    equal(len(server.asked), 5, 'all at once: ')
    equal(verify(s, [(b'From', b' x')], b''), '550 is ')
    server.close()
