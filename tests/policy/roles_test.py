"""The baseline and the policies of roles, each against a host of its own: a small tree that is the root
directory of a mount namespace, in a network namespace, as root of a user namespace. Everything that the
policy speaks of is wrong at first; then it is put right as shipped, and then with every rule enforced.

There is no pid namespace: programs are told by what /proc shows of them.
"""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

PROGRAMS = pathlib.Path(os.environ['REEVE_PROGRAMS'])
POLICIES = pathlib.Path(__file__).resolve().parents[2] / 'policies'
WAIT_S = 120
NAMESPACES = ['unshare', '--user', '--map-root-user', '--net', '--mount']

# Of each policy: files with wrong modes (directories end in "/"), files that must not be there, who may
# listen where, and where somebody else does.
HOSTS = {
    'baseline': {
        'files': ['etc/shadow', 'etc/shadow-', 'etc/gshadow', 'etc/gshadow-', 'etc/crontab', 'etc/sudoers',
                  'etc/ssh/ssh_host_ed25519_key', 'etc/ssh/sshd_config', 'etc/cron.d/', 'etc/cron.daily/',
                  'etc/cron.hourly/', 'etc/cron.weekly/', 'etc/cron.monthly/', 'etc/hosts.equiv'],
        'allowed': {22: 'usr/sbin/sshd'},
        'strays': [4444],
        'only_reported': ['listeners-known'],
    },
    'web-server': {
        'files': ['etc/nginx/nginx.conf', 'etc/nginx/conf.d/', 'etc/ssl/private/site.key', 'srv/www/index.html'],
        'allowed': {22: 'usr/sbin/sshd', 80: 'usr/sbin/nginx'},
        'strays': [4444],
    },
    'database-host': {
        'files': ['var/lib/postgresql/15/main/', 'etc/postgresql/15/main/pg_hba.conf', 'etc/ssl/private/db.key'],
        'allowed': {22: 'usr/sbin/sshd', 5432: 'usr/lib/postgresql/15/bin/postgres'},
        'strays': [4444, 8080],
    },
    'bastion': {
        'files': ['etc/ssh/sshd_config.d/50-own.conf', 'root/.ssh/authorized_keys',
                  'home/ann/.ssh/authorized_keys'],
        'allowed': {22: 'usr/sbin/sshd'},
        'strays': [4444],
    },
}
LISTEN = '''\
import socket, sys
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(('0.0.0.0', int(sys.argv[1])))
listener.listen()
print('listening', flush=True)
sys.stdin.read()
'''
# Makes $1 the root directory of a mount namespace and runs the rest there. What the programs need of the
# real system is bound into it.
ENTER = '''\
set -e
mount --rbind "$1" "$1"
for one in proc dev lib lib64; do
  if [ -d "/$one" ]; then mkdir -p "$1/$one"; mount --rbind "/$one" "$1/$one"; fi
done
mkdir -p "$1/opt/reeve" "$1/old"
mount --bind "$2" "$1/opt/reeve"
cd "$1"
pivot_root . old
shift 2
exec "$@"
'''


