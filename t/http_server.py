"""An HTTP server for one test, on 127.0.0.1: good, slow, dying or lying.

What it answers follows from the path of a request:

    /ok          "hello"            /echo      the request itself
    /hold        "held", but only when `wanted` such requests are here
    /silent      nothing            /endless   a body without an end
    /die         half a body, then a reset     /gone     only a reset
    /lie         less than Content-Length tells
    /circle      a redirection to itself       /status/N a status
    /secret      403 without the header "Authorization: Bearer token"

and from `answers`, path -> (status, body) or a function of the request's
bytes that gives them.  close() ends it as a process that is killed:
listener and connections are gone at once.
"""

import asyncio
import re
import ssl
import subprocess
import threading

LENGTH = re.compile(rb'\r\ncontent-length: *(\d+)', re.I)


def make_certificate(folder, host='127.0.0.1'):
    """cert.pem and key.pem in the folder, for that address."""
    subprocess.run(
        ['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
         'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj',
         '/CN=kumilter test', '-addext', 'subjectAltName=IP:' + host,
         '-keyout', folder + '/key.pem', '-out', folder + '/cert.pem'],
        check=True, capture_output=True)


class Server(threading.Thread):
    """port: 0 for a free one.  certificate: a folder of make_certificate."""

    def __init__(self, wanted=1, port=0, certificate=None, answers=None):
        super().__init__(daemon=True)
        self.wanted = wanted
        self.port = port
        self.answers = answers or {}
        self.requests = []          # first lines, in the order they came
        self.all_here = threading.Event()
        self.tls = None
        if certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(certificate + '/cert.pem',
                                     certificate + '/key.pem')
        self._held = []
        self._writers = set()
        self._ready = threading.Event()
        self._end = None
        self._loop = None
        self.start()
        self._ready.wait()

    @property
    def url(self):
        return '%s://127.0.0.1:%d' % ('https' if self.tls else 'http',
                                      self.port)

    def run(self):
        asyncio.run(self._serve())

    async def _serve(self):
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(lambda loop, context: None)
        self._end = asyncio.Event()
        server = await asyncio.start_server(
            self._connection, '127.0.0.1', self.port, ssl=self.tls,
            backlog=4096, reuse_address=True)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._end.wait()
        server.close()
        for writer in self._writers:
            writer.transport.abort()

    def close(self):
        self._loop.call_soon_threadsafe(self._end.set)
        self.join()

    async def _connection(self, reader, writer):
        self._writers.add(writer)
        try:
            while await self._request(reader, writer):
                pass
        except (OSError, EOFError, ValueError, asyncio.CancelledError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _request(self, reader, writer):
        """Serve one; false: the connection is to be closed."""
        head = await reader.readuntil(b'\r\n\r\n')
        length = LENGTH.search(head)
        body = await reader.readexactly(int(length.group(1)) if length else 0)
        line = head.split(b'\r\n')[0].decode()
        self.requests.append(line)
        path = line.split()[1].split('?')[0]
        special = getattr(self, '_do_' + path[1:].split('/')[0], None)
        if path in self.answers:
            answer = self.answers[path]
            status, text = answer(head + body) if callable(answer) else answer
            self._put(writer, status, text)
        elif special:
            return await special(writer, path, head, head + body) is not False
        else:
            self._put(writer, 404, b'none')
        await writer.drain()
        return True

    @staticmethod
    def _put(writer, status, body, headers=''):
        if isinstance(body, str):
            body = body.encode()
        writer.write(b'HTTP/1.1 %d x\r\nContent-Length: %d\r\n%s\r\n%s' % (
            status, len(body), headers.encode(), body))

    async def _do_ok(self, writer, path, head, whole):
        self._put(writer, 200, 'hello')

    async def _do_echo(self, writer, path, head, whole):
        self._put(writer, 200, whole)

    async def _do_status(self, writer, path, head, whole):
        self._put(writer, int(path.split('/')[2]), 'status')

    async def _do_hold(self, writer, path, head, whole):
        self._held.append(writer)
        if len(self._held) >= self.wanted:
            self.all_here.set()
            for one in self._held:
                self._put(one, 200, 'held')
            self._held.clear()

    async def _do_silent(self, writer, path, head, whole):
        self._held.append(writer)
        if len(self._held) >= self.wanted:
            self.all_here.set()

    async def _do_endless(self, writer, path, head, whole):
        writer.write(b'HTTP/1.1 200 OK\r\n\r\n')
        while True:
            writer.write(b'x' * 65536)
            await writer.drain()

    async def _do_die(self, writer, path, head, whole):
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf')
        await writer.drain()
        return False

    async def _do_gone(self, writer, path, head, whole):
        writer.transport.abort()
        return False

    async def _do_lie(self, writer, path, head, whole):
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nmore')
        await writer.drain()
        return False

    async def _do_circle(self, writer, path, head, whole):
        self._put(writer, 302, '', 'Location: /circle\r\n')

    async def _do_secret(self, writer, path, head, whole):
        known = b'\r\nAuthorization: Bearer token\r\n' in head
        self._put(writer, 200 if known else 403, 'secret' if known else 'no')
