"""msg:dkim_verify: signatures of mail that came through a real MTA."""
import json
import os
import subprocess

from content import A, B, each, own
from harness import Failed, Skip, Smtp, cases, check, temp_dir
from common import ROOT, remove_dir

POLICY = '''
local kumo = require 'kumo'
kumo.on('init', function()
  kumo.dns.configure_test_resolver { [[
$ORIGIN example.com.
%s]] }
end)
kumo.on('smtp_server_message_received', function(msg)
  kumo.milter.remove_authentication_results(msg, 'mx.example.org')
  msg:add_authentication_results('mx.example.org', msg:dkim_verify())
end)
'''
# The message and the keys of RFC 8463, A
ED25519 = 'v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo='
RSA = ('v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRi'
       'Gs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACD'
       'fzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3I'
       'p3G+2kryOTIKT+l/K4w3QIDAQAB')
KEYS = {'brisbane._domainkey.football.example.com': ED25519,
        'test._domainkey.football.example.com': RSA}
SIGNED = '''\
DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :
 date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
'''
FORGED = '''\
Authentication-Results: MX.example.org; dkim=pass header.d=bank.example
'''

# what replaces what in the message -> what is said of both signatures
ROWS = {
    'as it is': ('', '', 'dkim=pass'),
    'relaxed': ('Subject: Is', 'SUBJECT:   Is\t\n ', 'dkim=pass'),
    'body': ('lost', 'won',
             'dkim=permerror reason="body hash did not verify"'),
    'header': ('dinner', 'lunch',
               'dkim=permerror reason="signature did not verify"'),
    'second From:': ('To: ', 'From: eve@example.org\nTo: ',
                     'dkim=permerror reason="signature did not verify"'),
    'other selector': ('s=', 's=x',
                       'dkim=permerror reason="no key for signature"'),
    'forged result': ('From: Joe', FORGED + 'From: Joe', 'dkim=pass'),
}


def zone(keys):
    """As text; no string in it has more than 255 bytes."""
    return ''.join(
        f'{name}. 300 IN TXT ' + ' '.join(
            f'"{record[i:i + 200]}"' for i in range(0, len(record), 200))
        + '\n' for name, record in keys.items())


def send(client, content):
    """A message with CR LF, just as it is; the reply."""
    client.cmd(f'MAIL FROM:<{A}>')
    client.cmd(f'RCPT TO:<{B}>')
    client.cmd('DATA')
    stuffed = (b'\n' + content).replace(b'\n.', b'\n..')[1:]
    client.send_raw(stuffed + b'.\r\n')
    return client.reply()


def results(t, client, content):
    """The lines of our Authentication-Results that say "dkim="."""
    reply = send(client, content)
    check('reply', 250, reply.code)
    lines = own(t.mta.queued(reply)).split('\nDKIM-Sig')[0].splitlines()
    check('stamp', 'Authentication-Results: mx.example.org;', lines[0])
    return [line.strip(' \t;') for line in lines if 'dkim=' in line]


@cases
def test_known(t):
    """The example of RFC 8463, and what became of it on the way."""
    with t.kumilter(POLICY % zone(KEYS)), Smtp(t.mta.port) as client:
        client.greet()
        each(t, ROWS, lambda _, *row: known(t, client, *row))


def known(t, client, old, new, want):
    content = SIGNED.replace(old, new).replace('\n', '\r\n').encode()
    check('results', [want, want], results(t, client, content))


@cases
def test_by_others(t):
    """Both MTAs pass on what dkimpy and Mail::DKIM signed."""
    folder = temp_dir()
    try:
        made = subprocess.run([f'{ROOT}/t/dkim/generate.py', '24', '8463',
                               folder], capture_output=True, text=True,
                              check=False)
        if 'generate.py: no module' in made.stderr:
            raise Skip(made.stderr.strip())
        check('generate.py', 0, made.returncode)
        by_others(t, folder)
    finally:
        remove_dir(folder)


def by_others(t, folder):
    with open(os.path.join(folder, 'zone.json'), encoding='utf-8') as file:
        keys = json.load(file)
    with t.kumilter(POLICY % zone(keys)), Smtp(t.mta.port) as client:
        client.greet()
        wrong = []
        for n in range(24):
            with open(f'{folder}/{n}.eml', 'rb') as file:
                said = results(t, client, file.read())
            if said != ['dkim=pass']:
                wrong.append(f'{n}.eml: {said}')
        if wrong:
            raise Failed('\n'.join(wrong))
    t.case('of 24')
