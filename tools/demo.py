#!/usr/bin/env python3
"""tools/quickstart [--once] [--json] [--keep]

Builds Reeve, then runs a controller and one agent in user, network and mount namespaces of their
own, pushes a policy, breaks the mode of a file, opens a stray TCP listener, flushes a firewall
table, and shows each receipt as it comes back out of the controller's ledger. Nothing on this
machine is touched: the agent's "host" is a small tree of files in a temporary directory and a
network of its own.

  --once   end after the three deviations: exit 0 only if each was found, fixed, verified and is in
           the ledger with a proof that holds
  --json   one receipt a line on stdout and nothing else
  --keep   leave the temporary directory for a closer look
"""
import argparse
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from namespaces import Refused, enter_namespaces

WAIT_S = 60  # a bound, not an expectation: each wait here takes milliseconds

POLICY = '''\
policy: quickstart
rules:
  - id: shadow-mode
    title: Only root may read password hashes
    severity: critical
    owner: security@example.org
    controls: [CIS-7.1.5]
    mode: enforce
    rationale: A readable shadow file lets any login attack every password offline.
    file: {path: /etc/shadow, owner: root, group: root, mode: "0600"}
  - id: sshd-config-mode
    title: Only root may write the ssh server's settings
    severity: high
    owner: platform@example.org
    controls: [CIS-5.2.1]
    mode: enforce
    file: {path: /etc/ssh/sshd_config, owner: root, group: root, mode_at_most: "0644"}
  - id: known-listeners
    title: Nothing listens on TCP that policy does not name
    severity: high
    owner: platform@example.org
    controls: [CIS-2.1.22]
    mode: enforce
    port:
      protocol: tcp
      allow: [{ports: [7117, 7118, 7119]}]
      actions: [close]
  - id: host-firewall
    title: The host's firewall is as policy has it
    severity: critical
    owner: network@example.org
    controls: [CIS-4.2.8]
    mode: enforce
    firewall:
      table: inet quickstart
      body: |
        chain input {
          type filter hook input priority filter; policy drop;
          iifname "lo" accept
          ct state established,related accept
          tcp dport 22 accept
        }
'''


class Failed(Exception):
    """The demonstration cannot go on; the words are for the reader."""


class Demo:
    def __init__(self, programs, where, as_json):
        self.where, self.as_json, self.children = where, as_json, []
        self.is_user = os.getuid() != 0
        self.host = where / 'host'
        self.fleet = where / 'fleet'
        self.reeve = [str(programs / 'reeve')]
        self.controller = str(programs / 'reeve-controller')
        self.agent = str(programs / 'reeve-agent')

    def say(self, text=''):
        print(text, file=sys.stderr if self.as_json else sys.stdout, flush=True)

    def run(self, *command, check=(0,)):
        done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S)
        if done.returncode not in check:
            raise Failed(f'{pathlib.Path(command[0]).name} {command[1]}: exit {done.returncode}\n'
                         f'{done.stdout}{done.stderr}')
        return done.stdout

    def start(self, name, *command):
        with open(self.where / f'{name}.log', 'wb') as log:
            child = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self.children.append(child)
        return child

    def wait_for(self, what, holds):
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            if holds():
                return
            for child in self.children:
                if child.poll() is not None:
                    raise Failed(f'{child.args[0]} ended early; see the logs in {self.where}')
            time.sleep(0.02)
        raise Failed(f'{what} did not happen in {WAIT_S} s; see the logs in {self.where}')

    def log_of(self, name):
        return (self.where / f'{name}.log').read_text(errors='replace')

    def make_host(self):
        files = {'etc/passwd': ('root:x:0:0:root:/root:/bin/sh\n', 0o644),
                 'etc/group': ('root:x:0:\n', 0o644),
                 'etc/shadow': ('root:*:19000:0:99999:7:::\n', 0o600),
                 'etc/ssh/sshd_config': ('PermitRootLogin no\n', 0o644)}
        for name, (text, mode) in files.items():
            path = self.host / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(mode)
        for directory in [self.host, *(p for p in self.host.rglob('*') if p.is_dir())]:
            directory.chmod(0o755)

    def bring_up(self):
        self.make_host()
        self.say('1. a fleet: keys for the security team, keys for the controller')
        self.run(*self.reeve, 'init', str(self.fleet), '--name', 'quickstart',
                 '--controller', '127.0.0.1', '--port', '7117', '--no-passphrase')
        self.reeve += ['--fleet', str(self.fleet)]
        self.say('2. a controller, on the loopback of its own network namespace')
        self.start('controller', self.controller, 'run', '--state', str(self.fleet / 'controller'),
                   '--listen', 'tcp://127.0.0.1:7117', '--operators', 'tcp://127.0.0.1:7118',
                   '--enroll', 'tcp://127.0.0.1:7119')
        self.wait_for('the controller listening', lambda: 'nodes at' in self.log_of('controller'))
        self.say('3. a node: a token made on one side, `reeve-agent join` on the other')
        token = self.run(*self.command('token', 'create', '--name', 'demo-host')).strip()
        self.run(self.agent, 'join', token, '--state', str(self.where / 'agent'),
                 '--courier-user', self.courier_user())
        self.start('agent', self.agent, 'run', '--state', str(self.where / 'agent'),
                   '--root', str(self.host), '--courier-user', self.courier_user())
        self.say('4. a policy: linted, compiled, signed, pushed, adopted')
        policy = self.where / 'quickstart.yaml'
        policy.write_text(POLICY)
        self.run(*self.command('push', str(policy), '--wait', '60s'))

    def courier_user(self):
        try:
            mapped = int(pathlib.Path('/proc/self/uid_map').read_text().split()[2])
        except (OSError, ValueError, IndexError):
            mapped = 1
        return 'nobody' if mapped > 65534 else 'same'

    def command(self, *words):
        return [self.reeve[0], *words, *self.reeve[1:]]

    def break_three(self):
        """What has to be put right, as (rule, object)."""
        self.broken_ns = time.monotonic_ns()
        shadow = self.host / 'etc/shadow'
        self.say('5. a deviation: chmod 0666 /etc/shadow')
        shadow.chmod(0o666)
        self.wait_for('the repair', lambda: shadow.stat().st_mode & 0o7777 == 0o600)
        self.say('6. a deviation: a program listens on TCP port 4444')
        with socket.socket() as stray:
            stray.bind(('0.0.0.0', 4444))
            stray.listen()
            self.wait_for('the listener closed', lambda: not listens(4444))
        self.say('7. a deviation: nft flush table inet quickstart')
        self.run(nft(), 'flush', 'table', 'inet', 'quickstart')
        self.wait_for('the table restored', lambda: 'dport 22' in
                      self.run(nft(), 'list', 'table', 'inet', 'quickstart'))
        if self.is_user:
            self.say('   (run by an ordinary user: who changed the file stays `unknown` by nature)')
        return {('shadow-mode', '/etc/shadow'), ('known-listeners', 'tcp 0.0.0.0:4444'),
                ('host-firewall', 'inet quickstart')}

    def receipts(self):
        """Receipts as they arrive in the ledger, for ever; not those of adopting the policy."""
        follow = subprocess.Popen(self.command('records', '--follow', '--json'),
                                  stdout=subprocess.PIPE, text=True)
        self.children.append(follow)
        for line in follow.stdout:
            record = json.loads(line)
            if record['type'] == 'receipt' and record['detected_mono_ns'] >= self.broken_ns:
                yield record, line

    def show(self, receipt, line):
        if self.as_json:
            print(line, end='', flush=True)
            return
        took = (receipt['verified_mono_ns'] - receipt['detected_mono_ns']) / 1e6
        self.say(f'''
   receipt {receipt['record']}, from the ledger (leaf {receipt['leaf']})
     rule       {receipt['rule']} ({receipt['severity']}), answered for by {receipt['owner']}
     object     {receipt['object']}
     found      {receipt['found']}
     desired    {receipt['desired']}
     left       {receipt['left']}
     outcome    {receipt['outcome']}, verified {took:.2f} ms after it was seen
     cause      {cause_of(receipt)}
     proof      {'signature and batch proof hold' if receipt['proven'] else 'UNPROVEN'}
''')

    def stop(self):
        for child in reversed(self.children):
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
        for child in reversed(self.children):
            try:
                child.wait(timeout=15)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def listens(port):
    """Whether anything listens on this TCP port, by proc_net_tcp(5): state 0A."""
    lines = pathlib.Path('/proc/net/tcp').read_text().splitlines()[1:]
    return any(int(line.split()[1].split(':')[1], 16) == port and line.split()[3] == '0A'
               for line in lines)