@unittest.skipUnless(os.environ.get('REEVE_INSIDE'), 'user, network and mount namespaces cannot be had here')
class Roles(unittest.TestCase):
    def setUp(self):
        kept = tempfile.TemporaryDirectory(prefix='reeve-roles.')
        self.addCleanup(kept.cleanup)
        self.where = pathlib.Path(kept.name)
        self.root = self.where / 'host'
        self.root.mkdir(0o755)

    def run_program(self, *command, exit_codes=(0,)):
        path = os.environ.get('PATH', '') + ':/usr/sbin:/sbin'
        done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S,
                              env={**os.environ, 'PATH': path})
        self.assertIn(done.returncode, exit_codes, done.stdout + done.stderr)
        return done.stdout

    def make_tree(self, host):
        (self.root / 'etc').mkdir()
        names = ['root', 'postgres', 'shadow', 'ssl-cert']
        (self.root / 'etc/passwd').write_text(''.join(f'{name}:x:0:0::/:/bin/sh\n' for name in names))
        (self.root / 'etc/group').write_text(''.join(f'{name}:x:0:\n' for name in names))
        for path in host['files']:
            target = self.root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if path.endswith('/'):
                target.mkdir()
            else:
                target.write_text('')
        for directory in [self.root, *(p for p in self.root.rglob('*') if p.is_dir())]:
            directory.chmod(0o755)
        for path in [*host['files'], 'etc/passwd', 'etc/group']:
            (self.root / path).chmod(0o777)

    def listen_as(self, port, program):
        """A process that runs the file `program` of the tree and listens."""
        file = self.root / program
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(os.path.realpath(sys.executable), file)
        process = subprocess.Popen([file, '-c', LISTEN, str(port)], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True,
                                   env={**os.environ, 'PYTHONHOME': sys.base_prefix})
        self.addCleanup(process.communicate)
        self.assertEqual('listening\n', process.stdout.readline())

    def stray(self, port):
        listener = socket.socket()
        self.addCleanup(listener.close)
        listener.bind(('0.0.0.0', port))
        listener.listen()
        return listener

    def compiled(self, name, enforced=False):
        source = POLICIES / f'{name}.yaml'
        self.run_program(PROGRAMS / 'reeve', 'lint', source)
        if enforced:
            text = source.read_text().replace('mode: audit', 'mode: enforce')
            source = self.where / f'{name}.yaml'
            source.write_text(text)
        bundle = self.root / f'{name}.bundle'
        self.run_program(PROGRAMS / 'reeve', 'compile', source, '-o', bundle)
        return f'/{bundle.name}'

    def agent(self, command, bundle, exit_codes=(0, 2)):
        """What reeve-agent said on the host: its objects by type."""
        said = self.run_program('unshare', '--mount', 'sh', '-c', ENTER, 'sh', self.root, PROGRAMS,
                                '/opt/reeve/reeve-agent', command, '--json', bundle,
                                exit_codes=exit_codes)
        lines = [json.loads(line) for line in said.splitlines()]
        return ({line['rule']: line['state'] for line in lines if line['type'] == 'rule'},
                [line for line in lines if line['type'] == 'receipt'])

    def deviating(self, bundle):
        states, receipts = self.agent('check', bundle)
        return {rule for rule, state in states.items() if state == 'deviating'}, receipts

    def try_policy(self, name):
        host = HOSTS[name]
        self.make_tree(host)
        for port, program in host['allowed'].items():
            self.listen_as(port, program)
        strays = [self.stray(port) for port in host['strays']]
        shipped, enforced = self.compiled(name), None

        # Everything is wrong, and every rule finds it.
        states, receipts = self.agent('check', shipped, exit_codes=(2,))
        self.assertEqual({'deviating'}, set(states.values()), states)
        audited = {receipt['rule'] for receipt in receipts if receipt['mode'] == 'audit'}

        # As shipped: what is enforced is put right, what is audited is left.
        self.agent('fix', shipped)
        self.assertEqual(audited, self.deviating(shipped)[0])

        # Everything enforced: what remains is what no rule acts on.
        enforced = self.compiled(name, enforced=True)
        self.agent('fix', enforced)
        self.assertEqual(set(host.get('only_reported', [])), self.deviating(enforced)[0])
        for listener in strays:
            listener.close()
        self.agent('check', shipped, exit_codes=(0,))

    def test_baseline(self):
        self.try_policy('baseline')

    def test_web_server(self):
        self.try_policy('web-server')

    def test_database_host(self):
        self.try_policy('database-host')

    def test_bastion(self):
        self.try_policy('bastion')

    def test_in_a_tree_without_a_network_only_files_are_judged(self):
        for name, host in HOSTS.items():
            with self.subTest(name), tempfile.TemporaryDirectory() as kept:
                self.root = pathlib.Path(kept)
                self.make_tree(host)
                bundle = self.root.joinpath(self.compiled(name)[1:])
                said = self.run_program(PROGRAMS / 'reeve-agent', 'check', '--json', bundle, '--root',
                                        self.root, exit_codes=(2,))
                states = {line['state'] for line in map(json.loads, said.splitlines())
                          if line['type'] == 'rule'}
                self.assertEqual({'deviating', 'not_applicable'}, states)


def enter_namespaces():
    """Runs this file again inside; returns where that cannot be had."""
    if os.environ.get('REEVE_INSIDE') or shutil.which('unshare') is None:
        return
    if subprocess.run([*NAMESPACES, 'true'], capture_output=True).returncode == 0:
        os.environ['REEVE_INSIDE'] = '1'
        os.execvp(NAMESPACES[0], [*NAMESPACES, sys.executable, __file__, *sys.argv[1:]])


if __name__ == '__main__':
    enter_namespaces()
    unittest.main(verbosity=2)
