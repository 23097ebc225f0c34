"""msg:dkim_sign: mail of all kinds, verified by others' verifiers; keys that
are waited for, and that change.

KUMILTER_DKIM_CROSS=N (make check-dkim-cross) signs N messages instead of a
few, and asks Mail::DKIM and, where it is installed, libopendkim, too.
"""

import json
import os
import shutil
import subprocess
import threading

from case import Skip, equal, match, policy, true
from daemon import PATIENCE
from milter_client import cstrings
from mta_session import Delivered
from test_dkim_verify import split
from test_http import Server

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..',
                      'dkim')
# messages, and what their making depends on
FEW, SEED = 60, 8463

# The sender's local part says how: "rsa1024.Relaxed.Simple.true"
POLICY = '''
local function sign(msg, how)
  local key, header, body, over = how:match '(%%w+)%%.(%%w+)%%.(%%w+)%%.(%%w+)'
  msg:dkim_sign(kumo.dkim.rsa_sha256_signer {
    domain = 'example.com', selector = key, key = '%s/' .. key .. '.pem',
    header_canonicalization = header, body_canonicalization = body,
    over_sign = over == 'true', expiration = 3600,
    headers = { 'From', 'To', 'Subject', 'Date', 'Message-ID', 'X-One',
      'x-two', 'Reply-To', 'Comments', 'X-None', 'Received' },
  })
end
kumo.on('smtp_server_message_received', function(msg)
  for how in msg:sender().user:gmatch '[^/]+' do
    sign(msg, how)
  end
  if msg:sender().domain == 'changes.example' then
    msg:set_data(msg:get_data() .. 'more\\r\\n')
    msg:append_header('Comments', 'of the filter\\n\\tin two lines')
  end
end)
'''


