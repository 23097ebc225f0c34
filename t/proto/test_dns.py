"""msys.dnsLookup: hundreds of sessions that wait for slow nameservers."""

import socket
import struct
import threading
import time

from case import alone, equal, policy, true
from test_limits import all_at_once
from daemon import PATIENCE

CROWD = 300


class Nameserver(threading.Thread):
    """On 127.0.0.1: every name has the address 192.0.2.9, but nobody learns
    it before questions for `wanted` names are here.

    Where that takes longer than a moment, one is answered ten times a second:
    a server that says nothing while hundreds ask is soon taken for dead."""

    def __init__(self, wanted):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind(('127.0.0.1', 0))
        self.port = self.socket.getsockname()[1]
        self.wanted = wanted
        self.asked = {}
        self.all_here = threading.Event()
        self.may_answer = True
        self.start()

    def run(self):
        spoke = time.monotonic()
        self.socket.settimeout(0.1)
        while True:
            try:
                packet, peer = self.socket.recvfrom(4096)
                if not packet:
                    return
                name = packet[12:packet.index(b'\0', 12)]
                self.asked.setdefault(name.lower(), []).append((packet, peer))
            except TimeoutError:
                pass
            except OSError:
                return
            if len(self.asked) >= self.wanted:
                self.all_here.set()
                if self.may_answer:
                    self.answer_all()
            elif self.may_answer and time.monotonic() - spoke > 0.1:
                spoke = time.monotonic()
                for questions in self.asked.values():
                    if questions:
                        self.answer(questions)
                        break

    def answer_all(self):
        for questions in self.asked.values():
            self.answer(questions)

    def answer(self, questions):
        while questions:
            packet, peer = questions.pop()
            end = packet.index(b'\0', 12) + 5
            self.socket.sendto(
                packet[:2] + struct.pack('>5H', 0x8180, 1, 1, 0, 0)
                + packet[12:end] + b'\xc0\x0c'
                + struct.pack('>HHIH4B', 1, 1, 60, 4, 192, 0, 2, 9), peer)

    def close(self):
        """Ends it as a server ends whose machine goes down."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b'', ('127.0.0.1', self.port))
        self.join()
        self.socket.close()


def crowd(d, n):
    sessions = []
    for i in range(n):
        s = d.session(timeout=PATIENCE)
        s.helo('n%d.example.com' % i)
        sessions.append(s)
    return sessions


POLICY = '''
require 'msys.core'
kumo.on('init', function()
  kumo.milter.configure { event_timeout = '120s', states = 2,
    dns_timeout = '%s' }
end)
kumo.on('smtp_server_mail_from', function(sender, cm)
  local found, why = msys.dnsLookup(cm:get_meta('ehlo_domain'), 'A',
    { server = '127.0.0.1:' .. sender.user })
  kumo.reject(550, 'is ' .. (found and table.concat(found, ' ') or why))
end)
'''


@alone
@policy(POLICY % '100s')
def test_300_wait_for_a_slow_server(d):
    """Nobody is answered before all have asked: all wait at once."""
    server = Nameserver(CROWD)
    sender = '<%d@example.com>' % server.port
    answers, _ = all_at_once(crowd(d, CROWD), sender)
    wrong = {str(a) for a in answers} - {'550 is 192.0.2.9'}
    equal(sorted(wrong)[:3], [])
    equal(len(answers), CROWD)
    server.close()


@alone
@policy(POLICY % '1s')
def test_server_dies_with_300_waiting(d):
    server = Nameserver(CROWD)
    server.may_answer = False
    sender = '<%d@example.com>' % server.port

    def kill():
        server.all_here.wait(PATIENCE)
        server.close()
    killer = threading.Thread(target=kill)
    killer.start()
    answers, _ = all_at_once(crowd(d, CROWD), sender)
    killer.join()
    equal(len(answers), CROWD)
    for answer in answers:
        true(str(answer).endswith(('no answer in time',
                                   'the DNS servers cannot tell')), answer)
    equal(d.session().helo(), 'continue')


@policy(POLICY % '20s')
def test_answers_are_kept(d):
    """A second session asks nobody."""
    server = Nameserver(1)
    for _ in range(2):
        s = d.session()
        s.helo('one.example.com')
        equal(s.mail('<%d@example.com>' % server.port), '550 is 192.0.2.9')
    server.close()
    s = d.session()
    s.helo('one.example.com')
    equal(s.mail('<%d@example.com>' % server.port), '550 is 192.0.2.9')
