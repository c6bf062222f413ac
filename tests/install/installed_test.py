"""The packages on a bare Debian with systemd, as docs/operations.md has it: a controller and a node, each in three
commands, a policy, a receipt, an upgrade under load, a purge. Needs root, systemd-nspawn and debootstrap, the packages
that tools/package builds, and minutes; so it runs by hand:

installed_test.py PACKAGES [BARE.tar]    (a directory of .deb files; a tree that debootstrap made, else it makes one)

The container has a network of its own with nothing in it but loopback.
"""
import glob
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
PACKAGES, BARE = '', ''
WAIT_S = 120
MIRROR = os.environ.get('REEVE_TEST_MIRROR', 'http://deb.debian.org/debian')
POLICY = '''policy: trial
rules:
  - id: motd-mode
    title: Nobody but root writes the message of the day
    severity: high
    owner: platform@example.org
    mode: enforce
    breaker: {fixes_first_minute: 1000, fixes_per_hour: 5000}
    file: {path: /etc/motd, owner: root, mode: "0644"}
  - id: trial-table
    title: The trial's table is there
    severity: high
    owner: network@example.org
    mode: enforce
    firewall: {table: inet trial, body: "chain in { type filter hook input priority 10; tcp dport 4 drop; }"}
'''


def run(*command, check=True, **more):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False, **more)
    if check and done.returncode != 0:
        raise AssertionError(f'{command}: {done.returncode}\n{done.stdout}{done.stderr}')
    return done


def repacked(package, version, where):
    """The same package under another version: what an upgrade does to a host does not depend on what is new in it."""
    tree = tempfile.mkdtemp(dir=where)
    run('dpkg-deb', '--raw-extract', package, tree)
    control = pathlib.Path(tree) / 'DEBIAN/control'
    lines = [f'Version: {version}' if line.startswith('Version: ') else line for line in control.read_text().split('\n')]
    control.write_text('\n'.join(lines))
    name = pathlib.Path(where) / f'{pathlib.Path(package).name.split("_")[0]}_{version}.deb'
    run('dpkg-deb', '--root-owner-group', '-Zgzip', '-z1', '--build', tree, name)
    return name


