"""DKIM signatures of mail as the MTA delivers it, by a verifier of others'."""
import base64
import json
import os
import shutil
import subprocess

from content import GIVEN
from harness import ROOT, Failed, Skip, Smtp, cases, check, run, temp_dir
from sink import Sink, delivering

VERIFY = f'{ROOT}/t/dkim/verify.py'

# Each message has all of these, so each verifier meets all of them.
POLICY = '''
local kumo = require 'kumo'
kumo.on('init', function()
  kumo.milter.configure {{ batch_handling = 'AllInOne' }}
end)
local function sign(msg)
  for _, kind in ipairs {{ 'rsa', 'ed25519' }} do
    for _, header in ipairs {{ 'Relaxed', 'Simple' }} do
      for _, body in ipairs {{ 'Relaxed', 'Simple' }} do
        msg:dkim_sign(kumo.dkim.rsa_sha256_signer {{
          domain = 'example.org', selector = kind, over_sign = true,
          headers = {{ 'From', 'To', 'Cc', 'Subject', 'Date', 'Message-ID',
            'Sender', 'Reply-To', 'References', 'MIME-Version',
            'Content-Type', 'Content-Transfer-Encoding', 'X-Other', 'X-Mine',
            'Received', 'Return-Path', 'Bcc' }},
          header_canonicalization = header, body_canonicalization = body,
          key = '{keys}/' .. kind,
        }})
      end
    end
  end
end
local edits = {{
{edits}
}}
kumo.on('smtp_server_message_received', function(msg)
  local name = msg:recipient().user
  local edit = edits[name] or function() end
  if name:find '^late_' then
    sign(msg)
    edit(msg)
  else
    edit(msg)
    sign(msg)
  end
end)
'''

HEAD = f'From: Ann <a@example.org>\nTo: b@example.net\nSubject: hello\n{GIVEN}'
PLAIN = f'{HEAD}X-Other: x\n\ntext\n'

# What a client sends.
CONTENTS = {
    'plain': PLAIN,
    'folded': 'Subject: a\n folded\n\t subject\nX-Other:\n  starts folded\n'
              f'References: <a@b>\n <c@d>\n\t<e@f>\nFROM: a@example.org\n{GIVEN}'
              'X-Mine: ' + 'word ' * 150 + 'end\n\ntext\n',
    'long_line': f'{HEAD}X-Mine: {"word  " * 500}end \n\ntext\n',
    'spaces': 'From:a@example.org\nSubject:   many   spaces  \nTo:\tb@c.de\n'
              f'X-Other:\nX-Mine:   \n{GIVEN}\ntext  \n\twith   space\t \n \n',
    'several': f'{HEAD}X-Other: one\nX-Other: two\nx-other: three\n\ntext\n',
    'eight': f'{HEAD}MIME-Version: 1.0\nX-Other: gr\u00fc\u00dfe\n'
             'Content-Type: text/plain; charset=utf-8\n'
             'Content-Transfer-Encoding: 8bit\n\ngr\u00fc\u00dfe\n',
    'eight_bare': f'{HEAD}\ngr\u00fc\u00dfe\n',
    'dots': f'{HEAD}\n.\n..two\n.x\n \n.\n',
    'body_from': f'{HEAD}\nFrom me\n>From you\nFrom  x\n',
    'large': f'{HEAD}\n' + ('0123456789' * 7 + '\n') * 20000,
    'bare': 'From: a@example.org\nTo: b@example.net\n\ntext\n',
    'given_away': f'Return-Path: <x@y.de>\nContent-Length: 12\n{PLAIN}',
    'list': 'From: Ann <a@example.org>\nTo: b@example.net, Carl <c@d.de>\n'
            f'Cc: "D, E" <d@e.de>,\n f@g.de, h@i.de\n{GIVEN}\ntext\n',
    'tight_list': 'From:\n\tAnn <a@example.org>\nSender:\ta@example.org\n'
                  'Reply-To:(a, b) x@y.de , <z@y.de>\nCc: g:a@b.de,c@d.de;\n'
                  'To: ' + ','.join(f'user{n}@example.net' for n in range(9))
                  + f',,\n{GIVEN}\ntext\n',
    'long_list': 'To: ' + ', '.join(f'N {n} <u{n}@c.de>' for n in range(99))
                 + '\nCc: ' + ',\n\t'.join(
                     f'"{n * "n"}, x"  <u{n}@c.de>' for n in range(70))
                 + f'\nFrom: a@example.org\n{GIVEN}\ntext\n',
}

