#!/usr/bin/env python3
"""Who may do what, end to end: policy that several people sign, roots that change while an agent is
away, an operator's pause, and keys under a passphrase."""
import json
import os
import pty
import shutil
import termios
import unittest

from harness import REEVE, FleetTest

RULES = [{'id': 'secret-mode', 'file': '{path: /etc/secret, mode: "0600"}'}]
FILES = {'etc/secret': 'hush\n'}


class Trust(FleetTest):
    def up(self):
        self.host, self.state = self.fleet.up(RULES, FILES)
        self.secret = self.host / 'etc/secret'
        self.fleet.wait_mode(self.secret, 0o600)

    def new_key(self, name):
        path = self.fleet.where / name
        self.fleet.run(REEVE, 'key', 'new', path, '--no-passphrase')
        return path

    def hash_of(self, key):
        told = self.fleet.run(REEVE, 'key', 'show', key).stdout
        return next(line.split()[1] for line in told.splitlines() if line.startswith('hash'))

    def status(self):
        out = self.fleet.reeve('status', '--json', check=None).stdout
        return json.loads(out.splitlines()[0])

    def types(self, kind):
        return [r for r in self.fleet.records() if r['type'] == kind]

    def refused(self, name, *words):
        done = self.fleet.reeve(*words, check=1)
        self.assertIn(f'error {name}:', done.stderr)

    def test_two_of_three_sign_a_policy_on_machines_without_a_network(self):
        self.up()
        fleet, second, third = self.fleet, self.new_key('second.key'), self.new_key('third.key')
        root = fleet.where / 'root.next'
        fleet.reeve('root', 'add-key', 'policy', second, '--prepare', root)
        fleet.reeve('root', 'add-key', 'policy', third, '--prepare', root)
        fleet.reeve('root', 'set-threshold', 'policy', '2', '--prepare', root)
        self.refused('too_few_signatures', 'root', 'submit', root)
        shown = fleet.reeve('sign', root, '--yes').stdout
        self.assertIn('policy needs 2 signatures, not 1', shown)
        fleet.reeve('root', 'submit', root)
        self.assertIn('version 2', fleet.reeve('root', 'show').stdout)

        source, draft = fleet.where / 'test.yaml', fleet.where / 'policy.draft'
        self.refused('too_few_signatures', 'push', source)
        prepared = fleet.reeve('push', source, '--prepare', draft).stdout
        # Version 1 was signed under the root before: the signers' root vouches for nothing in it.
        self.assertIn('what it replaces is not proven', prepared)
        self.assertIn('node1', prepared)
        # The second signer has the public root, a key, and no network.
        away = fleet.where / 'away'
        (away / 'public').mkdir(parents=True)
        shutil.copy(fleet.fleet / 'public/root', away / 'public/root')
        fleet.run(REEVE, 'sign', draft, '--key', second, '--fleet', away, '--yes')
        self.refused('too_few_signatures', 'push', '--submit', draft)
        stranger = self.new_key('stranger.key')
        done = fleet.run(REEVE, 'sign', draft, '--key', stranger, '--fleet', away, '--yes', check=1)
        self.assertIn('key_not_in_role', done.stderr)
        done = fleet.run(REEVE, 'sign', draft, '--key', third, '--fleet', away, check=1,
                         stdin=-3, start_new_session=True)
        self.assertIn('consent_needed', done.stderr)
        fleet.reeve('sign', draft, '--yes')
        fleet.reeve('push', '--submit', draft, '--wait', '60s')
        self.secret.chmod(0o666)
        fleet.wait_mode(self.secret, 0o600)

        log = [json.loads(line) for line in
               fleet.reeve('policy', 'log', '--json').stdout.splitlines()]
        self.assertEqual([2, 1], [entry['version'] for entry in log])
        self.assertEqual({self.hash_of(second), self.hash_of(fleet.fleet / 'keys/policy.key')},
                         set(log[0]['signers']))
        self.assertEqual([2, 1], [entry['root'] for entry in log])
        adopted = fleet.wait_for('both adoptions on record',
                                 lambda: len(self.types('policy_adopted')) == 2)
        self.assertTrue(adopted)

    def test_an_agent_that_was_away_for_two_roots_goes_on_and_takes_the_new_key_only(self):
        self.up()
        fleet = self.fleet
        fleet.stop('agent')
        own = fleet.fleet / 'keys/policy.key'
        old = fleet.where / 'old.key'
        shutil.copy(own, old)
        fresh = self.new_key('fresh.key')
        fleet.reeve('root', 'rotate', '--days', '1', '--yes')
        change = fleet.where / 'root.next'
        fleet.reeve('root', 'add-key', 'policy', fresh, '--prepare', change)
        fleet.reeve('root', 'remove-key', 'policy', self.hash_of(old), '--prepare', change)
        fleet.reeve('root', 'sign', change, '--yes')
        fleet.reeve('root', 'submit', change)
        self.secret.chmod(0o666)
        fleet.start_agent(self.state, self.host)
        # What was in force stays so, by the root of its time.
        fleet.wait_mode(self.secret, 0o600)
        fleet.wait_for('both roots', lambda: [r['version'] for r in self.types('root_adopted')]
                       == [2, 3])
        self.refused('too_few_signatures', 'push', fleet.where / 'test.yaml')
        shutil.copy(fresh, own)
        own.chmod(0o600)
        fleet.reeve('push', fleet.where / 'test.yaml', '--wait', '60s')
        # The controller kept the chain; its own directory still holds the first root.
        fleet.stop_controller()
        fleet.start_controller()
        fleet.wait_for('the node is back', lambda: self.status().get('root_version') == 3)

    def test_an_operator_pauses_fixes_and_ends_the_pause(self):
        self.up()
        fleet = self.fleet
        self.refused('usage', 'pause', 'all', '--yes')
        self.refused('pause_too_long', 'pause', 'all', '--for', '25h', '--reason', 'x', '--yes')
        fleet.reeve('pause', 'all', '--reason', 'the deploy fights with it', '--yes')
        begun = fleet.wait_for('its beginning on record', lambda: self.types('enforcement_paused'))
        self.assertEqual('the deploy fights with it', begun[0]['reason'])
        self.assertTrue(begun[0]['proven'])
        self.secret.chmod(0o666)
        fleet.wait_for('the deviation on record', lambda: any(
            r['outcome'] == 'paused' for r in fleet.receipts()))
        self.assertEqual(0o666, self.secret.stat().st_mode & 0o777)
        fleet.wait_for('the state', lambda: self.status()['state'] == 'paused')
        # It outlives the agent, and the controller.
        fleet.stop('agent')
        fleet.stop_controller()
        fleet.start_agent(self.state, self.host)
        fleet.start_controller()
        fleet.wait_for('it counts again', lambda: len(self.types('enforcement_paused')) == 2)
        self.assertEqual(0o666, self.secret.stat().st_mode & 0o777)
        listed = [json.loads(line) for line in
                  fleet.reeve('pause', '--list', '--json').stdout.splitlines()]
        self.assertEqual(['pause'], [act['act'] for act in listed])
        fleet.reeve('pause', '--end', listed[0]['id'][:8])
        fleet.wait_mode(self.secret, 0o600)
        ended = fleet.wait_for('its end on record', lambda: self.types('enforcement_resumed'))
        self.assertEqual('ended', ended[-1]['why'])
        self.refused('unknown_act', 'pause', '--end', listed[0]['id'][:8])
        told = fleet.reeve('pause', 'all', '--reason', 'x', '--for', '1m', '--yes', '--json')
        self.assertEqual('operator', json.loads(told.stdout)['operator'])
        self.assertIn('is to be paused', told.stderr)

    def test_keys_under_a_passphrase_open_with_it_and_not_without(self):
        fleet = self.fleet
        good, bad = fleet.where / 'good', fleet.where / 'bad'
        for path, text in ((good, 'correct horse\n'), (bad, 'wrong\n')):
            path.write_text(text)
            path.chmod(0o600)
        done = fleet.run(REEVE, 'init', fleet.fleet, '--name', 'e2e', check=1,
                         stdin=-3, start_new_session=True)
        self.assertIn('--no-passphrase', done.stderr)
        self.assertFalse(fleet.fleet.exists())
        fleet.run(REEVE, 'init', fleet.fleet, '--name', 'e2e', '--controller', '127.0.0.1',
                  '--port', '7117', '--passphrase-file', good)
        fleet.start_controller()
        done = fleet.reeve('status', '--passphrase-file', bad, check=1)
        self.assertIn('error wrong_passphrase:', done.stderr)
        self.assertIn('keys/operator.key', done.stderr)
        fleet.reeve('status', env={**os.environ, 'REEVE_PASSPHRASE_FILE': str(good)})

    def test_a_passphrase_is_typed_unseen_and_the_terminal_is_left_as_it_was(self):
        typed = b'a long passphrase\n'
        code, shown, before, after = at_terminal(
            [REEVE, 'init', str(self.fleet.fleet)],
            [(b'New passphrase', typed), (b'same again', typed)])
        self.assertEqual(0, code, shown)
        self.assertNotIn(b'long passphrase', shown)
        self.assertEqual(before, after)
        code, shown, before, after = at_terminal(
            [REEVE, 'key', 'new', str(self.fleet.where / 'k.key')],
            [(b'New passphrase', b'half\x03')])
        self.assertEqual(1, code, shown)
        self.assertIn(b'interrupted', shown)
        self.assertEqual(before, after)
        self.assertFalse((self.fleet.where / 'k.key').exists())


def at_terminal(command, answers):
    """Runs a command at a terminal of its own; gives its exit code, what was shown, and the
    terminal's settings before and after."""
    main, other = pty.openpty()
    before = termios.tcgetattr(other)[3]
    child = os.fork()
    if child == 0:
        os.login_tty(other) if hasattr(os, 'login_tty') else login_tty(other)
        os.execv(command[0], command)
    shown = b''
    for wanted, answer in answers:
        at = len(shown)
        while wanted not in shown[at:]:
            shown += os.read(main, 4096)
        os.write(main, answer)
    _, status = os.waitpid(child, 0)
    after = termios.tcgetattr(other)[3]
    os.close(other)
    while True:
        try:
            more = os.read(main, 4096)
        except OSError:
            break
        if not more:
            break
        shown += more
    os.close(main)
    return os.waitstatus_to_exitcode(status), shown, before, after


def login_tty(terminal):
    import fcntl
    os.setsid()
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
    for fd in range(3):
        os.dup2(terminal, fd)


if __name__ == '__main__':
    unittest.main()
