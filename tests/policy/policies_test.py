"""The policies that we ship, on made trees: they hold where all is right and find what is wrong.

Each tree has the files that a policy speaks of, owned by whoever runs the test, whom the tree's own
passwd and group call root: accounts are read under --root.
"""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

PROGRAMS = pathlib.Path(os.environ['REEVE_PROGRAMS'])
REEVE = PROGRAMS / 'reeve'
AGENT = PROGRAMS / 'reeve-agent'
POLICIES = pathlib.Path(__file__).resolve().parents[2] / 'policies'
WAIT_S = 120

# What each policy's rules look at, by the mode that is right for it.
RIGHT = {
    'debian-12-accounts': {
        0o644: ['etc/passwd-', 'etc/group-', 'etc/shells'],
        0o640: ['etc/shadow', 'etc/shadow-', 'etc/gshadow', 'etc/gshadow-'],
        0o600: ['etc/security/opasswd'],
    },
    'debian-12-cron': {
        0o600: ['etc/crontab'],
        0o700: ['etc/cron.hourly/', 'etc/cron.daily/', 'etc/cron.weekly/', 'etc/cron.monthly/',
                'etc/cron.d/'],
        0o640: ['etc/cron.allow', 'etc/at.allow'],
    },
    'debian-12-ssh': {
        0o600: ['etc/ssh/sshd_config', 'etc/ssh/sshd_config.d/own.conf',
                'etc/ssh/ssh_host_ed25519_key'],
        0o644: ['etc/ssh/ssh_host_ed25519_key.pub'],
    },
    'debian-12-system': {
        0o600: ['boot/grub/grub.cfg'],
        0o644: ['etc/motd', 'etc/issue', 'etc/issue.net'],
        0o640: ['var/log/audit/audit.log', 'etc/audit/auditd.conf', 'etc/audit/audit.rules',
                'etc/audit/rules.d/own.rules'],
        0o755: ['usr/sbin/auditctl', 'usr/sbin/ausearch', 'usr/sbin/autrace'],
    },
}
# Rules that look at what a tree of right files does not have.
FOUND_OTHERWISE = {'debian-12-cron': {'cron-deny-absent': 'etc/cron.deny'}}


class Policies(unittest.TestCase):
    def setUp(self):
        kept = tempfile.TemporaryDirectory(prefix='reeve-policies.')
        self.addCleanup(kept.cleanup)
        self.where = pathlib.Path(kept.name)

    def run_program(self, *command, exit_code=0):
        done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S)
        self.assertEqual(exit_code, done.returncode, done.stdout + done.stderr)
        return done.stdout

    def make_tree(self, name):
        root = self.where / 'host'
        own, group = os.getuid(), os.getgid()
        accounts = {'etc/passwd': f'root:x:{own}:{group}::/root:/bin/sh\n',
                    'etc/group': f'root:x:{group}:\nshadow:x:{group}:\n'}
        for path, text in accounts.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
            (root / path).chmod(0o644)
        for mode, paths in RIGHT[name].items():
            for path in paths:
                target = root / path
                target.parent.mkdir(parents=True, exist_ok=True)
                if path.endswith('/'):
                    target.mkdir()
                else:
                    target.write_text('')
        self.set_modes(root, name, lambda right: right)
        return root

    def set_modes(self, root, name, choose):
        for directory in [root, *(p for p in root.rglob('*') if p.is_dir())]:
            directory.chmod(0o750 if directory.name == 'audit' else 0o755)
        for mode, paths in RIGHT[name].items():
            for path in paths:
                (root / path).chmod(choose(mode))

    def compiled(self, name):
        bundle = self.where / f'{name}.bundle'
        self.run_program(REEVE, 'lint', POLICIES / f'{name}.yaml')
        self.run_program(REEVE, 'compile', POLICIES / f'{name}.yaml', '-o', bundle)
        return bundle

    def rules_of(self, name):
        empty = self.where / 'empty.yaml'
        empty.write_text(f'policy: {name}\nrules: [{{id: none, title: T, owner: o, '
                         'file: {path: /a, absent: true}}]\n')
        lines = self.run_program(REEVE, 'diff', '--json', empty, POLICIES / f'{name}.yaml')
        return [change['rule'] for change in map(json.loads, lines.splitlines())
                if change['change'] == 'added']

    def test_every_policy_that_we_ship_is_tried_here(self):
        # The others are tried by roles_test.py, which fails where a rule of theirs finds nothing.
        roles = {'baseline', 'web-server', 'database-host', 'bastion'}
        shipped = {path.stem for path in POLICIES.glob('*.yaml')}
        self.assertEqual(set(RIGHT) | roles, shipped)
        for name in RIGHT:
            self.compiled(name)

    @unittest.skipUnless(AGENT.exists(), 'reeve-agent is not built')
    def test_a_tree_where_all_is_right_holds(self):
        for name in RIGHT:
            with self.subTest(name), tempfile.TemporaryDirectory() as kept:
                self.where = pathlib.Path(kept)
                self.run_program(AGENT, 'check', self.compiled(name), '--root',
                                 self.make_tree(name))

    @unittest.skipUnless(AGENT.exists(), 'reeve-agent is not built')
    def test_every_rule_finds_what_is_wrong_and_changes_nothing(self):
        for name in RIGHT:
            with self.subTest(name), tempfile.TemporaryDirectory() as kept:
                self.where = pathlib.Path(kept)
                root = self.make_tree(name)
                self.set_modes(root, name, lambda right: 0o777)
                for path in ('etc/passwd', 'etc/group'):
                    (root / path).chmod(0o666)
                for path in FOUND_OTHERWISE.get(name, {}).values():
                    (root / path).write_text('')
                said = self.run_program(AGENT, 'check', self.compiled(name), '--root', root,
                                        exit_code=2)
                self.assertEqual([], [rule for rule in self.rules_of(name) if rule not in said])
                for paths in RIGHT[name].values():
                    for path in paths:
                        self.assertEqual(0o777, (root / path).stat().st_mode & 0o7777)


if __name__ == '__main__':
    unittest.main(verbosity=2)
