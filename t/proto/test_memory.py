"""Many sessions in the middle of large messages cost little memory.

The promise is 1000 sessions within 20 MB each, in less than 200 MB.  Sending
20 GB is for t/bench/hold.py.  Here the same in two parts: 1000 sessions just
past the size from which a body lives in a file, held against a bound; then ten
of them go on to 20 MB, and the memory must not follow the 200 MB of bytes.
Together: what a session costs, and that its length does not matter.

Sanitizers keep freed memory and shadow the rest: there fewer sessions show
that it works, and memory is not judged.
"""

import os

from case import alone, equal, policy, true
from daemon import KUMILTER, PATIENCE, WRAP, wait_until
from milter_client import BODY_CHUNK

VARIANT = os.path.basename(os.path.dirname(KUMILTER))
WATCHED = bool(WRAP) or VARIANT in ('asan', 'tsan')
SESSIONS = int(os.environ.get('MEMORY_SESSIONS', 50 if WATCHED else 1000))
LARGE = min(10, SESSIONS)
CHUNK = b'x' * 76 + b'\r\n'
CHUNK *= BODY_CHUNK // len(CHUNK)
BOUND_KB = 200 * 1024 * SESSIONS // 1000
GROWTH_KB = 16 * 1024      # of 200 MB sent
MESSAGE_MEMORY = 64 * 1024
LARGE_BYTES = 20 * 1000 * 1000
SPOOL = os.path.realpath('/var/tmp') + '/'
HEADERS = (('From', 'ann@example.com'), ('Subject', 'large'))

HOLD = '''
kumo.on('init', function()
  kumo.milter.configure { message_memory = '64KB', message_limit = '32MB' }
end)
kumo.on('smtp_server_message_received', function(msg)
  kumo.reject(550, 'size ' .. #msg:get_data())
end)
'''


def rss_kb(d):
    with open('/proc/%d/smaps_rollup' % d.process.pid) as f:
        return next(int(line.split()[1]) for line in f
                    if line.startswith('Rss:'))


def spooled(d):
    """Sizes of the bodies that are in files, the smallest first."""
    sizes = []
    for fd in os.scandir('/proc/%d/fd' % d.process.pid):
        try:
            if os.readlink(fd.path).startswith(SPOOL):
                sizes.append(os.stat(fd.path).st_size)
        except FileNotFoundError:
            continue        # closed meanwhile
    return sorted(sizes)


def in_body(d):
    s = d.session(timeout=PATIENCE)
    s.helo()
    s.mail()
    s.rcpt()
    s.data()
    for name, value in HEADERS:
        s.milter.header(name, value)
    s.milter.eoh()
    return s


def end(s, chunks):
    """What was held is a whole message."""
    head = ''.join('%s: %s\r\n' % field for field in HEADERS) + '\r\n'
    equal(s.milter.eom(), '550 size %d' % (len(head) + chunks * len(CHUNK)))


def send(sessions, chunks):
    """A chunk for each in turn, so that they all grow side by side."""
    for _ in range(chunks):
        for s in sessions:
            s.milter.body(CHUNK)


def wait_for_bodies(d, *sizes):
    """Until the daemon has taken all that was sent."""
    wait_until('%d bodies in files' % len(sizes),
               lambda: spooled(d) == sorted(n * len(CHUNK) for n in sizes))
    return rss_kb(d)


@alone
@policy(HOLD)
def test_sessions_within_a_large_body(d):
    rest = rss_kb(d)
    sessions = [in_body(d) for _ in range(SESSIONS)]
    first = MESSAGE_MEMORY // len(CHUNK) + 1
    send(sessions, first)
    held = wait_for_bodies(d, *[first] * SESSIONS)
    true(WATCHED or held < BOUND_KB, '%d sessions in less than %d KB, not %d '
         '(at rest: %d)' % (SESSIONS, BOUND_KB, held, rest))

    full = LARGE_BYTES // len(CHUNK)
    send(sessions[:LARGE], full - first)
    large = wait_for_bodies(d, *[first] * (SESSIONS - LARGE),
                            *[full] * LARGE)
    true(WATCHED or large - held < GROWTH_KB, '%d bodies of 20 MB in files; '
         '%d KB became %d' % (LARGE, held, large))

    end(sessions[0], full)
    end(sessions[-1], first)
    for s in sessions:
        s.drop()
    wait_until('the files are gone', lambda: not spooled(d))
