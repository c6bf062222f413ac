"""The parts of a bench run. Each gives its figures; docs/bench.md says what they mean."""
import dataclasses

import stage
from figures import Timed


@dataclasses.dataclass
class Options:
    trials: int = None  # else each part's own number
    settle_s: int = 60


def warm_up_of(trials, most):
    """How many trials are run first and not counted."""
    return min(most, max(1, trials // 10))


def timed(name, fleet, lines, warm_up, **bars):
    """A trial ends when its receipt's verified stamp exists and the rig itself found the state
    restored; the same holds for the floor, whose stamp is its own."""
    product, floor = [], []
    for trial, receipt in zip(lines, fleet.receipts_of(lines)):
        product.append(max(receipt['verified_mono_ns'], trial['restored']) - trial['broken'])
        floor.append(max(trial['floor_verified'], trial['floor_restored']) - trial['floor_broken'])
    return Timed(name, product[warm_up:], floor[warm_up:], **bars)


def time_file(options):
    trials = options.trials or 2000
    warm_up = warm_up_of(trials, 50)
    with stage.Stage() as fleet:
        host, floor = fleet.tree('host'), fleet.tree('floor')
        fleet.enforce('file', host)
        lines = fleet.rig('file', host, floor, trials + warm_up)
        return [timed('file', fleet, lines, warm_up, bar=3)]


def time_sweep(options):
    rounds = options.trials or 30
    warm_up = warm_up_of(rounds, 3)
    with stage.Stage() as fleet:
        host = fleet.tree('host')
        bundle = fleet.where / 'sweep.bundle'
        fleet.run(stage.harness.REEVE, 'compile', fleet.source('sweep'), '-o', bundle)
        lines = fleet.rig('sweep', bundle, host, rounds + warm_up)[warm_up:]
        return [Timed('sweep', [line['sweep'] for line in lines],
                      [line['floor'] for line in lines], bar=3)]


TIME_TO_FIX = {'file': time_file}
PARTS = {'time-to-fix': list(TIME_TO_FIX.values()), 'sweep': [time_sweep]}
PARTS['all'] = [part for parts in PARTS.values() for part in parts]
