"""What a bench run says: percentiles, figures with their bars, a line of JSON or a row each.

Percentiles are nearest-rank over all trials that were not warm-up; nothing is left out for being
far off. A figure either has a floor (times and a ratio) or is one value with its unit.
"""
import dataclasses
import json
import math


def percentile(values, share):
    """Nearest rank: the smallest value that at least `share` percent of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(1, math.ceil(share / 100 * len(ordered))) - 1]


@dataclasses.dataclass
class Timed:
    """Nanoseconds of the product and of its floor, from one interleaved run."""
    name: str
    product_ns: list
    floor_ns: list
    bar: float  # most that the medians' ratio may be
    bar_us: float = None  # most that the median itself may be

    def fields(self):
        p50, floor = percentile(self.product_ns, 50), percentile(self.floor_ns, 50)
        out = {'name': self.name, 'p50_us': microseconds(p50),
               'p99_us': microseconds(percentile(self.product_ns, 99)),
               'floor_p50_us': microseconds(floor),
               'floor_p99_us': microseconds(percentile(self.floor_ns, 99)),
               'ratio': round(p50 / floor, 2), 'bar': self.bar, 'trials': len(self.product_ns)}
        if self.bar_us is not None:
            out['bar_us'] = self.bar_us
        return out

    def is_met(self):
        got = self.fields()
        return got['ratio'] <= self.bar and (self.bar_us is None or got['p50_us'] <= self.bar_us)

    def row(self):
        got = self.fields()
        bar = f'{self.bar:g}x' + (f', {time_text(self.bar_us)}' if self.bar_us else '')
        return (self.name, time_text(got['p50_us']), time_text(got['p99_us']),
                time_text(got['floor_p50_us']), f"{got['ratio']:.2f}x", bar)


@dataclasses.dataclass
class Valued:
    name: str
    value: float
    unit: str
    bar: float
    parts: dict = dataclasses.field(default_factory=dict)  # by process

    def fields(self):
        return {'name': self.name, 'value': self.value, 'unit': self.unit, 'bar': self.bar,
                'parts': self.parts}

    def is_met(self):
        return self.value <= self.bar

    def row(self):
        return (self.name, f'{self.value:g} {self.unit}', '', '', '', f'{self.bar:g} {self.unit}')


def microseconds(ns):
    return round(ns / 1000, 1)


def time_text(us):
    return f'{us / 1000:.1f} ms' if us >= 10_000 else f'{us:.1f} us'


def as_json(figure):
    return json.dumps(figure.fields())


def as_table(figures):
    rows = [('WHAT', 'MEDIAN', 'P99', 'FLOOR', 'RATIO', 'BAR', '')]
    rows += [(*figure.row(), 'ok' if figure.is_met() else 'over the bar') for figure in figures]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return '\n'.join('  '.join(cell.rjust(width) if 0 < i < 5 else cell.ljust(width)
                               for i, (cell, width) in enumerate(zip(row, widths))).rstrip()
                     for row in rows)
