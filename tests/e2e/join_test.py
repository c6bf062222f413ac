"""Joining a fleet with the real programs: one command on each side, and every way to fail."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time
import unittest

from harness import AGENT, REEVE, FleetTest, WAIT_S
from trust_test import at_terminal

SECRET = {'id': 'secret-mode', 'file': '{path: /etc/secret, mode: "0600"}'}
FILES = {'etc/secret': 'hush\n'}


class Join(FleetTest):
    def setUp(self):
        super().setUp()
        self.fleet.init()
        self.fleet.start_controller()

    def refused(self, name, token, node='node1', *words):
        """A join that is refused by this name leaves nothing behind."""
        state, done = self.fleet.join(token, node, *words, check=1)
        self.assertIn(f'error {name}:', done.stderr)
        self.assertFalse(state.exists(), name)
        self.assertFalse(pathlib.Path(f'{state}.joining').exists(), name)
        return done

    def node(self, name):
        done = self.fleet.reeve('node', 'show', name, '--json', check=None)
        return json.loads(done.stdout) if done.stdout else {'error': done.stderr}

    def test_from_nothing_to_the_first_receipt_by_one_command_on_each_side(self):
        fleet = self.fleet
        token = fleet.token('--label', 'role=web')
        state, done = fleet.join(token)
        self.assertIn('enrolled', done.stdout)
        self.assertIn('role=web', done.stdout)
        self.assertEqual(0o700, state.stat().st_mode & 0o7777)
        for file in (p for p in state.rglob('*') if p.is_file()):
            self.assertEqual(0o600, file.stat().st_mode & 0o7777, file)
        host = fleet.make_host(files=FILES)
        fleet.start_agent(state, host)
        fleet.push([SECRET])
        fleet.wait_mode(host / 'etc/secret', 0o600)
        receipt = fleet.wait_for('a receipt', fleet.receipts)[0]
        self.assertTrue(receipt['proven'])
        self.assertEqual({'role': 'web'}, self.node('node1')['labels'])
        self.assertEqual('used up', json.loads(fleet.reeve('token', 'list', '--json').stdout)['state'])
        self.assertIn('error state_exists:', fleet.join(token, check=1)[1].stderr)

    def test_50_hosts_join_at_once_and_the_51st_is_refused(self):
        fleet = self.fleet
        token = fleet.token('--uses', '50', '--name', 'web-*')
        hosts = [subprocess.Popen(
            [AGENT, 'join', token, '--name', f'web-{i}', '--state', str(fleet.where / f'web-{i}'),
             '--courier-user', 'same', '--wait', '300'],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for i in range(50)]
        for i, host in enumerate(hosts):
            out, _ = host.communicate(timeout=5 * WAIT_S)
            self.assertEqual(0, host.returncode, out)
            self.assertTrue((fleet.where / f'web-{i}/identity/certificate').exists())
        self.refused('token_used_up', token, 'web-50')
        listed = fleet.reeve('node', 'list', '--json').stdout.splitlines()
        self.assertEqual(50, len(listed))
        self.assertNotIn('token_overused', ''.join(listed))

    def test_each_refusal_has_its_name_and_leaves_nothing(self):
        fleet = self.fleet
        token = fleet.token('--label', 'role=web', '--label', 'site=*', '--name', 'node*', '--uses', '9')
        self.refused('label_missing', token)
        self.refused('label_not_allowed', token, 'node1', '--label', 'site=eu', '--label', 'env=x')
        self.refused('label_not_allowed', token, 'node1', '--label', 'site=eu', '--label', 'role=db')
        self.refused('name_not_allowed', token, 'other', '--label', 'site=eu')
        self.refused('token_damaged', token[:-1])
        fleet.join(token, 'node1', '--label', 'site=eu')
        shutil.rmtree(fleet.where / 'node1')
        done = self.refused('name_taken', token, 'node1', '--label', 'site=eu')
        self.assertIn('reeve node retire node1', done.stderr)
        short = fleet.token('--for', '1s')
        time.sleep(1.1)  # the token's own time, on the real clock of both programs
        self.refused('token_expired', short)
        revoked = fleet.token()
        listed = map(json.loads, fleet.reeve('token', 'list', '--json').stdout.splitlines())
        # In the order of their ids, which are random.
        [fresh] = [one for one in listed if one['state'] == 'live' and one['used'] == 0]
        fleet.reeve('token', 'revoke', fresh['id'][:12])
        self.refused('token_revoked', revoked)

    def test_a_link_in_the_place_of_the_directory_in_the_making_is_refused(self):
        fleet = self.fleet
        elsewhere = fleet.where / 'elsewhere'
        elsewhere.mkdir(mode=0o700)
        (fleet.where / 'node1.joining').symlink_to(elsewhere)
        _, done = fleet.join(fleet.token(), check=1)
        self.assertIn('error state_permissions:', done.stderr)
        self.assertEqual([], list(elsewhere.iterdir()))

    def test_a_token_comes_from_a_file_and_from_standard_input_too(self):
        fleet = self.fleet
        file = fleet.where / 'token'
        file.write_text(fleet.token('--uses', '2') + '\n')
        fleet.run(AGENT, 'join', '--token-file', file, '--name', 'a', '--state', fleet.where / 'a',
                  '--courier-user', 'same')
        with open(file) as given:
            fleet.run(AGENT, 'join', '-', '--name', 'b', '--state', fleet.where / 'b',
                      '--courier-user', 'same', stdin=given)

    def test_a_controller_that_is_another_one_or_not_there_is_unreachable(self):
        fleet = self.fleet
        token = fleet.token()
        stranger = type(fleet)()
        self.addCleanup(stranger.close)
        stranger.init()
        stranger.addresses = fleet.addresses
        fleet.stop_controller()
        self.refused('controller_unreachable', token, 'node1', '--wait', '1')
        stranger.start_controller()  # at the same address, with a key of its own
        self.refused('controller_unreachable', token, 'node1', '--wait', '2')

    def test_a_controller_with_another_root_is_not_believed(self):
        fleet = self.fleet
        token = fleet.token()
        # The controller's key and store, and a root of another fleet that names its ledger key.
        stranger = type(fleet)()
        self.addCleanup(stranger.close)
        stranger.init()
        fleet.stop_controller()
        shutil.copy(fleet.fleet / 'controller/transport.key', stranger.fleet / 'controller')
        stranger.addresses = fleet.addresses
        stranger.start_controller()
        state, done = fleet.join(token, 'node1', '--wait', '20', check=1)
        self.assertRegex(done.stderr, 'error (token_unknown|root_mismatch):')
        self.assertFalse(state.exists())

    @unittest.skipUnless(shutil.which('strace'), 'strace is not installed')
    def test_a_join_that_is_killed_leaves_nothing_or_all_and_goes_on_where_it_was(self):
        fleet = self.fleet
        killed = 0
        for number in range(1, 400, 1 if 'REEVE_TEST_LONG' in os.environ else 2):
            name = f'node{number}'
            token = fleet.token()
            state = fleet.where / name
            calls = 'fdatasync,fsync,rename,renameat,renameat2,sendto'
            done = subprocess.run(
                ['strace', '-qq', '-f', '-o', '/dev/null', '-e', f'trace={calls}',
                 '-e', f'inject={calls}:signal=SIGKILL:when={number}',
                 AGENT, 'join', token, '--name', name, '--state', state, '--courier-user', 'same'],
                capture_output=True, text=True, timeout=WAIT_S)
            killed += done.returncode != 0
            if not state.exists():
                fleet.join(token, name)
            for part in ('identity/certificate', 'identity/record.key', 'trust/root', 'trust/controller'):
                self.assertTrue((state / part).exists(), f'{number}: {part}')
            self.assertEqual([name], [name for line in
                                      fleet.reeve('node', 'list', '--json').stdout.splitlines()
                                      if json.loads(line)['node'] == name])
            if done.returncode == 0:
                break
        self.assertGreater(killed, 3)


class Acts(FleetTest):
    def setUp(self):
        super().setUp()
        self.fleet.init()
        self.fleet.start_controller()

    def test_a_node_waits_until_an_operator_has_approved_it(self):
        fleet = self.fleet
        token = fleet.token('--approve')
        state = fleet.where / 'node1'
        fleet.start('join', AGENT, 'join', token, '--name', 'node1', '--state', state,
                    '--courier-user', 'same')
        told = fleet.wait_for('a waiting node', lambda: re.search(r'id ([0-9a-f]{64})',
                                                                  fleet.log_of('join')))
        self.assertIn(told[1], fleet.reeve('node', 'list', '--pending').stdout)
        self.assertFalse(state.exists())
        fleet.reeve('node', 'approve', 'node1', '--id', '0' * 16, check=1)
        fleet.reeve('node', 'approve', 'node1', '--id', told[1][:16])
        fleet.wait_for('the state directory', state.exists)
        self.assertEqual(0, fleet.children.pop('join').wait(timeout=WAIT_S))
        self.assertIn('0 nodes waiting', fleet.reeve('node', 'list', '--pending').stdout)

    def waiting(self, process, token, state):
        """A host that waits for approval; gives the command that it prints, and its id."""
        fleet = self.fleet
        fleet.start(process, AGENT, 'join', token, '--name', 'node1', '--state', state,
                    '--courier-user', 'same')
        told = fleet.wait_for('a waiting node', lambda: re.search(
            r'reeve (node approve .*)\n  id ([0-9a-f]{64})', fleet.log_of(process)))
        return told[1].split(), told[2]

    def test_an_approval_is_for_the_host_that_asked_for_it_and_for_no_namesake(self):
        fleet = self.fleet
        token = fleet.token('--approve')
        own_command, own_id = self.waiting('join', token, fleet.where / 'own')
        fleet.stop('join')
        other_command, other_id = self.waiting('other', token, fleet.where / 'other')
        self.assertNotIn(own_id, fleet.reeve('node', 'list', '--pending').stdout)
        done = fleet.reeve(*own_command, check=1)
        self.assertIn('error node_id_mismatch:', done.stderr)
        self.assertIn(other_id, done.stderr)
        # By the name alone nobody is approved whom nobody has looked at.
        done = fleet.reeve('node', 'approve', 'node1', check=1, stdin=-3, start_new_session=True)
        self.assertIn('error consent_needed:', done.stderr)
        self.assertIn(other_id, done.stdout)
        command = [REEVE, 'node', 'approve', 'node1', '--fleet', str(fleet.fleet)]
        code, shown, _, _ = at_terminal(command, [(b'Type yes: ', b'no\n')])
        self.assertEqual(1, code, shown)
        code, shown, _, _ = at_terminal(command, [(b'Type yes: ', b'yes\n')])
        self.assertEqual(0, code, shown)
        self.assertEqual(0, fleet.children.pop('other').wait(timeout=WAIT_S))

    def test_a_try_that_reaches_nobody_keeps_the_keys_of_a_node_that_was_approved(self):
        fleet = self.fleet
        token = fleet.token('--approve')
        state = fleet.where / 'node1'
        draft = pathlib.Path(f'{state}.joining')
        fleet.start('join', AGENT, 'join', token, '--name', 'node1', '--state', state,
                    '--courier-user', 'same')
        told = fleet.wait_for('a waiting node', lambda: re.search(r'id ([0-9a-f]{64})',
                                                                  fleet.log_of('join')))
        fleet.stop('join')
        fleet.reeve('node', 'approve', 'node1', '--id', told[1])
        fleet.stop_controller()
        keys = (draft / 'identity/record.key').read_bytes()
        _, done = fleet.join(token, 'node1', '--wait', '1', check=1)
        self.assertIn('error controller_unreachable:', done.stderr)
        self.assertIn('run the same command again', done.stderr)
        # Nor does one that cannot even begin take them away.
        (draft / 'trust').rmdir()
        (draft / 'trust').write_text('')
        fleet.join(token, check=1)
        self.assertEqual(keys, (draft / 'identity/record.key').read_bytes())
        (draft / 'trust').unlink()
        fleet.start_controller()
        fleet.join(token)
        self.assertEqual(keys, (state / 'identity/record.key').read_bytes())

    def test_a_label_changes_what_applies_at_once_and_after_a_restart(self):
        fleet = self.fleet
        state, _ = fleet.join(fleet.token('--label', 'role=db'))
        host = fleet.make_host(files=FILES)
        fleet.start_agent(state, host)
        source = fleet.where / 'web.yaml'
        source.write_text('policy: web\nrules:\n'
                          '  - id: secret-mode\n    title: kept\n    severity: high\n'
                          '    owner: a@example.org\n    mode: enforce\n'
                          '    file: {path: /etc/secret, mode: "0600"}\n')
        fleet.reeve('push', source, '--selector', 'role=web')
        secret = host / 'etc/secret'
        self.assertEqual(0o644, secret.stat().st_mode & 0o7777)
        fleet.reeve('node', 'label', 'node1', 'role=web')
        fleet.wait_mode(secret, 0o600)
        fleet.wait_for('the record of it', lambda: 'certificate_adopted' in
                       [r['type'] for r in fleet.records()])
        fleet.stop('agent')
        secret.chmod(0o666)
        fleet.start_agent(state, host)
        fleet.wait_mode(secret, 0o600)

    def test_a_revoked_node_is_out_and_its_host_joins_anew_under_its_name(self):
        fleet = self.fleet
        host, state = fleet.make_host(files=FILES), fleet.join(fleet.token())[0]
        fleet.start_agent(state, host)
        fleet.push([SECRET])
        fleet.wait_for('a receipt', fleet.receipts)
        before = fleet.records()
        fleet.reeve('node', 'revoke', 'node1', '--why', 'stolen laptop')
        fleet.wait_for('the link down', lambda: 'link down' in fleet.log_of('agent'))
        self.assertEqual(0, len(fleet.reeve('node', 'list', '--json').stdout.splitlines()))
        shown = fleet.reeve('node', 'list', '--all').stdout
        self.assertIn('(revoked)', shown)
        self.assertIn('stolen laptop', fleet.reeve('node', 'show', 'node1', check=2).stdout)
        fleet.stop('agent')
        shutil.rmtree(state)
        fleet.start_agent(fleet.join(fleet.token())[0], host)
        fleet.wait_for('the new node to adopt', lambda: fleet.reeve('status', check=None).returncode == 0)
        old = [r['record'] for r in before]
        self.assertTrue(set(old) <= {r['record'] for r in fleet.records()})
        self.assertTrue(all(r['proven'] for r in fleet.records()))

    def test_a_transport_key_is_replaced_and_the_node_goes_on(self):
        fleet = self.fleet
        state, _ = fleet.join(fleet.token())
        host = fleet.make_host(files=FILES)
        fleet.start_agent(state, host)
        fleet.push([SECRET])
        key = state / 'identity/transport.key'
        before = key.read_bytes()
        fleet.run(AGENT, 'rotate', '--state', state)
        fleet.wait_for('another key', lambda: key.read_bytes() != before)
        fleet.wait_for('a session by it', lambda: not (state / 'identity/transport-former.key').exists())
        secret = host / 'etc/secret'
        secret.chmod(0o666)
        fleet.wait_mode(secret, 0o600)
        fleet.wait_for('its receipt', lambda: len(fleet.receipts()) == 2)
        for program in ('agent', 'controller'):
            fleet.stop(program)
        fleet.start_controller()
        fleet.start_agent(state, host)
        secret.chmod(0o666)
        fleet.wait_for('a receipt after both restarts', lambda: len(fleet.receipts()) == 3)


if __name__ == '__main__':
    unittest.main(verbosity=2)
