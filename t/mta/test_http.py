"""A policy that asks a service over HTTP, and a service that goes away."""
import os
import sys

import expect
from harness import ROOT, Smtp, check

sys.path.insert(0, f'{ROOT}/t')

from http_server import Server                              # noqa: E402

CONTENT = 'Subject: hello\n\n%s\n'
SENDER, BOB = 'a@example.org', 'bob@example.net'
BANNED = 'banned@example.org'
POLICY = '''
local kumo = require 'kumo'
local client = kumo.http.build_client { timeout = '5s' }

local function ask(path, params)
  local ok, response = pcall(function()
    return client:post('%(url)s' .. path):form_url_encoded(params):send()
  end)
  if not ok then
    kumo.log_error(response)
    kumo.reject(451, '4.7.1 try again later')
  elseif response:status_code() == 403 then
    kumo.reject(550, '5.7.1 ' .. response:text())
  end
end

kumo.on('smtp_server_mail_from', function(sender, conn_meta)
  ask('/may-send', { sender = tostring(sender) })
end)

kumo.on('smtp_server_message_received', function(msg)
  local verdict = client:put('%(url)s/scan'):body(msg:get_data()):send()
  local text = verdict:text()
  if verdict:status_code() == 403 then
    kumo.reject(554, '5.7.1 ' .. text)
  end
  msg:append_header('X-Scanned', text)
end)
'''


def may_send(request):
    if b'banned%40example.org' in request:
        return 403, 'you may not'
    return 200, ''


def scan(request):
    if b'spam spam' in request:
        return 403, 'that is spam'
    return 200, 'fine, %d octets' % len(request.split(b'\r\n\r\n', 1)[1])


def codes(replies):
    return [reply.code for reply in replies]


def test_ask_a_service(t):
    """Who may send and what is in it; the service dies and comes back."""
    server = Server(answers={'/may-send': may_send, '/scan': scan})
    with t.kumilter(POLICY % {'url': server.url}), \
            Smtp(t.mta.port) as client:
        client.greet()
        check('banned', expect.lines(t.mta.name, 'mail', 550,
                                     '5.7.1 you may not', f'<{BANNED}>'),
              list(client.cmd(f'MAIL FROM:<{BANNED}>')))
        good = client.message(SENDER, [BOB], CONTENT % 'ham')
        check('good', [250, 250, 354, 250], codes(good))
        check('header', ['fine'], [value.split(',')[0] for value in
                                   t.mta.queued(good[-1]).values('X-Scanned')])
        check('spam', 554, client.message(SENDER, [BOB],
                                          CONTENT % 'spam spam')[-1].code)
        server.close()
        check('away', 451, client.cmd(f'MAIL FROM:<{SENDER}>').code)
        server = Server(port=server.port,
                        answers={'/may-send': may_send, '/scan': scan})
        check('back', [250, 250, 354, 250],
              codes(client.message(SENDER, [BOB], CONTENT % 'ham')))
        client.expect('QUIT', 221)
    server.close()
    t.mta.forget_messages()
