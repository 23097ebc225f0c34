"""A scripted MTA: the MTA's half of the milter protocol, version 6.

Milter speaks the protocol and nothing more.  It keeps to what was negotiated
as an MTA does: what the filter declined is not sent, and what it marked as
never answering is not waited for.  mta_session.py builds the behaviour of
Postfix and Sendmail upon it.

Every command returns a Reply.  str(reply) is what a test compares:
'continue', 'accept', 'discard', 'reject', 'tempfail', 'skip', for a reply code
its text ('550 5.7.1 go away'), and three that are not in the protocol:
'unsent' (the filter declined this command), 'unanswered' (it said that it
never answers) and 'closed' (it hung up).
"""

import collections
import socket
import struct

ACTIONS = {
    'addhdrs': 0x001, 'chgbody': 0x002, 'addrcpt': 0x004, 'delrcpt': 0x008,
    'chghdrs': 0x010, 'quarantine': 0x020, 'chgfrom': 0x040,
    'addrcpt_par': 0x080, 'setsymlist': 0x100,
}
STEPS = {
    'noconnect': 0x1, 'nohelo': 0x2, 'nomail': 0x4, 'norcpt': 0x8,
    'nobody': 0x10, 'nohdrs': 0x20, 'noeoh': 0x40, 'nr_hdr': 0x80,
    'nounknown': 0x100, 'nodata': 0x200, 'skip': 0x400, 'rcpt_rej': 0x800,
    'nr_conn': 0x1000, 'nr_helo': 0x2000, 'nr_mail': 0x4000,
    'nr_rcpt': 0x8000, 'nr_data': 0x10000, 'nr_unknown': 0x20000,
    'nr_eoh': 0x40000, 'nr_body': 0x80000, 'hdr_leadspc': 0x100000,
}
ALL_ACTIONS = 0x1ff
ALL_STEPS = 0x1fffff
SYMLIST_STAGES = {0: 'connect', 1: 'helo', 2: 'mail', 3: 'rcpt', 4: 'data',
                  5: 'eom', 6: 'eoh'}

# command -> letter, step that declines it, step that silences it
COMMANDS = {
    'connect': (b'C', 'noconnect', 'nr_conn'),
    'helo': (b'H', 'nohelo', 'nr_helo'),
    'mail': (b'M', 'nomail', 'nr_mail'),
    'rcpt': (b'R', 'norcpt', 'nr_rcpt'),
    'data': (b'T', 'nodata', 'nr_data'),
    'header': (b'L', 'nohdrs', 'nr_hdr'),
    'eoh': (b'N', 'noeoh', 'nr_eoh'),
    'body': (b'B', 'nobody', 'nr_body'),
    'eom': (b'E', None, None),
    'unknown': (b'U', 'nounknown', 'nr_unknown'),
}
VERDICTS = {b'c': 'continue', b'a': 'accept', b'd': 'discard', b'r': 'reject',
            b't': 'tempfail', b's': 'skip', b'y': 'replycode',
            b'4': 'shutdown', b'f': 'conn_fail'}

BODY_CHUNK = 65535
LONGEST_PACKET = 16 * 1024 * 1024


class ProtocolError(Exception):
    """The filter said something that no MTA understands."""


class Reply(collections.namedtuple('Reply', 'action text edits')):
    """What the filter answered; edits only at end of message."""

    def __str__(self):
        if self.action == 'replycode':
            return self.said
        return self.action

    @property
    def said(self):
        """The reply as the MTA passes it on, lines separated by newlines."""
        text = self.text.replace(b'%%', b'%').replace(b'\r\n', b'\n')
        return text.decode('utf-8', 'backslashreplace')

    @property
    def code(self):
        if self.action == 'replycode':
            return int(self.text[:3])
        return {'reject': 550, 'tempfail': 451}.get(self.action)

    @property
    def refuses(self):
        return self.code is not None


def reply(action, text=b'', edits=()):
    return Reply(action, text, list(edits))


def packet(letter, data=b''):
    return struct.pack('!I', len(data) + 1) + letter + data


def to_bytes(text):
    return text if isinstance(text, bytes) else text.encode('utf-8')


def cstrings(*texts):
    return b''.join(to_bytes(t) + b'\0' for t in texts)


def from_cstrings(data):
    return [s.decode('utf-8', 'surrogateescape')
            for s in data.split(b'\0')[:-1]]


def open_socket(address, timeout):
    """address: 'unix:/path', 'inet:PORT@HOST' or 'inet6:PORT@HOST'."""
    kind, rest = address.split(':', 1)
    if kind in ('unix', 'local'):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(timeout)
        s.connect(rest)
        return s
    port, _, host = rest.partition('@')
    s = socket.create_connection((host.strip('[]') or 'localhost', int(port)),
                                 timeout)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


class Wire:
    """Packets over one connection."""

    def __init__(self, address, timeout=20):
        self.sock = open_socket(address, timeout)
        self.buffer = b''

    def send_raw(self, data):
        self.sock.sendall(data)

    def send(self, letter, data=b''):
        self.send_raw(packet(letter, data))

    def _fill(self, n):
        while len(self.buffer) < n:
            try:
                more = self.sock.recv(65536)
            except ConnectionError:
                more = b''
            if not more:
                return False
            self.buffer += more
        return True

    def receive(self):
        """(letter, data), or (None, b'') when the filter hung up."""
        if not self._fill(4):
            return None, b''
        n = struct.unpack('!I', self.buffer[:4])[0]
        if not 1 <= n <= LONGEST_PACKET:
            raise ProtocolError('a packet of %d bytes' % n)
        if not self._fill(4 + n):
            return None, b''
        data = self.buffer[4:4 + n]
        self.buffer = self.buffer[4 + n:]
        return data[:1], data[1:]

    def at_end(self):
        """True when the filter has hung up and nothing is left to read."""
        return not self._fill(1)

    def close(self):
        self.sock.close()


