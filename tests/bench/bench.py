#!/usr/bin/env python3
"""tools/bench [time-to-fix [file|firewall|port] | sweep | footprint | attribution | all] [--json] [--trials N] [--settle S]

Builds Reeve, then measures the real programs against floors: bare programs that do the same
without checking, recording or proving anything. Product and floor take turns within one run, in
user, network and mount namespaces of their own. docs/bench.md says what each figure means.

  time-to-fix  from a deviation until it is repaired, read back and on record
  sweep        one look at 10,000 file rules
  footprint    memory and processor time of agent, courier and launcher when nothing happens
  attribution  how many of 1,000 short-lived chmods from a shell are named, and how surely, at rest
               and with every core busy; takes root, and needs no namespaces of its own
  all          all of them but attribution (the default), about ten minutes

  --json       one figure a line on stdout, as JSON
  --trials N   so many trials or rounds a figure, instead of each figure's own number
  --settle S   footprint: wait S seconds instead of 60 before the look, and measure for as long

Exit: 0 every bar is met, 2 one is missed, 1 it could not be measured.
"""
import argparse
import os
import pathlib
import signal
import subprocess
import sys

KINDS = ('file', 'firewall', 'port')


class Parser(argparse.ArgumentParser):
    def error(self, message):
        print(f'bench: error usage: {message}\n  next: tools/bench --help', file=sys.stderr)
        sys.exit(1)


def positive(text):
    number = int(text)
    if not 0 < number <= 9000:
        raise ValueError(text)
    return number


def arguments():
    parser = Parser(prog='bench', add_help=False, allow_abbrev=False)
    parser.add_argument('what', nargs='?', default='all',
                        choices=('time-to-fix', 'sweep', 'footprint', 'attribution', 'all'))
    parser.add_argument('kind', nargs='?', choices=KINDS)
    parser.add_argument('--json', action='store_true')
    parser.add_argument('--trials', type=positive)
    parser.add_argument('--settle', type=positive, default=60)
    parser.add_argument('--programs', type=pathlib.Path)  # without it: only the words are checked
    parser.add_argument('-h', '--help', action='store_true')
    options = parser.parse_args()
    if options.kind and options.what != 'time-to-fix':
        parser.error(f'{options.what} takes no kind')
    return options


def measure(options):
    os.environ['REEVE_PROGRAMS'] = str(options.programs.resolve())
    if options.what == 'attribution':
        test = pathlib.Path(__file__).resolve().parent.parent / 'e2e/attribution_test.py'
        return subprocess.run([sys.executable, test, '--figures', str(options.trials or 1000)]).returncode
    import figures
    import parts
    import stage
    chosen = [parts.TIME_TO_FIX[options.kind]] if options.kind else parts.PARTS[options.what]
    measured = []
    try:
        stage.enter_namespaces()
        for part in chosen:
            for figure in part(parts.Options(options.trials, options.settle)):
                measured.append(figure)
                if options.json:
                    print(figures.as_json(figure), flush=True)
    except (stage.Failed, AssertionError, OSError, subprocess.SubprocessError) as error:
        print(f'bench: {error}', file=sys.stderr)
        return 1
    if not options.json:
        print(figures.as_table(measured))
    return 0 if all(figure.is_met() for figure in measured) else 2


def main():
    options = arguments()
    if options.help:
        print(__doc__.strip())
        return 0
    if options.programs is None:
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        return measure(options)
    except KeyboardInterrupt:
        return 1


if __name__ == '__main__':
    sys.exit(main())
