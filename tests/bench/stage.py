"""Where a bench run happens: namespaces of its own, a fleet of the product's programs, trees of files.

The programs are started as the end-to-end tests start them; nothing in them knows of the bench.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import textwrap
import time

HERE = pathlib.Path(__file__).resolve().parent
for room in ('tests/e2e', 'tools'):
    sys.path.insert(0, str(HERE.parents[1] / room))

import demo  # noqa: E402
import harness  # noqa: E402

SITES, FILES = 100, 100  # directories below /srv/app, files in each
FILE_MODE = 0o640
RIG = harness.PROGRAMS / 'tests/bench/reeve-bench'


class Failed(Exception):
    """The bench could not be run; the words are for the reader."""


def enter_namespaces():
    try:
        demo.enter_namespaces()
    except demo.Failed as error:
        raise Failed(str(error)) from error


def file_of(number):
    """The path of one of the 10,000, as rules spell it."""
    site, file = divmod(number, FILES)
    return f'/srv/app/site-{site:02}/settings-{file:02}.conf'


def make_files(root):
    for number in range(SITES * FILES):
        path = f'{root}{file_of(number)}'
        if number % FILES == 0:
            os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        descriptor = os.open(path, os.O_CREAT | os.O_WRONLY, FILE_MODE)
        os.fchmod(descriptor, FILE_MODE)
        os.close(descriptor)


def policy_text(name):
    """tests/bench/NAME.yaml; a rule below a line `# times N` is there N times, with `@n@` numbered
    from 0 and `@file@` the path of that file."""
    parts = re.split(r'^ *# times (\d+)\n', (HERE / f'{name}.yaml').read_text(), flags=re.MULTILINE)
    out = parts[0]
    for times, rule in zip(parts[1::2], parts[2::2]):
        for number in range(int(times)):
            out += rule.replace('@n@', str(number)).replace('@file@', file_of(number))
    return out


def body_of(policy):
    """The only `body` of tests/bench/POLICY.yaml, as nft reads it."""
    lines = policy_text(policy).splitlines()
    at = next(number for number, line in enumerate(lines) if line.strip() == 'body: |')
    return textwrap.dedent('\n'.join(lines[at + 1:]))


class Stage(harness.Fleet):
    """One fleet with one agent; `with` takes it down again."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def tree(self, name):
        """A host's tree with the 10,000 files in it."""
        root = self.make_host(name)
        make_files(root)
        return root

    def source(self, policy):
        path = self.where / f'{policy}.yaml'
        path.write_text(policy_text(policy))
        return path

    def enforce(self, policy, root):
        """From nothing to an agent that has adopted the policy and swept once."""
        self.init()
        self.start_controller()
        state = self.enroll()
        self.start('agent', harness.AGENT, 'run', '--state', state, '--root', root,
                   '--courier-user', courier_user())
        self.reeve('push', self.source(policy), '--wait', '60s')
        self.wait_for('the first sweep', lambda: any(r['type'] == 'state' for r in self.records()))

    def rig(self, *words):
        """The rig's lines, as objects. Its progress goes to our stderr."""
        done = subprocess.run([str(word) for word in (RIG, *words)], stdout=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, text=True)
        if done.returncode != 0:
            raise Failed(f'the rig failed: reeve-bench {words[0]}: exit {done.returncode}')
        return [json.loads(line) for line in done.stdout.splitlines()]

    def receipts_of(self, trials):
        """For each trial the one receipt of what it broke, from the controller's ledger."""
        def arrived():
            receipts = self.receipts()
            return receipts if len(receipts) >= len(trials) else None
        try:
            receipts = self.wait_for('every receipt in the ledger', arrived)
        except AssertionError as error:
            raise Failed(f'trial_missed: {len(self.receipts())} receipts of {len(trials)} trials '
                         f'came back\n{error}') from error
        return [receipt_of(trial, receipts) for trial in trials]

    def processes(self):
        """Launcher, agent and courier, as (what it is, pid)."""
        children = self.child_pids('agent')
        found = [('launcher', self.children['agent'].pid)]
        found += [('courier' if name.startswith('reeve-courier') else 'agent', pid)
                  for pid, name in children]
        if sorted(what for what, _ in found) != ['agent', 'courier', 'launcher']:
            raise Failed(f'not the three processes that were looked for: {found}')
        return found


def receipt_of(trial, receipts):
    found = [r for r in receipts if r['object'] == trial['object'] and
             trial['broken'] <= r['detected_mono_ns'] < trial['floor_broken']]
    if len(found) != 1 or found[0]['outcome'] != 'fixed' or not found[0]['proven']:
        raise Failed(f'trial_missed: {trial}: wanted one proven receipt with the outcome fixed, '
                     f'found {found}')
    return found[0]


def pss_bytes(pid):
    text = pathlib.Path(f'/proc/{pid}/smaps_rollup').read_text()
    return int(re.search(r'^Pss: +(\d+) kB', text, flags=re.MULTILINE)[1]) * 1024


def cpu_ns(pid):
    """What all threads of a process have run so far, by the scheduler's own count."""
    return sum(int((task / 'schedstat').read_text().split()[0])
               for task in pathlib.Path(f'/proc/{pid}/task').iterdir())


def sleep(seconds, what):
    """With a line on a terminal, so that nobody wonders."""
    for left in range(seconds, 0, -1):
        if sys.stderr.isatty():
            print(f'\r  {what}: {left} s ', end='', file=sys.stderr, flush=True)
        time.sleep(1)
    if sys.stderr.isatty():
        print('\r\033[K', end='', file=sys.stderr, flush=True)


def courier_user():
    mapped = int(pathlib.Path('/proc/self/uid_map').read_text().split()[2])
    return 'nobody' if mapped > 65534 else 'same'
