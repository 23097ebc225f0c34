"""New policies, old sessions, stopping."""

import os
import re
import signal
import threading

from case import alone, equal, match, policy, rows, true
from daemon import wait_until


def says(word):
    return '''
kumo.on('smtp_server_mail_from', function(sender)
  kumo.reject(550, '%s')
end)
''' % word


def asked(d):
    s = d.session()
    s.helo()
    answer = str(s.mail())
    s.quit()
    return answer


@policy(says('old'))
def test_reload_verb(d):
    old = d.session()
    old.helo()
    equal(old.mail(), '550 old')
    d.write_policy(says('new'))
    done = d.verb('reload')
    equal(done.returncode, 0, done.stderr)
    equal(asked(d), '550 new')
    equal(old.mail(), '550 old', 'a session ends on the policy it began with')


@policy(says('old'))
def test_reload_by_hup(d):
    for i in range(5):
        d.write_policy(says('new%d' % i))
        d.signal(signal.SIGHUP)
        wait_until('the new policy serves',
                   lambda: asked(d) == '550 new%d' % i)
    true(d.alive(), 'a living daemon')


BROKEN = {
    'syntax': ('kumo.on(\n', r'policy\.lua:\d+'),
    'top level': ("error('at load')", r'policy\.lua:2: at load'),
    'nil call': ('nosuch()', r'policy\.lua:2'),
    'in init': ("kumo.on('init', function()\nerror('in init')\nend)",
                r'policy\.lua:3: in init'),
    'endless': ("kumo.on('init', function() while true do end end)",
                r'policy\.lua'),
    'endless at top': ('while true do end', r'policy\.lua'),
    'unknown setting': (
        "kumo.on('init', function()\n"
        "kumo.milter.configure { cpu_limitt = '1s' }\nend)", 'cpu_limitt'),
    'bad value': (
        "kumo.on('init', function()\n"
        "kumo.milter.configure { cpu_limit = 'soon' }\nend)", 'cpu_limit'),
    'bad choice': (
        "kumo.on('init', function()\n"
        "kumo.milter.configure { on_error = 'cry' }\nend)", 'cry'),
    'unknown listener key': (
        "kumo.on('init', function()\n"
        "kumo.start_esmtp_listener { hostnam = 'x' }\nend)", 'hostnam'),
    'two handlers': (says('a') + says('b'),
                     r'smtp_server_mail_from event already has a handler'),
    'module missing': ("require 'no.such.module'", r'no\.such\.module'),
    'handler is no function': ("kumo.on('smtp_server_ehlo', 5)",
                               r'policy\.lua:2'),
}


@rows(BROKEN)
@policy(lambda _: says('old'))
def test_broken_policy_is_refused(d, row):
    text, reason = row
    before = d.session()
    before.helo()
    d.write_policy(text)
    done = d.verb('reload')
    true(done.returncode != 0, 'a reload that fails')
    match(done.stderr + done.stdout, reason)
    equal(asked(d), '550 old')
    equal(before.mail(), '550 old')
    d.write_policy(says('mended'))
    equal(d.verb('reload').returncode, 0)
    equal(asked(d), '550 mended')


@policy(says('old'), args=['--log-level', 'debug'])
def test_old_policies_are_freed(d):
    """With their last session, the first one like all others."""
    last = d.session()
    last.helo()
    equal(asked(d), '550 old')
    for n in range(2, 5):
        d.write_policy(says('new'))
        equal(d.verb('reload').returncode, 0)
        if n > 2:
            d.wait_log('epoch %d: freed' % (n - 1))
    true('epoch 1: freed' not in d.log(), 'a session keeps its policy')
    equal(last.mail(), '550 old')
    last.quit()
    d.wait_log('epoch 1: freed')


@policy(says('old'))
def test_missing_policy_is_refused(d):
    equal(asked(d), '550 old')
    os.unlink(d.policy_file)
    true(d.verb('reload').returncode != 0, 'a reload that fails')
    equal(asked(d), '550 old')


@policy("return require('words').handler()",
        files={'words.lua': '''
local kumo = require 'kumo'
return { handler = function()
  kumo.on('smtp_server_mail_from', function() kumo.reject(550, 'one') end)
end }
'''})
def test_modules_are_loaded_anew(d):
    equal(asked(d), '550 one')
    with open(d.dir + '/words.lua') as f:
        text = f.read()
    d.write_file('words.lua', text.replace("'one'", "'two'"))
    equal(d.verb('reload').returncode, 0)
    equal(asked(d), '550 two')


class Traffic:
    """Sessions without pause in threads of their own, until stop()."""

    def __init__(self, d, threads=4):
        self.d = d
        self.stopping = threading.Event()
        self.answers = {}
        self.sessions = 0
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._run)
                        for _ in range(threads)]
        for t in self.threads:
            t.start()

    def _one(self):
        try:
            s = self.d.session()
            s.helo()
            first, second = str(s.mail()), str(s.mail())
            s.quit()
            return first if first == second else first + ' | ' + second
        except Exception as e:
            return repr(e)

    def _run(self):
        while not self.stopping.is_set():
            answer = self._one()
            with self.lock:
                self.sessions += 1
                self.answers[answer] = self.answers.get(answer, 0) + 1

    def stop(self):
        self.stopping.set()
        for t in self.threads:
            t.join()


@alone
@policy(says('policy 0'))
def test_reload_under_load(d):
    traffic = Traffic(d)
    try:
        for i in range(1, 31):
            d.write_policy(says('policy %d' % i))
            if i % 2:
                done = d.verb('reload')
                equal(done.returncode, 0, done.stderr)
            else:
                d.signal(signal.SIGHUP)
                wait_until('policy %d serves' % i,
                           lambda: asked(d) == '550 policy %d' % i)
            seen = traffic.sessions
            wait_until('sessions on it', lambda: traffic.sessions > seen + 20)
    finally:
        traffic.stop()
    odd = {a: n for a, n in traffic.answers.items()
           if not re.fullmatch(r'550 policy \d+', a)}
    equal(odd, {}, 'sessions that failed, or changed policy in mid-life')
    true(len(traffic.answers) > 20, 'sessions on most policies, not on %d'
         % len(traffic.answers))


SLOW = '''
kumo.on('smtp_server_mail_from', function(sender)
  if sender.user == 'slow' then kumo.sleep(1) end
end)
kumo.on('smtp_server_message_received', function(msg)
  msg:append_header('X-Seen', 'yes')
end)
'''


@policy(SLOW)
def test_term_drains(d):
    """Open sessions are served to their end; then the daemon goes."""
    idle, busy, slow = d.session(), d.session(), d.session()
    for s in (idle, busy, slow):
        s.helo()
    busy.mail()
    busy.rcpt()
    slow.milter.say('mail', b'<slow@example.com>\0')
    d.signal(signal.SIGTERM)
    wait_until('new connections are refused', lambda: not d.accepts())
    equal(slow.milter.answer(), 'continue')
    busy.data()
    equal(busy.content(), 'continue')
    equal(busy.delivered.get('X-Seen'), ['yes'])
    equal(idle.message(), 'continue')
    true(d.alive(), 'a daemon that waits for its sessions')
    for s in (idle, busy, slow):
        s.quit()
    equal(d.process.wait(30), 0)


@policy(SLOW)
def test_int_stops_too(d):
    d.signal(signal.SIGINT)
    equal(d.process.wait(30), 0)


@policy(SLOW)
def test_socket_is_gone_after_the_end(d):
    d.signal(signal.SIGTERM)
    equal(d.process.wait(30), 0)
    try:
        d.session()
    except OSError:
        return
    true(False, 'no one listening')
