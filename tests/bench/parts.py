"""The parts of a bench run. Each gives its figures; docs/bench.md says what they mean."""
import dataclasses
import time

import stage
from figures import Timed, Valued


@dataclasses.dataclass
class Options:
    trials: int = None  # else each part's own number
    settle_s: int = 60


def warm_up_of(trials, most):
    """How many trials are run first and not counted."""
    return min(most, max(1, trials // 10))


def timed(name, fleet, lines, warm_up, **bars):
    """A trial ends with its receipt's verified stamp, or, should the rig have found it still broken
    after that, with the last look that did; the same holds for the floor, whose stamp is its own."""
    product, floor = [], []
    for trial, receipt in zip(lines, fleet.receipts_of(lines)):
        product.append(max(receipt['verified_mono_ns'], trial['still_broken']) - trial['broken'])
        floor.append(max(trial['floor_verified'], trial['floor_still_broken']) -
                     trial['floor_broken'])
    return Timed(name, product[warm_up:], floor[warm_up:], **bars)


def time_file(options):
    trials = options.trials or 2000
    warm_up = warm_up_of(trials, 50)
    with stage.Stage() as fleet:
        host, floor = fleet.tree('host'), fleet.tree('floor')
        fleet.enforce('file', host)
        lines = fleet.rig('file', host, floor, trials + warm_up)
        return [timed('file', fleet, lines, warm_up, bar=3)]


def time_firewall(options):
    trials = options.trials or 2000
    warm_up = warm_up_of(trials, 50)
    with stage.Stage() as fleet:
        fleet.enforce('firewall', fleet.make_host())
        lines = fleet.rig('firewall', 'reeve_bench', stage.body_of('firewall'), trials + warm_up)
        return [timed('firewall', fleet, lines, warm_up, bar=3)]


def time_port(options):
    trials = options.trials or 200
    warm_up = warm_up_of(trials, 5)
    with stage.Stage() as fleet:
        fleet.enforce('port', fleet.make_host())
        lines = fleet.rig('port', trials + warm_up)
        return [timed('port', fleet, lines, warm_up, bar=3, bar_us=300_000)]


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


def footprint(options):
    """Memory at the end of the first wait, processor time over the second."""
    with stage.Stage() as fleet:
        fleet.enforce('footprint', fleet.tree('host'))
        processes = fleet.processes()
        stage.sleep(options.settle_s, 'settling')
        memory = {what: stage.pss_bytes(pid) for what, pid in processes}
        before = {what: stage.cpu_ns(pid) for what, pid in processes}
        begun = time.monotonic_ns()
        stage.sleep(options.settle_s, 'doing nothing')
        took = time.monotonic_ns() - begun
        ran = {what: stage.cpu_ns(pid) - before[what] for what, pid in processes}
    return [
        Valued('memory', round(sum(memory.values()) / 1e6, 2), 'MB', 12,
               {what: round(size / 1e6, 2) for what, size in memory.items()}),
        Valued('idle_cpu', round(100 * sum(ran.values()) / took, 4), '%', 0.1,
               {what: round(100 * ns / took, 4) for what, ns in ran.items()})]


TIME_TO_FIX = {'file': time_file, 'firewall': time_firewall, 'port': time_port}
PARTS = {'time-to-fix': list(TIME_TO_FIX.values()), 'sweep': [time_sweep], 'footprint': [footprint]}
PARTS['all'] = [part for parts in PARTS.values() for part in parts]
