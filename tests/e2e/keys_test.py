"""Record keys, restored snapshots and a controller that an attacker rebuilt, with real programs."""
import json
import os
import shutil
import signal
import unittest

from harness import AGENT, FleetTest, policy_text

RULE = {'id': 'secret-mode', 'title': 'x', 'file': "{path: /etc/secret, mode: '0600'}"}


class KeysTest(FleetTest):
    def up(self):
        self.host, self.state = self.fleet.up([RULE], files=[('etc/secret', 'x')])
        self.fleet.wait_mode(self.host / 'etc/secret', 0o600)

    def status(self):
        done = self.fleet.reeve('status', '--json', check=None)
        return done, [json.loads(line) for line in done.stdout.splitlines()]

    def wait_status(self, what, holds):
        def look():
            done, nodes = self.status()
            return (done, nodes) if nodes and holds(done, nodes[0]) else None
        return self.fleet.wait_for(what, look)

    def restart_agent(self):
        self.fleet.stop('agent')
        self.fleet.start_agent(self.state, self.host)

    def key_files(self):
        return sorted(p.name for p in (self.state / 'identity').glob('record*'))

    def test_each_start_has_a_new_key_and_everything_stays_proven(self):
        self.up()
        self.wait_status('compliant', lambda done, node: node['state'] == 'compliant')
        for number in (2, 3):
            self.restart_agent()
            self.wait_status(f'key {number}', lambda done, node: done.returncode == 0
                             and node.get('key_number') == number)
            self.assertEqual([f'record-{number:08}.key'], self.key_files())
        (self.host / 'etc/secret').chmod(0o666)
        self.fleet.wait_mode(self.host / 'etc/secret', 0o600)
        self.fleet.wait_for('the receipt', lambda: len(self.fleet.receipts()) > 0)
        records = self.fleet.records()  # exit 0: all of them are proven
        self.assertEqual(3, sum(r['type'] == 'epoch_start' and '/urgent/' in r['record']
                                for r in records))
        self.fleet.reeve('show', records[-1]['record'])

    def test_a_deciding_process_that_is_forked_again_stands_where_the_last_one_stood(self):
        fleet = self.fleet
        fleet.init()
        fleet.start_controller()
        host = fleet.make_host(files=[('etc/web', 'w'), ('etc/db', 'd')])
        state = fleet.enroll('node1', 'role=db')
        fleet.start_agent(state, host)
        for role in ('web', 'db'):
            rule = {'id': role, 'file': '{path: /etc/%s, mode: "0600"}' % role}
            (fleet.where / f'{role}.yaml').write_text(policy_text([rule], role))
        fleet.reeve('push', f'{fleet.where}/web.yaml@role=web', f'{fleet.where}/db.yaml@role=db')
        fleet.wait_mode(host / 'etc/db', 0o600)
        fleet.reeve('node', 'label', 'node1', 'role=web')
        fleet.wait_mode(host / 'etc/web', 0o600)
        fleet.reeve('root', 'rotate', '--yes')
        root = 'root version 2 adopted'
        fleet.wait_for('the new root', lambda: root in fleet.log_of('agent'))
        key = state / 'identity/transport.key'
        former = key.read_bytes()
        fleet.run(AGENT, 'rotate', '--state', state)
        fleet.wait_for('the new key', lambda: key.read_bytes() != former)
        fleet.wait_for('its session', lambda: not key.with_name('transport-former.key').exists())
        cut = len(fleet.log_of('agent'))
        decider = [pid for pid, name in fleet.child_pids('agent') if 'courier' not in name][0]
        os.kill(decider, signal.SIGKILL)
        fleet.wait_for('its link', lambda: 'link up' in fleet.log_of('agent')[cut:])
        (host / 'etc/db').chmod(0o666)
        (host / 'etc/web').chmod(0o666)
        fleet.wait_mode(host / 'etc/web', 0o600)
        self.assertEqual(0o666, (host / 'etc/db').stat().st_mode & 0o777)
        self.assertNotIn(root, fleet.log_of('agent')[cut:])
        self.assertNotIn('bundle_missing', fleet.log_of('agent')[cut:])

    def test_a_restored_snapshot_is_seen_by_agent_controller_and_operator(self):
        self.up()
        self.wait_status('compliant', lambda done, node: node['state'] == 'compliant')
        self.fleet.stop('agent')
        snapshot = self.fleet.where / 'snapshot'
        shutil.copytree(self.state, snapshot, ignore=shutil.ignore_patterns('control.sock'))
        self.fleet.start_agent(self.state, self.host)
        self.wait_status('key 2', lambda done, node: node.get('key_number') == 2)
        self.fleet.stop('agent')
        shutil.rmtree(self.state)
        snapshot.rename(self.state)
        self.fleet.start_agent(self.state, self.host)
        done, nodes = self.wait_status('the fork', lambda done, node:
                                       node.get('unproven') == 'key_fork')
        self.assertEqual(2, done.returncode)
        self.assertIn('key_fork', nodes[0]['flags'])
        page = self.fleet.reeve('node', 'show', 'node1', check=2).stdout
        self.assertIn('what to do', page)
        self.assertIn('snapshot', page)
        self.fleet.wait_for('the agent noticing', lambda: 'key_fork' in self.fleet.log_of('agent'))
        told = self.fleet.run(AGENT, 'status', '--state', self.state, '--json', check=None).stdout
        self.assertTrue(json.loads(told.splitlines()[0])['key_fork'])
        self.fleet.wait_for('the record', lambda: 'key_fork' in self.fleet.reeve(
            'records', '--json', check=None).stdout)

    def test_a_controller_rebuilt_without_its_ledger_moves_no_host_and_is_shown_as_what_it_is(self):
        self.up()
        self.wait_status('compliant', lambda done, node: done.returncode == 0)
        self.fleet.stop_controller()
        directory = self.fleet.fleet / 'controller'
        aside = self.fleet.where / 'aside'
        aside.mkdir()
        for path in directory.glob('ledger.db*'):
            path.rename(aside / path.name)
        self.fleet.start_controller()
        done, nodes = self.status()
        self.assertEqual(2, done.returncode)
        self.assertEqual([('node1', 'unproven', 'not_listed')],
                         [(n['node'], n['state'], n['unproven']) for n in nodes])
        self.assertIn('controller_rollback', done.stderr)
        self.assertEqual(2, self.fleet.reeve('node', 'list', check=None).returncode)
        self.assertIn('not_listed', self.fleet.reeve('node', 'show', 'node1', check=None).stdout)
        # The host goes on as its last policy says.
        (self.host / 'etc/secret').chmod(0o666)
        self.fleet.wait_mode(self.host / 'etc/secret', 0o600)
        # With its ledger back there is nothing left to say against it.
        self.fleet.stop_controller()
        for path in directory.glob('ledger.db*'):
            path.unlink()
        for path in aside.iterdir():
            path.rename(directory / path.name)
        self.fleet.start_controller()
        self.wait_status('all well', lambda done, node: done.returncode == 0)

    def test_another_machine_has_no_false_alarms(self):
        self.up()
        other = self.fleet.where / 'other'
        shutil.copytree(self.fleet.fleet, other)
        (other / 'public/nodes').unlink()
        first = self.fleet.fleet
        self.wait_status('compliant', lambda done, node: done.returncode == 0)
        self.fleet.fleet = other
        self.wait_status('compliant there', lambda done, node: done.returncode == 0)
        self.fleet.enroll('node2')
        self.fleet.fleet = first
        done, nodes = self.status()
        self.assertEqual(['compliant', 'silent'], [n['state'] for n in nodes])
        self.fleet.reeve('node', 'forget', 'node2')
        done, nodes = self.status()
        self.assertEqual(2, len(nodes))


if __name__ == '__main__':
    unittest.main()
