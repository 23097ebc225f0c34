"""A raw SMTP client: it sees every line and exactly how the server closed."""
import select
import socket
import struct
import time

from common import DEADLINE, Failed

EOF, RST, TIMEOUT = 'EOF', 'RST', 'TIMEOUT'


def text(data):
    """Bytes from the wire as str, without loss."""
    return data.decode('utf-8', 'surrogateescape')


def wire(line):
    """The bytes of a str that text() made, or of any other."""
    if isinstance(line, bytes):
        return line
    return line.encode('utf-8', 'surrogateescape')


class Reply(list):
    """The raw lines of one reply.

    end is None when the reply is whole; EOF, RST or TIMEOUT when that came
    before its last line (the list then holds what was read, often nothing).
    """

    end = None

    @property
    def code(self):
        """The code of the last line, 0 when there is none."""
        digits = self[-1][:3] if self else ''
        return int(digits) if digits.isascii() and digits.isdigit() else 0

    def __str__(self):
        lines = list(self) + ([f'<{self.end}>'] if self.end else [])
        return ' / '.join(lines)


class Smtp:
    """One connection.  Keeps a transcript; nothing is read unasked."""

    def __init__(self, port, host='127.0.0.1', source=None,
                 timeout=DEADLINE):
        """source: our own loopback address, where the server is to see
        another than 127.0.0.1."""
        self.timeout = timeout
        self.log = []           # ('C' | 'S' | '***', text)
        self.closed_by = None   # EOF or RST once the server has closed
        self._buffer = b''
        self._tls = False
        self._sock = socket.create_connection(
            (host, port), timeout, (source, 0) if source else None)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.close()

    def close(self):
        """Closes our side."""
        self._sock.close()

    def own_port(self):
        """Our own port."""
        return self._sock.getsockname()[1]

    def reset(self):
        """Makes close() an RST instead of a FIN."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                              struct.pack('ii', 1, 0))

    # -- sending -----------------------------------------------------------

    def send_raw(self, data):
        """Sends bytes as they are; a server that is gone is no error here:
        the next read tells."""
        try:
            self._sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def send(self, *lines):
        """Sends these lines, CRLF after each, in one write."""
        for line in lines:
            self.log.append(('C', text(wire(line))))
        self.send_raw(b''.join(wire(line) + b'\r\n' for line in lines))

    def cmd(self, line):
        """Sends one line and returns its Reply."""
        self.send(line)
        return self.reply()

    def pipeline(self, *lines):
        """Sends several commands in one write; returns the replies that
        came, the last one with .end set if the server closed."""
        self.send(*lines)
        replies = []
        for _ in lines:
            replies.append(self.reply())
            if replies[-1].end:
                break
        return replies

    def expect(self, line, code):
        """cmd(), and Failed unless the reply has this code."""
        reply = self.cmd(line)
        if reply.code != code or reply.end:
            raise Failed(f'{line}: expected {code}, got {reply}')
        return reply

    # -- reading -----------------------------------------------------------

    def reply(self):
        """One whole reply."""
        reply = Reply()
        end = time.monotonic() + self.timeout
        while True:
            line = self._line(end)
            if line is None:
                return reply
            if isinstance(line, str):
                reply.end = line
                return reply
            reply.append(text(line))
            self.log.append(('S', reply[-1]))
            if line[3:4] != b'-':
                return reply

    def _line(self, end):
        """The next line (bytes), or how reading ended (str)."""
        while b'\n' not in self._buffer:
            event = self._fill(end)
            if event:
                return event
        line, _, self._buffer = self._buffer.partition(b'\n')
        return line[:-1] if line.endswith(b'\r') else line

    def _fill(self, end):
        """Reads once; None, or EOF, RST or TIMEOUT."""
        if self.closed_by:
            return self.closed_by
        left = end - time.monotonic()
        if not self._has_bytes(left):
            self.log.append(('***', f'no answer in {self.timeout} s'))
            return TIMEOUT
        try:
            data = self._sock.recv(65536)
        except ConnectionResetError:
            self.closed_by = RST
        else:
            self._buffer += data
            if data:
                return None
            self.closed_by = EOF
        rest = f', {len(self._buffer)} bytes unread' if self._buffer else ''
        self.log.append(('***', f'server closed ({self.closed_by}){rest}'))
        return self.closed_by

    def _has_bytes(self, left):
        """Waits for something to read, at most so many seconds."""
        if self._tls and self._sock.pending():
            return True
        return left > 0 and select.select([self._sock], [], [], left)[0]

    def closed(self):
        """Waits for the server to close: EOF or RST; False when it says
        something instead, or nothing until the timeout."""
        event = self._fill(time.monotonic() + self.timeout)
        return event if event in (EOF, RST) else False

    def is_open(self):
        """True when the server still answers NOOP with 250."""
        return self.cmd('NOOP').code == 250

    def starttls(self, context):
        """STARTTLS, which must be fine, and TLS with that ssl context."""
        self.expect('STARTTLS', 220)
        self._sock = context.wrap_socket(self._sock)
        self._tls = True

    # -- common sequences --------------------------------------------------

    def transcript(self):
        """The session so far, one line each, controls made visible."""
        return '\n'.join(
            f'{who} {line}' if who == '***' else
            f'{who}: {line}'.encode('unicode_escape').decode()
            if not line.isprintable() else f'{who}: {line}'
            for who, line in self.log)

    def greet(self, name='client.example.org'):
        """Banner and EHLO, both of which must be fine."""
        banner = self.reply()
        if banner.code != 220:
            raise Failed(f'banner: expected 220, got {banner}')
        self.expect(f'EHLO {name}', 250)

    def message(self, sender, rcpts, content):
        """One message; returns the replies of MAIL, every RCPT, DATA and
        the final dot, up to the first that ends the attempt."""
        replies = [self.cmd(f'MAIL FROM:<{sender}>')]
        if replies[-1].code != 250:
            return replies
        for rcpt in rcpts:
            replies.append(self.cmd(f'RCPT TO:<{rcpt}>'))
            if replies[-1].end or self.closed_by:
                return replies
        replies.append(self.cmd('DATA'))
        if replies[-1].code == 354:
            replies.append(self.content(content))
        return replies

    def content(self, content):
        """What follows a 354: the lines of content, dots stuffed, and the
        final dot; returns the reply."""
        lines = wire(content).replace(b'\r\n', b'\n').rstrip(b'\n')
        for line in text(lines).split('\n') + ['.']:
            self.log.append(('C', line))
        stuffed = b'\n' + lines
        stuffed = stuffed.replace(b'\n.', b'\n..').replace(b'\n', b'\r\n')
        self.send_raw(stuffed[2:] + b'\r\n.\r\n')
        return self.reply()
