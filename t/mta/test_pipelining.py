"""Clients that send several commands in one write (RFC 2920): each reply in
its place, nothing hangs, and what follows a 421 is not answered.
"""
from harness import EOF, RST, Failed, cases, check
from test_sessions import CLIENT, CONTENT, POLICY, connect, run_case


@cases
def test_pipelining(t):
    """MAIL, RCPT, RCPT and DATA in one write: each reply in its place, and
    nothing hangs."""
    postfix = t.mta.name == 'postfix'
    none_left = 554 if postfix else 503
    # sender, recipients -> codes, then 'EOF' where the server closes
    table = [
        ('a@example.org', ['b@a.test', 'c@a.test'], [250, 250, 250, 354]),
        ('goaway@mail.test', ['b@a.test', 'c@a.test'], [421, EOF]),
        ('bug@mail.test', ['b@a.test', 'c@a.test'], [421, EOF]),
        ('tempfail@mail.test', ['b@a.test', 'c@a.test'],
         [451, 503, 503, 503]),
        ('reject@mail.test', ['b@a.test', 'c@a.test'],
         [550, 503, 503, 503]),
        ('closing@mail.test', ['b@a.test', 'c@a.test'],
         [521, EOF] if postfix else [521, 503, 503, 503]),
        ('force@mail.test', ['b@a.test', 'c@a.test'], [451, 503, 503, 503]),
        ('a@example.org', ['goaway@rcpt.test', 'c@a.test'], [250, 421, EOF]),
        ('a@example.org', ['reject@rcpt.test', 'c@a.test'],
         [250, 550, 250, 354]),
        ('a@example.org', ['tempfail@rcpt.test', 'tempfail@rcpt.test'],
         [250, 451, 451, none_left]),
        ('a@example.org', ['follow@rcpt.test', 'c@a.test'],
         [250, 451, 421, EOF]),
        ('a@example.org', ['b@a.test', 'force@rcpt.test'],
         [250, 250, 451, 421, EOF]),
        ('goaway@data.test', ['b@a.test', 'c@a.test'],
         [250, 250, 250, 421, EOF]),
    ]
    with t.kumilter(POLICY):
        for sender, rcpts, codes in table:
            def steps(client, sender=sender, rcpts=rcpts, codes=codes):
                replies = client.pipeline(
                    f'MAIL FROM:<{sender}>',
                    *(f'RCPT TO:<{rcpt}>' for rcpt in rcpts), 'DATA')
                seen = [reply.code for reply in replies if reply]
                if EOF in codes:
                    seen += [EOF] if client.closed() else []
                check('codes', codes, seen)
                if codes[-1] == 354:
                    check('message', 250, client.content(CONTENT).code)
                elif EOF not in codes:
                    check('NOOP', 250, client.cmd('NOOP').code)
            run_case(t, f'{sender} {" ".join(rcpts)}', steps)


@cases
def test_refused_data_in_a_pipeline(t):
    """A refusal at DATA does not make the MTA hang on what follows."""
    with t.kumilter(POLICY):
        for user, code in (('tempfail', 451), ('reject', 550),
                           ('force', 451)):
            def steps(client, user=user, code=code):
                replies = client.pipeline(f'MAIL FROM:<{user}@data.test>',
                                          'RCPT TO:<b@example.org>', 'DATA')
                last = replies[-1]
                if last.code == 354:
                    last = client.content(CONTENT)
                check('refusal', code, last.code)
                after = client.cmd(f'MAIL FROM:<{CLIENT}>')
                check('next MAIL', 421 if user == 'force' else 250,
                      after.code)
            run_case(t, user, steps)


def test_421_with_unread_data(t):
    """The client reads the 421 although much of what it sent was never
    read, which may turn the close into a reset."""
    with t.kumilter(POLICY), connect(t.mta) as client:
        lines = ['MAIL FROM:<goaway@mail.test>'] + ['NOOP'] * 500
        replies = client.pipeline(*lines)
        check('first reply', 421, replies[0].code)
        if client.closed() not in (EOF, RST) or len(replies) != 2:
            raise Failed(f'after the 421: {replies[1]}')
