"""Handlers that wait: many sessions at once do not wait for each other."""
import concurrent.futures
import threading
import time

from harness import DEADLINE, Failed, Smtp, check

CONTENT = 'Subject: waiting\n\none line\n'

POLICY = '''
local kumo = require 'kumo'
kumo.on('init', function() kumo.milter.configure { states = 2 } end)
kumo.on('smtp_server_rcpt_to', function(rcpt, conn_meta)
  kumo.sleep(1)
end)
'''


def test_many_wait_at_once(t):
    """Each sleeps a second in rcpt_to, two Lua states serve them all.  One
    after the other would be a minute; libmilter's own two workers for such a
    burst half of that."""
    many = 60 if t.mta.name == 'postfix' else 30
    start = threading.Barrier(many, timeout=DEADLINE)

    def session(number):
        with Smtp(t.mta.port, source=f'127.4.0.{number + 1}',
                  timeout=DEADLINE / 2) as client:
            try:
                client.greet()
                client.expect('MAIL FROM:<a@example.org>', 250)
                start.wait()
                begin = time.monotonic()
                client.expect('RCPT TO:<b@example.net>', 250)
                took = time.monotonic() - begin
                client.expect('DATA', 354)
                check('message', 250, client.content(CONTENT).code)
                client.expect('QUIT', 221)
            except threading.BrokenBarrierError:
                return 0    # another one failed, and tells
            except BaseException:
                start.abort()
                raise
            return took

    with t.own_kumilter(POLICY) as daemon, \
            concurrent.futures.ThreadPoolExecutor(many) as pool:
        took = list(pool.map(session, range(many)))
        counters = daemon.counters()
        check('waits', many, counters['waits'])
        check('errors', 0, counters['errors_timeout']
              + counters['errors_state_busy'])
    if max(took) > many / 3:
        raise Failed(f'the slowest RCPT took {max(took):.1f} s')
    if min(took) < 0.9:
        raise Failed(f'a RCPT took {min(took):.1f} s: nobody slept')
    t.mta.forget_messages()
