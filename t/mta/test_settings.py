"""kumo.milter.configure{} as a client feels it: force_disconnect,
stage_reject, data_reject and on_error."""
from dataclasses import replace

import expect
import stages
from harness import HOST, Failed, Smtp, cases, check
from stages import GOOD, POLICY, STAGES, TEXT

CODES = (421, 450, 451, 521, 550, 554)
PATIENCE = 5        # seconds; the MTAs wait 30 for their filter
FAILURE = f'{HOST} technical difficulties'


@cases
def test_force_drop(t):
    """force_disconnect = 'drop': the close wins over the code.  4xx becomes
    421, 5xx becomes 521 on Postfix; Sendmail closes on no 5xx."""
    whats = [f'{code}-force' for code in CODES]
    with t.kumilter(POLICY, stages.files({'force_disconnect': 'drop'},
                                         whats)):
        for stage in STAGES:
            for code in CODES:
                what = f'{code}-force'
                stages.play(t, f'{stage}/{code}', stage, what,
                            dropped(t.mta, stage, what, code))


def dropped(mta, stage, what, code):
    """What that setting makes of expect.py's table."""
    said = 421 if code < 500 else 521 if mta.name == 'postfix' else code
    closes = said in (421, 521) and (said == 421 or mta.name == 'postfix')
    want = stages.want(mta, stage, what, code, mode='ForceDisconnect')
    at = 'data' if stage == 'data' and closes else want.given_at[0]
    lines = expect.lines(mta.name, at, said, TEXT,
                         f'<{stages.address(stage, what, at)}>')
    return replace(want, given_at=(at,), lines=lines, closes=closes,
                   condemned=not closes,
                   next_line=expect.condemned_line(mta.name))


@cases
def test_force_drop_leaves_the_others(t):
    """force_disconnect is for ForceDisconnect alone."""
    modes = {'reject': 'reject', 'if421': 'If421', 'follow': 'FollowWith421'}
    with t.kumilter(POLICY, stages.files({'force_disconnect': 'drop'})):
        for how, mode in modes.items():
            for stage in ('mail', 'rcpt', 'data', 'eom'):
                what = f'451-{how}'
                stages.play(t, f'{stage}/{mode}', stage, what, stages.want(
                    t.mta, stage, what, 451, mode=mode))


@cases
def test_stage_reject_rcpt(t):
    """stage_reject = 'rcpt': what connect and HELO refuse reaches the
    client at RCPT."""
    modes = {'reject': 'reject', 'force': 'ForceDisconnect',
             'follow': 'FollowWith421'}
    whats = [f'{code}-{how}' for code in (451, 550) for how in modes]
    with t.kumilter(POLICY, stages.files({'stage_reject': 'rcpt'}, whats)):
        for stage in ('connect', 'helo'):
            for code in (451, 550):
                for how, mode in modes.items():
                    what = f'{code}-{how}'
                    want = replace(
                        stages.want(t.mta, stage, what, code, mode=mode),
                        given_at=('rcpt',), lines=expect.lines(
                            t.mta.name, 'rcpt', code, TEXT, f'<{GOOD}>'))
                    stages.play(t, f'{stage}/{code}/{mode}', stage, what,
                                want)


# Measured: what an MTA makes of a refusal at connect or HELO that its filter
# gives at once.  (mta, stage, code) -> banner, the reply to MAIL
AT_ONCE = {
    ('postfix', 'connect', 451): (220, f'451 {TEXT}'),
    ('postfix', 'connect', 550): (554, f'550 {TEXT}'),
    ('postfix', 'helo', 451): (220, f'451 {TEXT}'),
    ('postfix', 'helo', 550): (220, f'550 {TEXT}'),
    ('sendmail', 'connect', 451): (220, '451 4.3.2 Please try again later'),
    ('sendmail', 'connect', 550): (554, '550 5.0.0 Command rejected'),
    ('sendmail', 'helo', 451): (220, f'451 4.0.0 {TEXT}'),
    ('sendmail', 'helo', 550): (220, f'550 5.0.0 {TEXT}'),
}


@cases
def test_stage_reject_now(t):
    """stage_reject = 'now' leaves it to the MTA, which shows its own text
    and asks its filter no more."""
    with t.kumilter(POLICY, stages.files(
            {'stage_reject': 'now'}, ['451-reject', '550-reject'])):
        for (mta, stage, code), want in AT_ONCE.items():
            if mta == t.mta.name and t.wants(f'{stage}/{code}'):
                at_once(t, stage, code, want)


