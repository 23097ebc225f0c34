"""A private Sendmail in a directory of its own, on a free loopback port.

Debian's sendmail conflicts with postfix, so it is never installed: its
packages are unpacked below build/.  `python3 t/mta/sendmail.py` does just
that, so that the tests need no network later.
"""
import glob
import os
import re
import subprocess
import sys

import common
from common import Failed, HOST, ROOT, Skip, check, run, wait_for
from queued import Queued, split_header

CACHE = f'{ROOT}/build/mta/sendmail'
PACKAGES = ('sendmail-bin', 'sendmail-base', 'sendmail-cf')
BINARY = f'{CACHE}/root/usr/libexec/sendmail/sendmail'
SHIM = f'{CACHE}/shim.so'

# m4 is fussy: quotes are `…', a line ends in dnl.
SENDMAIL_MC = '''\
divert(0)dnl
define(`_CF_DIR_', `{root}/usr/share/sendmail/cf/')dnl
include(`{root}/usr/share/sendmail/cf/m4/cf.m4')dnl
OSTYPE(`linux')dnl
undefine(`confHOST_STATUS_DIRECTORY')dnl
define(`QUEUE_DIR', `{dir}/mqueue')dnl
define(`ALIAS_FILE', `{dir}/etc/aliases')dnl
define(`STATUS_FILE', `{dir}/etc/statistics')dnl
define(`HELP_FILE', `{dir}/etc/helpfile')dnl
define(`confPID_FILE', `{dir}/sendmail.pid')dnl
define(`confSERVICE_SWITCH_FILE', `{dir}/etc/service.switch')dnl
define(`confDOMAIN_NAME', `{host}')dnl
define(`confDONT_PROBE_INTERFACES', `True')dnl
define(`confDONT_BLAME_SENDMAIL', `GroupWritableDirPathSafe,TrustStickyBit')dnl
define(`confTO_IDENT', `0')dnl
define(`confQUEUE_LA', `999')dnl
define(`confREFUSE_LA', `999')dnl
define(`confDELAY_LA', `0')dnl
define(`confDELIVERY_MODE', `queueonly')dnl
define(`confLOG_LEVEL', `9')dnl
define(`confMILTER_LOG_LEVEL', `9')dnl
define(`confBIND_OPTS', `-DNSRCH -DEFNAMES')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`accept_unqualified_senders')dnl
FEATURE(`promiscuous_relay')dnl
FEATURE(`nocanonify')dnl
DAEMON_OPTIONS(`Port={port}, Addr=127.0.0.1, Name=MTA, Listen=200')dnl
{filter}dnl
{extra}dnl
MAILER(`local')dnl
MAILER(`smtp')dnl
'''


def fetch():
    """Unpacks Debian's sendmail below build/, once; Skip where it cannot.

    Libraries that this machine lacks come along: they are used by this
    Sendmail only, through LD_LIBRARY_PATH.
    """
    if not os.path.exists(BINARY):
        os.makedirs(f'{CACHE}/root', exist_ok=True)
        try:
            _unpack(PACKAGES)
            depends = run('apt-cache', 'depends', 'sendmail-bin').decode()
            _unpack(re.findall(r'Depends: (lib(?!c6)\S+)', depends))
        except (Failed, FileNotFoundError) as error:
            common.remove_dir(f'{CACHE}/root')
            raise Skip(f'no Sendmail: {error}') from None
        for path in glob.glob(f'{os.path.dirname(BINARY)}/*'):
            os.chmod(path, 0o755)   # setgid: ld.so would ignore our paths
    source = f'{os.path.dirname(os.path.abspath(__file__))}/sendmail_shim.c'
    if not os.path.exists(SHIM) or \
            os.path.getmtime(SHIM) < os.path.getmtime(source):
        run('cc', '-O1', '-U_FORTIFY_SOURCE', '-shared', '-fPIC',
            '-o', f'{SHIM}.new', source)
        os.rename(f'{SHIM}.new', SHIM)
    missing = re.findall(rb'(\S+) => not found', run(
        'ldd', BINARY, env=os.environ | environment('/dev/null')))
    if missing:
        raise Skip('no Sendmail: it lacks ' + b' '.join(missing).decode())


def _unpack(packages):
    """Downloads and unpacks; refreshes apt's lists if it must."""
    debs = f'{CACHE}/debs'
    os.makedirs(debs, exist_ok=True)
    try:
        run('apt-get', '-q', 'download', *packages, cwd=debs)
    except Failed:
        run('apt-get', '-q', 'update')
        run('apt-get', '-q', 'download', *packages, cwd=debs)
    for package in packages:
        for deb in glob.glob(f'{debs}/{package}_*.deb'):
            run('dpkg', '-x', deb, f'{CACHE}/root')


def environment(log, etc=''):
    """What the unpacked Sendmail needs to run; etc: where it looks for its
    Sendmail.conf, which is SASL's."""
    paths = glob.glob(f'{CACHE}/root/usr/lib/*-linux-gnu*') \
        + glob.glob(f'{CACHE}/root/lib/*-linux-gnu*')
    return {'PATH': '/usr/sbin:/usr/bin:/sbin:/bin',
            'LD_LIBRARY_PATH': ':'.join(paths), 'LD_PRELOAD': SHIM,
            'SHIM_LOG': log, 'SHIM_HOST': HOST, 'SASL_CONF_PATH': etc}


