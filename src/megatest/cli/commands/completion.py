"""``megatest completion``."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from megatest.model.error import EnvironmentFault

_PROGRAM = "megatest"
_VARIABLE = "_MEGATEST_COMPLETE"


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion_command(shell: str) -> None:
    """Print what makes a shell complete commands and options.

    For bash, in ~/.bashrc: eval "$(megatest completion bash)".
    """
    from megatest.cli.modern import group

    known = get_completion_class(shell)
    if known is None:
        raise EnvironmentFault(f"this click has no completion for {shell}")
    click.echo(known(group, {}, _PROGRAM, _VARIABLE).source())
