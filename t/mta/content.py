"""A message, a policy for it, and what of it is delivered."""
import re

from harness import Failed, Smtp, check

POLICY = '''
local kumo = require 'kumo'
kumo.on('init', function()
  kumo.milter.configure { batch_handling = 'AllInOne', %s }
end)
kumo.on('smtp_server_message_received', function(msg, conn_meta)
  %s
end)
'''
GIVEN = '''\
Message-Id: <given@example.org>
Date: Thu, 01 Jan 2026 00:00:00 +0000
'''
HEADERS = f'''\
From: a@example.org
X-Dup: first
To: b@example.net
x-dup: second
Subject: a folded
 subject
X-DUP: third
X-Keep:  two spaces
{GIVEN}'''
BODY = 'first line\nsecond line\n'
CONTENT = f'{HEADERS}\n{BODY}'
A, B, C, D = 'a@example.org', 'b@example.net', 'c@example.net', 'd@other.test'


def policy(script, conf=''):
    """The text of one: script is what it does with every message."""
    return POLICY % (conf, script)


def crlf(text):
    """As it is on the wire."""
    data = text if isinstance(text, bytes) else text.encode()
    return data.replace(b'\n', b'\r\n')


def own(queued):
    """The header lines but those of the Received: that the MTA adds."""
    text = queued.block + b'\n'
    text = re.sub(rb'(?m)^Received: from client\.example\.org.*\n'
                  rb'([ \t].*\n)*', b'', text)
    return text.decode('utf-8', 'surrogateescape')


def each(t, rows, one):
    """one(t, *row) for every row of a table: name -> row."""
    for name, row in rows.items():
        if not t.wants(name):
            continue
        try:
            one(t, *row)
        except Failed as problem:
            t.case(name, problem)
        else:
            t.case(name)


def deliver(t, text, content=CONTENT, sender=A, rcpts=(B,)):
    """A message under that policy: the reply to it and what is queued."""
    with t.kumilter(text), Smtp(t.mta.port) as client:
        client.greet()
        reply = client.message(sender, rcpts, content)[-1]
        queued = t.mta.queued(reply) if reply.code == 250 else None
        return reply, queued


def delivered(t, script, content=CONTENT, conf=''):
    """What is queued of it."""
    reply, queued = deliver(t, policy(script, conf), content)
    check('reply', 250, reply.code)
    return queued


def refused(t, script, content, words):
    """The reply holds these words; '250' is what an accepted one has."""
    reply, _ = deliver(t, policy(script), content)
    if words not in ' / '.join(reply):
        raise Failed(f'expected "{words}" in {reply}')
