"""The whole path with the real programs: found, fixed, verified, journaled, sent, in the ledger."""
import json
import os
import signal
import unittest

from harness import FleetTest

SECRET = {'id': 'secret-mode', 'file': '{path: /etc/secret, mode: "0600"}'}
FILES = {'etc/secret': 'hush\n'}


class WholePath(FleetTest):
    def test_a_chmod_is_put_right_and_its_receipt_reaches_the_ledger_with_a_proof(self):
        fleet = self.fleet
        host, _ = fleet.up([SECRET], FILES)
        secret = host / 'etc/secret'
        fleet.wait_mode(secret, 0o600)  # the first sweep
        fleet.wait_for('the first receipt', lambda: len(fleet.receipts()) == 1)
        secret.chmod(0o666)
        fleet.wait_mode(secret, 0o600)
        first, second = fleet.wait_for('two receipts', lambda: len(fleet.receipts()) == 2
                                       and fleet.receipts())
        for receipt, found in ((first, '0644'), (second, '0666')):
            self.assertEqual('fixed', receipt['outcome'])
            self.assertEqual('secret-mode', receipt['rule'])
            self.assertEqual('/etc/secret', receipt['object'])
            self.assertEqual('security@example.org', receipt['owner'])
            self.assertIn(found, receipt['found'])
            self.assertIn('0600', receipt['left'])
            self.assertTrue(receipt['proven'])
            self.assertLess(receipt['detected_mono_ns'], receipt['fixed_mono_ns'] + 1)
            self.assertLessEqual(receipt['fixed_mono_ns'], receipt['verified_mono_ns'])
        shown = fleet.reeve('show', second['record']).stdout
        self.assertIn('secret-mode', shown)
        self.assertIn('/etc/secret', shown)
        status = fleet.reeve('status').stdout
        self.assertIn('compliant', status)
        self.assertTrue(all(len(line) <= 80 for line in status.splitlines()), status)
        self.assert_streams_whole(fleet.records())

    def test_every_start_opens_both_streams_and_a_clean_stop_is_a_record(self):
        fleet = self.fleet
        host, state = fleet.up([SECRET], FILES)
        fleet.wait_for('a receipt', fleet.receipts)
        self.assertEqual(0, fleet.stop('agent'))
        fleet.start_agent(state, host)
        records = fleet.wait_for('a second epoch in the ledger', lambda: (
            len({r['record'].split('/')[1] for r in fleet.records()}) == 2 and
            len([r for r in fleet.records() if r['type'] == 'epoch_start']) == 4 and fleet.records()))
        self.assertIn('agent_stop', [r['type'] for r in records])
        self.assertNotIn('unclean_stop', [r['type'] for r in records])
        self.assert_streams_whole(records)

    def test_audit_opens_and_closes_an_incident_and_changes_nothing(self):
        fleet = self.fleet
        rule = {**SECRET, 'mode': 'audit'}
        host, _ = fleet.up([rule], FILES)
        secret = host / 'etc/secret'
        fleet.wait_for('the incident opened', lambda: len(fleet.receipts()) == 1)
        self.assertEqual(0o644, secret.stat().st_mode & 0o7777)
        self.assertEqual(2, fleet.reeve('status', check=None).returncode)
        secret.chmod(0o600)
        opened, closed = fleet.wait_for('the incident closed', lambda: len(fleet.receipts()) == 2
                                        and fleet.receipts())
        self.assertEqual(('open', 'audited'), (opened['phase'], opened['outcome']))
        self.assertEqual(('close', 'resolved'), (closed['phase'], closed['outcome']))

    def test_a_tree_covers_what_is_made_after_the_start(self):
        fleet = self.fleet
        rule = {'id': 'tree', 'file': '{tree: /srv/data, mode: "0640", dir_mode: "0750"}'}
        host, _ = fleet.up([rule], {'srv/data/a': 'a'})
        new = host / 'srv/data/x/y/z'
        new.mkdir(parents=True)
        (new / 'file').write_text('late')
        (new / 'file').chmod(0o777)
        fleet.wait_mode(new / 'file', 0o640)
        fleet.wait_mode(new, 0o750)

    def test_reeve_agent_status_tells_the_owner_of_the_host(self):
        fleet = self.fleet
        _, state = fleet.up([SECRET], FILES)
        from harness import AGENT
        text = fleet.run(AGENT, 'status', '--state', state).stdout
        self.assertIn('secret-mode', text)
        lines = fleet.run(AGENT, 'status', '--state', state, '--json').stdout.splitlines()
        self.assertTrue(lines)
        for line in lines:
            json.loads(line)


