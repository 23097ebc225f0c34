"""A private Postfix in a directory of its own, on a free loopback port."""
import glob
import os
import re
import shutil
import subprocess

import common
from common import Failed, HOST, Skip, check, run, wait_for
from queued import Queued, split_header

# Debian's programs; every service unchrooted but smtpd, which has to reach
# the milter's socket wherever that is, and is not chrooted either ("n").
MASTER_CF = '''\
127.0.0.1:{port} inet n - n - - smtpd
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
proxymap  unix  - - n - - proxymap
anvil     unix  - - n - 1 anvil
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
smtp      unix  - - n - - smtp
showq     unix  n - n - - showq
postlog   unix-dgram n - n - 1 postlogd
tlsmgr    unix  - - n 1000? 1 tlsmgr
'''

# Accepted mail stays in the queue (defer_transports), where it can be read.
MAIN_CF = {
    'compatibility_level': '3.6',
    'command_directory': '/usr/sbin',
    'daemon_directory': '/usr/lib/postfix/sbin',
    'mail_owner': 'postfix',
    'setgid_group': 'postdrop',
    'myhostname': HOST,
    'mydestination': '',
    'mynetworks': '127.0.0.0/8',
    'smtpd_relay_restrictions': '',
    'smtpd_recipient_restrictions': 'permit_mynetworks, reject',
    'smtpd_peername_lookup': 'no',
    'inet_interfaces': 'loopback-only',
    'inet_protocols': 'ipv4',
    'default_transport': 'discard',
    'local_transport': 'discard',
    'defer_transports': 'discard',
    'alias_maps': '',
    'alias_database': '',
    'local_recipient_maps': '',
    'milter_default_action': 'tempfail',
    'in_flow_delay': '0',
}

QUEUES = ('deferred', 'hold')      # where accepted mail comes to rest


def find_postfix():
    """Skip unless a private Postfix can be run here."""
    if not common.is_root():
        raise Skip('a private Postfix needs root')
    if not os.path.exists('/usr/lib/postfix/sbin/master'):
        raise Skip('Postfix is not installed (as root: make deps)')


