"""Each process of an agent stopped by SIGSTOP, as a stuck one would be. A deciding process is started
again, and the time in which nobody looked is on record; without courier or launcher enforcement goes
on, and what was recorded arrives afterwards. The watchdog's patience is half a minute, so the cases
run beside each other, each with an agent of its own."""
import os
import signal
import sys
import time
import unittest
import pathlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'e2e'))

from harness import Fleet  # noqa: E402

SECRET = {'id': 'secret-mode', 'file': '{path: /etc/secret, mode: "0600"}'}


class Frozen(unittest.TestCase):
    def setUp(self):
        self.fleet = Fleet()
        self.addCleanup(self.fleet.close)

    def agent(self, name):
        fleet = self.fleet
        host = fleet.make_host(f'host-{name}', files={'etc/secret': 'hush\n'})
        fleet.start_agent(fleet.enroll(name), host, name)
        return host / 'etc/secret'

    def deciding(self, name):
        return next(pid for pid, comm in self.fleet.child_pids(name) if 'courier' not in comm)

    def wait_long_for(self, what, holds):
        """The watchdog's patience on top of everybody's."""
        until = time.monotonic() + 120
        while time.monotonic() < until:
            if holds():
                return
            time.sleep(0.1)
        self.fail(f'{what}: not within two minutes')

    def test_a_stuck_process_stops_no_enforcement_for_good_and_the_blind_time_is_on_record(self):
        fleet = self.fleet
        fleet.init()
        fleet.start_controller()
        stuck, mute, alone = (self.agent(name) for name in ('stuck', 'mute', 'alone'))
        fleet.push([SECRET])
        for path in (stuck, mute, alone):
            fleet.wait_mode(path, 0o600)
        fleet.wait_for('the first receipts', lambda: len(fleet.receipts()) == 3)
        frozen = {'stuck': self.deciding('stuck'), 'mute': fleet.courier_pid('mute'),
                  'alone': fleet.children['alone'].pid}
        self.addCleanup(lambda: [self.thaw(pid) for pid in frozen.values()])
        frozen_at = time.time_ns()
        for pid in frozen.values():
            os.kill(pid, signal.SIGSTOP)
        # Without its courier or its launcher an agent goes on enforcing.
        for path in (stuck, mute, alone):
            path.chmod(0o666)
        for path in (mute, alone):
            fleet.wait_mode(path, 0o600)
        self.wait_long_for('the deciding process killed and started again',
                           lambda: stuck.stat().st_mode & 0o7777 == 0o600)
        self.assertNotEqual(frozen['stuck'], self.deciding('stuck'))
        fleet.wait_for('the blind time on record', lambda: self.stop_of('stuck'))
        stop = self.stop_of('stuck')
        self.assertEqual(signal.SIGKILL, stop['wait_status'])
        self.assertLess(stop['since'], frozen_at)
        self.assertGreater(stop['until'], frozen_at)
        for name in ('mute', 'alone'):
            os.kill(frozen.pop(name), signal.SIGCONT)
        fleet.wait_for('every receipt', lambda: len(fleet.receipts()) == 6)
        self.assertIsNone(self.stop_of('alone'))

    def stop_of(self, node):
        stops = [r for r in self.fleet.records('--node', node) if r['type'] == 'unclean_stop']
        return stops[0] if stops else None

    @staticmethod
    def thaw(pid):
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass


if __name__ == '__main__':
    unittest.main(verbosity=2)
