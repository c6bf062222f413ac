"""Every name has its section, found mechanically in the sources, and the commands print them."""
import json
import os
import pathlib
import re
import unittest

from harness import AGENT, REEVE, FleetTest, policy_text

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
PAGE = TOP / 'docs/errors.md'

# Where a literal is a name whatever it looks like.
NAMES = [r'\bError\s*\{\s*(?:\.name\s*=\s*)?"([a-z0-9_]+)"', r'\bos_error\(\s*"([a-z0-9_]+)"',
         r'string_view \w+ = "([a-z_]+)";\s*//', r'recorder\w*\.add\(\s*"([a-z_]+)"',
         r'encode_record\(\s*"([a-z_]+)"', r'unproven = "([a-z_]+)"']
# Any literal of several words is a name, or stands in other_words.txt.
LITERAL = r'"([a-z][a-z0-9]*(?:_[a-z0-9]+)+)"'


def sources():
    for room in ('agent', 'common', 'controller'):
        yield from (p for p in (TOP / room).rglob('*') if p.suffix in ('.cpp', '.h'))


def found(patterns, paths):
    out = {}
    for path in paths:
        text = path.read_text()
        for pattern in patterns:
            for match in re.finditer(pattern, text):
                out.setdefault(match[1], str(path.relative_to(TOP)))
    return out


def sections():
    """name -> text of its section"""
    text = PAGE.read_text()
    parts = re.split(r'^### (\S+)\n', text, flags=re.M)
    return {name: re.split(r'^## ', body, flags=re.M)[0]
            for name, body in zip(parts[1::2], parts[2::2])}


class EveryName(unittest.TestCase):
    def setUp(self):
        self.sections = sections()

    def test_each_name_in_the_sources_has_a_section(self):
        outcomes = re.search(r'namespace outcome \{(.*?)\n\}', (TOP / 'common/record.h').read_text(),
                             re.S)[1]
        states = re.search(r'states = \{\{(.*?)\}\};', (TOP / 'common/record.cpp').read_text(),
                           re.S)[1]
        names = found(NAMES[:2] + NAMES[3:], sources())
        names.update({n: 'common/record.h' for n in re.findall(r'= "([a-z_]+)"', outcomes)})
        names.update({n: 'common/record.cpp' for n in re.findall(r'\{"([a-z_]+)"', states)})
        self.assertGreater(len(names), 150)  # the search itself works
        others = set((pathlib.Path(__file__).parent / 'other_words.txt').read_text().split())
        names.update({n: p for n, p in found([LITERAL], sources()).items() if n not in others})
        missing = {n: p for n, p in names.items() if n not in self.sections}
        self.assertEqual({}, missing, 'no section in docs/errors.md, nor in tests/e2e/other_words.txt')

    def test_each_section_has_a_cause_and_a_next_step_and_its_name_is_used(self):
        text = '\n'.join(p.read_text() for p in sources())
        for name, body in self.sections.items():
            cause, next_step = body.strip().split('\n\nNext: ')
            self.assertGreater(len(cause), 10, name)
            self.assertGreater(len(next_step), 5, name)
            self.assertIn(f'"{name}"', text, 'a section of a name that nothing says')


class Explained(FleetTest):
    def test_reeve_explains_every_name_without_a_controller(self):
        for name in sections():
            done = self.fleet.run(REEVE, 'explain', name, '--fleet', '/nonexistent')
            self.assertIn(name, done.stdout)
        told = json.loads(self.fleet.run(REEVE, 'explain', 'unsafe_path', '--json').stdout)
        self.assertEqual({'name', 'group', 'cause', 'next'}, set(told))
        wrong = self.fleet.run(REEVE, 'explain', 'unsafe_paht', '--fleet', '/nonexistent', check=1)
        self.assertIn('did you mean `unsafe_path`', wrong.stderr)

    def test_reeve_explains_a_rule_in_force_and_the_agent_a_bundle(self):
        rule = {'id': 'secret-mode', 'file': "{path: /etc/secret, mode: '0600'}"}
        self.fleet.up([rule], files=[('etc/secret', 's')])
        told = json.loads(self.fleet.reeve('explain', 'secret-mode', '--json').stdout)
        self.assertEqual(('test', 'secret-mode', 'enforce', '0600'),
                         tuple(told[k] for k in ('policy', 'rule', 'mode', 'file.mode')))
        self.assertIn('owner_pause_minutes', self.fleet.reeve('explain', 'secret-mode').stdout)
        self.assertIn('no_such_rule', self.fleet.reeve('explain', 'secret', check=1).stderr)
        source, bundle = self.fleet.where / 'a.yaml', self.fleet.where / 'a.bundle'
        source.write_text(policy_text([rule]))
        self.fleet.run(REEVE, 'compile', source, '-o', bundle)
        page = self.fleet.run(AGENT, 'explain', bundle).stdout
        for words in ('secret-mode: secret-mode is kept', 'One object by its absolute path',
                      'may pause it for 60 minutes'):
            self.assertIn(words, page)
        line = json.loads(self.fleet.run(AGENT, 'explain', bundle, '--json').stdout)
        self.assertEqual('path', line['fields'][0]['field'])


if __name__ == '__main__':
    unittest.main()
