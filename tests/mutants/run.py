#!/usr/bin/env python3
"""Takes one check at a time out of the code and demands that a test goes red.

tests/mutants/run.py [--build DIR] [--only WORDS] LIST...

A LIST names mutants, each an exact replacement of text in one file:

    [what the code no longer does]
    file: common/root.cpp
    suite: common/common_trust_test
    case: *root*
    -the text as it stands, one line or several
    +what stands there instead, or nothing

`suite` is a doctest program below tests/ in the build, `case` (optional) the cases to run of it
(doctest's -tc). The text must occur exactly once in its file, or the mutant fails loudly: the check
moved, and the list must say where to. That much is looked at on each change. With REEVE_TEST_LONG
set (tools/test --long), or with --build, each mutant is built and run, in a copy of the sources
below DIR (the working tree is never touched), and fails when

    it does not build                 it proves nothing
    the suite is green with it        it survives: nobody would notice if the check were lost
    the suite is red without any      nothing can be told

One unittest case a mutant; the last lines are unittest's. --only runs those whose name has WORDS.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import unittest

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
TEST_TIMEOUT_S = 300
BUILD_TIMEOUT_S = 1800


class Mutant:
    def __init__(self, name, place):
        self.name, self.place = name, place
        self.file = self.suite = self.case = ''
        self.old, self.new = [], []

    def texts(self):
        return '\n'.join(self.old), '\n'.join(self.new)

    def problem(self):
        """Why it cannot be applied to the sources as they stand; '' when it can."""
        if not (self.file and self.suite and self.old):
            return f'{self.place}: a mutant needs file, suite and at least one line of old text'
        found = (TOP / self.file).read_text(encoding='utf-8').count(self.texts()[0])
        if found == 1:
            return ''
        return (f'{self.place}: its old text occurs {found} times in {self.file}\n'
                f'  next: if the check was rewritten, give the list its new text')


def read_list(path):
    mutants = []
    for number, line in enumerate(path.read_text(encoding='utf-8').split('\n'), 1):
        if line.startswith('['):
            mutants.append(Mutant(line.strip('[] '), f'{path.name}:{number}'))
        elif line.startswith('-'):
            mutants[-1].old.append(line[1:])
        elif line.startswith('+'):
            mutants[-1].new.append(line[1:])
        elif line and not line.startswith('#'):
            key, _, value = line.partition(':')
            if not mutants or key not in ('file', 'suite', 'case'):
                raise SystemExit(f'{path}:{number}: neither a comment, a key nor text: {line}')
            setattr(mutants[-1], key, value.strip())
    return mutants


class Workshop:
    """A copy of the sources and a build of its own."""

    def __init__(self, directory):
        # The build stands within its sources as in a clone, so that compiler caches know the files.
        self.source, self.build = directory, directory / 'build'
        self.baseline = {}
        self.copy_sources()
        if not (self.build / 'build.ninja').exists():
            # What a mutant leaves unused is a warning and no reason not to be built. Each is built
            # once and run once: most of its time would be spent on optimizing and linking.
            os.environ.setdefault('CXX_LD', 'gold')
            self.run(['meson', 'setup', '-Dwerror=false', '-Doptimization=0', '-Ddebug=false',
                      str(self.build), str(self.source)], BUILD_TIMEOUT_S)

    def copy_sources(self):
        """Only what differs is written, so that ninja builds nothing for the rest."""
        listed = subprocess.run(['git', '-C', str(TOP), 'ls-files', '-co', '--exclude-standard', '-z'],
                                capture_output=True, text=True, check=True).stdout.split('\0')
        for name in filter(None, listed):
            source, target = TOP / name, self.source / name
            if not source.is_file():
                continue
            content = source.read_bytes()
            if target.is_file() and target.read_bytes() == content:
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            target.chmod(source.stat().st_mode)

    def run(self, command, timeout):
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=timeout, check=False)

    def compiles(self, suite):
        done = self.run(['ninja', '-C', str(self.build), '-j2', f'tests/{suite}'], BUILD_TIMEOUT_S)
        return '' if done.returncode == 0 else done.stdout.decode(errors='replace')[-3000:]

    def is_green(self, mutant):
        command = [str(self.build / 'tests' / mutant.suite)]
        if mutant.case:
            command.append(f'-tc={mutant.case}')
        try:
            done = self.run(command, TEST_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return False
        ran_none = b'test cases:  0 |' in done.stdout or b'test cases: 0 |' in done.stdout
        return done.returncode == 0 and not ran_none

    def is_green_unchanged(self, mutant):
        key = (mutant.suite, mutant.case)
        if key not in self.baseline:
            problem = self.compiles(mutant.suite)
            if problem:
                raise AssertionError(f'{mutant.suite} does not build unchanged:\n{problem}')
            self.baseline[key] = self.is_green(mutant)
        return self.baseline[key]

    def kill(self, mutant):
        """'' when the suite went red; else what is wrong."""
        if not self.is_green_unchanged(mutant):
            return f'{mutant.suite} {mutant.case} is red, or runs nothing, without any mutant'
        path = self.source / mutant.file
        kept = path.read_text(encoding='utf-8')
        try:
            path.write_text(kept.replace(*mutant.texts()), encoding='utf-8')
            problem = self.compiles(mutant.suite)
            if problem:
                return f'does not build:\n{problem}'
            return 'survives: the suite is green with it' if self.is_green(mutant) else ''
        finally:
            path.write_text(kept, encoding='utf-8')


def case_of(mutant, workshop):
    def test(self):
        problem = mutant.problem()
        if not problem and workshop():
            problem = workshop().kill(mutant)
            problem = problem and f'{mutant.place}: {mutant.file}: {problem}'
        if problem:
            print(problem, file=sys.stderr)  # at once: the summary comes after the last mutant
            self.fail('\n' + problem)
    test.__doc__ = f'{mutant.suite.split("/")[-1]}: {mutant.name}'
    return test


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--build', type=pathlib.Path)
    parser.add_argument('--only', default='')
    parser.add_argument('lists', nargs='+', type=pathlib.Path)
    options = parser.parse_args()
    directory = options.build
    if directory is None and os.environ.get('REEVE_TEST_LONG'):
        directory = pathlib.Path(os.environ.get('MESON_BUILD_ROOT', TOP / 'build')) / 'mutants'
    made = []

    def workshop():
        if directory and not made:
            made.append(Workshop(directory.absolute()))
        return made[0] if made else None

    mutants = [m for path in options.lists for m in read_list(path) if options.only in m.name]
    mutants.sort(key=lambda m: (m.suite, m.file))  # one file after the other: fewer builds
    cases = {f'test_{n:03}': case_of(m, workshop) for n, m in enumerate(mutants)}
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(
        type('Mutants', (unittest.TestCase,), cases))
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    return 0 if result.wasSuccessful() and mutants else 1


sys.exit(main())
