"""One SMTP session as Postfix or Sendmail shows it to a filter.

Which macros travel when, which callbacks still come after which answer, and
where the MTA hangs up: as measured on Postfix 3.7 and Sendmail 8.17.

Commands return the filter's Reply.  Once the MTA would no longer ask the
filter, they return what the MTA itself would do: the stored refusal after a
refused connect or HELO, 'unasked' after an accept, 'hungup' after a 421.
"""

from milter_client import Milter, reply

HOST = 'mx.example.test'

DEFAULT_MACROS = {
    'postfix': {
        'connect': 'j {daemon_name} {daemon_addr} v _',
        'helo': '{tls_version} {cipher} {cipher_bits} {cert_subject} '
                '{cert_issuer}',
        'mail': 'i {auth_type} {auth_authen} {auth_author} {mail_addr} '
                '{mail_host} {mail_mailer}',
        'rcpt': 'i {rcpt_addr} {rcpt_host} {rcpt_mailer}',
        'data': 'i', 'eoh': 'i', 'eom': 'i',
    },
    'sendmail': {
        'connect': 'j _ {daemon_name} {if_name} {if_addr}',
        'helo': '{tls_version} {cipher} {cipher_bits} {cert_subject} '
                '{cert_issuer}',
        'mail': 'i {auth_type} {auth_authen} {auth_ssf} {auth_author} '
                '{mail_mailer} {mail_host} {mail_addr}',
        'rcpt': '{rcpt_mailer} {rcpt_host} {rcpt_addr}',
        'eom': '{msg_id}',
    },
}
VERSIONS = {'postfix': 'Postfix 3.7.11', 'sendmail': '8.17.1'}

REFUSE_AT_ONCE = {'postfix': (421, 521), 'sendmail': (421,)}

MESSAGE = ([('From', 'Ann <ann@example.com>'), ('To', 'bob@example.org'),
            ('Subject', 'hello'), ('Message-ID', '<1@example.com>')],
           b'one line\r\n')


def standard_macros(mta, host, addr, port):
    """Every macro that this MTA has a value for."""
    values = {
        'j': HOST, '_': '%s [%s]' % (host, addr), 'v': VERSIONS[mta],
        '{daemon_name}': HOST if mta == 'postfix' else 'MTA',
        '{daemon_addr}': '198.51.100.25', '{daemon_port}': '25',
        '{client_addr}': addr, '{client_name}': host,
        '{client_port}': str(port), '{client_ptr}': host,
        '{client_resolve}': 'OK', '{client_connections}': '1',
        'i': '4XyZ0123456789',
    }
    if mta == 'sendmail':
        values['{if_name}'] = HOST
        values['{msg_id}'] = '<1@example.com>'
    return values


