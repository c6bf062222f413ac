"""Real programs for end-to-end tests: a fleet directory, a controller and agents on loopback.

The programs' directory comes from the environment variable REEVE_PROGRAMS, which the build sets.
Waits are bounded by WAIT_S and end at the event; nothing here asserts a time.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

PROGRAMS = pathlib.Path(os.environ['REEVE_PROGRAMS'])
REEVE = str(PROGRAMS / 'reeve')
CONTROLLER = str(PROGRAMS / 'reeve-controller')
AGENT = str(PROGRAMS / 'reeve-agent')
WAIT_S = 60

RULE = '''\
  - id: {id}
    title: {id} is kept
    severity: {severity}
    owner: security@example.org
    controls: {controls}
    mode: {mode}
    breaker: {{fixes_first_minute: 1000, fixes_per_hour: 1000}}
    file: {file}
'''


def policy_text(rules, name='test'):
    out = f'policy: {name}\nrules:\n'
    for rule in rules:
        fields = {'severity': 'high', 'mode': 'enforce', 'controls': '[]', **rule}
        out += RULE.format(**fields)
    return out


class Fleet:
    """One fleet in a temporary directory: keys, a controller, agents over trees of files."""

    def __init__(self):
        self.where = pathlib.Path(tempfile.mkdtemp(prefix='reeve-e2e.'))
        self.where.chmod(0o755)
        self.children = {}
        self.addresses = None
        self.fleet = self.where / 'fleet'

    # programs

    def run(self, *command, check=0, timeout=WAIT_S, **more):
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True,
                              errors='replace', timeout=timeout, **more)
        if check is not None and done.returncode != check:
            raise AssertionError(f'{command}: exit {done.returncode}, wanted {check}\n'
                                 f'{done.stdout}{done.stderr}')
        return done

    def reeve(self, *words, **more):
        return self.run(REEVE, *words, '--fleet', self.fleet, **more)

    def start(self, name, *command, **more):
        with open(self.where / f'{name}.log', 'ab') as log:
            child = subprocess.Popen([str(c) for c in command], stdout=log, stderr=log,
                                     stdin=subprocess.DEVNULL, **more)
        self.children[name] = child
        return child

    def log_of(self, name):
        path = self.where / f'{name}.log'
        return path.read_text(errors='replace') if path.exists() else ''

    def stop(self, name, how=signal.SIGTERM):
        child = self.children.pop(name)
        if child.poll() is None:
            child.send_signal(how)
        return child.wait(timeout=WAIT_S)

    def close(self):
        for name in list(self.children):
            try:
                self.stop(name)
            except subprocess.TimeoutExpired:
                pass
        shutil.rmtree(self.where, ignore_errors=True)

    def wait_for(self, what, holds):
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            got = holds()
            if got:
                return got
            time.sleep(0.02)
        logs = '\n'.join(f'--- {p.name}\n{p.read_text(errors="replace")[-3000:]}'
                         for p in sorted(self.where.glob('*.log')))
        raise AssertionError(f'{what}: not within {WAIT_S} s\n{logs}')

    # the fleet

    def init(self):
        self.run(REEVE, 'init', self.fleet, '--name', 'e2e', '--controller', '127.0.0.1',
                 '--port', '7117', '--no-passphrase')

    def start_controller(self):
        """Starts at the ports of the first start; the kernel chooses those."""
        before = len(self.log_of('controller'))
        nodes, operators, enroll = self.addresses or ('tcp://127.0.0.1:0',) * 3
        self.start('controller', CONTROLLER, 'run', '--state', self.fleet / 'controller',
                   '--listen', nodes, '--operators', operators, '--enroll', enroll)
        told = self.wait_for('the controller listening', lambda: re.search(
            r'nodes at (tcp://\S+?), operators at (tcp://\S+?), enrollment at (tcp://\S+)',
            self.log_of('controller')[before:]))
        if self.addresses is None:
            self.addresses = (told[1], told[2], told[3])
            contact = self.fleet / 'public/controller'
            text = contact.read_text()
            text = re.sub(r'tcp://127\.0\.0\.1:7117', told[1], text)
            text = re.sub(r'tcp://127\.0\.0\.1:7118', told[2], text)
            text = re.sub(r'tcp://127\.0\.0\.1:7119', told[3], text)
            contact.write_text(text)

    def stop_controller(self):
        self.stop('controller')

    def make_host(self, name='host', files=()):
        host = self.where / name
        own, group = os.getuid(), os.getgid()
        base = {'etc/passwd': f'root:x:0:0::/root:/bin/sh\nowner:x:{own}:{group}::/:/bin/sh\n',
                'etc/group': f'root:x:0:\nowner:x:{group}:\n'}
        for path, text in {**base, **dict(files)}.items():
            target = host / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
            target.chmod(0o644)
        for directory in [host, *(p for p in host.rglob('*') if p.is_dir())]:
            directory.chmod(0o755)
        return host

    def enroll(self, name='node1', *labels):
        words = [word for label in labels for word in ('--label', label)]
        self.reeve('node', 'enroll', name, '--out', self.where / name, *words)
        return self.where / name

    def token(self, *words):
        return self.reeve('token', 'create', *words).stdout.strip()

    def join(self, token, name='node1', *words, **more):
        state = self.where / name
        done = self.run(AGENT, 'join', token, '--name', name, '--state', state,
                        '--courier-user', 'same', *words, **more)
        return state, done

    def start_agent(self, state, host, name='agent'):
        return self.start(name, AGENT, 'run', '--state', state, '--root', host,
                          '--courier-user', 'same')

    def push(self, rules, check=0, name='test', wait='60s'):
        source = self.where / f'{name}.yaml'
        source.write_text(policy_text(rules, name))
        return self.reeve('push', source, '--wait', wait, check=check)

    def records(self, *words):
        out = self.reeve('records', '--json', *words).stdout
        return [json.loads(line) for line in out.splitlines()]

    def receipts(self, *words):
        return [r for r in self.records(*words) if r['type'] == 'receipt']

    def up(self, rules, files=()):
        """The usual beginning: everything started, the policy adopted. Gives the host's tree."""
        self.init()
        self.start_controller()
        host = self.make_host(files=files)
        state = self.enroll()
        self.start_agent(state, host)
        self.push(rules)
        return host, state

    def wait_mode(self, path, mode):
        self.wait_for(f'{path} at {mode:o}', lambda: path.stat().st_mode & 0o7777 == mode)

    def child_pids(self, name):
        """Every process below the one started as `name`, as (pid, program's name)."""
        found, todo = [], [self.children[name].pid]
        while todo:
            pid = todo.pop()
            try:
                for task in pathlib.Path(f'/proc/{pid}/task').iterdir():
                    kids = [int(k) for k in (task / 'children').read_text().split()]
                    todo += kids
                    found += [(k, pathlib.Path(f'/proc/{k}/comm').read_text().strip()) for k in kids]
            except OSError:
                continue
        return found

    def courier_pid(self, name='agent'):
        couriers = [pid for pid, comm in self.child_pids(name) if comm.startswith('reeve-courier')]
        return couriers[0] if couriers else None


class FleetTest(unittest.TestCase):
    def setUp(self):
        self.fleet = Fleet()
        self.addCleanup(self.fleet.close)

    def assert_streams_whole(self, records):
        """Every record once, in order within its (node, epoch, stream)."""
        streams = {}
        for record in records:
            node, epoch, stream, sequence = record['record'].rsplit('/', 3)
            streams.setdefault((node, epoch, stream), []).append(int(sequence))
        self.assertTrue(streams)
        for identity, sequences in streams.items():
            self.assertEqual(list(range(len(sequences))), sequences, identity)
