"""An answer that nobody can read any more ends the command, and never looks like a success."""
import signal
import subprocess
import unittest

from harness import CONTROLLER, REEVE, WAIT_S, FleetTest

RULE = {'id': 'secret-mode', 'file': '{path: /etc/secret, mode: "0600"}'}


class LostOutput(FleetTest):
    def test_output_to_a_full_disk_is_a_named_error(self):
        with open('/dev/full', 'w') as full:
            done = subprocess.run([REEVE, '--help'], stdout=full, stderr=subprocess.PIPE, text=True,
                                  timeout=WAIT_S)
        self.assertEqual(1, done.returncode)
        self.assertIn('error output_lost', done.stderr)

    def test_a_follower_ends_quietly_when_its_reader_has_left(self):
        fleet = self.fleet
        host, _ = fleet.up([RULE], {'etc/secret': 'hush'})
        fleet.wait_for('a receipt', fleet.receipts)
        follower = subprocess.Popen([REEVE, 'records', '--follow', '--fleet', fleet.fleet],
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(follower.kill)
        self.assertIn(b'TIME', follower.stdout.readline())
        follower.stdout.close()
        (host / 'etc/secret').chmod(0o666)
        self.assertEqual(-signal.SIGPIPE, follower.wait(timeout=WAIT_S))
        self.assertEqual(b'', follower.stderr.read())
        follower.stderr.close()

    def test_a_controller_outlives_the_reader_of_its_log(self):
        fleet = self.fleet
        fleet.init()
        controller = subprocess.Popen(
            [CONTROLLER, 'run', '--state', fleet.fleet / 'controller', '--listen',
             'tcp://127.0.0.1:0', '--operators', 'tcp://127.0.0.1:0'], stderr=subprocess.PIPE)
        self.addCleanup(controller.kill)
        while b'nodes at' not in controller.stderr.readline():
            self.assertIsNone(controller.poll())
        controller.stderr.close()
        controller.terminate()  # of which it tells
        self.assertEqual(0, controller.wait(timeout=WAIT_S))


if __name__ == '__main__':
    unittest.main(verbosity=2)
