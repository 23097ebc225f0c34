"""TLS and AUTH for the private MTAs: certificates made here, and a server
that lets everybody in."""
import contextlib
import os
import shutil
import socket
import ssl
import threading

import common
from common import Skip

CLIENT = 'partner.example.org'      # the name in the client's certificate


def make_certificate(folder, name, common_name):
    """A self-signed one: folder/name.pem and folder/name.key."""
    if not shutil.which('openssl'):
        raise Skip('openssl is not installed')
    common.run('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes',
               '-days', '30', '-subj', f'/CN={common_name}',
               '-keyout', f'{folder}/{name}.key',
               '-out', f'{folder}/{name}.pem')
    os.chmod(f'{folder}/{name}.key', 0o600)


@contextlib.contextmanager
def tls(mta):
    """In `with`: the MTA offers STARTTLS and asks for certificates; gives
    a function that makes the ssl context of a client, whose argument says
    whether it shows its own."""
    folder = common.temp_dir()
    try:
        make_certificate(folder, 'server', common.HOST)
        make_certificate(folder, 'client', CLIENT)
        with changed(mta, _settings(mta, folder)):
            yield lambda shows: client_context(folder, shows)
    finally:
        common.remove_dir(folder)


def _settings(mta, folder):
    if mta.name == 'postfix':
        return {'smtpd_tls_security_level': 'may',
                'smtpd_tls_cert_file': f'{folder}/server.pem',
                'smtpd_tls_key_file': f'{folder}/server.key',
                'smtpd_tls_CAfile': f'{folder}/client.pem',
                'smtpd_tls_ask_ccert': 'yes'}
    names = {'confSERVER_CERT': 'server.pem', 'confSERVER_KEY': 'server.key',
             'confCACERT': 'client.pem'}
    lines = [f"define(`{key}', `{folder}/{file}')dnl"
             for key, file in names.items()]
    return {'extra': '\n'.join(lines + [
        f"define(`confCACERT_PATH', `{folder}')dnl\n"])}


@contextlib.contextmanager
def changed(mta, settings):
    """In `with`: the MTA with these settings."""
    if mta.name == 'postfix':
        before = dict(mta.settings)
        mta.set(**settings)
    else:
        mta.set(**settings)
    try:
        yield
    finally:
        if mta.name == 'postfix':
            mta.settings = before
            mta.set()
        else:
            mta.set(extra='')


def client_context(folder, shows):
    """Of a client that trusts anybody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if shows:
        context.load_cert_chain(f'{folder}/client.pem',
                                f'{folder}/client.key')
    return context


class Server(threading.Thread):
    """One on a unix socket, from `with` or its making to its end.

    path  of its socket
    """

    def __init__(self, name):
        super().__init__(daemon=True)
        self.dir = common.temp_dir()
        self.path = f'{self.dir}/{name}'
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        os.chmod(self.path, 0o666)
        self._listener.listen()
        self.start()

    def run(self):
        """Each connection in a thread of its own, until the end."""
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,),
                             daemon=True).start()

    def _serve(self, client):
        with client, client.makefile('rwb', buffering=0) as stream:
            self.serve(stream)

    def serve(self, stream):
        """One connection."""
        raise NotImplementedError

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        common.remove_dir(self.dir)


class Dovecot(Server):
    """The server side of Dovecot's auth protocol, for PLAIN: everybody is
    ann."""

    HELLO = (b'VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\n'
             b'COOKIE\t0123456789abcdef0123456789abcdef\nDONE\n')

    def __init__(self):
        super().__init__('auth')

    def serve(self, stream):
        stream.write(self.HELLO)
        for line in stream:
            words = line.rstrip(b'\n').split(b'\t')
            if words[0] == b'AUTH':
                stream.write(b'OK\t' + words[1] + b'\tuser=ann\n')


class Saslauthd(Server):
    """What Cyrus' library asks whether a password is right: ann's is."""

    def __init__(self):
        super().__init__('mux')

    def serve(self, stream):
        # login, password, service, realm: each behind its length
        words = []
        for _ in range(4):
            size = int.from_bytes(stream.read(2), 'big')
            words.append(stream.read(size) if size else b'')
        answer = b'OK' if words[0] == b'ann' else b'NO'
        stream.write(len(answer).to_bytes(2, 'big') + answer)


@contextlib.contextmanager
def users(mta):
    """In `with`: who says AUTH PLAIN is ann."""
    if mta.name == 'postfix':
        with Dovecot() as server, changed(mta, {
                'smtpd_sasl_auth_enable': 'yes',
                'smtpd_sasl_type': 'dovecot',
                'smtpd_sasl_path': server.path}):
            yield
        return
    with Saslauthd() as server:
        with open(f'{mta.dir}/etc/Sendmail.conf', 'w') as file:
            file.write('pwcheck_method: saslauthd\nmech_list: PLAIN\n'
                       f'saslauthd_path: {server.path}\n')
        with changed(mta, {'extra': "define(`confAUTH_MECHANISMS', `PLAIN')"
                                    'dnl\n'}):
            yield
        os.unlink(f'{mta.dir}/etc/Sendmail.conf')


@contextlib.contextmanager
def ipv6(mta):
    """In `with`: the MTA listens on ::1 too; gives the port there."""
    if not common.has_ipv6():
        raise Skip('this machine has no ::1')
    port = common.free_port()
    if mta.name == 'postfix':
        mta.services = f'[::1]:{port} inet n - n - - smtpd\n'
        settings = {'inet_protocols': 'all',
                    'mynetworks': '127.0.0.0/8 [::1]/128'}
    else:
        settings = {'extra': 'DAEMON_OPTIONS(`Family=inet6, Addr=::1, '
                             f"Port={port}, Name=MTA6')dnl\n"}
    with changed(mta, settings):
        try:
            common.wait_for(lambda: common.accepts(('::1', port)),
                            f'{mta.name} on ::1')
            yield port
        finally:
            mta.services = ''
