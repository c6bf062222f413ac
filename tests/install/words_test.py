"""Man pages and completions say what the programs say, and the documents name only what is there.

words_test.py PROGRAMS MAN COMPLETIONS    (MAN is - where the build has no scdoc)
"""
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
SECTIONS = {'reeve': 1, 'reeve-agent': 8, 'reeve-controller': 8}
OPTION = re.compile(r'(?<![\w-])--?[a-z][a-z-]*')
PROGRAMS = MAN = COMPLETIONS = ''
HELPS = {}  # (program, command's words) -> help


def help_of(program, *words):
    done = subprocess.run([f'{PROGRAMS}/{program}', *words, '--help'], capture_output=True, text=True, check=True)
    return done.stdout


def options_in(text):
    """The names in the left columns of a help."""
    lefts = [re.split(r'\s{2,}', line.strip())[0] for line in text.split('\n') if re.match(r'  -', line)]
    return {name for left in lefts for name in OPTION.findall(left)}


def commands_in(text):
    table = text.split('\n\n')[2].split('\n')
    return [re.sub(r' [A-Z].*', '', re.split(r'\s{2,}', line.strip())[0])
            for line in table if line.startswith('  ') and not line.startswith('   ')]


def ask_all():
    for program in SECTIONS:
        HELPS[program, ''] = help_of(program)
        for words in commands_in(HELPS[program, '']):
            HELPS[program, words] = help_of(program, *words.split())


def page_name(program, words):
    return '-'.join([program, *words.split()])


class Pages(unittest.TestCase):
    def setUp(self):
        if MAN == '-':
            self.skipTest('the build has no scdoc')

    def page(self, name, section):
        return (pathlib.Path(MAN) / f'man{section}' / f'{name}.{section}').read_text(encoding='utf-8').replace('\\-', '-')

    def own_pages(self):
        """Each command that has a help of its own."""
        for (program, words), text in HELPS.items():
            if words == '' or text != HELPS[program, '']:
                yield program, words, text

    def test_every_option_of_a_help_is_in_its_page_and_the_other_way_round(self):
        for program, words, text in self.own_pages():
            page = self.page(page_name(program, words), SECTIONS[program])
            part = re.search(r'\.SH OPTIONS\n(.*?)(?=\n\.SH |\Z)', page, re.DOTALL)
            heads = [line for line in part[1].split('\n') if line.startswith('\\fB-')]
            found = {name for line in heads for name in OPTION.findall(line.replace('\\fB', ' '))}
            self.assertEqual(options_in(text), found, page_name(program, words))
            self.assertTrue(found)

    def test_every_command_stands_in_its_programs_page_and_has_one(self):
        for program, section in SECTIONS.items():
            page = self.page(program, section)
            for words in commands_in(HELPS[program, '']):
                self.assertRegex(page, rf'(?m)^\\f[BI]{re.escape(words)}( [A-Z]+)?\\fR$')

    def test_every_format_has_its_page(self):
        titles = re.findall(r'^## (.*)$', (TOP / 'docs/formats.md').read_text(encoding='utf-8'), re.MULTILINE)
        names = {path.name for path in (pathlib.Path(MAN) / 'man5').iterdir()}
        self.assertEqual(len(titles) + 2, len(names), sorted(names))
        self.assertLessEqual({'reeve-policy.5', 'reeve-formats.5', 'reeve-bundle.5', 'reeve-journal.5', 'reeve-key.5'}, names)

    def test_every_page_has_a_name_and_every_reference_leads_somewhere(self):
        pages = {path.name: path.read_text(encoding='utf-8').replace('\\-', '-')
                 for path in pathlib.Path(MAN).glob('man?/*')}
        for name, page in pages.items():
            stem = name.rsplit('.', 1)[0]
            self.assertRegex(page, rf'\.SH NAME\n\.P\n{stem} - \S', name)
            self.assertNotIn('\n*', page, name)
            for other, section in re.findall(r'\\fB(reeve[a-z-]*)\\fR\((\d)\)', page):
                self.assertIn(f'{other}.{section}', pages, name)

    def test_what_is_written_for_a_page_is_in_one(self):
        made = {path.name.rsplit('.', 1)[0] for path in pathlib.Path(MAN).glob('man?/*')}
        written = {path.stem for path in (TOP / 'docs/man').glob('*.scd')}
        self.assertEqual(set(), written - made)


