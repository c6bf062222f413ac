"""A disk that is full, fails or is read-only at each write and sync of agent and controller:
enforcement goes on, and every deviation is accounted for once the disk is well again."""
import unittest

from rig import DISK_CALLS, Rig, enter, is_long

POINTS, POINTS_LONG = 10, 600


def setUpModule():
    enter()


class Refused(unittest.TestCase):
    def test_a_refusal_at_any_write_or_sync_stops_neither_enforcement_nor_honesty(self):
        rig = Rig()
        self.addCleanup(rig.close)
        rig.up()
        most = rig.references()
        kinds = sorted((program, call) for program, counts in most.items() for call in DISK_CALLS
                       if counts[call])
        points = POINTS_LONG if is_long() else POINTS
        for index in range(points):
            program, call = kinds[index % len(kinds)]
            number = rig.dice.randint(1, max(1, min(most[program][call] // 2, 40)))
            errno = rig.dice.choice(('ENOSPC', 'EIO', 'EROFS'))
            rig.point(program, call, f'error={errno}:when={{}}', number)
            self.assertEqual([], rig.findings)
        types = rig.judge_ledger()
        print(f'{rig.points} points, {rig.fired} refused: {dict(rig.victims)}; records {dict(types)}')
        self.assertEqual([], rig.findings)
        self.assertGreaterEqual(rig.fired, points * 0.95, rig.missed)


if __name__ == '__main__':
    unittest.main(verbosity=2)
