"""``[ezsteps]`` and ``[logpro]``: the steps of a test and their log rules."""

from __future__ import annotations

import re
from typing import Final

from megatest.config.entry import Entry
from megatest.config.line import BLANKS
from megatest.config.values import Values
from megatest.model.error import Severity, UserError
from megatest.model.ids import check_name
from megatest.model.spec import Step

# A block of assignments; anything else in braces is a group of the shell's.
_PARAMETERS: Final = r"\{(\s*\w[\w.-]*\s*=[^{}]*)\}\s*"


def steps_from(values: Values) -> tuple[Step, ...]:
    """Return the steps in order; names that could not be files are reported."""
    rules = {entry.key: entry.value for entry in values.entries("logpro")}
    return tuple(_step(entry, rules.get(entry.key), values) for entry in values.entries("ezsteps"))


def _step(entry: Entry, rules: str | None, values: Values) -> Step:
    try:
        check_name(entry.key, "step")
    except UserError as error:
        values.findings.append(entry.key_finding(Severity.ERROR, error.message, hint=error.hint))
    text = entry.value.strip(BLANKS)
    block = re.match(_PARAMETERS, text, re.ASCII) if text.startswith("{") else None
    if block is None:
        return Step(name=entry.key, command=text, logpro=rules)
    return Step(name=entry.key, command=text[block.end() :], parameters=_parameters(block[1]), logpro=rules)


def _parameters(text: str) -> dict[str, str]:
    """Return the assignments of ``name=value;name=value``."""
    result = {}
    for part in text.split(";"):
        name, equals, value = part.partition("=")
        if equals:
            result[name.strip()] = value.strip()
    return result