class Sendmail:
    """Runs from `with` or start() until stop(); root only.

    The same interface as postfix.Postfix.
    """

    name = 'sendmail'
    host = HOST

    def __init__(self, milter=None, extra=''):
        """milter: S= of the filter, instead of a socket of our own; extra:
        more lines for sendmail.mc."""
        if not common.is_root():
            raise Skip('a private Sendmail needs root')
        fetch()
        self.dir = common.temp_dir()
        self.log = f'{self.dir}/log'
        self.port = None
        self._extra = extra
        self._process = None
        for sub in ('etc', 'mqueue', 'filter'):
            os.mkdir(f'{self.dir}/{sub}')
        os.chmod(f'{self.dir}/mqueue', 0o700)
        self.milter = f'{self.dir}/filter/sock'
        self._filter = milter or f'unix:{self.milter}'
        user = common.unprivileged()
        os.chown(f'{self.dir}/filter', user.pw_uid, user.pw_gid)
        open(f'{self.dir}/etc/aliases', 'w').close()
        with open(f'{self.dir}/etc/service.switch', 'w') as file:
            file.write('hosts files\naliases files\n')

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
        for _ in range(3):      # somebody may take the free port before us
            self.port = common.free_port()
            self._configure()
            self._process = subprocess.Popen(
                [BINARY, '-bD', f'-C{self.dir}/etc/sendmail.cf'],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=open(f'{self.dir}/stderr', 'w'),
                env=environment(self.log, f'{self.dir}/etc'),
                start_new_session=True)
            if wait_for(self._up_or_dead, 'Sendmail to start') == 'up':
                return
        raise Failed('Sendmail does not start: '
                     + open(f'{self.dir}/stderr', errors='replace').read())

    def _configure(self):
        """sendmail.cf from the m4 source."""
        flags = 'F=T, T=C:30s;S:30s;R:30s;E:5m'
        line = f"INPUT_MAIL_FILTER(`kumilter', `S={self._filter}, {flags}')"
        with open(f'{self.dir}/etc/sendmail.mc', 'w') as file:
            file.write(SENDMAIL_MC.format(
                root=f'{CACHE}/root', dir=self.dir, host=HOST,
                port=self.port, filter=line if self._filter else '',
                extra=self._extra))
        with open(f'{self.dir}/etc/sendmail.cf', 'wb') as file:
            file.write(run('m4', f'{self.dir}/etc/sendmail.mc'))

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

    def set(self, milter=None, extra=None):
        """Another filter or other lines; the next session sees them.  No
        session may be open."""
        if milter is not None:
            self._filter = milter
        if extra is not None:
            self._extra = extra
        common.end_process(self._process)
        self.start()

    # -- looking inside ----------------------------------------------------

    def log_size(self):
        """A mark for wait_log(since=...)."""
        return os.path.getsize(self.log) if os.path.exists(self.log) else 0

    def wait_log(self, regex, since=0):
        """Waits for a log line that matches; returns the match (bytes)."""
        pattern = re.compile(regex.encode())
        return wait_for(lambda: common.log_matches(self.log, pattern, since),
                        f'"{regex}" in the log of Sendmail')

    @staticmethod
    def queue_id(reply):
        """The queue id in the reply to a message."""
        found = re.search(r' (\w+) Message accepted', reply[-1])
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
        ids = sorted(os.path.basename(path)[2:] for path
                     in glob.glob(f'{self.dir}/mqueue/[qh]f*'))
        return [m for m in map(self._read, ids) if m]

    def forget_messages(self):
        """Empties the queue."""
        for path in glob.glob(f'{self.dir}/mqueue/?f*'):
            os.unlink(path)

    def _read(self, name):
        """Message `name`, or None when it is not there."""
        for kind in 'qh':
            try:
                with open(f'{self.dir}/mqueue/{kind}f{name}', 'rb') as file:
                    control = file.read()
                with open(f'{self.dir}/mqueue/df{name}', 'rb') as file:
                    body = file.read()
            except FileNotFoundError:
                continue
            return parse_queue_file(name, kind == 'h', control, body)
        return None


def parse_queue_file(name, held, control, body):
    """Sendmail's qf or hf file: a line per fact, the first letter says
    which: S sender, R recipient (flags:address), H header (?flags?line),
    q reason of the quarantine."""
    message = Queued(id=name, held=held, body=body)
    headers = b''
    # it writes 0xff before bytes that it uses for itself (0x80 to 0x9f)
    control = re.sub(rb'\xff([\x80-\x9f\xff])', rb'\1', control)
    lines = control.replace(b'\n\t', b'\0\t').replace(b'\n ', b'\0 ')
    for line in lines.split(b'\n'):
        kind = line[:1]
        value = line[1:].replace(b'\0', b'\n')
        if kind == b'S':
            message.sender = value.decode().strip('<>')
        elif kind == b'R':
            address = value.partition(b':')[2].decode()
            message.recipients.append(address.strip('<>'))
        elif kind == b'q':
            message.reason = value.decode()
        elif kind == b'H' and not value.startswith(b'?P?'):
            # ?P?Return-Path is added at delivery only
            headers += re.sub(rb'^\?.*?\?(\$.)?', b'', value) + b'\n'
    message.headers = split_header(headers)
    message.block = headers.rstrip(b'\n')
    return message


if __name__ == '__main__':
    try:
        fetch()
    except (Skip, Failed) as problem:
        sys.exit(f'sendmail.py: {problem}')
