"""Chains of ARC in mail as the MTA delivers it, by verifiers of others'."""
import base64
import json
import os
import re
import shutil
import subprocess

from content import GIVEN, crlf
from harness import ROOT, Failed, Skip, Smtp, cases, check, run, temp_dir
from sink import Sink, delivering

VERIFIERS = {'dkimpy': 'arc.py', 'Mail::DKIM': 'arc.pl'}

POLICY = '''
local kumo = require 'kumo'
kumo.on('init', function()
  kumo.milter.configure {{ batch_handling = 'AllInOne' }}
  kumo.dns.configure_test_resolver {{ [[
$ORIGIN .
{zone}
]] }}
end)
local function signer(canon)
  return kumo.dkim.rsa_sha256_signer {{
    domain = 'example.org', selector = 'rsa', key = '{keys}/rsa',
    over_sign = true,
    headers = {{ 'From', 'To', 'Cc', 'Subject', 'Date', 'Message-ID',
      'DKIM-Signature', 'Authentication-Results', 'Received' }},
    header_canonicalization = canon, body_canonicalization = canon,
  }}
end
local function list(msg)
  local subject = msg:get_first_named_header_value 'Subject'
  msg:remove_all_named_headers 'Subject'
  msg:prepend_header('Subject', '[list] ' .. subject)
  msg:set_data(msg:get_data() .. '-- \\r\\nthe list\\r\\n')
end
kumo.on('smtp_server_message_received', function(msg)
  local name = msg:recipient().user
  local results = {{ msg:arc_verify() }}
  msg:add_authentication_results('mx.example.org', results)
  if name:find 'list' then
    list(msg)
  end
  if name:find 'signed' then
    msg:dkim_sign(signer 'Simple')
  end
  msg:arc_seal(signer(name:find 'simple' and 'Simple' or 'Relaxed'),
    'mx.example.org', results)
end)
'''

# Of the domain that seals, as it wants it.
BEFORE = 'Authentication-Results: example.net; arc=none\n'
HEAD = f'From: Ann <a@example.org>\nTo: b@example.net\nSubject: hello\n{GIVEN}'
PLAIN = f'{HEAD}\ntext  \n\n.\n'
LONG = ('From: a@example.org\nTo: ' +
        ', '.join(f'user{n}@example.net' for n in range(99)) +
        f'\nSubject: a\n folded\n\t subject \n{GIVEN}\ntext\n')

# Recipient's name, by which the policy knows what to do: the message, who
# sealed it before, in this order, what becomes what afterwards, and what is
# found: by us before, by them then.  Others know RSA only, for ARC.
ROWS = {
    'plain': (PLAIN, (), None, 'none', 'pass'),
    'simple': (PLAIN, (), None, 'none', 'pass'),
    'long_simple': (LONG, (), None, 'none', 'pass'),
    'signed': (PLAIN, (), None, 'none', 'pass'),
    'list': (PLAIN, (), None, 'none', 'pass'),
    'dkimpy': (PLAIN, ('arc.py',), None, 'pass', 'pass'),
    'dkimpy_simple': (PLAIN, ('arc.py',), None, 'pass', 'pass'),
    'maildkim': (PLAIN, ('arc.pl',), None, 'pass', 'pass'),
    'three_signed': (PLAIN, ('arc.py', 'arc.pl'), None, 'pass', 'pass'),
    'dkimpy_list': (PLAIN, ('arc.py',), None, 'pass', 'pass'),
    'maildkim_list_signed': (PLAIN, ('arc.pl',), None, 'pass', 'pass'),
    'broken': (PLAIN, ('arc.py',), (b'text', b'test'), 'fail', 'fail'),
    'broken_list': (PLAIN, ('arc.pl',), (b'hello', b'bye'), 'fail', 'fail'),
    'gap': (PLAIN, ('arc.py', 'arc.pl'), (b'i=1', b'i=3'), 'fail', 'fail'),
}


