"""reeve lint, compile and diff as a user runs them: what they print, where, and their exit codes."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

REEVE = pathlib.Path(os.environ['REEVE_PROGRAMS']) / 'reeve'
SOURCE = pathlib.Path(__file__).resolve().parents[2]
WAIT_S = 120

POLICY = '''\
policy: web
defaults: {owner: ops}
rules:
  - id: shadow
    title: Shadow
    file: {path: /etc/shadow, mode: "0640"}
'''

FIREWALL_RULE = '''\
  - id: good
    title: Its table
    firewall:
      table: inet reeve_lint
      body: |
        chain input { type filter hook input priority 0; policy accept;
          tcp dport 22 accept
        }
'''
FIREWALL = 'policy: web\ndefaults: {owner: ops}\nrules:\n' + FIREWALL_RULE


class Commands(unittest.TestCase):
    def setUp(self):
        kept = tempfile.TemporaryDirectory(prefix='reeve-policy.')
        self.addCleanup(kept.cleanup)
        self.where = pathlib.Path(kept.name)

    def write(self, name, text):
        path = self.where / name
        path.write_text(text)
        return path

    def reeve(self, *words, exit_code=0):
        done = subprocess.run([REEVE, *words], capture_output=True, text=True, timeout=WAIT_S)
        self.assertEqual(exit_code, done.returncode, done.stdout + done.stderr)
        return done

    def test_lint_says_so_where_nothing_is_wrong(self):
        good = self.write('good.yaml', POLICY)
        done = self.reeve('lint', good)
        self.assertEqual(f'{good}: policy web, 1 rule, no errors\n', done.stdout)
        self.assertEqual('', self.reeve('lint', '--json', good).stdout)

    def test_lint_tells_all_errors_of_all_files_on_standard_output(self):
        bad = self.write('bad.yaml', POLICY.replace('title', 'titel').replace('0640', '0999'))
        other = self.write('other.yaml', 'policy: x\n')
        done = self.reeve('lint', bad, self.where / 'missing.yaml', other, exit_code=1)
        self.assertEqual([f'{bad}:5:5:', f'{bad}:6:37:', f'{other}:1:1:'],
                         [line.split(' ')[0] for line in done.stdout.splitlines()])
        self.assertIn('did you mean "title"? [unknown_key]', done.stdout)
        self.assertIn('error file_missing', done.stderr)

    def test_lint_has_one_json_object_an_error(self):
        bad = self.write('bad.yaml', POLICY.replace('title', 'titel'))
        done = self.reeve('lint', '--json', bad, exit_code=1)
        self.assertEqual({'file': str(bad), 'line': 5, 'column': 5, 'name': 'unknown_key',
                          'did_you_mean': 'title'},
                         {key: value for key, value in json.loads(done.stdout).items()
                          if key not in ('found', 'expected')})

    def test_lint_and_compile_show_every_rule_to_its_kind(self):
        # What the table of keys cannot say: dir_mode goes with tree only.
        bad = self.write('bad.yaml', POLICY.replace('mode: "0640"', 'dir_mode: "0750"'))
        done = self.reeve('lint', bad, exit_code=1)
        self.assertRegex(done.stdout, f'^{re.escape(str(bad))}:4:9: rule shadow: dir_mode .*; '
                                      r'expected a rule that its kind accepts \[invalid_rule\]\n$')
        done = self.reeve('compile', bad, '-o', self.where / 'b', exit_code=1)
        self.assertIn(f'{bad}:4:9: rule shadow: dir_mode', done.stderr)
        self.assertFalse((self.where / 'b').exists())

    def test_lint_shows_what_nft_refuses_and_what_leaves_its_table_with_file_and_line(self):
        bad = self.write('bad.yaml', FIREWALL.replace('dport 22', 'dport nonsense') +
                         FIREWALL_RULE.replace('good', 'gone').replace('chain', '} table ip x { chain'))
        done = self.reeve('lint', bad, exit_code=1)
        if 'scratch_failed' in done.stderr:
            self.skipTest('no scratch network namespace can be had here')
        refused, escape = done.stdout.splitlines()
        self.assertRegex(refused, r'bad\.yaml:4:9: .*nonsense.*\[ruleset_refused\]$')
        self.assertRegex(escape, r'bad\.yaml:12:9: rule gone: body: line 1: .*\[firewall_escape\]$')

    def test_lint_goes_on_where_no_scratch_namespace_can_be_had(self):
        good = self.write('good.yaml', FIREWALL)
        limit = 'echo 0 > /proc/sys/user/max_net_namespaces && exec "$@"'
        done = subprocess.run(['unshare', '--user', '--map-root-user', 'sh', '-c', limit, 'sh', REEVE,
                               'lint', good], capture_output=True, text=True, timeout=WAIT_S)
        if done.returncode != 0 and 'reeve' not in done.stderr:
            self.skipTest('user namespaces cannot be had here')
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        self.assertIn('no errors', done.stdout)
        self.assertRegex(done.stderr, r'^reeve: note: policy web: 1 rule could not be tried here.*'
                                      r'\[scratch_failed\]\n$')

    def lint_beside(self, agent, policy, exit_code=0):
        """A copy of reeve beside a reeve-agent that says what these lines of shell say."""
        shutil.copy(REEVE, self.where / 'reeve')
        script = self.where / 'reeve-agent'
        script.write_text('#!/bin/sh\n' + agent)
        script.chmod(0o755)
        done = subprocess.run([self.where / 'reeve', 'lint', policy], capture_output=True,
                              text=True, timeout=WAIT_S)
        self.assertEqual(exit_code, done.returncode, done.stdout + done.stderr)
        return done

    def test_lint_goes_on_where_this_machine_cannot_try_a_rule(self):
        good = self.write('good.yaml', POLICY)
        untried = ('echo \'{"rule":"shadow","verdict":"untried","error":"scratch_failed",'
                   '"detail":"no user namespaces"}\'\n')
        done = self.lint_beside(untried, good)
        self.assertEqual(f'{good}: policy web, 1 rule, no errors\n', done.stdout)
        self.assertEqual('reeve: note: policy web: 1 rule could not be tried here and may still '
                         'be refused by hosts: no user namespaces [scratch_failed]\n', done.stderr)

    def test_lint_does_not_take_a_broken_agent_for_a_contented_one(self):
        good = self.write('good.yaml', POLICY)
        for agent in ('echo nonsense\n', 'exit 1\n', 'kill -SEGV $$\n',
                      'echo \'{"rule":"shadow","verdict":"refused","error":"x","detail":"y"}\'\n'):
            done = self.lint_beside(agent, good, exit_code=1)
            self.assertIn('error vet_failed', done.stderr)

    def test_lint_without_an_agent_beside_it_says_so_and_goes_on(self):
        self.lint_beside('', good := self.write('good.yaml', POLICY))
        (self.where / 'reeve-agent').unlink()
        done = subprocess.run([self.where / 'reeve', 'lint', good], capture_output=True, text=True,
                              timeout=WAIT_S)
        self.assertEqual((0, 'reeve: note: reeve-agent is not beside this program; kinds were not '
                             'asked\n'), (done.returncode, done.stderr))

    def test_lint_without_a_file_is_a_usage_error(self):
        self.assertIn('error usage', self.reeve('lint', exit_code=1).stderr)

    def test_lint_prints_a_schema_that_is_json(self):
        schema = json.loads(self.reeve('lint', '--schema').stdout)
        self.assertEqual('http://json-schema.org/draft-07/schema#', schema['$schema'])
        self.assertIn('file', schema['properties']['rules']['items']['properties'])

    def test_compile_gives_the_same_bytes_for_the_same_source(self):
        first, second = self.where / 'a.bundle', self.where / 'b.bundle'
        self.reeve('compile', self.write('one.yaml', POLICY), '-o', first)
        done = self.reeve('compile', self.write('two.yml', POLICY), '-o', second, '--json')
        self.assertEqual(first.read_bytes(), second.read_bytes())
        said = json.loads(done.stdout)
        self.assertEqual(['web', 1, len(second.read_bytes())],
                         [said['policy'], said['rules'], said['bytes']])

    def test_compile_with_errors_leaves_an_older_bundle_and_nothing_else(self):
        bundle = self.where / 'kept.bundle'
        self.reeve('compile', self.write('p.yaml', POLICY), '-o', bundle)
        before = bundle.read_bytes()
        bad = self.write('p.yaml', POLICY.replace('0640', '0999'))
        done = self.reeve('compile', bad, '-o', bundle, exit_code=1)
        self.assertEqual('', done.stdout)
        self.assertIn(f'{bad}:6:37: ', done.stderr)
        self.assertIn('error invalid_policy', done.stderr)
        self.assertEqual(before, bundle.read_bytes())
        self.assertEqual(['kept.bundle', 'p.yaml'], sorted(os.listdir(self.where)))

    def test_compile_puts_no_file_in_the_place_of_a_link_or_a_directory(self):
        policy = self.write('p.yaml', POLICY)
        (self.where / 'link').symlink_to('elsewhere')
        for name in ('link', '.'):
            done = self.reeve('compile', policy, '-o', self.where / name, exit_code=1)
            self.assertIn('error output_not_a_file', done.stderr)
        self.assertTrue((self.where / 'link').is_symlink())

    def test_compile_that_cannot_write_leaves_nothing(self):
        done = self.reeve('compile', self.write('p.yaml', POLICY), '-o',
                          self.where / 'no/such/directory', exit_code=1)
        self.assertIn('error file_unwritable', done.stderr)
        self.assertEqual(['p.yaml'], os.listdir(self.where))

    def test_diff_takes_bundles_and_source(self):
        old = self.write('old.yaml', POLICY)
        new = self.write('new.yaml', POLICY.replace('0640', '0600') +
                         '  - {id: fresh, title: New, file: {path: /a, absent: true}}\n')
        bundle = self.where / 'old.bundle'
        self.reeve('compile', old, '-o', bundle)
        done = self.reeve('diff', bundle, new)
        self.assertEqual('~ shadow  Shadow\n    file.mode: 0640 -> 0600\n+ fresh  New\n'
                         '1 added, 1 changed, 0 removed, 0 unchanged\n', done.stdout)
        lines = [json.loads(line) for line in
                 self.reeve('diff', '--json', new, bundle).stdout.splitlines()]
        self.assertEqual([('removed', 'fresh'), ('changed', 'shadow')],
                         [(line['change'], line['rule']) for line in lines])
        self.assertEqual([{'field': 'file.mode', 'old': '0600', 'new': '0640'}],
                         lines[1]['fields'])

    def test_diff_of_equals_says_so_and_of_damage_fails(self):
        policy = self.write('p.yaml', POLICY)
        self.assertEqual('0 added, 0 changed, 0 removed, 1 unchanged\n',
                         self.reeve('diff', policy, policy).stdout)
        broken = self.where / 'broken.bundle'
        broken.write_bytes(b'RVBN\x01')
        self.assertIn('error malformed_bundle', self.reeve('diff', policy, broken,
                                                           exit_code=1).stderr)

    def test_hostile_names_and_text_reach_no_terminal(self):
        name = 'a\x1b[2J\nb.yaml'
        bad = self.write(name, POLICY.replace('title: Shadow', 'title: "\\e]0;x\\a"'))
        for line in self.reeve('lint', bad, exit_code=1).stdout, \
                self.reeve('lint', '--json', bad, exit_code=1).stdout:
            self.assertEqual(1, line.count('\n'))
            self.assertNotIn('\x1b', line)

    def test_every_error_name_in_the_sources_is_in_the_manual(self):
        manual = (SOURCE / 'docs/policy.md').read_text()
        files = [*SOURCE.glob('controller/policy/*.cpp'),
                 *(SOURCE / 'controller/cli' / name for name in
                   ('lint.cpp', 'compile.cpp', 'diff.cpp', 'policy_files.cpp'))]
        names = set()
        for file in files:
            for text in re.findall(r'\.name = ([^,]*(?:\? [^,]*)?),', file.read_text()):
                names |= set(re.findall(r'"([a-z]+_[a-z_]+)"', text))
        self.assertGreater(len(names), 30)
        keys = {'fixes_first_minute', 'malformed_kinds', 'show_content'}
        self.assertEqual([], sorted(name for name in names - keys if f'`{name}`' not in manual))


if __name__ == '__main__':
    unittest.main(verbosity=2)
