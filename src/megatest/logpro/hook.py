"""Hooks: shell text run for counted lines, with the log's text filled in so that the shell cannot run it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from megatest.typed import Final

from megatest.logpro.judge import RuleOutcome
from megatest.logpro.matcher import Groups
from megatest.logpro.rule import Hook, Measure, Rule
from megatest.scheme.number import format_number

_VARIABLE: Final = re.compile(r"#\{(?:escaped\s+)?(\w+)\}", re.ASCII)
_SPECIAL_IN_DOUBLE: Final = re.compile(r'([\\"$`])')
_QUOTING: Final = re.compile(r"\\.|['\"]", re.DOTALL)


class HookRunner:
    """Runs the hooks of a rule file through a shell that the caller gives."""

    def __init__(self, hooks: Mapping[str, Hook], run_shell: Callable[[str], int]) -> None:
        self._hooks = hooks
        self._run_shell = run_shell
        self._done: set[str] = set()

    def counted(self, rule: Rule, line: str, groups: Groups) -> None:
        """Run the rule's hook for a line.

        ``#{msg}`` is the line and ``#{line}`` what the pattern matched of it: the original has them swapped
        and rule files rely on it.
        """
        values = {"msg": line, "line": groups[0] if groups else ""}
        values.update((f"m{i}", group) for i, group in enumerate(groups[1:], 1))
        self._run(rule.hook, values)

    def finished(self, outcomes: Iterable[RuleOutcome]) -> None:
        """Run the hooks of value rules that measured a number, once more at the end."""
        for outcome in outcomes:
            test, number = outcome.rule.test, outcome.tally.measured_number
            if not outcome.rule.hook or number is None or not isinstance(test, Measure):
                continue
            tolerance = test.comparison or format_number(test.tolerance or 0)
            values: dict[str, str | None] = {
                "measured": format_number(number),
                "expected": format_number(test.expected),
                "tolerance": tolerance,
                "message": outcome.rule.name,
            }
            self._run(outcome.rule.hook, values)

    def _run(self, name: str, values: Mapping[str, str | None]) -> None:
        hook = self._hooks.get(name)
        if hook is None or (hook.one_time and name in self._done):
            return
        self._done.add(name)
        self._run_shell(fill_in(hook.text, values))


def fill_in(text: str, values: Mapping[str, str | None]) -> str:
    """Replace ``#{NAME}`` and ``#{escaped NAME}`` in shell text by values, quoted for where they stand.

    The original pasted log text in as it was, so a log could run commands; here a value is always data: in
    single quotes, in double quotes, or outside of both.  An unknown name stays as it is, None is empty.
    """
    pieces: list[str] = []
    at, quote = 0, ""
    for match in _VARIABLE.finditer(text):
        before = text[at : match.start()]
        quote = _quote_after(before, quote)
        pieces.append(before)
        if match[1] in values:
            pieces.append(_quoted(values[match[1]] or "", quote))
        else:
            pieces.append(match[0])
        at = match.end()
    return "".join([*pieces, text[at:]])


def _quote_after(text: str, quote: str) -> str:
    """Return which quote is open after a piece of shell text, given that which is before it."""
    for match in _QUOTING.finditer(text):
        mark = match[0]
        if quote == "":
            quote = mark if len(mark) == 1 else ""
        elif mark == quote or (quote == "'" and mark == "\\'"):
            quote = ""
    return quote


def _quoted(value: str, quote: str) -> str:
    value = value.replace("\0", "")
    if quote == "'":
        return value.replace("'", "'\\''")
    if quote == '"':
        return _SPECIAL_IN_DOUBLE.sub(r"\\\1", value)
    return shlex.quote(value)
