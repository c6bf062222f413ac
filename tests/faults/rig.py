"""The real programs under strace's fault injection: one fleet in namespaces of this process's own,
whose agent or controller is killed, or refused by the kernel, at a chosen call.

A point is one life of a program under one fault: things deviate before it starts and while it runs,
the fault strikes, everything is started again without faults, and the ledger must account for every
deviation exactly once. The fleet goes on from point to point, so its ledger holds the lives of all.
"""
import collections
import fcntl
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / 'tests/e2e'), str(TOP / 'tools')]

from harness import AGENT, CONTROLLER, WAIT_S, Fleet  # noqa: E402
from namespaces import Refused, enter_namespaces  # noqa: E402

SEARCH = os.environ.get('PATH', '') + ':/usr/sbin:/sbin'
STRACE, NFT = shutil.which('strace', path=SEARCH), shutil.which('nft', path=SEARCH)
# What writes, syncs and renames; what acts on the host; what says something to another process.
CALLS = ('write', 'writev', 'pwrite64', 'fsync', 'fdatasync', 'ftruncate', 'rename', 'renameat', 'renameat2',
         'unlink', 'unlinkat', 'chmod', 'fchmod', 'fchmodat', 'fchown', 'fchownat', 'setxattr',
         'fsetxattr', 'sendmsg', 'sendto')
DISK_CALLS = ('write', 'pwrite64', 'fsync', 'fdatasync', 'ftruncate', 'renameat', 'renameat2')
ROUNDS_MAX = 8
BANNER, TABLE = '/etc/banner', 'inet reeve_faults'
POLICY = '''\
policy: faults
defaults: {owner: security@example.org, mode: enforce, severity: high,
           breaker: {fixes_first_minute: 100000, fixes_per_hour: 100000, agent_fixes_per_minute: 100000}}
rules:
  - {id: modes, title: modes, file: {glob: "/srv/mode/*", mode: "0640"}}
  - {id: owners, title: owners, severity: low, intent: durable, file: {glob: "/srv/owner/*", owner: root}}
  - {id: gone, title: nothing there, severity: low, file: {glob: "/srv/gone/*", absent: true}}
  - id: lists
    title: access control lists
    file: {glob: "/srv/list/*", acl: ["user::rw-", "user:other:r--", "group::---", "mask::r--", "other::---"]}
  - {id: banner, title: the banner, file: {path: /etc/banner, mode: "0644", content: "no entry\\n"}}
  - id: table
    title: the table
    firewall:
      table: inet reeve_faults
      body: |
        chain input { type filter hook input priority filter; policy accept; tcp dport 22 accept; }
'''


def is_long():
    return 'REEVE_TEST_LONG' in os.environ


def enter():
    """For setUpModule: everything that these tests need, or a skip that says what is missing."""
    for program, name in ((STRACE, 'strace'), (NFT, 'nft')):
        if program is None:
            raise unittest.SkipTest(f'there is no {name} program')
    try:
        enter_namespaces()
    except Refused as refused:
        raise unittest.SkipTest(str(refused))
    tried = subprocess.run([STRACE, '-f', '-o', '/dev/null', '-e', 'trace=write',
                            '/bin/true'], capture_output=True, text=True, timeout=60)
    if tried.returncode != 0:
        raise unittest.SkipTest('strace may not trace here: ' + tried.stderr.strip()[-200:])


def text_of(log):
    return log.read_text(errors='replace') if log.exists() else ''


