"""`kumilter doctor` of the MTAs that all other tests use: they are served, so
there is nothing to say; a slower policy is told what it would suffer."""
from daemon import kumilter
from harness import Failed, check

POLICY = '''
local kumo = require 'kumo'
kumo.on('init', function()
  kumo.milter.configure { event_timeout = '%s', message_timeout = '%s' }
end)
kumo.on('smtp_server_mail_from', function() end)
'''


def ask(t, daemon):
    """What it says of the MTA, with the policy and the socket of daemon."""
    where = ('--postfix', t.mta.etc) if t.mta.name == 'postfix' else \
        ('--sendmail', f'{t.mta.dir}/etc/sendmail.cf')
    return kumilter('doctor', *where, '--policy', daemon.policy,
                    '--listen', f'unix:{daemon.listen}', check=False)


def test_fitting_policy(t):
    """A good configuration gives no finding."""
    with t.own_kumilter(POLICY % ('5s', '20s')) as daemon:
        done = ask(t, daemon)
        check('exit code', 0, done.returncode)
        if 'nothing to say' not in done.stdout:
            raise Failed(done.stdout + done.stderr)


def test_slow_policy(t):
    """The same one with handlers that may outlast the MTA's patience."""
    with t.own_kumilter(POLICY % ('60s', '900s')) as daemon:
        done = ask(t, daemon)
        check('exit code', 78, done.returncode)
        for word in ('event_timeout', 'message_timeout'):
            if word not in done.stdout:
                raise Failed(f'no {word} in {done.stdout}')