def at_once(t, stage, code, want):
    """One case: MAIL is refused twice, NOOP is not."""
    what = f'{code}-reject'
    with stages.connect(t.mta, stage, what) as client:
        try:
            check('banner', want[0], client.reply().code)
            name = f'{what}.helo.test' if stage == 'helo' else 'a.test'
            check('EHLO', 250, client.cmd(f'EHLO {name}').code)
            for _ in range(2):
                reply = client.cmd(f'MAIL FROM:<{GOOD}>')
                check('MAIL', [want[1]], list(reply))
            check('NOOP', 250, client.cmd('NOOP').code)
        except Failed as problem:
            t.case(f'{stage}/{code}', problem, client.transcript())
        else:
            t.case(f'{stage}/{code}')


@cases
def test_data_reject_now(t):
    """data_reject = 'now': the refusal is the reply to DATA, and with RSET
    the client goes on.  (Without it the MTA would wait for its filter, which
    libmilter does not ask any more; so this is not the default.)"""
    modes = {'reject': 'reject', 'follow': 'FollowWith421'}
    with t.kumilter(POLICY, stages.files({'data_reject': 'now'})):
        for code in (421, 451, 550):
            for how, mode in modes.items():
                what = f'{code}-{how}'
                want = stages.want(t.mta, 'data', what, code, mode=mode)
                want = replace(want, given_at=('data',), lines=expect.lines(
                    t.mta.name, 'data', code, TEXT, ''))
                stages.play(t, f'{code}/{mode}', 'data', what, want)


@cases
def test_data_refusal_never_hangs(t):
    """By default a refusal at DATA is said at the end of the message; a
    client that then goes on as if nothing had been gets an answer to each
    command, long before the MTA would lose its patience."""
    after = ['RCPT TO:<c@example.org>', 'DATA', 'RSET',
             'DATA', f'MAIL FROM:<{GOOD}>', f'RCPT TO:<{GOOD}>', 'NOOP']
    with t.kumilter(POLICY, stages.files({})):
        for how in ('reject', 'if421', 'follow', 'force'):
            for code in (451, 550):
                name = f'{code}-{how}'
                if not t.wants(name):
                    continue
                with Smtp(t.mta.port, timeout=PATIENCE) as client:
                    try:
                        goes_on(client, name, code, after)
                    except Failed as problem:
                        t.case(name, problem, client.transcript())
                    else:
                        t.case(name)


def goes_on(client, what, code, after):
    """354, the refusal, and then these commands until the server closes."""
    at, reply = stages.refused(client, 'data', what)
    check('refused at', ('eom', code), (at, reply.code))
    gentle = what.endswith(('reject', 'if421'))
    codes = []
    for command in after:
        reply = client.cmd(command)
        codes.append(reply.code)
        if not reply or client.closed_by:
            raise Failed(f'{command}: {reply}')
        if reply.code == 421:
            break
    check('codes', [503, 503, 250, 503]
          + ([250, 250, 250] if gentle else [421]), codes)


@cases
def test_on_error(t):
    """What the client gets for a bug in a handler, at each stage."""
    replies = {'disconnect': (421, '4.3.0'), 'tempfail': (451, '4.3.0'),
               'reject': (554, '5.3.0'), 'accept': None}
    for kind, said in replies.items():
        with t.kumilter(POLICY, stages.files({'on_error': kind}, ['bug'])):
            for stage in STAGES:
                name = f'{kind}/{stage}'
                if said is None:
                    passes(t, name, stage)
                else:
                    code, xcode = said
                    stages.play(t, name, stage, 'bug', stages.want(
                        t.mta, stage, 'bug', code, f'{xcode} {FAILURE}'))


def passes(t, name, stage):
    """The session goes through as if there were no handler."""
    if not t.wants(name):
        return
    with stages.connect(t.mta, stage, 'bug') as client:
        try:
            at, reply = stages.refused(client, stage, 'bug')
            check('refused at', None, at)
            t.mta.queued(reply)
            stages.good_message(client)
        except Failed as problem:
            t.case(name, problem, client.transcript())
        else:
            t.case(name)


@cases
def test_limits(t):
    """A handler that passes a limit ends as one that fails; the log says
    which limit, and the next session is served."""
    limits = {
        'spin': ('cpu_limit', {'cpu_limit': '100ms'}),
        'sleep': ('event_timeout', {'event_timeout': '600ms',
                                    'message_timeout': '600ms'}),
        'memory': ('memory_limit', {'memory_limit': '8MB'}),
    }
    for what, (limit, options) in limits.items():
        with t.kumilter(POLICY, stages.files(options, [what])) as daemon:
            for stage in STAGES:
                logged = len(daemon.lines)
                stages.play(t, f'{what}/{stage}', stage, what, stages.want(
                    t.mta, stage, what, 421, f'4.3.0 {FAILURE}'))
                if t.wants(f'{what}/{stage}'):
                    daemon.wait_log(f'{limit} passed', logged)
                    with Smtp(t.mta.port) as client:
                        client.greet()
                        stages.good_message(client)
