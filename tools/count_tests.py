#!/usr/bin/env python3
"""count_tests.py LOG...: counts what really ran, from meson's logs of the test programs' output.

Doctest programs close with a line of totals, unittest programs with "Ran N tests"; a skipped test
is named with its reason. A program that printed no totals counts as one test by its exit status.
The last line is `N passed, N failed, N skipped`.
"""
import json
import re
import sys

DOCTEST = re.compile(r'\[doctest\] test cases:\s*(\d+) \|\s*(\d+) passed \|\s*(\d+) failed \|\s*(\d+) skipped')
SKIPPED = re.compile(r'^SKIP (.+)$', re.MULTILINE)
UNITTEST = re.compile(r'^Ran (\d+) tests? in', re.MULTILINE)
UNITTEST_END = re.compile(r'^(OK|FAILED)(?: \((.*)\))?$', re.MULTILINE)
UNITTEST_SKIP = re.compile(r"^(\S+) \(.*?(?:\n.*?)?\.\.\. skipped ['\"](.*)['\"]$", re.MULTILINE)


def counts_of(run):
    """(passed, failed, skips) of one test program's run."""
    text = run.get('stdout', '') + '\n' + run.get('stderr', '')
    failed_run = run['result'] not in ('OK', 'EXPECTEDFAIL', 'SKIP')
    skips = [f"{run['name']}: {line}" for line in SKIPPED.findall(text)]
    found = DOCTEST.findall(text)
    if found:  # the last totals are the program's own; a forked child that crashes prints some too
        passed, failed = int(found[-1][1]) - len(skips), int(found[-1][2])
        skips += [f"{run['name']}: a case that only another user can run"] * int(found[-1][3])
    elif UNITTEST.search(text):
        total = sum(int(n) for n in UNITTEST.findall(text))
        ends = ','.join(end[1] for end in UNITTEST_END.findall(text))
        figure = lambda word: sum(int(n) for n in re.findall(rf'\b{word}=(\d+)', ends))
        failed = figure('failures') + figure('errors')
        skips += [f"{run['name']}: {name}: {why}" for name, why in UNITTEST_SKIP.findall(text)]
        skipped = figure('skipped')
        skips += [f"{run['name']}: (unnamed)"] * (skipped - len(skips))
        passed = total - failed - skipped
    else:
        passed, failed = (0, 1) if failed_run else (1, 0)
    if failed_run and failed == 0:
        failed = 1  # it crashed, hung or lost its totals: that is a failure whatever it counted
    return passed, failed, skips


def main():
    passed = failed = 0
    skips = []
    runs = []
    for path in sys.argv[1:]:
        try:
            with open(path, encoding='utf-8') as log:
                runs += [json.loads(line) for line in log if line.strip()]
        except OSError as error:
            print(f'no test ran: {error}', file=sys.stderr)
            failed += 1
    for run in runs:
        more_passed, more_failed, more_skips = counts_of(run)
        passed, failed, skips = passed + more_passed, failed + more_failed, skips + more_skips
    for line in skips:
        print(f'skipped: {line}')
    print(f'{passed} passed, {failed} failed, {len(skips)} skipped')
    return 1 if failed or passed == 0 else 0


sys.exit(main())
