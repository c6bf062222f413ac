"""SIGKILL at every call that writes, syncs, renames, acts or sends, of agent, courier and
controller: no death of a process loses or doubles a record, or leaves a fix without one."""
import unittest

from rig import CALLS, Rig, enter, is_long

POINTS, POINTS_LONG = 20, 2000


def setUpModule():
    enter()


class Killed(unittest.TestCase):
    def test_a_death_at_any_call_leaves_one_record_of_every_deviation(self):
        rig = Rig()
        self.addCleanup(rig.close)
        rig.up()
        most = rig.references()
        places = [(program, call, number) for program, counts in most.items()
                  for call in CALLS for number in range(1, min(counts[call] // 2, 40) + 1)]
        for call in ('write', 'fsync', 'fdatasync', 'renameat', 'unlinkat', 'setxattr', 'sendmsg'):
            self.assertTrue(most['agent'][call], f'the agent makes no {call}: {most}')
        self.assertTrue(most['controller']['pwrite64'] and most['controller']['fdatasync'], most)
        # By call first: rare ones are the ones that matter.
        points = POINTS_LONG if is_long() else POINTS
        kinds = sorted({place[:2] for place in places})
        for index in range(points):
            kind = kinds[index % len(kinds)] if index % 2 else rig.dice.choice(kinds)
            program, call, number = rig.dice.choice([p for p in places if p[:2] == kind])
            rig.point(program, call, 'signal=SIGKILL:when={}+', number)
            self.assertEqual([], rig.findings)
        types = rig.judge_ledger()
        print(f'{rig.points} points, {rig.fired} killed: {dict(rig.victims)}; records {dict(types)}')
        self.assertEqual([], rig.findings)
        self.assertGreaterEqual(rig.fired, points * 0.95, rig.missed)
        self.assertGreaterEqual(types['unclean_stop'], 1)


if __name__ == '__main__':
    unittest.main(verbosity=2)