class Postfix:
    """Runs from `with` or start() until stop(); root only.

    port     where it speaks SMTP
    milter   path of the unix socket at which it looks for its filter: start
             a filter there, no reload is needed
    log      path of its log
    services  more lines for master.cf, from the next set() on
    """

    name = 'postfix'
    host = HOST

    def __init__(self, milter=None, **settings):
        """milter: as in smtpd_milters, instead of a socket of our own."""
        find_postfix()
        self.dir = common.temp_dir()
        self.etc = f'{self.dir}/etc'
        self.log = f'{self.dir}/log'
        self.port = None
        self.services = ''
        self._process = None
        for sub in ('etc', 'queue', 'data', 'filter'):
            os.mkdir(f'{self.dir}/{sub}')
        shutil.chown(f'{self.dir}/data', 'postfix')
        os.chmod(f'{self.dir}/data', 0o700)
        self.milter = f'{self.dir}/filter/sock'
        user = common.unprivileged()
        os.chown(f'{self.dir}/filter', user.pw_uid, user.pw_gid)
        self.settings = MAIN_CF | {
            'queue_directory': f'{self.dir}/queue',
            'data_directory': f'{self.dir}/data',
            'maillog_file': self.log,
            'maillog_file_prefixes': self.dir,
            'smtpd_milters': milter or f'unix:{self.milter}',
        } | settings

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_exc):
        self.stop()

    def start(self):
        """Starts it; returns when it accepts connections."""
        self._write_main_cf()
        for _ in range(3):      # somebody may take the free port before us
            self.port = common.free_port()
            self._write_master_cf()
            run('postfix', '-c', self.etc, 'check')
            self._process = subprocess.Popen(
                ['/usr/lib/postfix/sbin/master', '-c', self.etc, '-s'],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, start_new_session=True)
            if wait_for(self._up_or_dead, 'Postfix to start') == 'up':
                return
        raise Failed('Postfix does not start: '
                     + open(self.log, errors='replace').read()[-2000:])

    def _up_or_dead(self):
        if self._process.poll() is not None:
            return 'dead'
        return common.accepts(('127.0.0.1', self.port)) and 'up'

    def stop(self):
        """Stops it and removes its directory; harmless when repeated."""
        if self._process:
            common.end_process(self._process)
            self._process = None
        common.remove_dir(self.dir)

    def set(self, **settings):
        """Changes main.cf settings and reloads; the next session sees
        them.  No session may be open."""
        self.settings.update(settings)
        self._write_main_cf()
        self._write_master_cf()
        old = self._smtpds()
        run('postfix', '-c', self.etc, 'reload')
        wait_for(lambda: not any(map(common.alive, old)),
                 'the old smtpd processes to end')

    def _write_main_cf(self):
        with open(f'{self.etc}/main.cf', 'w') as file:
            for name, value in self.settings.items():
                file.write(f'{name} = {value}\n')

    def _write_master_cf(self):
        with open(f'{self.etc}/master.cf', 'w') as file:
            file.write(MASTER_CF.format(port=self.port) + self.services)

    def _smtpds(self):
        """The pids of our smtpd processes."""
        pids = []
        for path in glob.glob('/proc/[0-9]*/stat'):
            try:
                with open(path) as file:
                    pid, _, rest = file.read().partition(' ')
            except OSError:
                continue
            name, _, rest = rest.rpartition(') ')
            parent = int(rest.split()[1])
            if name == '(smtpd' and parent == self._process.pid:
                pids.append(int(pid))
        return pids

    # -- looking inside ----------------------------------------------------

    def log_size(self):
        """A mark for wait_log(since=...)."""
        return os.path.getsize(self.log) if os.path.exists(self.log) else 0

    def wait_log(self, regex, since=0):
        """Waits for a log line that matches; returns the match (bytes)."""
        pattern = re.compile(regex.encode())
        return wait_for(lambda: common.log_matches(self.log, pattern, since),
                        f'"{regex}" in the log of Postfix')

    @staticmethod
    def queue_id(reply):
        """The queue id in the reply to a message."""
        found = re.search(r'queued as (\w+)$', reply[-1])
        if not found:
            raise Failed(f'no queue id in {reply}')
        return found.group(1)

    def queued(self, reply):
        """The message that a 250 spoke of, as Queued."""
        check('reply to the message', 250, reply.code)
        name = self.queue_id(reply)
        return wait_for(lambda: self._read(name), f'message {name}')

    def messages(self):
        """All messages in the queue, held ones included."""
        self._wait_for_rest()
        ids = {os.path.basename(path) for queue in QUEUES
               for path in self._files(queue, '[0-9A-Za-z]*')}
        return [self._read(name) for name in sorted(ids)]

    def _files(self, queue, name):
        """Queue files are in the queue's folder or one level below."""
        base = f'{self.dir}/queue/{queue}'
        paths = glob.glob(f'{base}/{name}') + glob.glob(f'{base}/*/{name}')
        return [path for path in paths if os.path.isfile(path)]

    def _wait_for_rest(self):
        """Until no message is on its way through the queue."""
        moving = [f'{self.dir}/queue/{queue}/*'
                  for queue in ('incoming', 'active')]
        wait_for(lambda: not any(map(glob.glob, moving)),
                 'the queue to come to rest')

    def forget_messages(self):
        """Empties the queue.  postsuper fails if a message moves away under
        it."""
        self._wait_for_rest()
        run('postsuper', '-c', self.etc, '-d', 'ALL')

    def _read(self, name):
        """Message `name`, or None while it is on its way.

        Only where it stays: postcat sleeps a second when the queue manager
        moves the file away under it.
        """
        for queue in QUEUES:
            for path in self._files(queue, name):
                return Queued(id=name, held=queue == 'hold',
                              **self._postcat(path))
        return None

    def _postcat(self, path):
        """Envelope and content of a queue file."""
        postcat = ('postcat', '-c', self.etc)
        envelope = run(*postcat, '-e', path).decode()
        content = run(*postcat, '-hb', path)
        head, _, body = content.partition(b'\n\n')
        fields = [line.partition(': ') for line in envelope.split('\n')]
        return {
            'sender': [v for n, _, v in fields if n == 'sender'][-1],
            'recipients': [v for n, _, v in fields if n == 'recipient'],
            'headers': split_header(head),
            'block': head,
            'body': body,
        }
