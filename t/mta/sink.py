"""Where the private MTAs deliver to: what they really send."""
import contextlib
import re
import socketserver
import threading

from common import HOST, run, wait_for
from sendmail import BINARY, environment


class Handler(socketserver.StreamRequestHandler):
    """One SMTP session, all of it welcome."""

    def handle(self):
        say = lambda text: self.wfile.write(text.encode() + b'\r\n')
        say('220 sink.example.org ESMTP')
        rcpts = []
        for line in iter(self.rfile.readline, b''):
            verb = line[:4].upper()
            if verb == b'EHLO':
                say('250-sink.example.org\r\n250-8BITMIME\r\n250 SIZE'
                    if self.server.eightbit else '250 sink.example.org')
            elif verb == b'RCPT':
                rcpts.append(re.search(rb'<(.*?)[@>]', line).group(1))
                say('250 2.1.5 Ok')
            elif verb == b'DATA':
                say('354 go on')
                self.server.take(rcpts, self.content())
                rcpts = []
                say('250 2.0.0 Ok')
            elif verb == b'QUIT':
                say('221 2.0.0 Bye')
                return
            else:
                say('250 2.0.0 Ok')

    def content(self):
        """The octets of a message, dots unstuffed."""
        lines = []
        for line in iter(self.rfile.readline, b''):
            if line == b'.\r\n':
                break
            lines.append(line[1:] if line[:1] == b'.' else line)
        return b''.join(lines)


class Sink(socketserver.ThreadingTCPServer):
    """In `with`: a server; messages: recipient's local part -> octets."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, eightbit=True):
        self.eightbit = eightbit
        self.messages = {}
        super().__init__(('127.0.0.1', 0), Handler)
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True,
                         kwargs={'poll_interval': 0.05}).start()

    def __exit__(self, *exc):
        self.shutdown()
        super().__exit__(*exc)

    def take(self, rcpts, content):
        """A message has come."""
        for rcpt in rcpts:
            self.messages[rcpt.decode()] = content

    def handle_error(self, request, client_address):
        """A client that went away."""


@contextlib.contextmanager
def delivering(mta, sink):
    """In `with`: a function that gives what was delivered to these
    recipients' local parts, when all is there: name -> octets."""
    if mta.name == 'postfix':
        mta.set(default_transport=f'smtp:[127.0.0.1]:{sink.port}')
        flush = lambda: None
    else:
        flush = lambda: run_queue(mta, sink.port)
    def delivered(names):
        flush()
        wait_for(lambda: set(names) <= set(sink.messages),
                 'the messages to be delivered')
        return {name: sink.messages[name] for name in names}
    try:
        yield delivered
    finally:
        mta.forget_messages()
        if mta.name == 'postfix':
            mta.set(default_transport='discard')


def run_queue(mta, port):
    """What Sendmail has in its queue goes out, by the mailer esmtp."""
    with open(f'{mta.dir}/etc/sendmail.cf', encoding='latin-1') as file:
        text = file.read()
    text = re.sub(r'(?m)^DS.*$', 'DSesmtp:[127.0.0.1]', text)
    text = re.sub(r'(?m)^(Mesmtp,(?:.*\n[ \t]+)*?.*A=TCP \$h)$',
                  rf'\1 {port}', text)
    with open(f'{mta.dir}/etc/out.cf', 'w', encoding='latin-1') as file:
        file.write(text)
    run(BINARY, f'-C{mta.dir}/etc/out.cf', '-qf',
        env=environment(f'{mta.dir}/out.log'))


__all__ = ['HOST', 'Sink', 'delivering']
