"""What the owner of a host asks its agent, with the real programs: status, why, pause."""
import json
import os
import pathlib
import re
import subprocess
import unittest

from harness import AGENT, FleetTest, policy_text

SECRET = {'id': 'secret-mode', 'file': "{path: /etc/secret, mode: '0600'}"}
MOTD = {'id': 'motd-mode', 'file': "{path: /etc/motd, mode: '0644'}", 'mode': 'audit'}
SHADOW = {'id': 'shadow-mode', 'severity': 'critical', 'file': "{path: /etc/shadow, mode: '0600'}"}
FILES = [('etc/secret', 's'), ('etc/motd', 'm'), ('etc/shadow', 'h')]


class OwnerTest(FleetTest):
    def up(self, rules=(SECRET, MOTD, SHADOW)):
        self.host, self.state = self.fleet.up(rules, files=FILES)
        self.fleet.wait_mode(self.host / 'etc/secret', 0o600)

    def agent(self, command, *words, check=0):
        return self.fleet.run(AGENT, command, *words, '--state', self.state, check=check)

    def lines(self, command, *words, check=None):
        out = self.agent(command, *words, '--json', check=check).stdout
        return [json.loads(line) for line in out.splitlines()]

    def rules(self):
        return {line['rule']: line for line in self.lines('status') if line['type'] == 'rule'}

    def refusal(self, command, *words):
        done = self.agent(command, *words, check=1)
        self.assertIn('\n  next: ', done.stderr)
        return re.search(r'error (\w+):', done.stderr)[1]

    def pause(self, rule, span='30m', *words, check=0):
        return self.agent('pause', rule, '--for', span, '--reason', 'the deploy writes it', *words,
                          check=check)

    def wait_records(self, kind, count=1):
        return self.fleet.wait_for(kind, lambda: [
            r for r in self.fleet.records() if r['type'] == kind][count - 1:])

    def wait_rule(self, rule, state):
        self.fleet.wait_for(f'{rule} {state}', lambda: self.rules()[rule]['state'] == state)

    def break_secret(self):
        (self.host / 'etc/secret').chmod(0o666)

    def is_broken(self):
        return (self.host / 'etc/secret').stat().st_mode & 0o777 == 0o666

    def test_status_tells_what_is_watched_how_rules_stand_and_what_was_sent(self):
        self.up()
        self.fleet.wait_for('an acknowledgement', lambda: self.lines('status')[0]['acknowledged'])
        lines = self.lines('status')
        agent = lines[0]
        self.assertEqual({'paths': 3}, agent['watched'])
        self.assertTrue({'inotify', 'fanotify'} & set(agent['sensors']), agent)
        self.assertEqual('up', agent['link'])
        last = [line for line in lines if line['type'] == 'receipt']
        self.assertIn(('secret-mode', '/etc/secret', 'fixed'),
                      [(r['rule'], r['object'], r['outcome']) for r in last])
        self.assertEqual({'holds'}, {r['state'] for r in self.rules().values()})
        page = self.agent('status').stdout
        for words in ('watched    paths: 3', 'last acknowledged: 20', 'last: 20', 'incident '):
            self.assertIn(words, page)

    def test_why_tells_which_rules_speak_and_what_each_would_do(self):
        self.up()
        secret = self.lines('why', '/etc/secret', check=0)
        self.assertEqual([('secret-mode', 'put_right', [])],
                         [(r['rule'], r['would'], r['deviations']) for r in secret])
        self.assertIn('mode: 0600', secret[0]['wants'])
        (self.host / 'etc/motd').chmod(0o666)
        motd = self.lines('why', '/etc/motd', check=2)
        self.assertEqual(('report', 'audit', 'mode 0666'),
                         tuple(motd[0]['deviations'][0][k] for k in ('would', 'because', 'found')))
        self.assertIn('is reported only (audit)', self.agent('why', '/etc/motd', check=2).stdout)
        self.assertIn('No rule', self.agent('why', '/etc/hostname').stdout)
        self.assertEqual([], self.lines('why', '22', check=0))
        self.assertEqual('usage', self.refusal('why', 'etc'))

    def test_a_pause_is_bounded_recorded_seen_and_over_by_itself(self):
        self.up()
        self.pause('secret-mode', '6s')
        self.break_secret()
        self.wait_rule('secret-mode', 'paused')
        why = self.lines('why', '/etc/secret', check=2)[0]
        self.assertEqual(('paused', 'wait', 'owner'), tuple(
            [why['state']] + [why['deviations'][0][k] for k in ('would', 'because')]))
        begun = self.wait_records('rule_paused')[0]
        self.assertEqual(('secret-mode', 'the deploy writes it', os.getuid()),
                         tuple(begun[k] for k in ('rule', 'reason', 'uid')))
        login = pathlib.Path('/proc/self/loginuid').read_text()
        self.assertEqual(None if int(login) == 2**32 - 1 else int(login), begun.get('login'))
        self.fleet.wait_mode(self.host / 'etc/secret', 0o600)
        self.assertEqual('over', self.wait_records('rule_resumed')[0]['why'])
        outcomes = [r['outcome'] for r in self.fleet.receipts() if r['rule'] == 'secret-mode']
        self.assertIn('paused', outcomes)
        self.assertEqual('fixed', outcomes[-1])

    def test_a_pause_stays_across_restarts_and_shows_at_the_controller_until_it_is_ended(self):
        self.up()
        self.pause('secret-mode')
        self.fleet.stop('agent')
        self.fleet.start_agent(self.state, self.host)
        self.fleet.wait_for('the agent', lambda: self.agent('status', check=None).returncode != 1)
        self.break_secret()
        self.wait_rule('secret-mode', 'paused')
        self.assertTrue(self.is_broken())
        self.fleet.wait_for('reeve status', lambda: '1 rule paused' in self.fleet.reeve(
            'status', check=None).stdout)
        self.assertIn('the deploy writes it', self.agent('status', check=None).stdout)
        self.agent('pause', 'test/secret-mode', '--end')
        self.fleet.wait_mode(self.host / 'etc/secret', 0o600)
        ended = self.wait_records('rule_resumed')[0]
        self.assertEqual(('ended', os.getuid()), (ended['why'], ended['uid']))
        self.assertEqual('not_paused', self.refusal('pause', 'secret-mode', '--end'))

    def test_policy_bounds_what_may_be_paused_and_takes_it_back(self):
        self.up()
        asked = ['--for', '1m', '--reason', 'x']
        self.assertEqual('pause_not_allowed', self.refusal('pause', 'shadow-mode', *asked))
        self.assertEqual('no_such_rule', self.refusal('pause', 'secret-mod', *asked))
        self.assertEqual('usage', self.refusal('pause', 'secret-mode', '--for', '1m'))
        self.assertEqual('usage', self.refusal('pause', 'secret-mode', '--for', '0s', *asked[2:]))
        self.pause('secret-mode', '59m')
        self.agent('pause', 'secret-mode', '--end')
        self.pause('secret-mode', '59m')
        self.assertEqual('pause_not_allowed', self.refusal(
            'pause', 'secret-mode', '--for', '2h', *asked[2:]))
        self.break_secret()
        self.wait_rule('secret-mode', 'paused')
        source = self.fleet.where / 'test.yaml'
        text = policy_text([SECRET]).replace('    mode: enforce', '    mode: enforce\n'
                                             '    owner_pause_minutes: 0')
        source.write_text(text)
        self.fleet.reeve('push', source, '--wait', '60s')
        self.fleet.wait_mode(self.host / 'etc/secret', 0o600)
        self.assertEqual('superseded', self.wait_records('rule_resumed', 2)[-1]['why'])

    def test_a_fix_is_undone_held_recorded_and_put_right_again(self):
        self.up()
        receipt = next(r for r in self.fleet.wait_for('the receipt', lambda: [
            r for r in self.fleet.receipts() if r['rule'] == 'secret-mode']))
        told = next(r for r in self.lines('status') if r['type'] == 'receipt')
        self.assertEqual(receipt['incident'], told['incident'])
        why = ['--reason', 'the deploy reads it']
        self.assertEqual('no_such_fix', self.refusal('undo', '0' * 32, *why))
        self.assertEqual('usage', self.refusal('undo', told['incident']))
        page = self.agent('undo', told['incident'][:8], '--for', '30m', *why).stdout
        self.assertIn('mode 0644 again, and held until', page)
        self.assertEqual(0o644, (self.host / 'etc/secret').stat().st_mode & 0o777)
        self.wait_rule('secret-mode', 'held')
        undone = self.wait_records('undone')[0]
        self.assertEqual((receipt['incident'], 'mode 0644', True, 'the deploy reads it', os.getuid()),
                         tuple(undone[k] for k in ('incident', 'left', 'exact', 'reason', 'uid')))
        self.fleet.wait_for('reeve status', lambda: '1 rule held' in self.fleet.reeve(
            'status', check=None).stdout)
        self.assertEqual('held', self.lines('why', '/etc/secret')[0]['deviations'][0]['because'])
        self.agent('pause', 'secret-mode', '--end')
        self.fleet.wait_mode(self.host / 'etc/secret', 0o600)
        # What is kept is ours alone.
        kept = self.state / 'undo/newer'
        self.assertEqual(0o600, kept.stat().st_mode & 0o777)
        self.assertEqual(0o700, kept.parent.stat().st_mode & 0o777)

    def test_where_no_agent_runs_each_command_says_so(self):
        for command in (['status'], ['why', '/etc/motd'], ['pause', 'x', '--end'],
                        ['undo', '0' * 8, '--reason', 'x']):
            done = self.fleet.run(AGENT, *command, '--state', self.fleet.where, check=1)
            self.assertIn('error agent_not_running:', done.stderr)
            self.assertIn('next: start it', done.stderr)

    @unittest.skipUnless(os.geteuid() == 0, 'needs root, to ask as another user')
    def test_nobody_but_root_is_answered(self):
        self.up()
        for path in (self.state, self.fleet.where):
            path.chmod(0o755)
        (self.state / 'control.sock').chmod(0o666)
        asked = subprocess.run(['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups',
                                AGENT, 'status', '--state', str(self.state)],
                               capture_output=True, text=True, check=False)
        self.assertEqual(1, asked.returncode, asked.stderr)
        self.assertEqual('', asked.stdout)


if __name__ == '__main__':
    unittest.main()