class Container:
    def __init__(self, tree):
        self.tree = pathlib.Path(tree)

    def prepare(self):
        """Debian's own packages, from the network; what is Reeve's comes later, without one."""
        depends = set()
        for package in glob.glob(f'{PACKAGES}/*.deb'):
            told = run('dpkg-deb', '--field', package, 'Depends').stdout.replace(',', ' ').split()
            depends |= {word for word in told if word[0].isalpha() and not word.startswith('reeve')}
        names = ' '.join(sorted(depends - {'systemd', 'default-dbus-system-bus'}))
        script = ('mount -t proc proc "$1/proc"; mount --rbind /dev "$1/dev"; mount -t tmpfs tmpfs "$1/run"; '
                  f'exec chroot "$1" sh -ec "apt-get update -q; DEBIAN_FRONTEND=noninteractive apt-get install -y -q '
                  f'--no-install-recommends systemd systemd-sysv dbus nftables procps ansible-core python3-apt {names}"')
        run('unshare', '--mount', '--pid', '--fork', '--kill-child', 'bash', '-ec', script, 'bash', self.tree)
        shutil.copytree(PACKAGES, self.tree / 'packages')

    def start(self):
        self.log = open(f'{self.tree}.console', 'ab')
        self.nspawn = subprocess.Popen(
            ['systemd-nspawn', '--quiet', '--directory', self.tree, '--register=no', '--keep-unit', '--private-network',
             '--hostname=node1', '--boot'], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self.wait_for('the system', lambda: self.leader() and self.sh('systemctl is-system-running', check=False).stdout.strip()
                      in ('running', 'degraded'))

    def leader(self):
        told = run('pgrep', '--parent', self.nspawn.pid, check=False).stdout.split()
        return told[0] if told else ''

    def sh(self, command, check=True, given=None):
        return run('nsenter', '--target', self.leader(), '--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup', 'env', '-i',
                   'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root', 'LANG=C.UTF-8', 'REEVE_FLEET=/root/fleet',
                   'DEBIAN_FRONTEND=noninteractive', 'sh', '-c', f'cd /root && {command}', check=check, input=given)

    def wait_for(self, what, holds):
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            if got := holds():
                return got
            time.sleep(0.2)
        raise AssertionError(f'{what}: not within {WAIT_S} s; {self.tree}.console')

    def stop(self):
        self.nspawn.terminate()  # nspawn asks its system to shut down
        try:
            self.nspawn.wait(60)
        except subprocess.TimeoutExpired:
            self.nspawn.kill()
            self.nspawn.wait()
        self.log.close()


class Installed(unittest.TestCase):
    """One host from nothing to nothing; the steps are in the order of their names."""

    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise unittest.SkipTest('needs root')
        for program in ('systemd-nspawn', 'debootstrap', 'dpkg-deb'):
            if shutil.which(program) is None:
                raise unittest.SkipTest(f'{program} is not here')
        cls.where = tempfile.mkdtemp(prefix='reeve-installed.', dir='/var/tmp')
        cls.addClassCleanup(shutil.rmtree, cls.where, ignore_errors=True)
        tree = f'{cls.where}/tree'
        os.mkdir(tree, 0o755)
        if BARE:
            run('tar', '-C', tree, '-xf', BARE)
            shutil.copytree('/etc/apt', f'{tree}/etc/apt', dirs_exist_ok=True, symlinks=True)
        else:
            run('debootstrap', '--variant=minbase', '--include=ca-certificates', 'bookworm', tree, MIRROR)
        os.chmod(tree, 0o755)  # a tar may know better
        shutil.copy('/etc/resolv.conf', f'{tree}/etc/resolv.conf')
        cls.host = Container(tree)
        cls.host.prepare()
        cls.addClassCleanup(cls.host.stop)
        cls.host.start()

    def records(self):
        told = self.host.sh('reeve records --json --since 1d', check=False).stdout
        return [json.loads(line) for line in told.split('\n') if line]

    def fixed(self, rule):
        return [record for record in self.records() if record.get('rule') == rule and record.get('outcome') == 'fixed']

    def main_pid(self, unit):
        return self.host.sh(f'systemctl show --property=MainPID --value {unit}').stdout.strip()

    def test_1_a_controller_in_three_commands(self):
        self.host.sh('apt-get install -y /packages/reeve_*.deb')  # the team's machine is this one, too
        self.host.sh('reeve init fleet --name acme --controller 127.0.0.1 --no-passphrase')
        self.host.sh('apt-get install -y /packages/reeve-controller_*.deb')
        self.assertEqual('inactive', self.host.sh('systemctl is-active reeve-controller', check=False).stdout.strip())
        self.host.sh('cp -r fleet/controller /var/lib/reeve/')
        self.host.sh('systemctl start reeve-controller')
        self.assertEqual('reeve', self.host.sh(f'ps -o user= -p {self.main_pid("reeve-controller")} || '
                                               f'stat -c %U /proc/{self.main_pid("reeve-controller")}').stdout.strip())
        self.assertEqual('reeve 700', self.host.sh('stat -c "%U %a" /var/lib/reeve/controller').stdout.strip())

    def test_2_a_node_in_three_commands_to_its_first_receipt(self):
        token = self.host.sh('reeve token create --label role=web').stdout.strip().split('\n')[-1]
        self.host.sh('touch /etc/motd; chmod 0666 /etc/motd')
        pathlib.Path(f'{self.host.tree}/root/policy.yaml').write_text(POLICY)
        since = time.monotonic()
        self.host.sh('apt-get install -y /packages/reeve-agent_*.deb')
        self.host.sh('reeve-agent join -', given=token)
        self.host.sh('systemctl start reeve-agent')
        told = self.host.sh('reeve push policy.yaml --wait 60s').stdout
        self.assertIn('adopted 1 of 1', told)
        self.host.wait_for('a receipt', lambda: self.fixed('motd-mode') and self.fixed('trial-table'))
        print(f'\n  from nothing to the first receipts: {time.monotonic() - since:.1f} s', file=sys.stderr)
        self.assertEqual('644', self.host.sh('stat -c %a /etc/motd').stdout.strip())
        self.assertIn('tcp dport 4 drop', self.host.sh('nft list table inet trial').stdout)

    def test_3_the_agent_sees_the_hosts_own_tree_and_is_shut_in_as_its_unit_says(self):
        pid = self.main_pid('reeve-agent')
        self.assertEqual(self.host.sh('readlink /proc/1/ns/mnt').stdout, self.host.sh(f'readlink /proc/{pid}/ns/mnt').stdout)
        self.assertNotEqual(self.host.sh('readlink /proc/1/ns/mnt').stdout,
                            self.host.sh(f'readlink /proc/{self.main_pid("reeve-controller")}/ns/mnt').stdout)
        self.assertIn('NoNewPrivs:\t1', self.host.sh(f'cat /proc/{pid}/status').stdout)
        status = json.loads(self.host.sh('reeve-agent status --json').stdout.split('\n')[0])
        self.assertNotIn('reduced', json.dumps(status))
        for unit in ('reeve-agent', 'reeve-controller'):
            self.assertEqual('active', self.host.sh(f'systemctl is-active {unit}').stdout.strip())
            self.assertEqual('enabled', self.host.sh(f'systemctl is-enabled {unit}').stdout.strip())

    def test_4_a_frozen_service_is_started_again_by_its_watchdog(self):
        for unit in ('reeve-agent', 'reeve-controller'):
            drop_in = f'/run/systemd/system/{unit}.service.d'
            self.host.sh(f'mkdir -p {drop_in}; printf "[Service]\\nWatchdogSec=3\\n" > {drop_in}/trial.conf; '
                         f'systemctl daemon-reload; systemctl restart {unit}')
            before = self.main_pid(unit)
            self.host.sh(f'kill -STOP {before}')
            self.host.wait_for(f'{unit} again', lambda unit=unit, before=before: self.main_pid(unit) not in ('0', before) and
                               self.host.sh(f'systemctl is-active {unit}', check=False).stdout.strip() == 'active')
            self.host.sh(f'rm -r {drop_in}; systemctl daemon-reload; systemctl restart {unit}')

    def test_5_the_controllers_keys_may_stand_in_the_credential_store(self):
        self.host.sh('mkdir -p /etc/credstore.encrypted && cd /var/lib/reeve/controller && systemd-creds encrypt '
                     '--with-key=host --name=reeve-controller.ledger.key ledger.key '
                     '/etc/credstore.encrypted/reeve-controller.ledger.key && rm ledger.key && '
                     'systemctl restart reeve-controller')
        self.host.wait_for('the controller', lambda: self.host.sh('reeve status', check=False).returncode == 0)

    def test_6_an_upgrade_under_load_loses_no_record(self):
        before = len(self.fixed('motd-mode'))
        self.host.sh('touch load; (while [ -e load ]; do chmod 0666 /etc/motd; sleep 0.1; done) >/dev/null 2>&1 &')
        for name in ('reeve-agent', 'reeve-controller'):
            package = repacked(glob.glob(f'{PACKAGES}/{name}_*.deb')[0], '9.0.0', self.where)
            shutil.copy(package, f'{self.host.tree}/packages/')
            pid = self.main_pid(name)
            self.host.sh(f'apt-get install -y /packages/{package.name}')
            self.assertNotIn(self.main_pid(name), ('0', pid))
            count = len(self.fixed('motd-mode'))
            self.host.wait_for('receipts after it', lambda count=count: len(self.fixed('motd-mode')) > count + 3)
        self.host.sh('rm load')
        self.assertGreater(len(self.fixed('motd-mode')), before)
        kinds = {record.get('type') for record in self.records()}
        self.assertTrue({'agent_stop', 'epoch_start'} <= kinds, kinds)
        self.assertNotIn('gap', kinds)
        streams = {}
        for record in self.records():
            node, epoch, stream, sequence = record['record'].split('/')
            streams.setdefault((node, epoch, stream), set()).add(int(sequence))
        for stream, sequences in streams.items():
            self.assertEqual(set(range(max(sequences) + 1)), sequences, stream)

    def test_7_a_purge_leaves_nothing_but_the_ledger_and_says_where_it_is(self):
        told = self.host.sh('apt-get purge -y reeve-agent reeve-controller reeve')
        kept = glob.glob(f'{self.host.tree}/var/backups/reeve-ledger-*.tar.gz')
        self.assertEqual(1, len(kept))
        self.assertIn(f'/var/backups/{os.path.basename(kept[0])}', told.stdout + told.stderr)
        inside = run('tar', '-tzf', kept[0]).stdout
        self.assertIn('./ledger.db', inside)
        self.assertNotIn('.key', inside)
        left = self.host.sh('find / -xdev \\( -path /packages -o -path /root -o -path /proc -o -path /sys -o -path /var/log -o '
                            '-path /var/backups \\) -prune -o -name "*reeve*" -print; getent passwd reeve; getent group reeve', check=False).stdout
        self.assertEqual('', left)

    def test_8_the_ansible_role_installs_joins_and_pins_and_then_changes_nothing(self):
        if self.host.sh('command -v ansible-playbook', check=False).returncode != 0:
            self.skipTest('the tree has no ansible-playbook')
        shutil.copytree(TOP / 'tools/ansible', self.host.tree / 'root/ansible')
        self.host.sh('rm -rf fleet; apt-get install -y /packages/reeve_0*.deb /packages/reeve-controller_0*.deb; '
                     'reeve init fleet --name acme --controller 127.0.0.1 --no-passphrase; '
                     'cp -r fleet/controller /var/lib/reeve/; systemctl start reeve-controller')
        token = self.host.sh('reeve token create --label role=web').stdout.strip().split('\n')[-1]
        package = glob.glob(f'{PACKAGES}/reeve-agent_*.deb')[0]
        version = run('dpkg-deb', '--field', package, 'Version').stdout.strip()
        variables = {'reeve_token': token, 'reeve_version': version, 'reeve_labels': {'role': 'web'},
                     'reeve_package': f'/packages/{os.path.basename(package)}', 'reeve_agent_options': '--journal-max 128M'}
        (self.host.tree / 'root/vars.json').write_text(json.dumps(variables))
        play = 'ansible-playbook -i localhost, -c local ansible/site.yml -e @vars.json'
        first = self.host.sh(play).stdout
        self.assertNotIn(token, first)
        self.host.wait_for('the node', lambda: 'up' in self.host.sh('reeve status', check=False).stdout)
        self.assertIn('--journal-max 128M', self.host.sh(f'tr "\\0" " " </proc/{self.main_pid("reeve-agent")}/cmdline').stdout)
        self.assertIn(version, self.host.sh('apt-cache policy reeve-agent').stdout)
        self.assertRegex(self.host.sh(play).stdout, r'changed=0 +unreachable=0 +failed=0')


if __name__ == '__main__':
    words = [word for word in sys.argv[1:] if not word.startswith('-')]
    PACKAGES, BARE = [*words, ''][:2] if words else sys.exit(__doc__)
    sys.argv = [sys.argv[0], *(word for word in sys.argv[1:] if word.startswith('-'))]
    unittest.main(failfast=True)
