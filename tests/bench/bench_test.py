"""The bench measures the real programs, says so in lines of one shape, and fails when it could not.
Times are never asserted here: they are the bench's own business."""
import json
import os
import pathlib
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import figures  # noqa: E402
import stage  # noqa: E402

WAIT_S = 240
TIMED = {'name', 'p50_us', 'p99_us', 'floor_p50_us', 'floor_p99_us', 'ratio', 'bar', 'trials'}


def bench(*words):
    return subprocess.run([sys.executable, HERE / 'bench.py', *words], capture_output=True,
                          text=True, timeout=WAIT_S, stdin=subprocess.DEVNULL)


class Measured(unittest.TestCase):
    def figures_of(self, *words):
        done = bench('--programs', os.environ['REEVE_PROGRAMS'], '--json', *words)
        if 'namespaces cannot be had' in done.stderr:
            self.skipTest('no user namespaces here')
        self.assertIn(done.returncode, (0, 2), done.stderr)
        got = [json.loads(line) for line in done.stdout.splitlines()]
        missed = any(figure.get('ratio', 0) > figure['bar'] or
                     figure.get('value', 0) > figure['bar'] or
                     figure.get('p50_us', 0) > figure.get('bar_us', 1e12) for figure in got)
        self.assertEqual(2 if missed else 0, done.returncode)
        return got

    def check_timed(self, got, name, trials):
        self.assertEqual(name, got['name'])
        self.assertEqual(trials, got['trials'])
        self.assertLessEqual(TIMED, set(got))
        self.assertTrue(0 < got['p50_us'] <= got['p99_us'], got)
        self.assertTrue(0 < got['floor_p50_us'] <= got['floor_p99_us'], got)
        self.assertAlmostEqual(got['p50_us'] / got['floor_p50_us'], got['ratio'], delta=0.02)

    def test_time_to_fix_a_file(self):
        got, = self.figures_of('time-to-fix', 'file', '--trials', '10')
        self.check_timed(got, 'file', 10)

    def test_time_to_fix_a_firewall(self):
        got, = self.figures_of('time-to-fix', 'firewall', '--trials', '5')
        self.check_timed(got, 'firewall', 5)

    def test_time_to_fix_a_port(self):
        got, = self.figures_of('time-to-fix', 'port', '--trials', '2')
        self.check_timed(got, 'port', 2)
        self.assertEqual(300_000, got['bar_us'])

    def test_footprint(self):
        memory, idle_cpu = self.figures_of('footprint', '--settle', '1')
        for got, name, unit in ((memory, 'memory', 'MB'), (idle_cpu, 'idle_cpu', '%')):
            self.assertEqual((name, unit), (got['name'], got['unit']))
            self.assertEqual({'launcher', 'agent', 'courier'}, set(got['parts']))
            self.assertAlmostEqual(sum(got['parts'].values()), got['value'], delta=0.02)

    def test_sweep(self):
        got, = self.figures_of('sweep', '--trials', '2')
        self.check_timed(got, 'sweep', 2)


class Refusals(unittest.TestCase):
    def test_words_that_it_does_not_know_are_usage_errors(self):
        for words in (['everything'], ['time-to-fix', 'disk'], ['sweep', 'file'], ['--trials', '0'],
                      ['--trials', 'many'], ['--settle', '-1'], ['--fast']):
            done = bench(*words)
            self.assertEqual(1, done.returncode, words)
            self.assertEqual('', done.stdout)
            self.assertIn('bench: error usage:', done.stderr)

    def test_help_names_every_option(self):
        done = bench('--help')
        self.assertEqual(0, done.returncode)
        for option in ('--json', '--trials', '--settle'):
            self.assertIn(option, done.stdout)


class Accounts(unittest.TestCase):
    TRIAL = {'object': '/a', 'broken': 100, 'floor_broken': 200}
    RECEIPT = {'object': '/a', 'detected_mono_ns': 150, 'outcome': 'fixed', 'proven': True}

    def test_a_trial_has_the_receipt_of_its_object_and_time(self):
        earlier = {**self.RECEIPT, 'detected_mono_ns': 90}
        self.assertEqual(self.RECEIPT,
                         stage.receipt_of(self.TRIAL, [earlier, {**self.RECEIPT, 'object': '/b'},
                                                       self.RECEIPT]))

    def test_a_trial_without_its_one_proven_fix_ends_the_run(self):
        for receipts in ([], [self.RECEIPT] * 2, [{**self.RECEIPT, 'outcome': 'fix_failed'}],
                         [{**self.RECEIPT, 'proven': False}],
                         [{**self.RECEIPT, 'detected_mono_ns': 250}]):
            with self.assertRaisesRegex(stage.Failed, 'trial_missed'):
                stage.receipt_of(self.TRIAL, receipts)


class Figures(unittest.TestCase):
    def test_percentiles_are_nearest_rank(self):
        self.assertEqual(2, figures.percentile([3, 1, 2], 50))
        self.assertEqual(2, figures.percentile([4, 1, 2, 3], 50))
        self.assertEqual(99, figures.percentile(range(1, 101), 99))
        self.assertEqual(7, figures.percentile([7], 99))

    def test_a_bar_is_met_up_to_itself(self):
        self.assertTrue(figures.Timed('x', [300], [100], bar=3).is_met())
        self.assertFalse(figures.Timed('x', [302], [100], bar=3).is_met())
        self.assertFalse(figures.Timed('x', [3000], [3000], bar=3, bar_us=2.9).is_met())
        self.assertFalse(figures.Valued('x', 12.1, 'MB', 12).is_met())


class Policies(unittest.TestCase):
    def test_every_policy_of_the_bench_passes_lint(self):
        with stage.Stage() as fleet:
            for source in sorted(HERE.glob('*.yaml')):
                fleet.run(stage.harness.REEVE, 'lint', fleet.source(source.stem))


if __name__ == '__main__':
    unittest.main(verbosity=2)
