"""The systemd units: what they must not say, what systemd thinks of them, and that the programs keep
their side of Type=notify and of the watchdog.

units_test.py UNIT... PROGRAMS    (the made units; the build directory)
"""
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
UNITS = {}
PROGRAMS = ''
WAIT_S = 60

# Each of these gives a service a mount namespace of its own (systemd.exec(5)): the agent would check and mend another
# tree than the host's.
MAKES_MOUNT_NAMESPACE = (
    'RootDirectory', 'RootImage', 'MountAPIVFS', 'BindPaths', 'BindReadOnlyPaths', 'MountImages', 'ExtensionImages',
    'ExtensionDirectories', 'DynamicUser', 'ProtectSystem', 'ProtectHome', 'ReadWritePaths', 'ReadOnlyPaths',
    'InaccessiblePaths', 'ExecPaths', 'NoExecPaths', 'TemporaryFileSystem', 'PrivateTmp', 'PrivateDevices',
    'PrivateMounts', 'PrivateIPC', 'IPCNamespacePath', 'ProtectKernelTunables', 'ProtectKernelModules',
    'ProtectKernelLogs', 'ProtectControlGroups', 'ProtectProc', 'ProcSubset', 'MountFlags', 'LogNamespace',
    'NetworkNamespacePath', 'PrivateNetwork', 'LoadCredential', 'LoadCredentialEncrypted', 'SetCredential',
    'SetCredentialEncrypted')
EXPOSURE_MAX = {'agent': 55, 'controller': 15}  # tenths, as --threshold= has them


def settings(unit):
    """Every KEY=VALUE of a unit, in order."""
    return re.findall(r'^([A-Za-z]+)=(.*)$', UNITS[unit].read_text(encoding='utf-8'), re.MULTILINE)


