"""What a test file needs: @policy, @rows, @alone, and expectations.

    @policy('''
    kumo.on('smtp_server_mail_from', function(sender) ... end)
    ''')
    def test_something(d):          # d: the Daemon that runs this policy
        s = d.session()
        equal(s.mail('<a@example.com>'), '550 go away')

    @rows({'name': value, ...})     # one test, with its own daemon, per row
    @policy(lambda value: '...' % value)
    def test_many(d, value): ...

Line 1 of the policy is "local kumo = require 'kumo'"; with @scriptlet it is
the first line of the text.
"""

import re
import shutil


class Failure(Exception):
    """An expectation that was not met."""


class Skip(Exception):
    """What the test takes is not here; the text says what."""


class Test:
    def __init__(self, name, policy, run, options, alone):
        self.name = name
        self.policy = policy
        self.run = run
        self.options = options
        self.alone = alone


def policy(text, **options):
    """options: those of Daemon (listen, args, env, files, scriptlet); @DIR@
    in args is its folder."""
    def mark(function):
        function.policy = text
        function.options = options
        return function
    return mark


def scriptlet(text, **options):
    """As @policy, of a policy in Momentum's API that runs by itself."""
    return policy(text, scriptlet=True, **options)


def rows(table):
    def mark(function):
        function.rows = table
        return function
    return mark


def alone(function):
    """Do not run beside other tests: it needs the machine."""
    function.alone = True
    return function


def expand(module, name, function):
    """The Tests that this function stands for."""
    full = '%s.%s' % (module[5:], name[5:])
    apart = getattr(function, 'alone', False)
    if not hasattr(function, 'rows'):
        return [Test(full, function.policy, function, function.options,
                     apart)]
    return [row_test(full, key, value, function, apart)
            for key, value in function.rows.items()]


def row_test(full, key, value, function, apart):
    text = function.policy
    if callable(text):
        text = text(value)
    return Test('%s[%s]' % (full, key), text,
                lambda d: function(d, value), function.options, apart)


def equal(got, want, what=''):
    """Compares as text, so that a Reply equals what it says."""
    if str(got) != str(want):
        raise Failure('%sexpected: %s\ngot:      %s' % (
            what and what + '\n', want, got))


def match(got, pattern, what=''):
    if not re.search(pattern, str(got), re.S):
        raise Failure('%sexpected: /%s/\ngot:      %s' % (
            what and what + '\n', pattern, got))


def true(value, what):
    if not value:
        raise Failure('expected: ' + what)


def program(*names):
    """The path of the first of these that is installed."""
    for name in names:
        path = shutil.which(name)
        if path is not None:
            return path
    raise Skip('no ' + names[0])


HOST = 'mx.example.test'
# Momentum's answer to a module that failed
TEMPORARY = '421 %s temporary issue, please retry your message later' % HOST
# KumoMTA's answer to a policy that failed, as the MTA passes it on
DIFFICULTIES = '421 4.3.0 %s technical difficulties' % HOST
CONDEMNED = '421 %s disconnecting due to previous error' % HOST
