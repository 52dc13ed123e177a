"""``megatest.sh`` and ``megatest.csh``: the whole environment of a test, to be sourced by hand."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final

from megatest.model.slotted import dataclass
from megatest.model.spec import Variable
from megatest.workarea.quote import csh_quote, is_exportable, sh_quote

_MOST_LINES: Final = 2000


@dataclass(frozen=True, slots=True)
class EnvironmentFiles:
    """The text of both files."""

    sh: str
    csh: str


class Environment:
    """The environment that all tests of a run inherit, rendered once.

    Variables that the tests themselves set are the same names for nearly every test, so the
    rest of the text is kept for the latest set of names; and most have the same values, so
    lines are kept too.
    """

    def __init__(self, inherited: Mapping[str, str], hidden: Collection[str]) -> None:
        """Take a copy of `inherited`; names in `hidden` will be commented out."""
        self._inherited = dict(inherited)
        self._hidden = frozenset(hidden)
        self._own: frozenset[str] = frozenset()
        self._lines: dict[tuple[str, str], tuple[str, str]] = {}
        self._rest = self._render(self._all_but(frozenset()))

    def value(self, name: str) -> str:
        """Return the inherited value; empty if there is none."""
        return self._inherited.get(name, "")

    def with_variables(self, variables: Sequence[Variable]) -> dict[str, str]:
        """Return the whole environment of a test that sets `variables` itself; later ones win."""
        return self._inherited | {variable.name: variable.value for variable in variables}

    def files(self, variables: Sequence[Variable]) -> EnvironmentFiles:
        """Return the files' text for a test that sets `variables` itself; later ones win."""
        own = {variable.name: variable.value for variable in variables}
        if own.keys() != self._own:
            self._own = frozenset(own)
            self._rest = self._render(self._all_but(self._own))
        mine = self._render(own.items())
        return EnvironmentFiles(sh=self._rest.sh + mine.sh, csh=self._rest.csh + mine.csh)

    def _all_but(self, names: Collection[str]) -> Iterable[tuple[str, str]]:
        return (item for item in sorted(self._inherited.items()) if item[0] not in names)

    def _render(self, variables: Iterable[tuple[str, str]]) -> EnvironmentFiles:
        lines = [self._both_lines(pair) for pair in variables]
        return EnvironmentFiles(sh="".join([sh for sh, _ in lines]), csh="".join([csh for _, csh in lines]))

    def _both_lines(self, pair: tuple[str, str]) -> tuple[str, str]:
        known = self._lines.get(pair)
        if known is None:
            if len(self._lines) >= _MOST_LINES:
                self._lines.clear()
            known = self._lines[pair] = (
                self._line("export {}={}\n", *pair, sh_quote),
                self._line("setenv {} {}\n", *pair, csh_quote),
            )
        return known

    def _line(self, form: str, name: str, value: str, quote: Callable[[str], str]) -> str:
        line = form.format(name, quote(value))
        if name in self._hidden or not is_exportable(name):
            # Each line of it: the value may hold several.
            return "".join(f"# {part}\n" for part in line[:-1].split("\n"))
        return line