class Completions(unittest.TestCase):
    def bash(self, *words):
        """What bash offers for the last of the words, files aside."""
        script = ('cd /; source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); compopt() { :; }; '
                  'compgen() { [[ $1 == -f ]] || builtin compgen "$@"; }; '
                  '"_${COMP_WORDS[0]//-/_}"; printf "%s\\n" "${COMPREPLY[@]}"')
        done = subprocess.run(['bash', '--norc', '-euc', script, 'bash', f'{COMPLETIONS}/completions/{words[0]}', *words],
                              capture_output=True, text=True, check=False)
        self.assertEqual((0, ''), (done.returncode, done.stderr), words)
        return set(done.stdout.split())

    def zsh(self, *words):
        """What zsh is told to offer: the specifications of _arguments, or the choices of _describe."""
        script = ('_arguments() { print -rl -- "$@" }; _describe() { print -rl -- "${(@P)2}" }; '
                  'file=$1; shift; words=("$@"); CURRENT=$#; source $file')
        done = subprocess.run(['zsh', '-fc', script, 'zsh', f'{COMPLETIONS}/site-functions/_{words[0]}', *words],
                              capture_output=True, text=True, check=False)
        self.assertEqual((0, ''), (done.returncode, done.stderr), words)
        return done.stdout.split('\n')

    def test_bash_knows_every_command_and_option(self):
        for program in SECTIONS:
            commands = commands_in(HELPS[program, ''])
            self.assertEqual({words.split()[0] for words in commands}, self.bash(program, ''))
            self.assertEqual(options_in(HELPS[program, '']), self.bash(program, '-'))
            for words in commands:
                self.assertEqual(options_in(HELPS[program, words]), self.bash(program, *words.split(), '-'), words)

    def test_bash_follows_what_was_typed(self):
        self.assertEqual({'push', 'policy', 'pause'}, self.bash('reeve', 'p'))
        self.assertLessEqual({'enroll', 'list', 'show'}, self.bash('reeve', 'node', ''))
        self.assertIn('--json', self.bash('reeve', 'node', 'list', '--all', '--j'))
        self.assertIn('--json', self.bash('reeve', 'push', 'policy.yaml', '--j'))
        self.assertEqual(set(), self.bash('reeve', 'push', '--wait', ''))  # a value: only files
        self.assertEqual(set(), self.bash('reeve', 'nonsense', 'more', ''))

    def test_zsh_knows_every_command_and_option(self):
        if shutil.which('zsh') is None:
            self.skipTest('zsh is not here')
        for program in SECTIONS:
            commands = commands_in(HELPS[program, ''])
            offered = {line.split(':')[0] for line in self.zsh(program, '') if line}
            self.assertEqual({words.split()[0] for words in commands}, offered)
            for words in commands:
                specifications = self.zsh(program, *words.split(), '')
                found = {line[1:].split('[')[0] for line in specifications if line.startswith('*-')}
                self.assertEqual(options_in(HELPS[program, words]), found, words)


class Documents(unittest.TestCase):
    def command_lines(self):
        """Lines of code in the documents that begin with one of the programs."""
        # docs/formats.md has the texts of files in its code.
        documents = [path for path in (TOP / 'docs').rglob('*.md') if path.name != 'formats.md']
        for path in [TOP / 'README.md', *sorted(documents), *sorted((TOP / 'docs/man').glob('*.scd'))]:
            fenced, text = False, path.read_text(encoding='utf-8').replace('\\\n', ' ')
            for line in text.split('\n'):
                if line.startswith('```'):
                    fenced = not fenced
                elif fenced and (found := re.match(r'(?:[$#] )?(?:sudo )?(reeve|reeve-agent|reeve-controller) (.*)', line)):
                    yield path.name, found[1], re.split(r'\s+#', found[2])[0]

    def test_a_command_line_in_a_document_names_a_command_and_its_options(self):
        seen = 0
        for where, program, rest in self.command_lines():
            words = rest.split()
            command = next((candidate for candidate in (' '.join(words[:2]), words[0])
                            if (program, candidate) in HELPS), None)
            self.assertIsNotNone(command, f'{where}: {program} {rest}')
            known = options_in(HELPS[program, command])
            for option in OPTION.findall(' '.join(words)):
                self.assertIn(option, known, f'{where}: {program} {rest}')
            seen += 1
        self.assertGreater(seen, 10)


if __name__ == '__main__':
    COMPLETIONS, MAN, PROGRAMS = (sys.argv.pop() for _ in range(3))
    ask_all()
    unittest.main()