def parse_edit(letter, data):
    """('addheader', name, value), ('delrcpt', address) ... or None."""
    if letter in b'im':
        index = struct.unpack('!I', data[:4])[0]
        name, value = from_cstrings(data[4:])
        return ('insheader' if letter == b'i' else 'chgheader',
                index, name, value)
    if letter == b'b':
        return 'replbody', data
    names = {b'h': 'addheader', b'q': 'quarantine', b'+': 'addrcpt',
             b'2': 'addrcpt', b'-': 'delrcpt', b'e': 'chgfrom',
             b'p': 'progress'}
    if letter not in names:
        return None
    return (names[letter],) + tuple(from_cstrings(data))


class Milter:
    """One milter connection, driven command by command."""

    def __init__(self, address, timeout=20):
        self.wire = Wire(address, timeout)
        self.version = self.actions = self.steps = 0
        self.symlists = {}
        self.skipping = False

    # -- negotiation

    def negotiate(self, version=6, actions=ALL_ACTIONS, steps=ALL_STEPS):
        """Offer, and keep what the filter asked for; False: it refused."""
        self.wire.send(b'O', struct.pack('!III', version, actions, steps))
        letter, data = self.wire.receive()
        if letter is None:
            return False
        if letter != b'O' or len(data) < 12:
            raise ProtocolError('negotiation answered by %r' % letter)
        self.version, self.actions, self.steps = struct.unpack('!III',
                                                               data[:12])
        data = data[12:]
        while len(data) > 4:
            stage = struct.unpack('!I', data[:4])[0]
            names, data = data[4:].split(b'\0', 1)
            self.symlists[SYMLIST_STAGES[stage]] = names.decode().split()
        return True

    def asked(self, step_or_action):
        if step_or_action in STEPS:
            return bool(self.steps & STEPS[step_or_action])
        return bool(self.actions & ACTIONS[step_or_action])

    # -- commands

    def macros(self, command, values):
        """values: {name: text}; sent even if the command was declined."""
        data = COMMANDS[command][0]
        for name, value in values.items():
            data += cstrings(name, value)
        if values:
            self.wire.send(b'D', data)

    def command(self, name, data=b''):
        if not self.say(name, data):
            return reply('unsent')
        if not self.waits_for(name):
            return reply('unanswered')
        return self.answer()

    def say(self, name, data=b''):
        """Send a command without waiting; False when it was declined."""
        letter, declined, _ = COMMANDS[name]
        if declined and self.asked(declined):
            return False
        self.wire.send(letter, data)
        return True

    def waits_for(self, name):
        silent = COMMANDS[name][2]
        return not (silent and self.asked(silent))

    def answer(self):
        """Read up to the final reply; edits and progress come before it."""
        edits = []
        while True:
            letter, data = self.wire.receive()
            if letter is None:
                return reply('closed', edits=edits)
            edit = parse_edit(letter, data)
            if edit is not None:
                edits.append(edit)
                continue
            if letter not in VERDICTS:
                raise ProtocolError('reply %r %r' % (letter, data))
            if letter == b'y' and not data.endswith(b'\0'):
                raise ProtocolError('reply text without its NUL: %r' % data)
            return reply(VERDICTS[letter], data.rstrip(b'\0'), edits)

    def connect(self, host, family='4', port=0, address=''):
        """family: '4', '6', 'L' (address is a path), 'U' (no address)."""
        data = cstrings(host) + family.encode()
        if family != 'U':
            data += struct.pack('!H', port) + cstrings(address)
        return self.command('connect', data)

    def helo(self, name):
        return self.command('helo', cstrings(name))

    def mail(self, *args):
        return self.command('mail', cstrings(*args))

    def rcpt(self, *args):
        return self.command('rcpt', cstrings(*args))

    def data(self):
        return self.command('data')

    def header(self, name, value):
        """value as in the message; one leading space is the MTA's affair."""
        value = to_bytes(value)
        if self.asked('hdr_leadspc'):
            value = b' ' + value
        return self.command('header', cstrings(name, value))

    def eoh(self):
        return self.command('eoh')

    def body(self, data):
        """The whole body in chunks; ends early if the filter has enough."""
        last = reply('unsent')
        for i in range(0, len(data), BODY_CHUNK):
            last = self.command('body', data[i:i + BODY_CHUNK])
            if last.action not in ('continue', 'unanswered'):
                break
        return last

    def eom(self):
        return self.command('eom')

    def unknown(self, line):
        return self.command('unknown', cstrings(line))

    def abort(self):
        self.wire.send(b'A')

    def quit_nc(self):
        self.wire.send(b'K')

    def quit(self):
        """Say QUIT and close."""
        try:
            self.wire.send(b'Q')
        except OSError:
            pass
        self.wire.close()

    def close(self):
        """Leave without a word."""
        self.wire.close()