class Units(unittest.TestCase):
    def need_analyze(self):
        if shutil.which('systemd-analyze') is None:
            self.skipTest('systemd-analyze is not here')

    def analyze(self, *words):
        return subprocess.run(['systemd-analyze', *map(str, words)], capture_output=True, text=True, check=False,
                              timeout=WAIT_S)

    def test_the_agents_unit_makes_no_mount_namespace(self):
        self.assertEqual([], [key for key, _ in settings('agent') if key in MAKES_MOUNT_NAMESPACE])

    def test_everything_is_installed_where_it_is_looked_for(self):
        told = subprocess.run(['meson', 'introspect', '--installed', PROGRAMS], capture_output=True, text=True, check=True)
        places = {place: pathlib.Path(made).name for made, place in json.loads(told.stdout).items()}
        for place in ('bin/reeve', 'bin/reeve-agent', 'bin/reeve-controller', 'libexec/reeve/reeve-courier',
                      'lib/systemd/system/reeve-agent.service', 'lib/systemd/system/reeve-controller.service',
                      'lib/sysusers.d/reeve-agent.conf', 'lib/sysusers.d/reeve-controller.conf',
                      'lib/tmpfiles.d/reeve-agent.conf', 'lib/tmpfiles.d/reeve-controller.conf',
                      'share/bash-completion/completions', 'share/zsh/site-functions'):
            self.assertTrue(any(found.endswith('/' + place) for found in places), f'{place}: {sorted(places)}')
        for unit in UNITS:
            program = dict(settings(unit))['ExecStart'].split()[0]
            self.assertIn(program, places)

    def test_each_unit_is_notified_watched_and_started_again(self):
        for unit in UNITS:
            found = dict(settings(unit))
            self.assertEqual('notify', found['Type'])
            self.assertEqual('always', found['Restart'])
            self.assertGreaterEqual(int(found['WatchdogSec']), 60)  # the launcher's own patience is 30 s
            self.assertEqual('0', found['StartLimitIntervalSec'])

    def test_each_unit_is_as_closed_as_is_promised(self):
        self.need_analyze()
        for unit, most in EXPOSURE_MAX.items():
            told = self.analyze('security', '--offline=true', '--no-pager', f'--threshold={most}', UNITS[unit])
            if 'Unknown' in told.stderr or 'unrecognized' in told.stderr:
                self.skipTest('this systemd-analyze judges no unit offline')
            self.assertIn('Overall exposure level', told.stdout, told.stderr)
            self.assertEqual(0, told.returncode, told.stdout)

    def test_an_opened_unit_would_be_noticed(self):
        self.need_analyze()
        with tempfile.TemporaryDirectory(prefix='reeve-test-') as where:
            opened = pathlib.Path(where) / 'reeve-agent.service'
            text = UNITS['agent'].read_text(encoding='utf-8')
            opened.write_text(re.sub('^NoNewPrivileges=.*\n', '', text, flags=re.MULTILINE), encoding='utf-8')
            told = self.analyze('security', '--offline=true', '--no-pager',
                                f'--threshold={EXPOSURE_MAX["agent"]}', opened)
            self.assertNotEqual(0, told.returncode, told.stdout)

    def calls_in(self, name):
        """The system calls of a set of systemd's, or the call of that name."""
        if not name.startswith('@'):
            return {name}
        told = self.analyze('syscall-filter', name).stdout.split('\n')[1:]
        inside = [line.strip() for line in told if line.strip() and not line.strip().startswith('#')]
        return set().union(*map(self.calls_in, inside))

    def test_the_agents_unit_lets_its_programs_call_what_their_own_filters_let_them(self):
        self.need_analyze()
        known = self.calls_in('@known')
        allowed = set().union(*map(self.calls_in, dict(settings('agent'))['SystemCallFilter'].split()))
        for path in (TOP / f'agent/sandbox_{who}.cpp' for who in ('agent', 'courier', 'scratch')):
            called = set(re.findall(r'"([a-z0-9_]+)"', path.read_text(encoding='utf-8'))) & known
            self.assertGreater(len(called), 20, path.name)
            self.assertEqual(set(), called - allowed - {'fchmodat2', 'mount'}, path.name)

    def test_systemd_finds_no_fault_with_them(self):
        self.need_analyze()
        with tempfile.TemporaryDirectory(prefix='reeve-test-') as where:
            copies = []
            for unit, path in UNITS.items():
                text = re.sub(r'^ExecStart=\S*/', f'ExecStart={PROGRAMS}/', path.read_text(encoding='utf-8'),
                              flags=re.MULTILINE)
                copies.append(pathlib.Path(where) / path.name)
                copies[-1].write_text(text, encoding='utf-8')
            told = self.analyze('verify', '--man=no', '--recursive-errors=no', *copies)
            self.assertEqual((0, ''), (told.returncode, told.stdout + told.stderr))

    def test_the_controller_says_that_it_is_ready_and_goes_on_saying_that_it_lives(self):
        with tempfile.TemporaryDirectory(prefix='reeve-test-') as where:
            made = subprocess.run([f'{PROGRAMS}/reeve', 'init', f'{where}/fleet', '--no-passphrase'],
                                  capture_output=True, text=True, check=False)
            self.assertEqual(0, made.returncode, made.stderr)
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
                manager.bind(f'{where}/notify')
                manager.settimeout(WAIT_S)
                controller = subprocess.Popen(
                    [f'{PROGRAMS}/reeve-controller', 'run', '--state', f'{where}/fleet/controller', '--listen',
                     'tcp://127.0.0.1:0', '--operators', 'tcp://127.0.0.1:0'], stderr=subprocess.DEVNULL,
                    env={**os.environ, 'NOTIFY_SOCKET': f'{where}/notify', 'WATCHDOG_USEC': '200000'})
                try:
                    told = [manager.recv(64) for _ in range(4)]
                finally:
                    controller.terminate()
                    controller.wait(WAIT_S)
            self.assertEqual([b'READY=1'] + [b'WATCHDOG=1'] * 3, told)
            self.assertEqual(0, controller.returncode)


if __name__ == '__main__':
    PROGRAMS = sys.argv.pop()
    while len(sys.argv) > 1 and sys.argv[-1].endswith('.service'):
        path = pathlib.Path(sys.argv.pop())
        UNITS[path.stem.removeprefix('reeve-')] = path
    unittest.main()