class Session:
    """connects and negotiates at once; self.banner is the connect's reply"""

    def __init__(self, address, mta='postfix', host='client.example.net',
                 family='4', addr='192.0.2.1', port=40001, macros=None,
                 timeout=20, offer=None):
        self.mta = mta
        self.milter = Milter(address, timeout)
        self.values = standard_macros(mta, host, addr, port)
        self.values.update(macros or {})
        self.state = 'open'       # open, passed (accepted), refused, closed
        self.stored = None        # the refusal that is repeated
        self.in_message = False   # a transaction is open
        self.passed_message = False
        self.rcpts = []
        self.delivered = None     # result of the last message that went in
        if not self.milter.negotiate(**(offer or {})):
            self.state = 'closed'
            self.banner = reply('closed')
            return
        self.send_macros('connect')
        self.banner = self._verdict('connect', self.milter.connect(
            host, family, port, addr))

    # -- what the MTA does with an answer

    def send_macros(self, stage):
        names = self.milter.symlists.get(stage)
        if names is None:
            names = DEFAULT_MACROS[self.mta].get(stage, '').split()
        self.milter.macros(stage, {n: self.values[n] for n in names
                                   if self.values.get(n)})

    def _verdict(self, stage, answer):
        if answer.action == 'closed':
            self.state = 'closed'
        elif answer.refuses and answer.code in REFUSE_AT_ONCE[self.mta] and (
                answer.code == 421 or stage not in ('connect', 'helo')):
            self._hang_up()
        elif stage in ('connect', 'helo'):
            if answer.refuses:
                self.stored = answer
                self._leave('refused')
            elif answer.action == 'accept':
                self._leave('passed')
        elif answer.action in ('accept', 'discard'):
            self.passed_message = True
        return answer

    def _leave(self, state):
        self.milter.quit()
        self.state = state

    def _hang_up(self):
        self.milter.quit()
        self.state = 'closed'
        self.in_message = False

    def _unasked(self):
        """What the MTA says itself, or None: the filter is to be asked."""
        if self.state == 'closed':
            return reply('hungup')
        if self.state == 'refused':
            return self.stored
        if self.state == 'passed' or self.passed_message:
            return reply('unasked')
        return None

    # -- commands of the SMTP client

    def helo(self, name='client.example.com'):
        if self.state == 'refused':
            return reply('unasked')
        self.rset()
        own = self._unasked()
        if own is not None:
            return own
        self.send_macros('helo')
        return self._verdict('helo', self.milter.helo(name))

    def mail(self, sender='<ann@example.com>', *args):
        self.passed_message = False
        own = self._unasked()
        if own is not None:
            return own
        if self.in_message:
            return reply('replycode', b'503 5.5.1 Error: nested MAIL command')
        self.send_macros('mail')
        answer = self._verdict('mail', self.milter.mail(sender, *args))
        self.in_message = self.state == 'open' and not answer.refuses
        self.rcpts = []
        self.sender = sender
        return answer

    def rcpt(self, rcpt='<bob@example.org>', *args):
        own = self._unasked()
        if own is not None:
            return own
        if not self.in_message:
            return reply('replycode', b'503 5.5.1 Error: need MAIL command')
        self.send_macros('rcpt')
        answer = self._verdict('rcpt', self.milter.rcpt(rcpt, *args))
        if not answer.refuses:
            self.rcpts.append(rcpt)
        return answer

    def data(self):
        """The DATA command only."""
        own = self._unasked()
        if own is not None:
            return own
        if not self.rcpts:
            return reply('replycode', b'554 5.5.1 Error: no valid recipients')
        self.send_macros('data')
        return self._verdict('data', self.milter.data())

    def content(self, headers=MESSAGE[0], body=MESSAGE[1]):
        """From the 354 to the reply after the final dot."""
        own = self._unasked()
        if own is not None:
            self.in_message = False
            return own
        answer = self._content(headers, body)
        if not self.passed_message:
            answer = self._end(answer)
        self.in_message = False
        if not answer.refuses:
            self.delivered = Delivered(
                self.sender, self.rcpts, headers, body, answer.edits,
                self.milter.asked('hdr_leadspc'))
        return answer

    def _end(self, answer):
        if answer.refuses:
            if self.state == 'open':
                self.milter.abort()
            return answer
        self.send_macros('eom')
        return self._verdict('eom', self.milter.eom())

    def _content(self, headers, body):
        """Everything before end of message; stops where it is refused."""
        last = reply('continue')
        for name, value in headers:
            last = self._verdict('header', self.milter.header(name, value))
            if last.refuses or self.passed_message:
                return last
        self.send_macros('eoh')
        last = self._verdict('eoh', self.milter.eoh())
        if last.refuses or self.passed_message:
            return last
        return self._verdict('body', self.milter.body(body))

    def message(self, sender='<ann@example.com>', rcpts=('<bob@example.org>',),
                headers=MESSAGE[0], body=MESSAGE[1]):
        """A whole transaction; returns the first refusal or the last reply.

        A refused recipient is only left out, as a client would do.
        """
        answer = self.mail(sender)
        if answer.refuses or self.state == 'closed':
            return answer
        answers = [self.rcpt(r) for r in rcpts]
        if not self.rcpts or self.state == 'closed':
            return answers[-1]
        answer = self.data()
        if answer.refuses or self.state == 'closed':
            return answer
        return self.content(headers, body)

    def rset(self):
        """RSET: the filter hears of it only inside a transaction."""
        if self._unasked() is None and self.in_message:
            self.milter.abort()
        self.in_message = self.passed_message = False
        self.rcpts = []

    def unknown(self, line='FOO bar'):
        own = self._unasked()
        if own is not None:
            return own
        return self._verdict('unknown', self.milter.unknown(line))

    def starttls(self, **macros):
        """TLS is up: the next HELO carries its macros."""
        self.values.update({'{tls_version}': 'TLSv1.3',
                            '{cipher}': 'TLS_AES_256_GCM_SHA384',
                            '{cipher_bits}': '256'})
        self.values.update(macros)

    def quit(self):
        """QUIT of the client; inside a transaction it aborts that first."""
        if self.state == 'open':
            self.rset()
            self.milter.quit()
        self.state = 'closed'

    def drop(self):
        """The filter's MTA process dies."""
        self.milter.close()
        self.state = 'closed'


class Delivered:
    """What the MTA queues: the message after the filter's edits.

    Header values are without the one space behind the colon.  A filter that
    asked for leading spaces must give that space itself; when it does not,
    the value here begins with "(no space)".
    """

    def __init__(self, sender, rcpts, headers, body, edits, leading_space):
        self.leading_space = leading_space
        self.sender = sender
        self.rcpts = list(rcpts)
        self.headers = list(headers)
        self.body = body
        self.quarantine = None
        self._new_body = None
        for kind, *args in edits:
            getattr(self, '_' + kind)(*args)
        if self._new_body is not None:
            self.body = self._new_body

    def get(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def _value(self, value):
        if not self.leading_space or not value:
            return value
        return value[1:] if value[0] == ' ' else '(no space)' + value

    def _progress(self):
        pass

    def _addheader(self, name, value):
        self.headers.append((name, self._value(value)))

    def _insheader(self, index, name, value):
        value = self._value(value)
        # 0 and 1 are both the top; our list lacks the MTA's own Received:
        self.headers.insert(max(index - 1, 0), (name, value))

    def _chgheader(self, index, name, value):
        value = self._value(value)
        places = [i for i, (n, _) in enumerate(self.headers)
                  if n.lower() == name.lower()]
        if index > len(places):
            if value:
                self.headers.append((name, value))
        elif value:
            self.headers[places[index - 1]] = (name, value)
        else:
            del self.headers[places[index - 1]]

    def _quarantine(self, reason):
        self.quarantine = reason

    def _addrcpt(self, address, args=''):
        self.rcpts.append(address)

    def _delrcpt(self, address):
        bare = address.strip('<>').lower()
        self.rcpts = [r for r in self.rcpts
                      if r.strip('<>').lower() != bare]

    def _chgfrom(self, address, args=''):
        self.sender = address

    def _replbody(self, data):
        self._new_body = (self._new_body or b'') + data
