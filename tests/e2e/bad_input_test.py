"""What bad input gets: a named error, exit 1, nothing changed; with the real programs."""
import ctypes
import json
import os
import pathlib
import random
import subprocess
import sys
import unittest

from harness import AGENT, CONTROLLER, REEVE, FleetTest, policy_text

SECRET = {'id': 'secret-mode', 'file': '{path: /etc/secret, mode: "0600"}'}
FILES = {'etc/secret': 'hush\n'}


class BadInput(FleetTest):
    def assert_refused(self, done, name):
        self.assertEqual(1, done.returncode, done.stdout + done.stderr)
        self.assertIn(f'error {name}', done.stderr)
        self.assertIn('next:', done.stderr)

    def compiled(self, rules=(SECRET,)):
        source = self.fleet.where / 'p.yaml'
        source.write_text(policy_text(list(rules)))
        bundle = self.fleet.where / 'p.bundle'
        self.fleet.run(REEVE, 'compile', source, '-o', bundle)
        return bundle

    def test_check_and_fix_have_the_contracts_exit_codes(self):
        host = self.fleet.make_host(files=FILES)
        bundle = self.compiled()
        self.fleet.run(AGENT, 'check', bundle, '--root', host, check=2)
        self.assertEqual(0o644, (host / 'etc/secret').stat().st_mode & 0o7777)
        self.fleet.run(AGENT, 'fix', bundle, '--root', host, check=0)
        self.assertEqual(0o600, (host / 'etc/secret').stat().st_mode & 0o7777)
        self.fleet.run(AGENT, 'check', bundle, '--root', host, check=0)

    def test_malformed_yaml_is_refused_with_every_error_and_its_place(self):
        source = self.fleet.where / 'bad.yaml'
        source.write_text('policy: p\nrules:\n  - id: a\n    titel: T\n    severty: high\n'
                          '    file: {path: relative, mode: "0999"}\n')
        done = self.fleet.run(REEVE, 'lint', source, check=1)
        out = done.stdout + done.stderr
        for place in (':4:', ':5:', ':6:'):
            self.assertIn(f'bad.yaml{place}', out)
        self.assertIn('title', out)
        self.assertFalse((self.fleet.where / 'x').exists())
        self.fleet.run(REEVE, 'compile', source, '-o', self.fleet.where / 'x', check=1)
        self.assertFalse((self.fleet.where / 'x').exists())

    def test_a_source_of_fifty_megabytes_is_refused(self):
        source = self.fleet.where / 'big.yaml'
        with open(source, 'w') as out:
            out.write('policy: p\nrules:\n')
            for _ in range(50):
                out.write(('# ' + 'x' * 1022 + '\n') * 1024)
        done = self.fleet.run(REEVE, 'lint', source, check=1)
        self.assertIn('big.yaml:1:1:', done.stdout + done.stderr)

    def test_a_bundle_cut_at_any_byte_is_refused(self):
        host = self.fleet.make_host(files=FILES)
        bundle = self.compiled()
        whole = bundle.read_bytes()
        cut = self.fleet.where / 'cut'
        for size in range(len(whole)):
            cut.write_bytes(whole[:size])
            self.assert_refused(self.fleet.run(AGENT, 'fix', cut, '--root', host, check=None),
                                'malformed_bundle')
        self.assertEqual(0o644, (host / 'etc/secret').stat().st_mode & 0o7777)

    def test_a_bundle_with_any_bit_flipped_is_refused(self):
        host = self.fleet.make_host(files=FILES)
        whole = self.compiled().read_bytes()
        flipped = self.fleet.where / 'flipped'
        for bit in range(len(whole) * 8):
            damaged = bytearray(whole)
            damaged[bit // 8] ^= 1 << bit % 8
            flipped.write_bytes(damaged)
            done = self.fleet.run(AGENT, 'fix', flipped, '--root', host, check=None)
            self.assertEqual(1, done.returncode, (bit, done.stdout))
            self.assertIn('error ', done.stderr)
        self.assertEqual(0o644, (host / 'etc/secret').stat().st_mode & 0o7777)

    def test_a_state_directory_that_others_may_enter_is_refused(self):
        fleet = self.fleet
        fleet.init()
        fleet.start_controller()
        state = fleet.enroll()
        state.chmod(0o755)
        self.assert_refused(fleet.run(AGENT, 'run', '--state', state, '--courier-user', 'same',
                                      check=None), 'state_permissions')
        (fleet.fleet / 'controller').chmod(0o755)
        self.assert_refused(fleet.run(CONTROLLER, 'run', '--state', fleet.fleet / 'controller',
                                      '--listen', 'tcp://127.0.0.1:0', '--operators',
                                      'tcp://127.0.0.1:0', check=None), 'state_permissions')

    def test_a_second_agent_and_a_second_controller_on_one_state_are_refused(self):
        fleet = self.fleet
        host, state = fleet.up([SECRET], FILES)
        self.assert_refused(fleet.run(AGENT, 'run', '--state', state, '--root', host,
                                      '--courier-user', 'same', check=None), 'state_in_use')
        self.assert_refused(fleet.run(CONTROLLER, 'run', '--state', fleet.fleet / 'controller',
                                      '--listen', 'tcp://127.0.0.1:0', '--operators',
                                      'tcp://127.0.0.1:0', check=None), 'state_in_use')

    def test_a_user_that_does_not_exist_gives_fix_failed_with_the_reason(self):
        fleet = self.fleet
        rule = {'id': 'who', 'file': '{path: /etc/secret, owner: nosuchuser}'}
        fleet.up([rule], FILES)
        receipt = fleet.wait_for('a receipt', fleet.receipts)[0]
        self.assertEqual('fix_failed', receipt['outcome'])
        self.assertIn('nosuchuser', json.dumps(receipt))
        self.assertIn('unknown_user', json.dumps(receipt))

    def test_a_rule_that_only_the_agent_can_refuse_is_refused_before_it_is_published(self):
        fleet = self.fleet
        fleet.up([SECRET], FILES)
        rule = {'id': 'contradiction', 'file': '{path: /etc/secret, absent: true, mode: "0600"}'}
        done = fleet.push([rule], check=1)
        self.assertIn('invalid_rule', done.stderr + done.stdout)
        self.assertIn('contradiction', done.stderr + done.stdout)
        self.assertIn('policy version 1', fleet.reeve('status').stdout)

    def test_init_touches_no_directory_that_holds_something(self):
        taken = self.fleet.where / 'taken'
        taken.mkdir()
        (taken / 'mine').write_text('mine')
        self.assert_refused(self.fleet.run(REEVE, 'init', taken, '--no-passphrase', check=None), 'directory_not_empty')
        self.assertEqual(['mine'], os.listdir(taken))

    def test_an_unreachable_controller_is_named_and_leaves_nothing_behind(self):
        fleet = self.fleet
        fleet.init()
        fleet.start_controller()
        fleet.stop_controller()
        done = fleet.reeve('node', 'enroll', 'n', '--out', fleet.where / 'n', check=None)
        self.assert_refused(done, 'controller_unreachable')
        self.assertFalse((fleet.where / 'n').exists())

    def test_random_bytes_to_the_controllers_ports_change_nothing(self):
        import socket
        fleet = self.fleet
        fleet.up([SECRET], FILES)
        fleet.wait_for('a receipt', fleet.receipts)
        chance = random.Random(1)
        for address in fleet.addresses:
            host, port = address.removeprefix('tcp://').split(':')
            for _ in range(50):
                with socket.create_connection((host, int(port)), timeout=5) as peer:
                    try:
                        peer.sendall(chance.randbytes(chance.randrange(1, 4000)))
                    except OSError:
                        pass
        self.assertIsNone(fleet.children['controller'].poll())
        self.assert_streams_whole(fleet.records())


class FullDisk(FleetTest):
    """A state directory on a file system of its own that fills up, in a private mount namespace."""

    def test_an_agent_on_a_full_disk_goes_on_enforcing_and_accounts_for_the_gap(self):
        inside = pathlib.Path(__file__).with_name('full_disk_inside.py')
        probe = subprocess.run(['unshare', '--user', '--map-root-user', '--mount', 'true'],
                               capture_output=True)
        if probe.returncode != 0:
            self.skipTest('no user namespaces here')
        done = self.fleet.run('unshare', '--user', '--map-root-user', '--mount', sys.executable,
                              inside, check=None, timeout=300)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)


if __name__ == '__main__':
    unittest.main(verbosity=2)
