"""kumo.milter.clamd_scan: many messages, and a clamd that is slow or dies."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

from case import alone, equal, match, policy
from daemon import PATIENCE

CROWD = 100
VIRUS = b'this is a virus'
QUICK = '<quick@example.com>'
POLICY = '''
kumo.on('init', function()
  kumo.milter.configure { message_timeout = '100s', states = 2 }
end)
kumo.on('smtp_server_mail_from', function(sender)
  if sender.user == 'quick' then
    kumo.reject(550, 'quick')
  end
end)
kumo.on('smtp_server_message_received', function(msg)
  local ok, found = pcall(kumo.milter.clamd_scan, {
    host = '127.0.0.1', port = %d, data = msg, timeout = '90s',
  })
  if not ok then
    kumo.reject(451, 'is ' .. found:gsub('^.-: ', ''))
  elseif not found.clean then
    kumo.reject(554, 'is ' .. found.virus)
  end
end)
'''


class Clamd(threading.Thread):
    """On 127.0.0.1; answers nobody before `wanted` messages are here."""

    def __init__(self, wanted=1, port=0):
        super().__init__(daemon=True)
        self.wanted = wanted
        self.port = port
        self.may_answer = True
        self.all_here = threading.Event()
        self._held = []
        self._ready = threading.Event()
        self.start()
        self._ready.wait()

    def run(self):
        asyncio.run(self._serve())

    async def _serve(self):
        self._loop = asyncio.get_running_loop()
        self._end = asyncio.Event()
        server = await asyncio.start_server(
            self._connection, '127.0.0.1', self.port, backlog=1024)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._end.wait()
        server.close()
        for writer, _ in self._held:
            writer.transport.abort()

    def close(self):
        """As a process that is killed."""
        self._loop.call_soon_threadsafe(self._end.set)
        self.join()

    async def _connection(self, reader, writer):
        try:
            data = b''
            equal(await reader.readexactly(10), b'zINSTREAM\0')
            while size := int.from_bytes(await reader.readexactly(4), 'big'):
                data += await reader.readexactly(size)
        except EOFError:
            writer.close()
            return
        self._held.append((writer, data))
        if len(self._held) < self.wanted:
            return
        self.all_here.set()
        if self.may_answer:
            for one, text in self._held:
                one.write(b'stream: Test FOUND\0' if VIRUS in text
                          else b'stream: OK\0')
                one.close()
            self._held.clear()


def send(d, body=b'one line\r\n'):
    """What a new session is told about its message."""
    s = d.session(timeout=PATIENCE)
    s.helo()
    answer = str(s.message(body=body))
    s.drop()
    return answer


def serve(d, clamd):
    d.write_policy(POLICY % clamd.port)
    done = d.verb('reload')
    equal(done.returncode, 0, done.stderr)


@policy('')
def test_what_it_finds(d):
    clamd = Clamd()
    serve(d, clamd)
    equal(send(d), 'continue')
    equal(send(d, VIRUS + b'\r\n'), '554 is Test')
    equal(send(d, b'x' * 3000000 + VIRUS), '554 is Test')
    clamd.close()


@alone
@policy('')
def test_100_wait_for_a_slow_one(d):
    """Nobody is answered before all are there; two states serve them, and
    others meanwhile."""
    clamd = Clamd(CROWD)
    serve(d, clamd)
    with ThreadPoolExecutor(CROWD) as pool:
        waiting = [pool.submit(send, d) for _ in range(CROWD - 1)]
        quick = d.session(timeout=PATIENCE)
        quick.helo()
        equal(quick.mail(QUICK), '550 quick')
        last = pool.submit(send, d, VIRUS)
        equal({one.result() for one in waiting}, {'continue'})
        equal(last.result(), '554 is Test')
    clamd.close()


@alone
@policy('')
def test_it_dies_with_100_waiting_and_comes_back(d):
    clamd = Clamd(CROWD)
    clamd.may_answer = False
    serve(d, clamd)
    with ThreadPoolExecutor(CROWD) as pool:
        waiting = [pool.submit(send, d) for _ in range(CROWD)]
        while not clamd.all_here.wait(0.5):
            d.session().helo()      # libmilter serves some with the next one
        clamd.close()
        for one in waiting:
            match(one.result(), '^451 is .*(hung up|reset by peer)')
    match(send(d), '^451 is .*Connection refused')
    again = Clamd(port=clamd.port)
    equal(send(d), 'continue')
    again.close()