def nft():
    found = shutil.which('nft', path=os.environ.get('PATH', '') + ':/usr/sbin:/sbin')
    if found is None:
        raise Failed('there is no nft here\n  next: apt-get install nftables')
    return found


def cause_of(receipt):
    who = receipt.get('program') or receipt.get('command')
    pid = f", process {receipt['pid']}" if 'pid' in receipt else ''
    return receipt['confidence'] + (f': {who}{pid}' if who else '')


def is_whole(receipt):
    return receipt['outcome'] == 'fixed' and receipt['verified_mono_ns'] > 0 and receipt['proven']


def demonstrate(demo, once):
    demo.bring_up()
    left = demo.break_three()
    signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(
        Failed(f'no receipt of {left} reached the ledger in {WAIT_S} s; see the logs in {demo.where}')))
    signal.alarm(WAIT_S)
    for receipt, line in demo.receipts():
        demo.show(receipt, line)
        which = (receipt['rule'], receipt['object'])
        if which in left and not is_whole(receipt):
            raise Failed('the receipt is not whole: ' + line)
        was_waiting = bool(left)
        left.discard(which)
        if left:
            continue
        signal.alarm(0)
        if once:
            demo.say('   ' + demo.run(*demo.command('status'), check=(0, 2)).replace('\n', '\n   '))
            return
        if was_waiting:
            demo.say(f'Break it again from another terminal and watch:\n'
                     f'   chmod 0644 {demo.host}/etc/shadow\n'
                     f'   nsenter --preserve-credentials -U -n -t {os.getpid()} '
                     f'nft flush table inet quickstart\nCtrl-C ends.')
    raise Failed('the ledger was closed')


def main():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument('--programs', type=pathlib.Path, required=True)
    for option in ('--once', '--json', '--keep'):
        parser.add_argument(option, action='store_true')
    options = parser.parse_args()
    where = pathlib.Path(tempfile.mkdtemp(prefix='reeve-quickstart.'))
    demo = Demo(options.programs.resolve(), where, options.json)
    keep, status = options.keep, 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        enter_namespaces()
        where.chmod(0o755)
        demonstrate(demo, options.once)
        status = 0
    except KeyboardInterrupt:
        status = 0
    except (Failed, Refused, OSError, subprocess.SubprocessError, ValueError, KeyError) as error:
        print(f'quickstart: {error}', file=sys.stderr)
        keep = True
    finally:
        demo.stop()
        if keep:
            print(f'quickstart: everything it made is in {where}', file=sys.stderr)
        else:
            shutil.rmtree(where, ignore_errors=True)
    if status == 0 and not options.json:
        print('Next: README.md on writing a policy of your own; docs/policy.md has every key.')
    return status


if __name__ == '__main__':
    sys.exit(main())