# What a policy does before it signs; with late_ afterwards.
EDITS = {
    'prepend': "msg:prepend_header('X-Mine', 'one\\n two')",
    'append': "msg:append_header('X-Mine', '  spaces   in it ')",
    'append_long': "msg:append_header('X-Mine', ('word '):rep(100), true)",
    'remove': "msg:remove_all_named_headers 'X-Other'",
    'subject': "msg:remove_all_named_headers 'Subject' "
               "msg:append_header('Subject', 'gr\\u{fc}\\u{df}e', true)",
    'body': "msg:set_data((msg:get_data():gsub('text', 'other\\r\\ntext')))",
    'empty': "msg:set_data((msg:get_data():gsub('text.*', '')))",
    'no_end': "msg:set_data((msg:get_data():gsub('text.*', 'no end')))",
    'lines': "msg:set_data((msg:get_data():gsub('text.*', "
             "'a\\nb\\r\\nc\\rd\\n\\n.\\n\\n')))",
    'trailing': "msg:set_data(msg:get_data() .. '\\r\\n\\r\\n \\r\\n\\r\\n')",
    'text_part': "msg:append_text_plain('more')",
    'conform': "msg:check_fix_conformance('', "
               "'MISSING_DATE_HEADER|MISSING_MESSAGE_ID_HEADER')",
}


def make_keys(folder):
    """The keys, and a zone that has their public halves."""
    zone = {}
    for kind, how in (('rsa', ['-pkeyopt', 'rsa_keygen_bits:1024']),
                      ('ed25519', [])):
        path = f'{folder}/{kind}'
        run('openssl', 'genpkey', '-algorithm', kind, *how, '-out', path)
        os.chmod(path, 0o644)
        public = run('openssl', 'pkey', '-in', path, '-pubout',
                     '-outform', 'DER')
        if kind == 'ed25519':
            public = public[-32:]
        zone[f'{kind}._domainkey.example.org'] = \
            f'v=DKIM1; k={kind}; p={base64.b64encode(public).decode()}'
    with open(f'{folder}/zone', 'w', encoding='utf-8') as file:
        json.dump(zone, file)


def verified(folder, messages):
    """name -> what the verifier says of each of its signatures."""
    paths = []
    for name, content in messages.items():
        paths.append(f'{folder}/{name}.eml')
        with open(paths[-1], 'wb') as file:
            file.write(content)
    done = subprocess.run([VERIFY, f'{folder}/zone', *paths],
                          capture_output=True, text=True, check=False)
    if 'no module dkim' in done.stderr:
        raise Skip('the verifier is not installed: python3-dkim')
    if done.returncode:
        raise Failed(done.stderr)
    said = [line.partition(': ')[2].split('; ')
            for line in done.stdout.splitlines()]
    return dict(zip(messages, said, strict=True))


def signed_and_delivered(t, contents, edits, eightbit=True):
    """Sends, signs, delivers and verifies: name -> results."""
    folder = temp_dir()
    try:
        make_keys(folder)
        text = '\n'.join(f"['{name}'] = function(msg) {edit} end,"
                         for name, edit in edits.items())
        policy = POLICY.format(keys=folder, edits=text)
        with Sink(eightbit) as sink, \
                delivering(t.mta, sink) as delivered, \
                t.kumilter(policy), Smtp(t.mta.port) as client:
            client.greet()
            for name, content in contents.items():
                reply = client.message('a@example.org',
                                       [f'{name}@example.net'], content)[-1]
                check(f'reply to {name}', 250, reply.code)
            return verified(folder, delivered(contents))
    finally:
        shutil.rmtree(folder)


@cases
def test_delivered(t):
    """All signatures of every message hold behind the MTA."""
    edits = EDITS | {f'late_{name}': edit for name, edit in EDITS.items()}
    contents = CONTENTS | dict.fromkeys(edits, PLAIN)
    contents['conform'] = contents['late_conform'] = CONTENTS['bare']
    contents = {name: content for name, content in contents.items()
                if t.wants(name)}
    if not contents:
        return
    for name, said in signed_and_delivered(t, contents, edits).items():
        problem = None
        if said != ['pass'] * 8:
            problem = Failed(f'expected 8 times pass, got {said}')
        t.case(name, problem)


def test_what_breaks(t):
    """As the manual says: mail in 8 bits for a next hop without 8BITMIME and
    long lines of the body; unless the policy repairs them before."""
    contents = {name: CONTENTS[name] for name in ('plain', 'eight')}
    contents['long'] = f'{HEAD}\n{"word " * 300}\n'
    contents |= {f'mended_{name}': contents[name] for name in contents}
    repair = ("msg:check_fix_conformance('', "
              "'NEEDS_TRANSFER_ENCODING|LINE_TOO_LONG')")
    edits = {name: repair for name in contents if name.startswith('mended')}
    said = signed_and_delivered(t, contents, edits, eightbit=False)
    check('hold', ['mended_eight', 'mended_long', 'mended_plain', 'plain'],
          sorted(name for name in said if said[name] == ['pass'] * 8))
    for name in 'eight', 'long':
        check(name, 0, said[name].count('pass'))
