"""Records on their way to other tools: each delivered, in order, and none left out when a receiver
is away, the command is ended, or the cursor is another fleet's."""
import hashlib
import hmac
import http.server
import json
import re
import signal
import socket
import threading
import unittest

from harness import REEVE, FleetTest

SECRET = {'id': 'secret-mode', 'file': '{path: /etc/secret, mode: "0600"}'}
FILES = {'etc/secret': 'hush\n'}
SYSLOG = re.compile(r'<1\d\d>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ node1 reeve - ([a-z_]+) - (\{.*\})$')


class Receiver(http.server.BaseHTTPRequestHandler):
    """Refuses its first request, then takes what is signed as agreed."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        server = self.server
        server.requests += 1
        stamp = self.headers['Reeve-Timestamp'].encode()
        expected = 'v1=' + hmac.new(server.secret, stamp + b'.' + body, hashlib.sha256).hexdigest()
        is_good = hmac.compare_digest(expected, self.headers['Reeve-Signature'])
        if server.requests > 1 and is_good:
            server.taken += [json.loads(line) for line in body.decode().splitlines()]
        self.send_response(204 if server.requests > 1 and is_good else 503)
        self.end_headers()

    def log_message(self, *_):
        pass


class Exports(FleetTest):
    def setUp(self):
        super().setUp()
        host, _ = self.fleet.up([SECRET], FILES)
        self.secret_file = host / 'etc/secret'
        self.fleet.wait_mode(self.secret_file, 0o600)
        self.fleet.wait_for('a receipt', self.fleet.receipts)

    def names(self):
        return [record['record'] for record in self.fleet.records()]

    def one_more(self):
        count = len(self.fleet.receipts())
        self.secret_file.chmod(0o666)
        self.fleet.wait_for('one more', lambda: len(self.fleet.receipts()) > count)

    def test_a_file_gets_each_record_once_over_several_runs_and_an_end_in_between(self):
        fleet = self.fleet
        out, cursor = fleet.where / 'out.jsonl', fleet.where / 'cursor'
        words = (f'file:{out}', '--cursor', cursor)
        lines = lambda: [json.loads(line)['record'] for line in out.read_text().splitlines()]
        fleet.reeve('export', *words)
        self.assertEqual(0o600, out.stat().st_mode & 0o777)
        self.one_more()
        known = self.names()
        child = fleet.start('export', REEVE, 'export', *words, '--follow', '--fleet', fleet.fleet)
        fleet.wait_for('all of them', lambda: lines()[:len(known)] == known)
        self.secret_file.chmod(0o666)
        fleet.wait_for('the newest', lambda: len(lines()) > len(known))
        child.send_signal(signal.SIGINT)
        self.assertEqual(0, child.wait(60))
        del fleet.children['export']
        self.one_more()
        with open(out, 'a') as torn:
            torn.write('{"record": "cut by a power')
        fleet.reeve('export', *words)
        out.write_text(''.join(line + '\n' for line in out.read_text().split('\n')
                               if line and 'power' not in line))
        self.assertEqual(self.names(), lines())
        self.assertEqual(len(set(lines())), len(lines()))
        # What is no cursor of this fleet is refused, and nothing is written.
        for text, name in (('nonsense\n', 'cursor_damaged'),
                           (re.sub('[0-9a-f]{32}', '0' * 32, cursor.read_text()), 'wrong_ledger')):
            cursor.write_text(text)
            self.assertIn(f'error {name}', fleet.reeve('export', *words, check=1).stderr)
            self.assertEqual(text, cursor.read_text())

    def test_a_webhook_is_signed_and_asked_again_until_it_takes_it(self):
        fleet = self.fleet
        server = http.server.HTTPServer(('127.0.0.1', 0), Receiver)
        server.requests, server.taken, server.secret = 0, [], b'0123456789abcdef'
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            secret = fleet.where / 'secret'
            secret.write_bytes(server.secret + b'\n')
            url = f'webhook:http://127.0.0.1:{server.server_port}/hook'
            done = fleet.reeve('export', url, '--secret-file', secret)
            self.assertIn('delivery_failed', done.stderr)
            self.assertIn('status 503', done.stderr)
            self.assertEqual(self.names()[:len(server.taken)], [one['record'] for one in server.taken])
            self.assertGreaterEqual(server.requests, 2)
            self.assertTrue(server.taken)
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def test_syslog_gets_lines_of_its_form_by_tcp_and_as_datagrams(self):
        fleet = self.fleet
        with socket.create_server(('127.0.0.1', 0)) as listener:
            listener.settimeout(60)
            fleet.reeve('export', f'syslog:tcp://127.0.0.1:{listener.getsockname()[1]}')
            taken = listener.accept()[0]
            with taken:
                stream = b''
                while part := taken.recv(65536):
                    stream += part
        lines = []
        while stream:
            count, _, rest = stream.partition(b' ')
            lines.append(rest[:int(count)].decode())
            stream = rest[int(count):]
        self.check_lines(lines)
        path = fleet.where / 'log.sock'
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
            log.bind(str(path))
            log.settimeout(60)
            child = fleet.start('export', REEVE, 'export', f'syslog:unix:{path}', '--fleet', fleet.fleet)
            datagrams = [log.recv(65536).decode() for _ in range(len(lines))]
            self.assertEqual(0, child.wait(60))
            del fleet.children['export']
        self.check_lines(datagrams)

    def check_lines(self, lines):
        records = []
        for line in lines:
            match = SYSLOG.match(line)
            self.assertTrue(match, line)
            records.append(json.loads(match[2]))
            self.assertEqual(match[1], records[-1]['type'])
        self.assertEqual(self.names()[:len(records)], [one['record'] for one in records])

    def test_targets_that_are_none_are_refused_by_name(self):
        for target in ('file:', 'syslog:tcp://nowhere', 'ftp:x', 'webhook:http://192.0.2.1/x',
                       'webhook:file:///etc/passwd', 'webhook:gopher://127.0.0.1/'):
            self.assertIn('error usage', self.fleet.reeve('export', target, check=1).stderr)
        done = self.fleet.reeve('export', 'file:/nonexistent/x', check=1)
        self.assertIn('error file_unwritable', done.stderr)


if __name__ == '__main__':
    unittest.main(verbosity=2)