def make_keys(folder):
    """A key, and a zone that has its public half; its lines."""
    path = f'{folder}/rsa'
    run('openssl', 'genpkey', '-algorithm', 'rsa', '-pkeyopt',
        'rsa_keygen_bits:1024', '-out', path)
    os.chmod(path, 0o644)
    public = run('openssl', 'pkey', '-in', path, '-pubout', '-outform', 'DER')
    record = f'v=DKIM1; p={base64.b64encode(public).decode()}'
    zone = {f'rsa._domainkey.{domain}': record
            for domain in ('example.org', 'example.net')}
    # PKCS #1, as others want it
    run('openssl', 'rsa', '-in', f'{folder}/rsa', '-traditional',
        '-out', f'{folder}/pkcs1')
    with open(f'{folder}/zone', 'w', encoding='utf-8') as file:
        json.dump(zone, file)
    return '\n'.join(f'{name}. 300 IN TXT "{text[:200]}" "{text[200:]}"'
                     for name, text in zone.items())


def other(program, *args):
    """What one of t/dkim/ says."""
    done = subprocess.run([f'{ROOT}/t/dkim/{program}', *args],
                          capture_output=True, text=True, check=False)
    if 'no module' in done.stderr or "Can't locate" in done.stderr:
        raise Skip('python3-dkim, python3-authres and libmail-dkim-perl are '
                   'not all installed')
    if done.returncode:
        raise Failed(f'{program}: {done.stderr}')
    return done.stdout


def sealed(folder, text, sealers, change):
    """A message that others sealed, as a client sends it."""
    path = f'{folder}/sealed.eml'
    data = crlf(text)
    for n, program in enumerate(sealers):
        data = crlf(BEFORE.replace('none', 'pass') if n else BEFORE) + data
        with open(path, 'wb') as file:
            file.write(data)
        other(program, 'seal', 'example.net', 'rsa', f'{folder}/pkcs1', path)
        with open(path, 'rb') as file:
            data = re.sub(rb'(?m)^Authentication-Results:.*\r\n', b'',
                          file.read())
    if change is not None:
        check('the text is there', True, change[0] in data)
        data = data.replace(change[0], change[1], 1)
    return data.replace(b'\r\n', b'\n')


def verified(folder, messages, program):
    """name -> what the verifier says of it."""
    paths = []
    for name, content in messages.items():
        paths.append(f'{folder}/{name}.eml')
        with open(paths[-1], 'wb') as file:
            file.write(content)
    said = [line.rpartition(': ')[2]
            for line in other(program, 'verify', f'{folder}/zone',
                              *paths).splitlines()]
    return dict(zip(messages, said, strict=True))


def sealed_and_delivered(t, rows, verifiers):
    """Sends, seals, delivers and verifies: messages, and what is said."""
    folder = temp_dir()
    try:
        policy = POLICY.format(zone=make_keys(folder), keys=folder)
        contents = {name: sealed(folder, *row[:3])
                    for name, row in rows.items()}
        with Sink() as sink, delivering(t.mta, sink) as delivered, \
                t.kumilter(policy), Smtp(t.mta.port) as client:
            client.greet()
            for name, content in contents.items():
                reply = client.message('a@example.org',
                                       [f'{name}@example.net'], content)[-1]
                check(f'reply to {name}', 250, reply.code)
            messages = delivered(contents)
            return messages, {
                by: verified(folder, messages, program)
                for by, program in verifiers.items()}
    finally:
        shutil.rmtree(folder)


def compare(row, name, message, said):
    """All that is known of one delivered message."""
    _, sealers, _, before, after = row
    top = message.split(b'\r\n\r\n')[0].decode()
    check('result', before,
          re.search(r'arc=(\w+)', top.split('Authentication-Results:')[1])[1])
    seal = re.search(r'(?m)^ARC-Seal: i=(\d+);.* cv=(\w+);', top)
    check('seal', (str(len(sealers) + 1 + (name == 'gap')), before),
          seal.groups())
    for by, result in said.items():
        # to dkimpy such a chain has none
        check(by, after, 'fail' if result == 'ended' else result)


def look(t, rows, verifiers):
    """A case for each row."""
    rows = {name: row for name, row in rows.items() if t.wants(name)}
    if not rows:
        return
    messages, said = sealed_and_delivered(t, rows, verifiers)
    for name, row in rows.items():
        try:
            compare(row, name, messages[name],
                    {by: results[name] for by, results in said.items()})
        except Failed as problem:
            t.case(name, problem)
        else:
            t.case(name)


@cases
def test_delivered(t):
    """What is sealed holds behind the MTA, for two verifiers."""
    look(t, ROWS, VERIFIERS)
