#!/usr/bin/env python3
"""Makes the completions of bash and zsh from the programs' own --help.

completions.py PROGRAMS OUT     writes OUT/completions/NAME (bash) and OUT/site-functions/_NAME (zsh)
"""
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import help_text  # noqa: E402

BASH = '''# bash completion for {name}({section}), made from its --help.
_{function}() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}} command= choices= word
  local -A follow=({follow}
  )
  local -A options=({options}
  )
  local with_value=' {with_value} '
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    if [[ -z $command ]]; then
      [[ $word == -* ]] && break
      command=$word
    elif [[ " ${{follow[$command]-}} " == *" $word "* ]]; then
      command+=" $word"
      break
    else
      break
    fi
  done
  if [[ $previous == -* && $with_value == *" $previous "* ]]; then
    choices=
  elif [[ $current == -* ]]; then
    choices=${{options[${{command:-none}}]-}}
  elif [[ $COMP_CWORD == 1 || $COMP_CWORD == 2 ]]; then
    choices=${{follow[${{command:-none}}]-}}
  fi
  if [[ -n $choices ]]; then
    COMPREPLY=($(compgen -W "$choices" -- "$current"))
  else
    COMPREPLY=($(compgen -f -- "$current"))
    compopt -o filenames 2>/dev/null
  fi
}}
complete -F _{function} {name}
'''
ZSH = '''#compdef {name}
# zsh completion for {name}({section}), made from its --help.
_{function}() {{
  local command="$words[2]"
  local -a choices
  if (( CURRENT == 2 )); then
    choices=({first}
    )
    _describe command choices
    return
  fi
  case $command in{families}
  esac
  words=("${{(@)words[2,-1]}}")
  (( CURRENT-- ))
  case $command in{arguments}
  esac
}}
_{function} "$@"
'''


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def option_words(entries):
    return ' '.join(name for entry in entries for name in entry.names)


def with_value(program):
    """Options that take a value wherever they are an option."""
    takes, bare = set(), set()
    for words in [*program.summaries, '']:
        for entry in program.options_of(words):
            (takes if entry.value else bare).update(entry.names)
    return sorted(takes - bare)


def followers(program):
    """What may come first, and what after the first word of a family; each with what it means."""
    first, families = {}, {}
    for words, summary in program.summaries.items():
        head, _, tail = words.partition(' ')
        if tail:
            families.setdefault(head, {})[tail] = summary
        first.setdefault(head, f'the commands of {program.name} {head}' if tail else summary)
    return first, families


def bash(program):
    first, families = followers(program)
    follow = {'none': first, **families}
    options = {'none': option_words(program.help.options),
               **{words: option_words(program.options_of(words)) for words in program.summaries}}
    return BASH.format(
        name=program.name, section=program.section, function=program.name.replace('-', '_'),
        follow=''.join(f'\n    [{quoted(words)}]={quoted(" ".join(names))}' for words, names in follow.items()),
        options=''.join(f'\n    [{quoted(words)}]={quoted(names)}' for words, names in options.items()),
        with_value=' '.join(with_value(program)))


def described(choices):
    return ''.join('\n      ' + quoted(word.replace(':', '\\:') + ':' + text) for word, text in choices.items())


def argument(entry, name):
    words = ''.join('\\' + c if c in '[]:\\' else c for c in entry.text or 'say that and end')
    return quoted(f'*{name}[{words}]' + (f':{entry.value.replace(":", chr(92) + ":")}:_files' if entry.value else ''))


def zsh(program):
    first, families = followers(program)
    family_text = ''.join(
        f'\n    {head})\n      if (( CURRENT == 3 )); then\n      choices=({described(tails)}\n      )\n'
        f"      _describe 'command of {head}' choices\n      return\n      fi\n"
        f'      command+=" $words[3]"\n      words=("${{(@)words[2,-1]}}")\n      (( CURRENT-- ))\n      ;;'
        for head, tails in families.items())
    arguments = ''.join(
        f'\n    {quoted(words)})\n      _arguments '
        + ' \\\n        '.join([argument(entry, name) for entry in program.options_of(words) for name in entry.names]
                               + ["'*:file:_files'"]) + '\n      ;;' for words in program.summaries)
    return ZSH.format(name=program.name, section=program.section, function=program.name.replace('-', '_'),
                      first=described(first), families=family_text, arguments=arguments)


def main(directory, out):
    for folder, prefix, make in (('completions', '', bash), ('site-functions', '_', zsh)):
        place = pathlib.Path(out) / folder
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        for program in help_text.programs_in(directory):
            (place / f'{prefix}{program.name}').write_text(make(program), encoding='utf-8')


if __name__ == '__main__':
    main(*sys.argv[1:])
