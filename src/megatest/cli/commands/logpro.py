"""``megatest logpro``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from megatest.cli.declare import Value, command, rest


@command("logpro", rest("arguments", "RULES [HTML [WAIVERS]] < LOG", Value.REST))
def logpro_command(arguments: Sequence[str]) -> int:
    """Judge a log by rules: megatest logpro RULES [HTML [WAIVERS]] < LOG.

    Prints the log with what the rules found in it; --explain tells for each rule what it counted instead.
    Exit status: 0 pass, 1 fail, 2 warn, 3 check, 4 waived, 5 abort, 6 skip.
    """
    from megatest.logpro.command import main

    return main(list(arguments), sys.stdin.buffer, sys.stdout.buffer)
