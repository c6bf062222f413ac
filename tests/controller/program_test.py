"""reeve-controller from its command line, as far as it goes without a fleet: every refusal has its
name, the next step and exit code 1, and leaves nothing behind."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

PROGRAM = sys.argv.pop()


def run(*arguments):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True,
                          timeout=60, check=False)


class Program(unittest.TestCase):
    def setUp(self):
        self.where = tempfile.TemporaryDirectory(prefix='reeve-test-')
        self.state = pathlib.Path(self.where.name) / 'controller'
        self.state.mkdir(mode=0o700)

    def tearDown(self):
        self.where.cleanup()

    def assert_refused(self, done, name):
        self.assertEqual(1, done.returncode, done.stderr)
        self.assertIn(f'error {name}: ', done.stderr)
        self.assertEqual('', done.stdout)

    def test_help_and_version_go_to_stdout(self):
        told = run('--help')
        self.assertEqual(0, told.returncode)
        self.assertTrue(told.stdout.startswith('usage: reeve-controller'))
        self.assertLessEqual(max(map(len, told.stdout.split('\n'))), 80)
        self.assertRegex(run('--version').stdout, r'^reeve-controller \d+\.\d+\.\d+( \([0-9a-f]{12}\+?\))?\n$')

    def test_wrong_usage_is_named_and_shows_the_next_step(self):
        for arguments in ([], ['dance'], ['run', 'more'], ['backup'], ['run', '--stat', 'x'],
                          ['backup', 'a', 'b'], ['run', '--state']):
            done = run(*arguments)
            self.assert_refused(done, 'usage')
            self.assertIn('next: reeve-controller --help', done.stderr)

    def test_a_state_directory_that_cannot_be_used_is_named(self):
        self.assert_refused(run('run', '--state', self.state / 'no'), 'state_missing')
        self.assert_refused(run('run', '--state', self.state), 'key_missing')
        (self.state / 'ledger.key').write_bytes(b'no key')
        (self.state / 'ledger.key').chmod(0o644)
        self.assert_refused(run('run', '--state', self.state), 'state_permissions')
        (self.state / 'ledger.key').chmod(0o600)
        self.assert_refused(run('run', '--state', self.state), 'malformed_key')
        self.state.chmod(0o750)
        self.assert_refused(run('run', '--state', self.state), 'state_permissions')
        self.assertEqual({'ledger.key', 'lock'}, set(os.listdir(self.state)))

    def test_a_backup_of_nothing_is_refused_and_leaves_nothing(self):
        target = pathlib.Path(self.where.name) / 'copy'
        self.assert_refused(run('backup', target, '--state', self.state), 'store_failed')
        self.assertEqual(['controller'], os.listdir(self.where.name))


if __name__ == '__main__':
    unittest.main()
