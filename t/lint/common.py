"""What the lint scripts share: the files, and complaints with their place."""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
COMMENT = re.compile(r'/\*.*?\*/|//[^\n]*', re.S)


def files(*patterns):
    """Paths below ROOT that git knows or would add, as git's globs match."""
    out = subprocess.run(
        ['git', '-C', ROOT, 'ls-files', '-co', '--exclude-standard', '--',
         *(f':(glob){p}' for p in patterns)],
        capture_output=True, text=True, check=True).stdout.split('\n')
    return sorted({p for p in out if p and os.path.exists(f'{ROOT}/{p}')})


def read(path):
    """The text of a file below ROOT."""
    with open(f'{ROOT}/{path}', encoding='utf-8') as file:
        return file.read()


def code_only(text):
    """C without its comments; the lines keep their numbers."""
    return COMMENT.sub(lambda m: '\n' * m.group().count('\n'), text)


def line_of(text, offset):
    """The number of the line that holds this offset."""
    return text.count('\n', 0, offset) + 1


class Complaints:
    """Prints them; done() is the exit code."""

    def __init__(self):
        self.errors = 0

    def error(self, path, line, why):
        """One that fails the lint."""
        self.errors += 1
        print(f'{path}:{line}: {why}')

    @staticmethod
    def warning(path, line, why):
        """One that does not."""
        print(f'{path}:{line}: warning: {why}')

    def done(self):
        """Ends the script."""
        sys.exit(1 if self.errors else 0)