def how(number):
    """All keys, canonicalizations and ways; sometimes two signatures."""
    key = ('rsa1024', 'rsa2048', 'ed')[number % 3]
    canon = ('Relaxed', 'Simple')
    one = '.'.join((key, canon[number // 3 % 2], canon[number // 6 % 2],
                    'true' if number // 12 % 2 else 'false'))
    return f'{one}/ed.Simple.Simple.true' if number % 5 == 0 else one


def text(data):
    """As the headers of Delivered are."""
    return data.decode('utf-8', 'surrogateescape') \
        if isinstance(data, bytes) else data


def signed(s, number, fields, body):
    """The message behind the filter, as octets."""
    domain = 'changes.example' if number % 7 == 0 else 'a.example'
    s.mail(f'<{how(number)}@{domain}>')
    s.rcpt()
    s.data()
    for name, raw in fields:
        s.milter.command('header', cstrings(name, raw))
    s.milter.eoh()
    answer = s._end(s.milter.body(body))
    s.in_message = False
    equal(answer, 'continue', f'message {number}')
    after = Delivered('', [], [(text(n), text(v)) for n, v in fields], body,
                      answer.edits, False)
    head = ''.join(f'{name}:{value}\n' for name, value in after.headers)
    return head.encode('utf-8', 'surrogateescape').replace(b'\n', b'\r\n') \
        + b'\r\n' + after.body


def judged(verifier, zone, paths):
    """What it says of each: a list of lists."""
    done = subprocess.run([*verifier, zone, *paths], capture_output=True,
                          text=True)
    if 'no module' in done.stderr:
        raise Skip(done.stderr.strip())
    equal(done.returncode, 0, done.stderr)
    return [line.partition(': ')[2].split('; ')
            for line in done.stdout.splitlines()]


def opendkim(folder):
    """The verifier of libopendkim, made here; None where that lacks."""
    if not shutil.which('cc') or subprocess.run(
            ['pkg-config', '--exists', 'opendkim']).returncode:
        print('    not asked: libopendkim (Debian: libopendkim-dev)')
        return None
    flags = subprocess.run(['pkg-config', '--cflags', '--libs', 'opendkim'],
                           capture_output=True, text=True).stdout.split()
    subprocess.run(['cc', '-o', f'{folder}/verify', f'{FOLDER}/verify.c',
                    *flags], check=True)
    return [f'{folder}/verify']


def wrong_ones(said, wanted, name):
    """Lines about messages that are not all right."""
    for number, (got, count) in enumerate(zip(said, wanted, strict=True)):
        if got != ['pass'] * count:
            yield f'{name}, {number} ({how(number)}): {got}'


def judge(folder, count):
    """By all verifiers: what is wrong.  RSA alone for those that know no
    other."""
    paths = [f'{folder}/{n}.eml' for n in range(count)]
    wanted = [how(n).count('/') + 1 for n in range(count)]
    zone = f'{folder}/zone.json'
    yield from wrong_ones(judged([f'{FOLDER}/verify.py'], zone, paths),
                          wanted, 'dkimpy')
    if count == FEW:
        return
    rsa = [n for n in range(count)
           if not any(one.startswith('ed.') for one in how(n).split('/'))]
    paths = [paths[n] for n in rsa]
    verifiers = {'Mail::DKIM': ([f'{FOLDER}/verify.pl'], zone)}
    made = opendkim(folder)
    if made:
        with open(zone) as file, open(f'{folder}/zone', 'w') as lines:
            for name, record in json.load(file).items():
                lines.write(f'{name} {record}\n')
        verifiers['libopendkim'] = (made, f'{folder}/zone')
    for name, (verifier, known) in verifiers.items():
        said = judged(verifier, known, paths)
        print(f'    {name}: {said.count(["pass"])} of {len(rsa)} pass')
        for number, got in zip(rsa, said, strict=True):
            if got != ['pass']:
                yield f'{name}, {number} ({how(number)}): {got}'


@policy('')
def test_verified_by_others(d):
    """Signed by the daemon, all signatures pass."""
    count = int(os.environ.get('KUMILTER_DKIM_CROSS', FEW))
    folder = os.path.join(d.dir, 'mail')
    os.mkdir(folder)
    made = subprocess.run([f'{FOLDER}/unsigned.py', str(count), str(SEED),
                           folder], capture_output=True, text=True)
    if 'no module' in made.stderr:
        raise Skip(made.stderr.strip())
    equal(made.returncode, 0, made.stderr)
    for name in os.listdir(folder):
        os.chmod(os.path.join(folder, name), 0o644)
    d.write_policy(POLICY % folder)
    equal(d.verb('reload').returncode, 0)
    s = d.session()
    s.helo()
    for number in range(count):
        path = os.path.join(folder, f'{number}.eml')
        with open(path, 'rb') as file:
            fields, body = split(file.read())
        with open(path, 'wb') as file:
            file.write(signed(s, number, fields, body))
    wrong = list(judge(folder, count))
    true(not wrong, f'{count} right, but {len(wrong)} are not:\n'
         + '\n'.join(wrong[:20]))


KEYS = '''
kumo.on('init', function()
  kumo.milter.configure { states = 1 }
end)
kumo.on('smtp_server_mail_from', function(sender)
  if sender.user == 'quick' then
    kumo.reject(550, 'quick')
  end
end)
kumo.on('smtp_server_message_received', function(msg)
  local ok, why = pcall(function()
    msg:dkim_sign(kumo.dkim.ed25519_signer {
      domain = 'example.com', selector = 's', headers = { 'From' },
      key = %s, ttl = msg:sender().user == 'now' and 0 or nil,
    })
  end)
  if not ok then
    kumo.reject(550, (why:gsub('.*kumo.dkim', 'kumo.dkim')))
  end
end)
'''


def pem(algorithm):
    """A new key."""
    return subprocess.run(['openssl', 'genpkey', '-algorithm', algorithm],
                          check=True, capture_output=True, text=True).stdout


def signature(s, sender='<ann@example.com>'):
    """The algorithm of a message's signature, or what was said instead."""
    answer = s.message(sender)
    if answer.refuses:
        return str(answer)
    field, = s.delivered.get('DKIM-Signature')
    return field.partition('a=')[2].partition(';')[0]


@policy('')
def test_key_in_vault(d):
    """One session waits for the key, others go on, with one Lua state; it is
    asked for once, and again for a policy that was loaded again."""
    asked, may_answer = threading.Event(), threading.Event()
    key = pem('ed25519')

    def answer(_request):
        asked.set()
        may_answer.wait(PATIENCE)
        return 200, json.dumps({'data': {'data': {'key': key}}})

    server = Server(answers={'/v1/secret/data/dkim/key': answer})
    d.write_policy(KEYS % f"""{{ vault_mount = 'secret',
      vault_path = 'dkim/key', vault_address = '{server.url}',
      vault_token = 'token' }}""")
    equal(d.verb('reload').returncode, 0)
    first, second = d.session(timeout=PATIENCE), d.session()
    got = []
    waiting = threading.Thread(target=lambda: got.append(signature(first)))
    waiting.start()
    true(asked.wait(PATIENCE), 'Vault is asked')
    equal(second.mail('<quick@example.com>'), '550 quick')
    equal(got, [])
    may_answer.set()
    waiting.join()
    equal(got, ['ed25519-sha256'])
    equal(signature(second), 'ed25519-sha256')
    equal(len(server.requests), 1)
    equal(d.verb('reload').returncode, 0)
    equal(signature(d.session()), 'ed25519-sha256')
    equal(len(server.requests), 2)
    server.close()
    match(signature(d.session(), '<now@example.com>'),
          'kumo.dkim.ed25519_signer: key source: kv2::read vault_mount=secret,'
          ' vault_path=dkim/key: error sending request')


@policy('')
def test_key_in_file(d):
    """It is read again when its time is over, and by a new policy; one that
    is gone is not used."""
    path = os.path.join(d.dir, 'key.pem')

    def write(text):
        with open(path, 'w') as file:
            file.write(text)
        os.chmod(path, 0o644)

    write(pem('ed25519'))
    d.write_policy(KEYS % f"'{path}'")
    equal(d.verb('reload').returncode, 0)
    s = d.session()
    equal(signature(s), 'ed25519-sha256')
    write(pem('rsa'))
    equal(signature(s), 'ed25519-sha256')
    equal(signature(s, '<now@example.com>'), 'rsa-sha256')
    equal(d.verb('reload').returncode, 0)
    s = d.session()
    equal(signature(s), 'rsa-sha256')
    os.unlink(path)
    equal(signature(s), 'rsa-sha256')
    match(signature(s, '<now@example.com>'), '550 kumo.dkim.ed25519_signer: '
          'KeySource failed to load data from file `.*key.pem`: No such file')
    write(pem('x25519'))
    match(signature(s, '<now@example.com>'),
          'key: this is a key of X25519; RSA or Ed25519 expected')


@policy(KEYS % "'/never/ever'")
def test_no_key(d):
    """The message is refused as the policy says; nothing is signed."""
    match(signature(d.session()), '550 kumo.dkim.ed25519_signer: KeySource')
