"""``megatest completion``."""

from __future__ import annotations

from megatest.cli.declare import Value, argument, command
from megatest.cli.modern import COMPLETION
from megatest.cli.output import echo
from megatest.model.error import EnvironmentFault

_PROGRAM = "megatest"


@command("completion", argument("shell", Value.CHOICE, choices=("bash", "zsh", "fish")))
def completion_command(shell: str) -> None:
    """Print what makes a shell complete commands and options.

    For bash, in ~/.bashrc: eval "$(megatest completion bash)".
    """
    from click.shell_completion import get_completion_class

    from megatest.cli.spoken import group

    known = get_completion_class(shell)
    if known is None:
        raise EnvironmentFault(f"this click has no completion for {shell}")
    echo(known(group, {}, _PROGRAM, COMPLETION).source())
