"""A limit in Redis: the client reads the refusal of what is too much."""
import os
import shutil
import subprocess
import tempfile
import time

from harness import DEADLINE, Failed, Smtp, check

POLICY = '''
local kumo = require 'kumo'
kumo.on('init', function()
  kumo.configure_redis_throttles { node = 'unix://%s' }
end)
local t = kumo.make_throttle('mta', '2/d')
kumo.on('smtp_server_mail_from', function()
  if t:throttle().throttled then
    kumo.reject(451, '4.7.1 too much mail')
  end
end)
kumo.on('smtp_server_rcpt_to', function()
  t:sleep_if_throttled()
end)
'''


class Redis:
    """A redis-server of the test's own, on a unix socket, without a disk."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix='kumilter-redis-')
        os.chmod(self.dir, 0o755)
        self.socket = os.path.join(self.dir, 'redis')
        self.process = subprocess.Popen(
            ['redis-server', '--port', '0', '--unixsocket', self.socket,
             '--unixsocketperm', '777', '--save', '', '--appendonly', 'no',
             '--dir', self.dir, '--daemonize', 'no'],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        end = time.monotonic() + DEADLINE
        while not os.path.exists(self.socket):
            if time.monotonic() > end:
                raise Failed('redis-server does not run')
            time.sleep(0.01)

    def close(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


def test_a_limit_in_redis(t):
    redis = Redis()
    try:
        with t.own_kumilter(POLICY % redis.socket):
            for number in range(3):
                with Smtp(t.mta.port) as client:
                    client.greet()
                    if number == 2:
                        reply = client.cmd('MAIL FROM:<a@example.org>')
                        check('reply', '451 4.7.1 too much mail', str(reply))
                        continue
                    client.expect('MAIL FROM:<a@example.org>', 250)
                    if number == 1:
                        reply = client.cmd('RCPT TO:<b@example.net>')
                        check('reply', '451 4.4.5 too much at once, '
                              'try again later', str(reply))
    finally:
        redis.close()