def nft(*words):
    done = subprocess.run([NFT, *words], capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise AssertionError(f'nft {words}: {done.stderr}')
    return done.stdout


class Rig(Fleet):
    """A fleet whose programs live under strace; REEVE_TEST_SEED says what is drawn."""

    def __init__(self):
        super().__init__()
        self.dice = random.Random(int(os.environ.get('REEVE_TEST_SEED') or 1))
        self.number = 0
        self.expected = collections.Counter()  # incidents that the ledger must hold, by object
        self.perhaps = collections.Counter()   # and may: what deviated while it deviated already
        self.victims = collections.Counter()
        self.points = self.fired = 0
        self.missed = []
        self.exits = collections.Counter()  # what a refused start said
        self.findings = []
        self.known = set()  # incidents that have been counted
        self.since = '1d'
        subprocess.run([NFT, 'flush', 'ruleset'], check=True, timeout=60)

    # the fleet

    def up(self):
        self.init()
        self.start_controller()
        self.host = self.make_host(files={'etc/banner': 'no entry\n'})
        for name in ('mode', 'owner', 'gone', 'list'):
            (self.host / 'srv' / name).mkdir(parents=True)
        (self.host / 'srv').chmod(0o755)
        passwd = self.host / 'etc/passwd'
        passwd.write_text(passwd.read_text() + 'other:x:77:77::/:/bin/sh\n')
        self.state = self.enroll()
        self.start_plain_agent()
        source = self.where / 'faults.yaml'
        source.write_text(POLICY)
        self.reeve('push', source, '--wait', '60s')
        # Owners can be changed only where other users exist.
        self.has_users = int(pathlib.Path('/proc/self/uid_map').read_text().split()[2]) > 1
        self.expected[TABLE] += 1  # it was missing at first
        self.wait_for('the table', self.table_holds)
        self.settle()
        self.stop('agent')

    def start_plain_agent(self):
        self.start_agent(self.state, self.host)

    def traced(self, log, call, fault, command):
        words = [STRACE, '-f', '-q', '-o', log,
                 '-e', f'trace={",".join(CALLS) if call is None else call}']
        if fault:
            words += ['-e', f'inject={call}:{fault}']
        return [*words, *command]

    def agent_command(self):
        return [AGENT, 'run', '--state', self.state, '--root', self.host, '--courier-user', 'same']

    def controller_command(self):
        nodes, operators, enroll = self.addresses
        return [CONTROLLER, 'run', '--state', self.fleet / 'controller', '--listen', nodes,
                '--operators', operators, '--enroll', enroll]

    # deviations

    def put(self, relative, mode=0o644, text='x\n', owner=None):
        """By rename, so that it deviates in one instant and once."""
        draft = self.where / 'draft'
        draft.write_text(text)
        draft.chmod(mode)
        if owner is not None:
            os.chown(draft, owner, owner)
        os.rename(draft, self.host / relative)

    def deviate(self):
        self.number += 1
        number = self.number
        self.put(f'srv/mode/{number}', 0o666)
        self.put(f'srv/gone/{number}')
        self.put(f'srv/list/{number}')
        objects = [f'/srv/{name}/{number}' for name in ('mode', 'gone', 'list')]
        if self.has_users:
            self.put(f'srv/owner/{number}', owner=5)
            objects.append(f'/srv/owner/{number}')
        # These deviate again and again, perhaps before the agent has looked a second time: then both
        # times are one incident.
        for name in (BANNER, TABLE):
            (self.perhaps if self.expected[name] else self.expected)[name] += 1
        self.put('etc/banner', text=f'welcome {number}\n')
        nft('flush', 'table', *TABLE.split())
        for each in objects:
            self.expected[each] += 1

    def table_holds(self):
        done = subprocess.run([NFT, 'list', 'table', *TABLE.split()], capture_output=True, text=True,
                              timeout=60)
        return done.returncode == 0 and 'dport 22 accept' in done.stdout

    def holds(self):
        host, number = self.host, self.number
        mode = host / f'srv/mode/{number}'
        owner = host / f'srv/owner/{number}'
        return ((not mode.exists() or mode.stat().st_mode & 0o7777 == 0o640) and
                not (host / f'srv/gone/{number}').exists() and
                (not owner.exists() or owner.stat().st_uid == 0) and
                (host / 'etc/banner').read_text() == 'no entry\n' and self.lists_hold(number) and
                self.table_holds())

    def lists_hold(self, number):
        path = self.host / f'srv/list/{number}'
        return not path.exists() or 'system.posix_acl_access' in os.listxattr(path)

    # accounts

    def new_incidents(self):
        """Incidents by object that no settle() before has seen."""
        found = collections.defaultdict(set)
        for record in self.records('--since', self.since):
            # An object without a name is a rule that could not be looked at for a moment.
            is_news = record['type'] == 'receipt' and record['incident'] not in self.known
            if is_news and record['object']:
                found[record['object']].add(record['incident'])
        return found

    def settle(self):
        """Everything that deviated holds and is in the ledger, each deviation as one incident."""
        self.wait_for('what deviated put right', self.holds)
        until = time.monotonic() + WAIT_S
        found = self.new_incidents()
        while time.monotonic() < until and any(len(found[name]) < count
                                               for name, count in self.expected.items()):
            time.sleep(0.05)
            found = self.new_incidents()
        for name in sorted({*found, *self.expected}):
            least = self.expected[name]
            if not least <= len(found[name]) <= least + self.perhaps[name]:
                self.findings.append(f'{name} deviated {self.expected[name]} times, '
                                     f'the ledger has {len(found[name])} incidents')
        self.known |= {incident for each in found.values() for incident in each}
        self.expected.clear()
        self.perhaps.clear()
        self.since = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() - 2))

    def judge_ledger(self):
        """At the end, all of it: every record once and in order, proven, nobody flagged."""
        records = self.records()
        sequences = collections.defaultdict(list)
        for record in records:
            stream, sequence = record['record'].rsplit('/', 1)
            sequences[stream].append(int(sequence))
            if not record['proven']:
                self.findings.append(f'not proven: {record["record"]}')
        for stream, numbers in sequences.items():
            if numbers != list(range(len(numbers))):
                self.findings.append(f'{stream} has the sequences {numbers}')
        status = self.reeve('status', '--json', check=None).stdout
        for word in ('equivocation', 'fork'):
            if word in status:
                self.findings.append(f'the node is flagged {word}')
        return collections.Counter(record['type'] for record in records)

    # points

    def references(self):
        """The reference of agent and of controller; the agent is stopped afterwards."""
        counts = {}
        for program in ('agent', 'controller'):
            counts[program] = self.reference(program)
            self.settle()
            self.stop('agent')
        return counts

    def reference(self, program):
        """How often each process makes each call in a life without faults: the greatest number."""
        log = self.where / 'reference.log'
        self.life(program, log, None, None, wait_for_end=False)
        counts = collections.Counter()
        for line in text_of(log).splitlines():
            got = re.match(r'(\d+) +(\w+)\(', line)
            if got and 'resumed' not in line:
                counts[got[1], got[2]] += 1
        most = collections.Counter()
        for (_, call), count in counts.items():
            most[call] = max(most[call], count)
        return most

    def point(self, program, call, fault, first):
        """One life of `agent` or `controller` under `fault` from the call number `first` on."""
        self.points += 1
        log = self.where / f'point-{self.points}.log'
        self.life(program, log, call, fault.format(first), wait_for_end='signal' in fault)
        text = text_of(log)
        if 'killed by SIGKILL' in text if 'signal' in fault else 'INJECTED' in text:
            self.fired += 1
            self.victims[f'{program} {call}'] += 1
        else:
            self.missed.append(f'{program} {call} {first}')
        before = len(self.findings)
        self.settle()
        self.findings[before:] = [f'{program} at {call} {fault.format(first)}: {finding}'
                                  for finding in self.findings[before:]]
        self.stop('agent', self.dice.choice((signal.SIGKILL, signal.SIGTERM)))
        self.wait_for_lock()
        log.unlink(missing_ok=True)

    def life(self, program, log, call, fault, wait_for_end):
        if program == 'agent':
            self.deviate()
            self.start('traced', *self.traced(log, call, fault, self.agent_command()),
                       start_new_session=True)
        else:
            self.stop('controller', signal.SIGKILL)
            self.start('traced', *self.traced(log, call, fault, self.controller_command()),
                       start_new_session=True)
            self.start_plain_agent()
        self.pass_time(log, wait_for_end)
        # How often a call is made differs from life to life: more of the same until it strikes.
        for _ in range(ROUNDS_MAX if wait_for_end else 1):
            if self.has_struck(log):
                break
            self.deviate()
            self.pass_time(log, wait_for_end)
        self.end_traced(log, wait_for_end)
        if program == 'agent':
            self.wait_for_lock()
            self.start_plain_agent()
        else:
            self.start_controller()

    def has_struck(self, log):
        return (self.children['traced'].poll() is not None or
                'killed by SIGKILL' in text_of(log))

    def pass_time(self, log, wait_for_end):
        """Until what deviated is put right, or the fault has killed or ended what it was for."""
        def is_over():
            return (wait_for_end and self.has_struck(log)) or self.holds()
        self.wait_for('what deviated put right under the fault', is_over)

    def end_traced(self, log, wait_for_end):
        """What was not struck yet has its records to write and send: a stop brings all of that."""
        child = self.children.pop('traced')
        struck = wait_for_end and 'killed by SIGKILL' in text_of(log)
        if child.poll() is None and not struck:
            for pid in self.below(child.pid):
                os.kill(pid, signal.SIGTERM)
            try:
                child.wait(timeout=15)
            except subprocess.TimeoutExpired:
                pass
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)  # the tracer takes along what it traces
            child.wait(timeout=WAIT_S)

    def wait_for_lock(self):
        """Processes below a killed launcher die a moment later, and hold the state until then."""
        def is_free():
            with open(self.state / 'lock', 'r+b') as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return False
            return True
        self.wait_for('the state of a dead agent', is_free)

    @staticmethod
    def below(pid):
        """The program under a tracer: its one child."""
        return [int(kid) for kid in
                pathlib.Path(f'/proc/{pid}/task/{pid}/children').read_text().split()]

    def close(self):
        child = self.children.pop('traced', None)
        if child is not None and child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait(timeout=WAIT_S)
        super().close()
