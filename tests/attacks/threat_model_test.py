#!/usr/bin/env python3
"""Every test that docs/threat-model.md rests on exists: `file: words of the test's name`."""
import pathlib
import re
import unittest

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
CITED = re.compile(r'`(tests/[\w/.]+): ([^`]*)`')


class ThreatModel(unittest.TestCase):
    def test_every_test_that_it_names_exists(self):
        cited = CITED.findall((TOP / 'docs/threat-model.md').read_text(encoding='utf-8'))
        self.assertGreater(len(cited), 30)
        for file, name in cited:
            with self.subTest(file=file, name=name):
                self.assertTrue(name, 'no test is named')
                text = (TOP / file).read_text(encoding='utf-8')
                # A name may be written over two lines, as two literals.
                joined = re.sub(r'"\s*\n\s*"', '', text)
                self.assertRegex(joined, r'(TEST_CASE\(\s*"|def )' + re.escape(name))


unittest.main()
