#!/usr/bin/env python3
"""Makes the man pages, by scdoc.

man_pages.py PROGRAMS OUT VERSION SCDOC DEPFILE

Commands and options come from the programs' own --help, formats from docs/formats.md, policy's keys from
docs/policy.md; what nobody tells at a terminal (what a program is for, examples, files) is written in docs/man/NAME.scd
and put in between. A new command, option or format has its page by being there. Writes OUT/man1, OUT/man5, OUT/man8.
"""
import pathlib
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import help_text  # noqa: E402
import markdown  # noqa: E402

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
# Sections of docs/formats.md whose title makes no good name of a page.
FORMAT_NAMES = {"Operator's act": 'act', 'Node certificate': 'certificate', 'Key file': 'key', 'Key succession': 'succession',
                'Contact file': 'contact', "The agent's small files": 'agent-files', 'Proof file': 'proof',
                "Operators' socket": 'operators-socket'}
PROGRAM_SUMMARIES = {
    'reeve': "the security team's command: policy, hosts, records and their proofs",
    'reeve-agent': 'keeps this host as its signed policy says, and accounts for it',
    'reeve-controller': 'takes in what agents record, keeps the ledger, hands out signed policy'}
EXIT_STATUS = """# EXIT STATUS

*0*
	Done; compliant.

*1*
	It could not be done; wrong usage, too. An error has a stable name, says what and where, and gives the next step.

*2*
	Deviations remain, hosts refused or are late, or a proof does not hold.
"""


class Page:
    """One page in the making: sections in the order that man-pages(7) asks for."""

    def __init__(self, name, section, summary):
        self.name, self.section = name, section
        self.parts = [f'# NAME\n\n{name} - {markdown.escaped(summary.replace("`", ""))}\n']

    def add(self, title, text):
        self.parts.append(f'# {title}\n\n{text.rstrip()}\n')

    def add_written(self, place):
        """What docs/man/ has to say of it; whether it describes the page's subject itself."""
        path = TOP / 'docs/man' / f'{self.name}.scd'
        text = path.read_text(encoding='utf-8') if path.exists() else ''
        describes = '# DESCRIPTION' in text
        wanted = [part for part in re.split(r'(?m)^(?=# )', text) if part.strip()]
        for part in wanted:
            if part.startswith(('# SYNOPSIS', '# DESCRIPTION')) == (place == 'description'):
                self.parts.append(part.rstrip() + '\n')
        return describes

    def source(self, version):
        return f'{self.name}({self.section}) "reeve {version}" "Reeve"\n\n' + '\n'.join(self.parts)


def prose(blocks):
    out = []
    for lines in blocks:
        if lines[0].startswith('  '):
            out += [*markdown.literal([line.removeprefix('  ') for line in lines]), '']
            continue
        out += [markdown.guarded(markdown.inline(' '.join(lines))), '']
    return '\n'.join(out)


def entry_list(entries):
    out = []
    for entry in entries:
        left = re.sub(r'--?[a-z][a-z-]*', lambda name: f'*{name[0]}*', entry.left) if entry.is_option else \
            f'_{markdown.escaped(entry.left)}_'
        if entry.is_option and entry.value:
            left = left.replace(entry.value, f'_{markdown.escaped(entry.value)}_')
        out += [left, f'\t{markdown.guarded(markdown.inline(entry.text))}' if entry.text else '\tSay that, and end.', '']
    return '\n'.join(out)


def usage(told):
    words = told.usage.split()
    known = [word for word in words if re.fullmatch(r'[a-z][a-z-]*', word)]
    count = next((i for i, word in enumerate(words) if word not in known), len(words))
    name = ' '.join(words[:count])
    rest = re.sub(r'--?[a-z][a-z-]*', lambda option: f'*{option[0]}*', ' '.join(words[count:]))
    rest = re.sub(r'([\[\]|<>])', r'\\\1', rest)
    return f'*{name}* {rest}'.strip()


def command_table(pairs, prefix, section):
    return '\n'.join(f'*{words}*\n\t{markdown.inline(summary)}; '
                     f'*{prefix}-{words.replace(" ", "-")}*({section})\n' for words, summary in pairs)


def program_page(program):
    page = Page(program.name, program.section, PROGRAM_SUMMARIES[program.name])
    page.add('SYNOPSIS', usage(program.help))
    if not page.add_written('description'):
        page.add('DESCRIPTION', prose(program.help.prose))
    if program.commands:
        page.add('COMMANDS', command_table([(words, program.summaries[words]) for words in program.commands],
                                           program.name, program.section))
    else:
        page.add('COMMANDS', entry_list(program.help.commands))
    page.add('OPTIONS', entry_list(program.help.options))
    page.add_written('rest')
    page.parts.append(EXIT_STATUS)
    others = [f'*{name}*({section})' for name, section in (('reeve', 1), ('reeve-agent', 8), ('reeve-controller', 8))
              if name != program.name]
    page.add('SEE ALSO', ', '.join([*others, '*reeve-policy*(5)', '*reeve-formats*(5)']))
    return page


