"""What stands in for scanners in tests: a Rspamd and a clamd.

A message says itself what is found in it: Rspamd answers with the JSON that
the header X-Answer has, or with a status of 500 where it is "fail"; clamd
finds Eicar-Test where the word VIRUS is in the message.
"""
import json
import os
import re
import shutil
import socketserver
import tempfile
import threading

from http_server import Server

ANSWER = re.compile(rb'^X-Answer: (.*?)\r\n', re.I | re.M)


def answer(action, **more):
    """The header that asks for it, without its name."""
    return json.dumps({'action': action, 'score': 7.5, 'required_score': 15,
                       **more})


class Rspamd(Server):
    """asked: name -> values, in small letters, of each question's head."""

    def __init__(self):
        self.asked = []
        super().__init__(answers={'/checkv2': self._check})

    def _check(self, request):
        head, _, message = request.partition(b'\r\n\r\n')
        asked = {}
        for line in head.decode().split('\r\n')[1:]:
            name, _, value = line.partition(': ')
            asked.setdefault(name.lower(), []).append(value)
        self.asked.append(asked)
        found = ANSWER.search(message)
        wanted = found.group(1).decode() if found else answer('no action')
        return (500, 'fail') if wanted == 'fail' else (200, wanted)

    def close(self):
        if self.is_alive():
            super().close()

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.close()


class Clamd(socketserver.ThreadingUnixStreamServer):
    """In `with`: listens at `path`.  scanned: the messages that it saw."""

    daemon_threads = True

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix='kumilter-')
        os.chmod(self.dir, 0o755)
        self.path = f'{self.dir}/clamd.ctl'
        self.scanned = []
        super().__init__(self.path, Stream)
        os.chmod(self.path, 0o666)
        threading.Thread(target=self.serve_forever, args=(0.05,),
                         daemon=True).start()

    def close(self):
        """Gone, and its socket, too; may be repeated."""
        if os.path.exists(self.dir):
            self.shutdown()
            self.server_close()
            shutil.rmtree(self.dir)

    def __exit__(self, *_exc):
        self.close()


class Stream(socketserver.StreamRequestHandler):
    """zINSTREAM: chunks behind their lengths, an empty one at the end."""

    def handle(self):
        if self.rfile.read(10) != b'zINSTREAM\0':
            self.wfile.write(b'UNKNOWN COMMAND\0')
            return
        message = b''
        while length := int.from_bytes(self.rfile.read(4), 'big'):
            message += self.rfile.read(length)
        self.server.scanned.append(message)
        self.wfile.write(b'stream: Eicar-Test FOUND\0'
                         if b'VIRUS' in message else b'stream: OK\0')
