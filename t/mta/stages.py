"""A refusal or a failure at one stage of a session, under any settings: the
policy (policy_stages.lua) and the client that walks into it.
"""
import os
import zlib

import expect
from harness import Failed, Smtp, check

STAGES = ('connect', 'helo', 'mail', 'rcpt', 'data', 'eom')
TEXT = 'no thank you'
GOOD = 'good@example.org'
CONTENT = 'From: good@example.org\nSubject: stages\n\none line\n'

with open(f'{os.path.dirname(os.path.abspath(__file__))}/'
          'policy_stages.lua') as _file:
    POLICY = _file.read()


def source(what):
    """The address of the client to whom this happens at connect."""
    number = zlib.crc32(what.encode())
    return f'127.3.{number % 251}.{number // 251 % 251 + 1}'


def lua_string(value):
    """A Lua literal."""
    if isinstance(value, (bool, int)):
        return str(value).lower()
    return f'"{value}"'


def files(options, whats=()):
    """What lies beside the policy.  options: of kumo.milter.configure;
    whats: all that is to happen at connect, each to a client of its own."""
    sources = {source(what): what for what in whats}
    check('clients', len(set(whats)), len(sources))
    set_to = ''.join(f' {name} = {lua_string(value)},'
                     for name, value in options.items())
    at_connect = ''.join(f' ["{address}"] = "{what}",'
                         for address, what in sources.items())
    return {'settings.lua': f'return {{ options = {{{set_to} }},\n'
                            f'at_connect = {{{at_connect} }} }}\n'}


def connect(mta, stage, what):
    """A client to whom this will happen at this stage."""
    return Smtp(mta.port, source=source(what) if stage == 'connect' else None)


def address(stage, what, at):
    """The address that it gives at MAIL or RCPT."""
    if at == 'rcpt':
        return f'{what}@rcpt.test' if stage == 'rcpt' else GOOD
    return f'{what}@{stage}.test' if stage in ('mail', 'data', 'eom') \
        else GOOD


def walk(client, stage, what):
    """Goes through a session; yields the stage and the reply of each."""
    name = f'{what}.helo.test' if stage == 'helo' else 'client.example.org'
    yield 'connect', client.reply()
    yield 'helo', client.cmd(f'EHLO {name}')
    yield 'mail', client.cmd(f'MAIL FROM:<{address(stage, what, "mail")}>')
    yield 'rcpt', client.cmd(f'RCPT TO:<{address(stage, what, "rcpt")}>')
    yield 'data', client.cmd('DATA')
    yield 'eom', client.content(CONTENT)


def refused(client, stage, what):
    """The stage and the reply at which the session was refused, or None
    and the last reply."""
    reply = None
    for at, reply in walk(client, stage, what):
        if reply.code >= 400 or reply.end:
            return at, reply
    return None, reply


def want(mta, stage, what, code, text=TEXT, mode='reject'):
    """What expect.py says about it, as expect.Expected."""
    at = expect.given_at(mta.name, stage, code)[0]
    return expect.expected(mta.name, stage, mode, code, text,
                           f'<{address(stage, what, at)}>')


def good_message(client):
    """A message that nobody objects to passes, and QUIT closes."""
    replies = client.message(GOOD, [GOOD], CONTENT)
    check('codes of a good message after it', [250, 250, 354, 250],
          [reply.code for reply in replies])
    check('QUIT', 221, client.cmd('QUIT').code)
    check_closed(client, 'QUIT')


def check_closed(client, after):
    """The server closes without another word."""
    if not client.closed():
        raise Failed(f'the server did not close after {after}')


def check_condemned(client, at, line):
    """The next command that the filter is asked about is the last."""
    if at == 'rcpt':
        reply = client.cmd(f'RCPT TO:<{GOOD}>')
    else:
        check('RSET', 250, client.cmd('RSET').code)
        reply = client.cmd(f'MAIL FROM:<{GOOD}>')
    check('next command', [line], list(reply))
    check_closed(client, 'it')


def check_end(client, at, expected):
    """How the session goes on after the refusal."""
    if expected.closes:
        check_closed(client, 'the refusal')
    elif expected.condemned:
        check_condemned(client, at, expected.next_line)
    else:
        check('RSET', 250, client.cmd('RSET').code)
        check('EHLO', 250, client.cmd('EHLO good.example.org').code)
        good_message(client)


def play(t, name, stage, what, expected):
    """One case of a @cases test: refused where and as expected."""
    if not t.wants(name):
        return
    with connect(t.mta, stage, what) as client:
        try:
            at, reply = refused(client, stage, what)
            if at not in expected.given_at:
                raise Failed(f'refused at {at} with {reply}, expected at '
                             f'{" or ".join(expected.given_at)}')
            check('reply', expected.lines, list(reply))
            check_end(client, at, expected)
        except Failed as problem:
            t.case(name, problem, client.transcript())
        else:
            t.case(name)
