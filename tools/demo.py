#!/usr/bin/env python3
"""tools/quickstart [--once] [--json] [--keep]

Builds Reeve, then runs a controller and one agent in user, network and mount namespaces of their
own, pushes a policy, breaks the mode of a file and shows the receipt as it comes back out of the
controller's ledger. Nothing on this machine is touched: the agent's "host" is a small tree of files
in a temporary directory.

  --once   end after the first deviation: exit 0 only if it was found, fixed, verified and is in
           the ledger with a proof that holds
  --json   one receipt a line on stdout and nothing else
  --keep   leave the temporary directory for a closer look
"""
import argparse
import ctypes
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

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x00020000, 0x10000000, 0x40000000
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
'''


class Failed(Exception):
    """The demonstration cannot go on; the words are for the reader."""


def enter_namespaces():
    """Puts this process into user, network and mount namespaces where it is root."""
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    ready = os.pipe()
    helper = os.fork()
    if helper == 0:  # stays outside: root may map every id, a user only his own
        os.close(ready[1])
        if os.read(ready[0], 1) != b'x':
            os._exit(1)
        target = f'/proc/{os.getppid()}'
        try:
            if user == 0:
                maps = pathlib.Path('/proc/self/uid_map').read_text().split()
                count = min(int(maps[2]), 4294967295)
                rows = [('uid_map', f'0 0 {count}'), ('gid_map', f'0 0 {count}')]
            else:
                rows = [('setgroups', 'deny'), ('uid_map', f'0 {user} 1'),
                        ('gid_map', f'0 {group} 1')]
            for name, text in rows:
                pathlib.Path(target, name).write_text(text)
        except OSError as error:
            print(f'quickstart: {error}', file=sys.stderr)
            os._exit(1)
        os._exit(0)
    os.close(ready[0])
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS) != 0:
        os.close(ready[1])
        raise Failed('namespaces cannot be had here: ' + os.strerror(ctypes.get_errno()) +
                     '\n  next: allow them (sysctl kernel.unprivileged_userns_clone=1), or run as root')
    os.write(ready[1], b'x')
    if os.waitpid(helper, 0)[1] != 0:
        raise Failed('the user namespace could not be mapped')
    raise_loopback()


def raise_loopback():
    import fcntl
    import struct
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, 0x8914, struct.pack('16sH14s', b'lo', 0x1 | 0x40, b''))  # SIOCSIFFLAGS


class Demo:
    def __init__(self, programs, where, as_json):
        self.where, self.as_json, self.children = where, as_json, []
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
                 '--controller', '127.0.0.1', '--port', '7117')
        self.reeve += ['--fleet', str(self.fleet)]
        self.say('2. a controller, on the loopback of its own network namespace')
        self.start('controller', self.controller, 'run', '--state', str(self.fleet / 'controller'),
                   '--listen', 'tcp://127.0.0.1:7117', '--operators', 'tcp://127.0.0.1:7118')
        self.wait_for('the controller listening', lambda: 'nodes at' in self.log_of('controller'))
        self.say('3. a node: its certificate signed by the operator, its agent started')
        self.run(*self.command('node', 'enroll', 'demo-host', '--out', str(self.where / 'agent')))
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

    def break_mode(self):
        shadow = self.host / 'etc/shadow'
        self.say('5. the deviation: chmod 0666 /etc/shadow')
        shadow.chmod(0o666)
        self.wait_for('the repair', lambda: shadow.stat().st_mode & 0o7777 == 0o600)

    def receipts(self):
        """Receipts as they arrive in the ledger, for ever."""
        follow = subprocess.Popen(self.command('records', '--follow', '--json'),
                                  stdout=subprocess.PIPE, text=True)
        self.children.append(follow)
        for line in follow.stdout:
            record = json.loads(line)
            if record['type'] == 'receipt':
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
     cause      {receipt['confidence']}
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


def is_whole(receipt):
    return (receipt['rule'] == 'shadow-mode' and receipt['object'] == '/etc/shadow' and
            receipt['outcome'] == 'fixed' and receipt['verified_mono_ns'] > 0 and receipt['proven'])


def demonstrate(demo, once):
    demo.bring_up()
    demo.break_mode()
    seen = 0
    deadline = time.monotonic() + WAIT_S
    signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(
        Failed(f'no receipt reached the ledger in {WAIT_S} s; see the logs in {demo.where}')))
    signal.alarm(WAIT_S)
    for receipt, line in demo.receipts():
        demo.show(receipt, line)
        seen += 1
        if once:
            signal.alarm(0)
            if not is_whole(receipt):
                raise Failed('the receipt is not whole: ' + line)
            demo.say('   ' + demo.run(*demo.command('status'), check=(0, 2)).replace('\n', '\n   '))
            return
        if seen == 1:
            signal.alarm(0)
            demo.say(f'Break it again from another terminal and watch:\n'
                     f'   chmod 0644 {demo.host}/etc/shadow\nCtrl-C ends.')
    raise Failed(f'the ledger was closed (deadline {deadline})')


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
    except (Failed, OSError, subprocess.SubprocessError, ValueError, KeyError) as error:
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
