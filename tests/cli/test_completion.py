"""Completion and the manual page know every command and option, and shells take them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from zhenwei.cli import COMMANDS, every_command, main
from zhenwei.cli._completion_scripts import bash, fish, powershell, zsh
from zhenwei.cli._manual import manual
from zhenwei.cli._tree import Command


@pytest.fixture(scope="module")
def commands() -> list[Command]:
    return every_command()


def test_every_command_has_a_line_help_and_examples(commands: list[Command]) -> None:
    paths = {" ".join(command.path) for command in commands}
    assert set(COMMANDS) | {"report sign", "report verify", "evaluate compare", "forge gan walk"} <= paths
    for command in commands[1:]:
        name = " ".join(command.path)
        assert command.paragraphs, name
        assert command.examples, name
        assert all("zhenwei" in example for example in command.examples), name
        for parameter in command.parameters:
            assert parameter.help, (name, parameter.names)
            assert parameter.help[-1] in ".!?)", (name, parameter.names)
            assert "<" not in parameter.value, (name, parameter.names)  # no types of Python
            assert "[" not in parameter.value.strip("[]"), (name, parameter.names)


def test_one_name_for_each_flag(commands: list[Command]) -> None:
    shown = {option.names: " ".join(command.path) for command in commands for option in command.options}
    names = {name for flags in shown for name in flags}
    assert not names & {"--json", "--out", "--set", "--outdir", "--dest"}
    for command in commands:
        for option in command.options:
            if "--format" in option.names:
                assert {"json", "jsonl"} & set(option.choices), command.path
            if "--output" in option.names:
                assert "-o" in option.names, command.path


@pytest.mark.parametrize("language", ["en", "zh"])
def test_all_scripts_name_every_option(commands: list[Command], language: str) -> None:
    for write in (bash, zsh, fish, powershell):
        script = write(commands, "zh" if language == "zh" else "en")
        for command in commands:
            for option in command.options:
                for name in option.names:
                    assert (name if write is not fish else name.lstrip("-")) in script, (write, command.path, name)


def bash_completes(script: Path, *words: str) -> list[str]:
    code = f'source {script}; COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _zhenwei; printf "%s\\n" "${{COMPREPLY[@]}}"'
    ended = subprocess.run(
        ["bash", "-c", code, "bash", "zhenwei", *words], capture_output=True, text=True, check=True, cwd=script.parent
    )
    assert ended.stderr == ""
    return ended.stdout.split()


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash on this machine")
def test_bash_completes(commands: list[Command], tmp_path: Path) -> None:
    script = tmp_path / "zhenwei.bash"
    script.write_text(bash(commands, "en"))
    (tmp_path / "photo.jpg").touch()
    assert bash_completes(script, "sc") == ["scan"]
    assert bash_completes(script, "scan", "--for") == ["--format"]
    assert bash_completes(script, "scan", "--format", "") == ["table", "json", "csv"]
    assert bash_completes(script, "scan", "pho") == ["photo.jpg"]
    assert bash_completes(script, "scan", "--output", "pho") == ["photo.jpg"]
    assert bash_completes(script, "report", "si") == ["sign"]
    assert bash_completes(script, "forge", "gan", "wa") == ["walk"]
    assert bash_completes(script, "completion", "z") == ["zsh"]
    assert bash_completes(script, "--lang", "") == ["en", "zh"]


@pytest.mark.parametrize(("shell", "check"), [("zsh", ["-n"]), ("fish", ["--no-execute"])])
def test_other_shells_take_their_script(commands: list[Command], tmp_path: Path, shell: str, check: list[str]) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"no {shell} on this machine")
    path = tmp_path / "script"
    path.write_text({"zsh": zsh, "fish": fish}[shell](commands, "en"))
    subprocess.run([program, *check, str(path)], check=True, capture_output=True)


@pytest.mark.skipif(not shutil.which("groff"), reason="no groff on this machine")
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_manual_page_is_formatted_without_a_warning(commands: list[Command], language: str) -> None:
    page = manual(commands, "zh" if language == "zh" else "en")
    ended = subprocess.run(
        ["groff", "-man", "-Tutf8", "-Kutf8", "-ww"], input=page, capture_output=True, text=True, check=True
    )
    assert [line for line in ended.stderr.splitlines() if "break" not in line and "adjust" not in line] == []
    assert "--false" in re.sub(".\x08", "", ended.stdout)


def test_it_goes_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "bash"]) == 0
    assert "complete -o filenames -F _zhenwei zhenwei" in capsys.readouterr().out
    assert main(["completion", "tcsh"]) == 2
