"""What the programs say of themselves by --help, taken apart: man pages and completions are made of it, so that
neither can say anything else."""
import re
import subprocess


class Entry:
    """One line of two columns: an option, a command or an operand, and what it means."""

    def __init__(self, left, text):
        self.left, self.text = left, text
        self.names = re.findall(r'(?<![\w-])--?[a-z][a-z-]*', left)
        value = re.sub(r'(^|(?<=, ))--?[a-z][a-z-]*', '', left).strip(' ,')
        self.value = value if self.names else ''

    @property
    def is_option(self):
        return bool(self.names)


class Help:
    """usage: one string; prose: paragraphs and tables (kept as lists of lines); options, commands: entries."""

    def __init__(self, text):
        self.prose, self.options, self.commands = [], [], []
        blocks = re.split(r'\n{2,}', text.rstrip('\n'))
        self.usage = re.sub(r'\s+', ' ', blocks[0].removeprefix('usage: '))
        seen = False  # an entry of any kind
        for block in blocks[1:]:
            lines = block.split('\n')
            if re.match(r'  -', lines[0]):
                self.options += entries(lines)
                seen = True
            elif re.match(r'  \S', lines[0]) and is_program(self.usage):
                self.commands += entries(lines)
                seen = True
            elif not (seen and block.startswith('`')):  # "`reeve COMMAND --help` explains ...": a page's own words do
                self.prose.append(lines)


def is_program(usage):
    return re.match(r'[a-z-]+( [a-z-]+)? COMMAND', usage) is not None


def entries(lines):
    found = []
    for line in lines:
        start = re.match(r'  (\S.*?)(?:\s{2,}(\S.*))?$', line) if not line.startswith('   ') else None
        if start:
            found.append([start[1], [start[2]] if start[2] else []])
        else:
            found[-1][1].append(line.strip())
    return [Entry(left, ' '.join(words)) for left, words in found]


def ask(program, *words):
    done = subprocess.run([program, *words, '--help'], capture_output=True, text=True, check=True)
    return Help(done.stdout)


class Program:
    """A program's own help, and each of its commands' by the command's words."""

    def __init__(self, name, path, section):
        self.name, self.section = name, section
        self.help = ask(path)
        self.commands, self.summaries = {}, {}
        for entry in self.help.commands:
            words = re.sub(r' [A-Z].*', '', entry.left)
            self.summaries[words] = entry.text
            explained = ask(path, *words.split())
            # A program that has one help for everything tells it for each of its commands.
            if explained.usage != self.help.usage:
                self.commands[words] = explained
        families = sorted({words.split()[0] for words in self.commands if ' ' in words})
        self.families = {family: ask(path, family) for family in families}

    def options_of(self, words):
        told = self.commands.get(words, self.help)
        return [entry for entry in told.options if entry.is_option]


def programs_in(directory):
    return [Program('reeve', f'{directory}/reeve', 1), Program('reeve-agent', f'{directory}/reeve-agent', 8),
            Program('reeve-controller', f'{directory}/reeve-controller', 8)]
