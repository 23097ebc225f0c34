"""Everything that a test through a real MTA uses, under one name."""
# pylint: disable=unused-import
from common import (DEADLINE, Failed, HOST, ROOT, Skip, accepts, check,
                    free_port, is_root, run, temp_dir, wait_for)
from daemon import BINARY, Activated, Kumilter, explain_reply, kumilter
from postfix import Postfix
from queued import Queued
from sendmail import Sendmail
from smtp import EOF, RST, TIMEOUT, Reply, Smtp


def only(*mtas):
    """Decorator: the test concerns these MTAs only."""
    def mark(test):
        test.mtas = mtas
        return test
    return mark


def cases(test):
    """Decorator: the test reports its cases itself, with t.case(), and is
    not counted as a whole."""
    test.cases = True
    return test


def has_cases(test):
    """True for a test that @cases marks."""
    return getattr(test, 'cases', False)
