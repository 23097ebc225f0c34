"""make demo and make run, as a person starts them."""
import os
import re
import signal
import subprocess
import sys

from harness import (BINARY, DEADLINE, Failed, HOST, ROOT, accepts, check,
                     only, wait_for)

# The number of each scene -> the lines of the server after its EHLO, as far
# as they matter, in their order.
SCENES = {
    1: ['250', '250', '354', '250', '221'],
    2: ['550 5.7.1 this sender is not welcome here', '250', '250', '354',
        '250', '221'],
    3: ['421 mta.example.com go away!'],
    4: ['451 no thank you', '250', '250', '354', '250', '221'],
    5: ['451 no thank you', '250',
        f'421 {HOST} disconnecting due to previous error'],
    6: ['451 no thank you', '250',
        f'421 {HOST} disconnecting due to previous error'],
    7: [f'421 4.3.0 {HOST} technical difficulties'],
}


def start(*args):
    """The demo, as a process."""
    return subprocess.Popen(
        [sys.executable, f'{ROOT}/t/mta/demo.py', *args],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
        env=os.environ | {'KUMILTER': BINARY, 'PYTHONUNBUFFERED': '1'})


def scenes(text):
    """Number -> its part of the output."""
    parts = re.split(r'^(\d+)\. ', text, flags=re.M)
    return dict(zip(map(int, parts[1::2]), parts[2::2]))


def answers(part):
    """The server's lines after those to EHLO."""
    lines = re.findall(r'^ +S: (.*)$', part, re.M)
    greeting = max(number for number, line in enumerate(lines)
                   if line.startswith('250 ') and number < 12
                   and '250-' in lines[number - 1])
    return lines[greeting + 1:]


def check_scenes(text):
    """Every scene is there and went as it should."""
    found = scenes(text)
    check('scenes', sorted(SCENES), sorted(found))
    for number, expected in SCENES.items():
        got = answers(found[number])
        check(f'scene {number}: lines', len(expected), len(got))
        for want, line in zip(expected, got):
            if line != want and not line.startswith(f'{want} '):
                raise Failed(f'scene {number}: {line!r}, not {want!r}')
    if not re.search(r'kumilter logs: .*policy\.lua:\d+', found[7]):
        raise Failed('scene 7 shows no log line')
    for number in (2, 3, 4, 5, 6):
        if 'conf/policy.lua:' not in found[number]:
            raise Failed(f'scene {number} shows no line of the policy')


@only('postfix')
def test_demo(_t):
    """Seven scenes, right outcomes, exit code 0."""
    with start() as demo:
        text, _ = demo.communicate(timeout=DEADLINE)
    check(f'exit code: {text[-300:]}', 0, demo.returncode)
    check_scenes(text)
    check('last words', True, 'stopped and removed' in text)


@only('postfix')
def test_keep_ends_on_term(_t):
    """With --keep it stays until TERM, and then leaves nothing behind."""
    with start('--keep') as demo:
        try:
            text = ''
            for line in demo.stdout:
                text += line
                if 'or kill' in line:
                    break
            check_scenes(text)
            port = int(re.search(r'127\.0\.0\.1, port (\d+)', text).group(1))
            folder = re.search(r'log of Postfix +(\S+)/log', text).group(1)
            check('Postfix runs', True, accepts(('127.0.0.1', port)))
            demo.send_signal(signal.SIGTERM)
            text += demo.stdout.read()
            check('exit code', 0, demo.wait(DEADLINE))
        finally:
            demo.kill()
    check('last words', True, 'Stopped and removed' in text)
    check('its folder is gone', False, os.path.exists(folder))
    wait_for(lambda: not accepts(('127.0.0.1', port)), 'Postfix to end')
