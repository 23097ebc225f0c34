"""clients.py N - SMTP clients that go on until standard input ends

Each sends a message in a session of its own, again and again, with a pause
before each command.  What was no 2xx is printed, a line each; the last line is
how many messages were taken.
"""
import smtplib
import sys
import threading
import time

over = threading.Event()
lock = threading.Lock()
taken = 0


def session(pause=0.1):
    """One message; what went wrong, or None."""
    global taken
    try:
        client = smtplib.SMTP('127.0.0.1', 25, timeout=100)
        for command in (lambda: client.ehlo('client.example.org'),
                        lambda: client.mail('<ann@example.org>'),
                        lambda: client.rcpt('<bob@example.net>'),
                        lambda: client.data('Subject: x\n\nhello\n')):
            code, text = command()
            if not 200 <= code < 300:
                return f'{code} {text.decode()}'
            time.sleep(pause)
        client.quit()
    except (OSError, smtplib.SMTPException) as error:
        return repr(error)
    with lock:
        taken += 1
    return None


def client():
    while not over.is_set():
        problem = session()
        if problem:
            print(problem)


threads = [threading.Thread(target=client) for _ in range(int(sys.argv[1]))]
for thread in threads:
    thread.start()
sys.stdin.read()
over.set()
for thread in threads:
    thread.join()
print(taken)
