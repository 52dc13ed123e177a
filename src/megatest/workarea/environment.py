"""``megatest.sh`` and ``megatest.csh``: the whole environment of a test, to be sourced by hand."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from megatest.model.spec import Variable
from megatest.workarea.quote import csh_quote, is_exportable, sh_quote


@dataclass(frozen=True, slots=True)
class EnvironmentFiles:
    """The text of both files."""

    sh: str
    csh: str


class Environment:
    """The environment that all tests of a run inherit, rendered once.

    Variables that the tests themselves set are the same names for nearly every test, so the
    rest of the text is kept for the latest set of names.
    """

    def __init__(self, inherited: Mapping[str, str], hidden: Collection[str]) -> None:
        """Take a copy of `inherited`; names in `hidden` will be commented out."""
        self._inherited = dict(inherited)
        self._hidden = frozenset(hidden)
        self._own: frozenset[str] = frozenset()
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
        pairs = list(variables)
        return EnvironmentFiles(
            sh="".join(self._line("export {}={}\n", name, value, sh_quote) for name, value in pairs),
            csh="".join(self._line("setenv {} {}\n", name, value, csh_quote) for name, value in pairs),
        )

    def _line(self, form: str, name: str, value: str, quote: Callable[[str], str]) -> str:
        line = form.format(name, quote(value))
        if name in self._hidden or not is_exportable(name):
            # Each line of it: the value may hold several.
            return "".join(f"# {part}\n" for part in line[:-1].split("\n"))
        return line
