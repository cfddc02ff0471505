"""Completion scripts for shells. Each is a table of what may follow which words, and a few lines that look there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from zhenwei.cli._tree import EVERYWHERE, Command, Parameter
from zhenwei.words import Language, translated

_NAME = "zhenwei"


def bash(commands: Sequence[Command], language: Language) -> str:
    del language  # bash shows no descriptions
    cases, values = [], []
    for command in commands:
        words = [name for name, _ in command.within] + _flags(command)
        cases.append(f'    "{" ".join(command.path)}") words="{" ".join(words)}" ;;')
        for option in command.options:
            pattern = "|".join([f'"{" ".join([*command.path, name])}"' for name in option.names])
            if option.choices:
                values.append(f'    {pattern}) words="{" ".join(option.choices)}"; return 0 ;;')
            elif option.value:
                values.append(f"    {pattern}) files={int(option.is_path)}; return 0 ;;")
    for command in commands:
        for argument in command.arguments:
            if argument.choices:
                path = " ".join(command.path)
                cases.append(f'    "{path} ARGUMENT") words="{" ".join(argument.choices)}" ;;')
    paths = "|".join([f'"{" ".join(command.path)}"' for command in commands if command.path])
    return _BASH.format(paths=paths, values="\n".join(values), cases="\n".join(cases))


_BASH = """# Completion of zhenwei for bash.
_zhenwei_value() {{
  case "$1" in
{values}
    *"--lang") words="en zh"; return 0 ;;
  esac
  return 1
}}
_zhenwei_words() {{
  case "$1" in
{cases}
  esac
}}
_zhenwei() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}" path="" words="" files=1 i word
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="${{COMP_WORDS[i]}}"
    case "${{path:+$path }}$word" in {paths}) path="${{path:+$path }}$word" ;; esac
  done
  if _zhenwei_value "${{path:+$path }}$previous"; then
    [ -n "$words" ] && files=0
  elif [[ "$current" == -* ]]; then
    files=0
    _zhenwei_words "$path"
  else
    _zhenwei_words "$path"
    local options="$words"
    words=""
    for word in $options; do [[ "$word" == -* ]] || words="$words $word"; done
    options="$words"
    words=""
    _zhenwei_words "$path ARGUMENT"
    [ -n "$words" ] && files=0
    words="$options $words"
    [ -z "$path" ] && files=0
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  if [ "$files" = 1 ]; then COMPREPLY+=($(compgen -f -- "$current")); fi
}}
complete -o filenames -F _zhenwei zhenwei
"""


def zsh(commands: Sequence[Command], language: Language) -> str:
    functions = [_zsh_function(command, language) for command in commands]
    return "#compdef zhenwei\n# Completion of zhenwei for zsh.\n\n" + "\n".join(functions) + '\n_zhenwei "$@"\n'


def _zsh_function(command: Command, language: Language) -> str:
    name = "_".join(["_zhenwei", *command.path])
    specs = [_zsh_option(option, language) for option in command.options]
    for names, value, line in EVERYWHERE:
        for flag in names.split(", "):
            told = _zsh_text(translated(line, language))
            specs.append(f"'{flag}[{told}]{':language:(en zh)' if value else ''}'")
    lines = [f"{name}() {{"]
    if command.within:
        lines += ["  local -a commands", "  commands=("]
        lines += [f"    '{inner}:{_zsh_text(translated(line, language))}'" for inner, line in command.within]
        lines += ["  )", "  local context state line", f"  _arguments -C {' '.join(specs)} \\"]
        lines += ["    '1: :{ _describe command commands; _files }' '*::argument:->rest'", "  case $line[1] in"]
        lines += [f"    {inner}) {name}_{inner} ;;" for inner, _ in command.within]
        lines += ["    *) _files ;;", "  esac"]
    else:
        choices = [each.choices for each in command.arguments if each.choices]
        rest = f"'*:argument:({' '.join(choices[0])})'" if choices else "'*:file:_files'"
        lines.append(f"  _arguments {' '.join([*specs, rest])}")
    return "\n".join([*lines, "}"]) + "\n"


def _zsh_option(option: Parameter, language: Language) -> str:
    told = _zsh_text(translated(option.help, language))
    value = ""
    if option.choices:
        value = f":value:({' '.join(option.choices)})"
    elif option.value:
        value = ":file:_files" if option.is_path else ":value:"
    repeated = "*" if option.is_repeated else ""
    return " ".join([f"'{repeated}{name}[{told}]{value}'" for name in option.names])


def _zsh_text(line: str) -> str:
    return line.replace("'", "’").replace("[", "(").replace("]", ")").replace(":", "\\:")


def fish(commands: Sequence[Command], language: Language) -> str:
    lines = ["# Completion of zhenwei for fish.", "complete -c zhenwei -f -n __fish_use_subcommand"]
    for command in commands:
        condition = _fish_condition(command)
        for name, line in command.within:
            lines.append(f"complete -c {_NAME} {condition} -a {name} -d {_quoted(translated(line, language))}")
        for option in command.options:
            lines.append(f"complete -c {_NAME} {condition} {_fish_option(option, language)}")
        for argument in command.arguments:
            if argument.choices:
                lines.append(f"complete -c {_NAME} {condition} -f -a {_quoted(' '.join(argument.choices))}")
    for names, value, line in EVERYWHERE:
        flags = " ".join([_fish_flag(name) for name in names.split(", ")])
        choices = f" -x -a {_quoted(value.replace('|', ' '))}" if value else ""
        lines.append(f"complete -c {_NAME} {flags}{choices} -d {_quoted(translated(line, language))}")
    return "\n".join(lines) + "\n"


def _fish_condition(command: Command) -> str:
    if not command.path:
        return "-n __fish_use_subcommand"
    seen = [f"__fish_seen_subcommand_from {word}" for word in command.path]
    if command.within:
        inner = " ".join([name for name, _ in command.within])
        seen.append(f"not __fish_seen_subcommand_from {inner}")
    return f"-n {_quoted('; and '.join(seen))}"


def _fish_option(option: Parameter, language: Language) -> str:
    words = [_fish_flag(name) for name in option.names]
    if option.choices:
        words.append(f"-x -a {_quoted(' '.join(option.choices))}")
    elif option.value:
        words.append("-r -F" if option.is_path else "-x")
    return " ".join([*words, "-d", _quoted(translated(option.help, language))])


def _fish_flag(name: str) -> str:
    return f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def powershell(commands: Sequence[Command], language: Language) -> str:
    rows = list(_powershell_rows(commands, language))
    paths = ", ".join([_powershell_text(" ".join(command.path)) for command in commands if command.path])
    return _POWERSHELL.format(rows="\n".join(rows), paths=paths)


def _powershell_rows(commands: Sequence[Command], language: Language) -> Iterator[str]:
    """One line for each command: its words and what each of them is; one for each option with choices."""
    for command in commands:
        path = " ".join(command.path)
        known = list(command.within)
        for option in command.options:
            known += [(name, option.help) for name in option.names]
        for argument in command.arguments:
            known += [(choice, argument.help) for choice in argument.choices]
        known += [(name, line) for names, _, line in EVERYWHERE for name in names.split(", ")]
        words = [f"@({_powershell_text(n)}, {_powershell_text(translated(t, language) or n)})" for n, t in known]
        yield f"  $words[{_powershell_text(path)}] = @({', '.join(words)})"
        for option in command.options:
            if option.choices:
                choices = ", ".join(
                    [f"@({_powershell_text(each)}, {_powershell_text(each)})" for each in option.choices]
                )
                for name in option.names:
                    yield f"  $values[{_powershell_text(f'{path} {name}'.strip())}] = @({choices})"


def _powershell_text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


_POWERSHELL = """# Completion of zhenwei for PowerShell.
Register-ArgumentCompleter -Native -CommandName zhenwei -ScriptBlock {{
  param($wordToComplete, $commandAst, $cursorPosition)
  $words = @{{}}
  $values = @{{}}
{rows}
  $paths = @({paths})
  $given = @($commandAst.CommandElements | Select-Object -Skip 1 | ForEach-Object {{ $_.ToString() }})
  if ($wordToComplete -and $given.Count -gt 0) {{ $given = @($given | Select-Object -SkipLast 1) }}
  $path = ''
  foreach ($word in $given) {{
    $longer = "$path $word".Trim()
    if ($paths -contains $longer) {{ $path = $longer }}
  }}
  $previous = if ($given.Count -gt 0) {{ $given[-1] }} else {{ '' }}
  $known = $values["$path $previous".Trim()]
  if (-not $known) {{ $known = $words[$path] }}
  foreach ($each in $known) {{
    if ($each[0] -like "$wordToComplete*") {{
      [System.Management.Automation.CompletionResult]::new($each[0], $each[0], 'ParameterValue', $each[1])
    }}
  }}
}}
"""


def _flags(command: Command) -> list[str]:
    flags = [name for option in command.options for name in option.names]
    return flags + [name for names, _, _ in EVERYWHERE for name in names.split(", ")]
