"""``zhenwei completion``: scripts that complete commands, and the manual page, from what help is made of."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from zhenwei.cli._completion_scripts import bash, fish, powershell, zsh
from zhenwei.cli._manual import manual
from zhenwei.cli.language import current

Shell = StrEnum("Shell", ["bash", "zsh", "fish", "powershell", "man"])


def completion(
    shell: Annotated[Shell, typer.Argument(help="What to write it for; man: the manual page.")],
) -> None:
    """Write a script that completes commands, options and their values, or the manual page.

    It goes to standard output. It is made from what --help is made of, knows every command and option of this version,
    and starts no program when the Tab key is pressed.

    Examples:

      zhenwei completion bash > ~/.local/share/bash-completion/completions/zhenwei

      zhenwei completion zsh > "${fpath[1]}/_zhenwei"

      zhenwei completion fish > ~/.config/fish/completions/zhenwei.fish

      zhenwei completion powershell >> $PROFILE

      zhenwei completion man > ~/.local/share/man/man1/zhenwei.1
    """
    from zhenwei.cli import every_command

    commands = every_command()
    write = {"bash": bash, "zsh": zsh, "fish": fish, "powershell": powershell}.get(shell.value)
    sys.stdout.write(manual(commands, current()) if write is None else write(commands, current()))
