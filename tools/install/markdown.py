"""The part of Markdown that docs/ uses, as scdoc(5): sections of a document become man pages."""
import re


def escaped(text):
    return re.sub(r'([\\_*#`\[\]|<>~])', r'\\\1', text)


def inline(text):
    """Code and strong words bold, emphasis underlined, links their words."""
    out, rest = '', text
    pattern = re.compile(r'`([^`]+)`|\*\*([^*]+)\*\*|(?<!\w)\*([^*\s][^*]*)\*(?!\w)|\[([^\]]+)\]\([^)]*\)')
    while found := pattern.search(rest):
        out += escaped(rest[:found.start()])
        code, strong, weak, link = found.groups()
        if code or strong:
            out += f'*{escaped(code or strong)}*'
        elif weak:
            out += f'_{escaped(weak)}_'
        else:
            out += inline(link)
        rest = rest[found.end():]
    return out + escaped(rest)


def guarded(line):
    """A line of prose that scdoc must not take for a list, a comment or a request."""
    return re.sub(r"^([-.;'])", r'\\\1', line)


def table(lines):
    rows = [[cell.strip().replace('\\|', '|') for cell in re.split(r'(?<!\\)\|', line.strip().strip('|'))]
            for line in lines]
    rows = [rows[0]] + rows[2:]
    out = []
    for number, row in enumerate(rows):
        for column, cell in enumerate(row):
            mark = '|' if column == 0 else ':'
            words = inline(cell)
            if number == 0 and cell:
                words = f'*{escaped(re.sub("[`*]", "", cell))}*'
            place = " " if number else "<" if column == len(row) - 1 else "["  # the last column takes what is left
            out.append(f"{mark}{place} {words}")
    return out


def literal(lines):
    return ['```', *[line.replace('\\', '\\\\') for line in lines], '```']


def to_scdoc(lines, level):
    """Lines of Markdown; headings of `level` hashes become the page's sections."""
    out, index = [], 0
    while index < len(lines):
        line = lines[index]
        start = index
        if line.startswith('```'):
            index += 1
            while not lines[index].startswith('```'):
                index += 1
            out += [*literal(lines[start + 1:index]), '']
            index += 1
        elif line.startswith('|'):
            while index < len(lines) and lines[index].startswith('|'):
                index += 1
            out += [*table(lines[start:index]), '']
        elif heading := re.match(r'(#+) (.*)', line):
            deep = len(heading[1]) > level
            title = heading[2].replace('`', '')
            out += [f'## {title}' if deep else f'# {title.upper()}', '']
            index += 1
        elif re.match(r'(-|\d+\.) ', line):
            index += 1
            while index < len(lines) and re.match(r'\s+\S', lines[index]):
                index += 1
            mark, words = re.match(r'(-|\d+\.) (.*)', ' '.join(part.strip() for part in lines[start:index])).groups()
            out.append(f'{"-" if mark == "-" else "."} {inline(words)}')
            if index == len(lines) or not re.match(r'(-|\d+\.) ', lines[index]):
                out.append('')
        elif not line.strip():
            index += 1
        else:
            while index < len(lines) and lines[index].strip() and not re.match(r'(```|\||#+ |(-|\d+\.) )', lines[index]):
                index += 1
            out += [guarded(inline(' '.join(lines[start:index]))), '']
    return out
