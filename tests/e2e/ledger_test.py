"""The ledger as others see it: its static files by Go's transparency log packages, its checkpoint
by the operator's machine, which notices a log that was rewritten or set back."""
import json
import os
import pathlib
import shutil
import subprocess
import unittest

from harness import FleetTest

RULE = {'id': 'secret-mode', 'file': '{path: /etc/secret, mode: "0600"}'}
FILES = {'etc/secret': 'hush\n'}
SOURCE = pathlib.Path(__file__).resolve().parent.parent / 'log' / 'check_log.go'
GO_PACKAGES = pathlib.Path('/usr/share/gocode')  # where Debian's packages of Go libraries are


class Ledger(FleetTest):
    def make_records(self, count=3):
        host, _ = self.fleet.up([RULE], FILES)
        secret = host / 'etc/secret'
        for number in range(count):
            self.fleet.wait_mode(secret, 0o600)
            self.fleet.wait_for('a receipt', lambda: len(self.fleet.receipts()) > number)
            secret.chmod(0o666)
        self.fleet.wait_mode(secret, 0o600)
        return self.fleet.wait_for('all receipts', lambda: len(self.fleet.receipts()) == count + 1
                                   and self.fleet.receipts())

    def checkpoint(self, **more):
        return self.fleet.reeve('ledger', 'checkpoint', '--json', **more)

    def published(self):
        """The directory of static files once they hold all of the ledger."""
        log = self.fleet.fleet / 'controller/log'
        def is_whole():
            size = json.loads(self.checkpoint().stdout)['size']
            note = log / 'checkpoint'
            return note.exists() and note.read_text().split('\n')[1] == str(size) and size
        return log, self.fleet.wait_for('the files of the whole ledger', is_whole)

    def build_check(self):
        if not shutil.which('go') or not (GO_PACKAGES / 'src/golang.org/x/mod/sumdb').is_dir():
            self.skipTest('Go and golang-golang-x-mod-dev are not installed')
        program = self.fleet.where / 'check_log'
        environment = {**os.environ, 'GO111MODULE': 'off', 'GOPATH': str(GO_PACKAGES), 'GOFLAGS': '',
                       'GOCACHE': str(self.fleet.where / 'gocache'), 'CGO_ENABLED': '0'}
        self.fleet.run('go', 'build', '-o', program, SOURCE, env=environment, timeout=300)
        return program

    def test_go_verifies_the_static_files_and_finds_what_was_changed_in_them(self):
        program = self.build_check()
        self.make_records()
        log, size = self.published()
        key = self.fleet.reeve('ledger', 'checkpoint', '--keys').stdout.strip()
        older = self.fleet.where / 'older'
        shutil.copy(log / 'checkpoint', older)
        told = self.fleet.run(program, log, key).stdout.split()
        self.assertEqual(str(size), told[0])
        secret = self.fleet.where / 'host/etc/secret'
        before = len(self.fleet.receipts())
        secret.chmod(0o640)
        self.fleet.wait_for('one more', lambda: len(self.fleet.receipts()) == before + 1)
        log, size = self.published()
        self.fleet.run(program, log, key, older)
        for name in (f'tile/entries/000.p/{size}', f'tile/0/000.p/{size}', 'checkpoint'):
            whole = (log / name).read_bytes()
            damaged = bytearray(whole)
            damaged[len(damaged) // 2] ^= 1
            (log / name).write_bytes(damaged)
            with self.subTest(name=name):
                self.fleet.run(program, log, key, check=1)
            (log / name).write_bytes(whole)
        self.fleet.run(program, log, key, older)
        other = self.fleet.run('python3', '-c', f'print({key!r}.replace("A", "B", 1))').stdout.strip()
        self.fleet.run(program, log, other, check=1)

    def test_a_record_is_shown_with_its_place_in_the_checkpoint(self):
        receipts = self.make_records(1)
        shown = self.fleet.reeve('show', receipts[0]['record'])
        self.assertIn('in the ledger that its checkpoint covers', ' '.join(shown.stdout.split()))
        told = json.loads(self.fleet.reeve('show', receipts[0]['record'], '--json').stdout)
        self.assertTrue(told['in_ledger'])
        size = json.loads(self.checkpoint().stdout)['size']
        self.assertLessEqual(told['tree_size'], size)

    def test_a_ledger_that_was_set_back_is_noticed_by_who_has_seen_it(self):
        self.make_records(2)
        seen = json.loads(self.checkpoint().stdout)
        again = json.loads(self.checkpoint().stdout)
        self.assertGreaterEqual(again['size'], seen['size'])
        self.assertEqual(seen['size'], again['grown_from'])
        self.fleet.stop('agent')
        self.fleet.stop_controller()
        state = self.fleet.fleet / 'controller'
        for file in state.glob('ledger.db*'):
            file.unlink()
        self.fleet.start_controller()
        refused = self.checkpoint(check=2)
        self.assertIn('error ledger_rewritten: ', refused.stderr)
        self.assertIn('next: ', refused.stderr)

    def test_files_that_were_lost_are_written_again_at_the_next_start(self):
        self.make_records(1)
        log, _ = self.published()
        self.fleet.stop_controller()
        shutil.rmtree(log)
        self.fleet.start_controller()
        self.published()
        mode = (self.fleet.fleet / 'controller/log').stat().st_mode & 0o777
        self.assertEqual(0o700, mode)


if __name__ == '__main__':
    unittest.main(verbosity=2)