def command_page(program, words):
    told = program.commands[words]
    page = Page(f'{program.name}-{words.replace(" ", "-")}', program.section, program.summaries[words])
    page.add('SYNOPSIS', usage(told))
    if not page.add_written('description'):
        page.add('DESCRIPTION', prose(told.prose) or markdown.inline(program.summaries[words].capitalize() + '.'))
    page.add('OPTIONS', entry_list(told.options))
    page.add_written('rest')
    see = [f'*{program.name}*({program.section})']
    if ' ' in words:
        see.append(f'*{program.name}-{words.split()[0]}*({program.section})')
    page.add('SEE ALSO', ', '.join(see))
    return page


def family_page(program, family):
    page = Page(f'{program.name}-{family}', program.section, f'the commands of {program.name} {family}')
    page.add('SYNOPSIS', f'*{program.name} {family}* COMMAND')
    members = [(words, text) for words, text in program.summaries.items() if words.startswith(family + ' ')]
    page.add_written('description')
    page.add('COMMANDS', command_table(members, program.name, program.section))
    page.add_written('rest')
    page.add('SEE ALSO', f'*{program.name}*({program.section})')
    return page


def format_pages():
    """The preamble with an index, and one page for each section of docs/formats.md."""
    lines = (TOP / 'docs/formats.md').read_text(encoding='utf-8').split('\n')
    starts = [n for n, line in enumerate(lines) if line.startswith('## ')]
    names, pages = [], []
    for start, end in zip(starts, [*starts[1:], len(lines)]):
        title = lines[start].removeprefix('## ')
        name = FORMAT_NAMES.get(title) or re.sub(r'[^a-z]+', '-', title.lower()).strip('-')
        page = Page(f'reeve-{name}', 5, f"Reeve's formats: {title[0].lower() + title[1:] if name != 'messagepack' else title}")
        page.parts += ['# DESCRIPTION\n', '\n'.join(markdown.to_scdoc(lines[start + 1:end], 2))]
        page.add('SEE ALSO', '*reeve-formats*(5) for the conventions that hold here, *reeve*(1)')
        names.append(f'*reeve-{name}*(5)')
        pages.append(page)
    index = Page('reeve-formats', 5, 'every byte that Reeve stores or sends')
    index.parts += ['# DESCRIPTION\n', '\n'.join(markdown.to_scdoc(lines[1:starts[0]], 2))]
    index.add('SEE ALSO', ', '.join(names))
    return [index, *pages]


def policy_page():
    lines = (TOP / 'docs/policy.md').read_text(encoding='utf-8').split('\n')
    page = Page('reeve-policy', 5, 'what hosts are to be like: the YAML that is compiled, signed and pushed')
    page.parts += ['# DESCRIPTION\n', '\n'.join(markdown.to_scdoc(lines[1:], 2))]
    page.add('SEE ALSO', '*reeve*(1), *reeve-lint*(1), *reeve-push*(1), *reeve-bundle*(5)')
    return page


def helper_page(name, summary):
    """A program that the agent starts and nobody else: all of its page is written."""
    page = Page(name, 8, summary)
    page.add_written('description')
    page.add_written('rest')
    page.add('SEE ALSO', '*reeve-agent*(8)')
    return page


def pages_of(programs):
    for program in programs:
        yield program_page(program)
        for words in program.commands:
            yield command_page(program, words)
        for family in program.families:
            yield family_page(program, family)
    yield helper_page('reeve-courier', "the agent's only process that has a network")
    yield helper_page('reeve-probe', "the kernel's half of who changed a file")
    yield policy_page()
    yield from format_pages()


def main(directory, out, version, scdoc, depfile):
    out = pathlib.Path(out)
    sources = [TOP / 'docs/formats.md', TOP / 'docs/policy.md', *sorted((TOP / 'docs/man').glob('*.scd'))]
    pathlib.Path(depfile).write_text(f'{out.name}/man1: {" ".join(map(str, sources))}\n', encoding='utf-8')
    for section in (1, 5, 8):
        shutil.rmtree(out / f'man{section}', ignore_errors=True)
        (out / f'man{section}').mkdir(parents=True)
    for page in pages_of(help_text.programs_in(directory)):
        made = subprocess.run([scdoc], input=page.source(version), capture_output=True, text=True, check=False)
        if made.returncode != 0:
            (out / f'{page.name}.scd').write_text(page.source(version), encoding='utf-8')
            sys.exit(f'{page.name}({page.section}): {made.stderr.strip()}; see {out}/{page.name}.scd')
        path = out / f'man{page.section}' / f'{page.name}.{page.section}'
        path.write_text(made.stdout, encoding='utf-8')


if __name__ == '__main__':
    main(*sys.argv[1:])