class Offline(FleetTest):
    def test_with_the_controller_stopped_a_chmod_is_put_right_and_recorded_once_afterwards(self):
        fleet = self.fleet
        host, _ = fleet.up([SECRET], FILES)
        fleet.wait_for('a receipt', fleet.receipts)
        fleet.stop_controller()
        secret = host / 'etc/secret'
        for _ in range(5):
            secret.chmod(0o666)
            fleet.wait_mode(secret, 0o600)
        fleet.start_controller()
        fleet.wait_for('all receipts', lambda: len(fleet.receipts()) >= 6)
        self.assert_streams_whole(fleet.records())

    def test_with_the_controller_stopped_content_is_put_right_when_it_is_written_over(self):
        fleet = self.fleet
        rule = {'id': 'banner', 'file': '{path: /etc/issue, mode: "0644", content: "no entry\\n"}'}
        host, _ = fleet.up([rule], {'etc/issue': 'welcome\n'})
        issue = host / 'etc/issue'
        fleet.wait_for('the first receipt', lambda: len(fleet.receipts()) == 1)
        self.assertEqual('no entry\n', issue.read_text())
        fleet.stop_controller()
        issue.write_text('welcome back\n')
        fleet.wait_for('the content', lambda: issue.read_text() == 'no entry\n')
        self.assertEqual(['issue'], [name for name in os.listdir(host / 'etc') if 'issue' in name
                                     or name.startswith('.reeve-')])
        fleet.start_controller()
        receipts = fleet.wait_for('both receipts', lambda: len(fleet.receipts()) >= 2
                                  and fleet.receipts())
        for receipt in receipts:
            self.assertEqual('fixed', receipt['outcome'])
            self.assertIn('content sha256', receipt['found'])
            self.assertNotIn('welcome', json.dumps(receipt))
        self.assert_streams_whole(fleet.records())

    def test_with_the_courier_killed_a_chmod_is_put_right_and_recorded_once_afterwards(self):
        fleet = self.fleet
        host, _ = fleet.up([SECRET], FILES)
        fleet.wait_for('a receipt', fleet.receipts)
        secret = host / 'etc/secret'
        for count in range(3):
            courier = fleet.wait_for('a courier', fleet.courier_pid)
            os.kill(courier, signal.SIGKILL)
            secret.chmod(0o666)
            fleet.wait_mode(secret, 0o600)
            fleet.wait_for('another courier',
                           lambda: fleet.courier_pid() not in (None, courier))
        fleet.wait_for('all receipts', lambda: len(fleet.receipts()) >= 4)
        self.assert_streams_whole(fleet.records())

    def test_an_agent_started_with_no_controller_in_sight_enforces_its_cached_policy(self):
        fleet = self.fleet
        host, state = fleet.up([SECRET], FILES)
        fleet.wait_for('a receipt', fleet.receipts)
        fleet.stop('agent')
        fleet.stop_controller()
        secret = host / 'etc/secret'
        secret.chmod(0o644)
        fleet.start_agent(state, host)
        fleet.wait_mode(secret, 0o600)
        secret.chmod(0o604)
        fleet.wait_mode(secret, 0o600)
        fleet.start_controller()
        fleet.wait_for('all receipts', lambda: len(fleet.receipts()) == 3)
        self.assert_streams_whole(fleet.records())

    def test_a_killed_agent_comes_back_and_accounts_for_its_unclean_stop(self):
        fleet = self.fleet
        host, _ = fleet.up([SECRET], FILES)
        fleet.wait_for('a receipt', fleet.receipts)
        deciding = [pid for pid, comm in fleet.child_pids('agent') if 'courier' not in comm]
        self.assertEqual(1, len(deciding))
        os.kill(deciding[0], signal.SIGKILL)
        secret = host / 'etc/secret'
        secret.chmod(0o666)
        fleet.wait_mode(secret, 0o600)
        fleet.wait_for('the unclean stop on record', lambda: 'unclean_stop' in
                       [r['type'] for r in fleet.records()])
        fleet.wait_for('all receipts', lambda: len(fleet.receipts()) == 2)
        self.assert_streams_whole(fleet.records())

    def test_a_restarted_controller_keeps_its_ledger(self):
        fleet = self.fleet
        fleet.up([SECRET], FILES)
        before = fleet.wait_for('a receipt', fleet.receipts)
        for how in (signal.SIGTERM, signal.SIGKILL):
            fleet.stop('controller', how)
            fleet.start_controller()
            self.assertEqual(before, fleet.receipts()[:len(before)])


if __name__ == '__main__':
    unittest.main(verbosity=2)
