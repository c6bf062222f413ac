"""Hostile names of files through the real programs: put right, recorded, listed; nothing is run."""
import json
import os
import unittest

from harness import AGENT, FleetTest, REEVE

NAMES = [
    b'\x1b[2J\x1b[1;1H', b'\x1b]0;title\x07', b'a\nreeve: error forged: line', b'tab\there', b'\r',
    b'\x7f', b'\x9b31m', b'\xc2\x9b31m', b'\xe2\x80\xaegpj.exe', b'\xe2\x80\xa8', b'\xe2\x80\x8b',
    b'\xff\xfe', b'\xc0\xaf', b'\xed\xa0\x80', b'"}],"proven":false,"x":[{"', b'\\u0000\\', b"'; DROP TABLE leaves; --",
    b'$(touch reeve-ran)', b'`touch reeve-ran`', b'; touch reeve-ran #', b'| sh', b'-rf', b'--help',
    b'* ? [a-z]', b'%n%s%p{}{0}', b'<script>', b'flush ruleset }', b'x' * 255, b' ', b'#', b'\\',
    b'name\x01\x02\x03\x04', b'caf\xc3\xa9',
]
RULE = {'id': 'hostile', 'file': '{glob: "/srv/box/*", mode: "0600"}'}


def controls_in(text):
    """Raw control characters, but line feeds, in bytes that are to be UTF-8."""
    return [c for c in text.decode('utf-8') if c != '\n' and (ord(c) < 0x20 or 0x7f <= ord(c) < 0xa0)]


class HostileNames(FleetTest):
    def fill(self, box):
        for name in NAMES:
            path = os.path.join(os.fsencode(box), name)
            with open(path, 'wb'):
                pass
            os.chmod(path, 0o644)

    def test_hostile_file_names_are_kept_listed_and_never_run(self):
        fleet = self.fleet
        fleet.init()
        fleet.start_controller()
        host = fleet.make_host(files={'srv/box/.keep': ''})
        box = host / 'srv/box'
        self.fill(box)
        state = fleet.enroll()
        fleet.start_agent(state, host)
        fleet.push([RULE])
        fleet.wait_for('a receipt of each', lambda: len(fleet.receipts()) >= len(NAMES))
        for name in NAMES:
            mode = os.stat(os.path.join(os.fsencode(box), name)).st_mode & 0o7777
            self.assertEqual(0o600, mode, name)
        self.assertEqual([], list(fleet.where.rglob('reeve-ran')))

        for words in (['records'], ['records', '--json'], ['status'], ['status', '--json']):
            done = fleet.run(REEVE, *words, '--fleet', fleet.fleet, check=None)
            shown = done.stdout.encode('utf-8', 'surrogateescape')
            self.assertEqual([], controls_in(shown), words)
        shown = fleet.records()[-1]
        for words in (['show', shown['record']], ['show', shown['record'], '--json']):
            done = fleet.run(REEVE, *words, '--fleet', fleet.fleet)
            self.assertEqual([], controls_in(done.stdout.encode()))
        for log in fleet.where.glob('*.log'):
            self.assertEqual([], controls_in(log.read_bytes()), log.name)

        self.fill(box)
        fleet.stop('agent')
        bundle = fleet.where / 'names.bundle'
        fleet.run(REEVE, 'compile', fleet.where / 'test.yaml', '-o', bundle)
        for command in ('check', 'plan', 'fix'):
            self.fill(box)
            for json_option in ([], ['--json']):
                done = fleet.run(AGENT, command, bundle, '--root', host, *json_option, check=None)
                self.assertEqual([], controls_in(done.stdout.encode()), command)
                self.assertEqual([], controls_in(done.stderr.encode()), command)
                if json_option:
                    for line in done.stdout.splitlines():
                        json.loads(line)
        self.assertEqual([], list(fleet.where.rglob('reeve-ran')))


if __name__ == '__main__':
    unittest.main(verbosity=2)
