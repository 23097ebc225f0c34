#!/usr/bin/env python3
"""Files and functions that have grown too long; tables may."""
import ast
import re

from common import Complaints, files, read

FILE_WANTED, FILE_MAX = 400, 600
FUNCTION_WANTED, FUNCTION_MAX = 40, 60
# Rows of tables and nothing else.
TABLES = ('milter/api_stubs.c', 'milter/api_events.c')

complaints = Complaints()


def judge(path, line, what, length, wanted, most):
    """One length."""
    if length > most:
        complaints.error(path, line, f'{what}: {length} lines; {most} is the '
                         f'limit, {wanted} wanted')
    elif length > wanted:
        complaints.warning(path, line, f'{what}: {length} lines, {wanted} '
                           'wanted')


def c_functions(text):
    """(line, name, length) of each: house style has its braces at column 0."""
    lines = text.split('\n')
    start = None
    for number, line in enumerate(lines, 1):
        if line == '{':
            start = number
        elif line.startswith('}') and start:
            head = ' '.join(lines[max(0, start - 8):start - 1])
            names = re.findall(r'START_TEST\((\w+)\)|\b(\w+)\s*\([^{};]*$',
                               head)
            name = next((a or b for a, b in names[-1:]), '?')
            yield start, name, number - start + 1
            start = None


def python_functions(text):
    """The same for Python.  Docstrings and functions within do not count."""
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        doc = ast.get_docstring(node, clean=False)
        inner = [n for n in ast.walk(node) if n is not node
                 and isinstance(n, (ast.FunctionDef, ast.Lambda))
                 and n.end_lineno > n.lineno]
        lines = set(range(node.lineno, node.end_lineno + 1))
        for other in inner:
            lines -= set(range(other.lineno, other.end_lineno + 1))
        extra = doc.count('\n') + 1 if doc is not None else 0
        yield node.lineno, node.name, len(lines) - extra


for one in files('milter/**', 'lua-bindings/**', 't/**', 'conf/**'):
    kind = one.rpartition('.')[2]
    if kind not in ('c', 'h', 'py', 'lua'):
        continue
    source = read(one)
    if one not in TABLES:
        judge(one, 1, 'file', source.count('\n'), FILE_WANTED, FILE_MAX)
    find = {'c': c_functions, 'h': c_functions, 'py': python_functions}
    for at, called, size in find.get(kind, lambda _: ())(source):
        judge(one, at, f'{called}()', size, FUNCTION_WANTED, FUNCTION_MAX)
complaints.done()
